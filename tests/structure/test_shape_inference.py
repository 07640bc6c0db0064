"""What is made again from shapes is what PyTorch makes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from convviz.structure import shape_inference

META = torch.device("meta")
IMAGE = torch.empty(2, 6, 8, 8, device=META)
LAST = IMAGE.to(memory_format=torch.channels_last)
TOKENS = torch.empty(2, 5, 6, device=META)


class Inferred(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return shape_inference.run(func, args, kwargs or {})


def described(output: Any) -> Any:
    if isinstance(output, Tensor):
        storage = output.untyped_storage().nbytes()
        return output.shape, output.stride(), output.dtype, output.storage_offset(), storage
    return [described(each) for each in output] if isinstance(output, (tuple, list)) else output


@pytest.mark.parametrize(
    "function",
    [
        lambda: nn.Conv2d(6, 4, 3, stride=2, device=META)(IMAGE),
        lambda: nn.Conv2d(6, 4, 3, device=META)(LAST),
        lambda: functional.relu(LAST),
        lambda: nn.BatchNorm2d(6, device=META)(IMAGE),
        lambda: nn.BatchNorm2d(6, device=META).eval()(IMAGE),
        lambda: nn.BatchNorm2d(6, device=META).eval()(LAST),
        lambda: nn.BatchNorm2d(6, affine=False, device=META)(IMAGE),
        lambda: nn.BatchNorm2d(6, track_running_stats=False, device=META)(IMAGE),
        lambda: nn.BatchNorm2d(6, device=META, dtype=torch.float64)(IMAGE.double()),
        lambda: nn.BatchNorm2d(6, device=META)(IMAGE.half()),
        lambda: nn.BatchNorm1d(6, device=META)(IMAGE[:, :, 0, 0].contiguous()),
        lambda: nn.LayerNorm(6, device=META)(TOKENS),
        lambda: nn.MultiheadAttention(6, 2, device=META, batch_first=True)(TOKENS, TOKENS, TOKENS),
        lambda: functional.max_pool2d(IMAGE, 2, return_indices=True),
        lambda: (IMAGE + 1, IMAGE + 1.0, IMAGE.long() + 1, IMAGE.long() + 1.0, IMAGE.long() + True),
        lambda: (IMAGE == IMAGE, IMAGE.half() * IMAGE, IMAGE.sum(), IMAGE.mean((2, 3))),
        lambda: IMAGE.clone().add_(1).mul_(IMAGE),
        lambda: (IMAGE.transpose(1, 2), IMAGE.clone().transpose_(1, 2), IMAGE[:, ::2], IMAGE.T),
        lambda: IMAGE.clone().unsqueeze_(0),
        lambda: torch.empty(3, device=META).resize_(7),
        lambda: torch.add(IMAGE, 1, out=torch.empty(0, device=META)),
        lambda: torch.ops.aten._unsafe_view(IMAGE, (2, -1)),
        lambda: torch.split(IMAGE, 2, 1),
        lambda: torch.cat((IMAGE, LAST), 1),
        lambda: functional.dropout(IMAGE, 0.5),
    ],
)
@pytest.mark.filterwarnings("ignore:The use of `x.T`", "ignore:An output with one or more elements")
def test_an_operation_gives_the_same_each_time(function: Callable[[], Any]) -> None:
    expected = described(function())
    with Inferred():
        assert [described(function()) for _ in range(3)] == [expected] * 3


def test_what_is_written_to_comes_back_and_views_share_memory() -> None:
    with Inferred():
        for _ in range(3):
            x = torch.empty(2, 4, device=META)
            assert x.add_(1) is x
            view = torch.ops.aten._unsafe_view(x, (8,))
            assert view.untyped_storage()._cdata == x.untyped_storage()._cdata
            assert (x + 1).untyped_storage()._cdata != x.untyped_storage()._cdata


def test_an_operation_that_fails_fails_each_time() -> None:
    with Inferred():
        for _ in range(2):
            with pytest.raises(RuntimeError):
                IMAGE + torch.empty(2, 6, 8, 7, device=META)


@pytest.mark.parametrize("train", [True, False])
def test_a_batch_norm_of_other_channels_fails(train: bool) -> None:
    norm = nn.BatchNorm2d(5, device=META).train(train)
    with Inferred(), pytest.raises(RuntimeError, match="5"):
        norm(IMAGE)


def test_numbers_are_computed() -> None:
    with Inferred():
        for value in (1.0, 2.0):
            assert (torch.full((2,), value) + 1).tolist() == [value + 1] * 2
