"""Clones: separate modules that share their weights."""

import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from convviz.errors import NetworkError
from convviz.networks.clone import clone, per_module
from convviz.networks.initial_weights import untrained
from convviz.networks.registry import spec


@pytest.fixture(scope="module")
def googlenet() -> nn.Module:
    return untrained(spec("googlenet"), seed=0)


def small_network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 3)
    )


def test_shares_every_parameter_and_buffer_but_no_module(googlenet: nn.Module) -> None:
    cloned = clone(googlenet)
    ours, theirs = cloned.state_dict(), googlenet.state_dict()
    assert list(ours) == list(theirs)
    assert all(ours[key].data_ptr() == theirs[key].data_ptr() for key in ours)
    assert not set(map(id, cloned.modules())) & set(map(id, googlenet.modules()))
    assert [name for name, _ in cloned.named_modules()] == [
        name for name, _ in googlenet.named_modules()
    ]


def test_leaves_flags_and_hooks_of_the_original_alone() -> None:
    original = small_network().train()
    cloned = clone(original)
    assert original.training
    assert all(parameter.requires_grad for parameter in original.parameters())
    assert not cloned.training
    assert not any(parameter.requires_grad for parameter in cloned.parameters())
    assert all(isinstance(parameter, nn.Parameter) for parameter in cloned.parameters())

    cloned.train()
    cloned[0].register_forward_hook(lambda *_: None)
    cloned[3] = nn.Identity()
    assert not any(part._forward_hooks for part in original.modules())
    assert isinstance(original[3], nn.Conv2d)


def test_keeps_what_the_original_computes() -> None:
    original = small_network().eval()
    image = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(clone(original)(image), original(image))


def test_keeps_weights_that_two_modules_share() -> None:
    original = small_network()
    original.append(nn.Conv2d(4, 2, 3))
    original[4].weight = original[3].weight
    cloned = clone(original)
    assert cloned[4].weight is cloned[3].weight


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize(
    "normalise",
    [
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.spectral_norm,
    ],
)
def test_copies_weights_that_are_computed(normalise: Callable[[nn.Module], nn.Module]) -> None:
    original = nn.Sequential(normalise(nn.Conv2d(3, 2, 1))).train()
    image = torch.ones(1, 3, 2, 2)
    original(image)  # now the computed weight has a history, which deepcopy alone refuses
    original.eval()
    with torch.no_grad():
        assert torch.equal(clone(original)(image), original(image))


def test_what_a_module_holds_besides_is_its_own_copy() -> None:
    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.sizes = [1, 2]
            self.names = {"a": "b"}
            self.again = self.inner = nn.ReLU()  # one module under two names
            self.register_buffer("passing", torch.ones(1), persistent=False)

    original = Holder()
    copied = clone(original)
    assert isinstance(copied, Holder)
    assert copied.inner is copied.again
    assert copied.inner is not original.inner
    copied.sizes.append(3)
    copied.names["c"] = "d"
    copied.register_buffer("more", torch.zeros(1), persistent=False)
    assert (original.sizes, original.names) == ([1, 2], {"a": "b"})
    assert list(original.state_dict()) == list(clone(original).state_dict()) == []
    assert "more" not in dict(original.named_buffers())


def test_hooks_and_what_refers_to_other_modules_are_copied_along() -> None:
    class Referring(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Conv2d(1, 1, 1)
            self.listed = [self.inner]  # a list that is no ModuleList
            self.calls: list[nn.Module] = []

        def note(self, module: nn.Module, *_: object) -> None:
            self.calls.append(module)

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.listed[0](batch)
            return result

    original = Referring()
    original.inner.register_forward_hook(original.note)
    copied = clone(original)
    assert isinstance(copied, Referring)
    assert copied.listed[0] is copied.inner
    copied(torch.zeros(1, 1, 2, 2))
    assert copied.calls == [copied.inner]
    assert not original.calls


@pytest.mark.parametrize(
    "method", ["__deepcopy__", "__reduce_ex__", "__getstate__", "__setstate__"]
)
def test_a_class_that_copies_in_its_own_way_is_asked(method: str) -> None:
    asked = []

    def own(self: nn.Module, *arguments: object) -> object:
        asked.append(method)
        if method == "__deepcopy__":
            return nn.Identity()
        if method == "__setstate__":
            return vars(self).update(*arguments)
        if method == "__getstate__":
            return dict(vars(self))
        return (nn.Identity, ())

    kind = type("Own", (nn.ReLU,), {method: own})
    clone(nn.Sequential(kind()))
    assert asked


def test_on_the_meta_device_has_shapes_and_no_values() -> None:
    original = small_network()
    cloned = clone(original, device="meta")
    assert all(tensor.is_meta for tensor in (*cloned.parameters(), *cloned.buffers()))
    assert [p.shape for p in cloned.parameters()] == [p.shape for p in original.parameters()]
    assert not any(parameter.is_meta for parameter in original.parameters())


def test_what_cannot_be_copied_is_refused_in_one_sentence() -> None:
    original = small_network()
    original.guard = threading.Lock()
    with pytest.raises(NetworkError, match=r"Sequential cannot be copied, .*lock.*\.$"):
        clone(original)


def test_lazy_layers_are_refused_in_one_sentence() -> None:
    with pytest.raises(NetworkError, match="run the network once"):
        clone(nn.Sequential(nn.LazyConv2d(4, 3)))


def test_thirty_threads_hook_thirty_layers_at_once() -> None:
    parts: list[nn.Module] = []
    for inputs in (3, *[8] * 9):
        parts += [nn.Conv2d(inputs, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True)]
    shared = nn.Sequential(*parts).eval()
    images = torch.randn(30, 1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    together = threading.Barrier(30)

    def hook(number: int) -> list[torch.Tensor]:
        outputs: list[torch.Tensor] = []
        together.wait()
        cloned = clone(shared)
        cloned[number].register_forward_hook(lambda _, args, output: outputs.append(output.clone()))
        with torch.no_grad():
            cloned(images[number])
        return outputs

    with ThreadPoolExecutor(30) as pool:
        results = list(pool.map(hook, range(30)))

    assert not any(part._forward_hooks for part in shared.modules())
    for number, outputs in enumerate(results):
        with torch.no_grad():
            expected = shared[: number + 1](images[number])
        assert len(outputs) == 1, "one pass, one call of the hook: no other thread's"
        torch.testing.assert_close(outputs[0], expected)


def test_results_are_remembered_while_the_network_lives() -> None:
    calls: list[tuple[int, ...]] = []

    @per_module(keep=2)
    def count(module: nn.Module, size: int, *, extra: int = 0) -> int:
        calls.append((size, extra))
        return size + extra

    first, second = nn.Linear(1, 1), nn.Linear(1, 1)
    assert [count(first, 1), count(first, 1), count(second, 1)] == [1, 1, 1]
    assert count(first, 1, extra=2) == 3
    assert calls == [(1, 0), (1, 0), (1, 2)]
    assert count(first, 5) == 5
    assert count(first, 1) == 1, "two are kept: the oldest is computed again"
    assert calls[3:] == [(5, 0), (1, 0)]
    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None


def test_results_are_known_by_what_the_key_says() -> None:
    @per_module(key=len)
    def first(module: nn.Module, values: list[int]) -> int:
        return values[0]

    module = nn.Linear(1, 1)
    assert [first(module, [1]), first(module, [2]), first(module, [3, 4])] == [1, 1, 3]
