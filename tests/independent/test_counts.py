"""Parameters, MACs, depth and memory, counted again by code that is not convviz'."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, fx, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from tests.independent.networks import (
    BUILT_IN,
    FROM_TORCHVISION,
    WITH_ATTENTION,
    counted,
    spec_of,
)

OTHERS = [
    pytest.param(name, marks=pytest.mark.independent)
    for name in (*FROM_TORCHVISION, *WITH_ATTENTION)
]
WITHOUT_ATTENTION = [pytest.param(name, marks=pytest.mark.independent) for name in FROM_TORCHVISION]


@pytest.mark.parametrize("name", [*BUILT_IN, *OTHERS])
def test_parameters_are_the_sum_of_numel(name: str) -> None:
    module, found = spec_of(name).build(), counted(name, 224)
    everything = sum(parameter.numel() for parameter in module.parameters())
    heads = sum(
        parameter.numel()
        for parameter_name, parameter in module.named_parameters()
        if parameter_name.startswith(("aux1.", "aux2."))
    )
    assert found.parameters_with_auxiliary == everything
    assert found.parameters == everything - heads


@pytest.mark.parametrize("name", [*BUILT_IN, *OTHERS])
def test_parameters_and_macs_are_those_that_torchvision_publishes(name: str) -> None:
    published = torchvision.models.get_model_weights(name).DEFAULT.meta
    found = counted(name, 224)
    assert found.parameters == published["num_params"]
    if name in BUILT_IN:  # the others' are published for other sizes, or without some operations
        assert found.macs / 1e9 == pytest.approx(published["_ops"], abs=0.0006)


@pytest.mark.parametrize("name", [*BUILT_IN, *OTHERS])
def test_macs_are_half_of_what_flop_counter_mode_counts(name: str) -> None:
    module = spec_of(name).build().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(1, 3, 224, 224, device="meta"))
    assert 2 * counted(name, 224).macs == counter.get_total_flops()


def longest_path(module: nn.Module) -> int:
    """Convolutions and linear layers on the longest path through the graph of torch.fx."""
    depth: dict[fx.Node, int] = {}
    graph = fx.symbolic_trace(module.eval()).graph
    parts = dict(module.named_modules())
    for node in graph.nodes:
        has_kernel = node.op == "call_module" and isinstance(
            parts[node.target], nn.Conv2d | nn.Linear
        )
        depth[node] = max((depth[each] for each in node.all_input_nodes), default=0) + has_kernel
    return max(depth.values())


@pytest.mark.parametrize("name", [*BUILT_IN, *WITHOUT_ATTENTION])
def test_depth_is_the_longest_path_of_torch_fx(name: str) -> None:
    assert counted(name, 224).depth == longest_path(spec_of(name).build())


def kept_bytes(name: str, size: int) -> int:
    """Bytes that autograd keeps in a real pass in train mode, every storage once, no weights."""
    module = spec_of(name).build()
    module.to_empty(device="cpu").train().requires_grad_(True)
    for tensor in (*module.parameters(), *module.buffers()):
        tensor.data.zero_()
    for head in spec_of(name).auxiliary:
        setattr(module, head, None)
    weights = [t.untyped_storage() for t in (*module.parameters(), *module.buffers())]
    own = {storage.data_ptr() for storage in weights}
    kept: dict[int, tuple[Tensor, int]] = {}  # the tensors stay alive, so that none is freed

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = (tensor.detach(), storage.nbytes())
        return tensor.detach()  # the tensor itself would hold the graph, which holds it

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        output = module(torch.zeros(1, 3, size, size))
    assert output is not None
    return sum(size for _, size in kept.values())


SMALL = dict.fromkeys(BUILT_IN, 96)


@pytest.mark.parametrize("name", BUILT_IN)
def test_memory_is_what_autograd_keeps(name: str) -> None:
    assert counted(name, SMALL[name]).activation_bytes == kept_bytes(name, SMALL[name])


@pytest.mark.independent
@pytest.mark.parametrize("name", [*BUILT_IN, *FROM_TORCHVISION])
def test_memory_is_what_autograd_keeps_at_the_usual_size(name: str) -> None:
    # Of EfficientNet's and MobileNet's squeezed maps a few bytes depend on how the CPU computes.
    assert counted(name, 224).activation_bytes == pytest.approx(kept_bytes(name, 224), rel=0.01)
