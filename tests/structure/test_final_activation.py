"""Whether a network ends in a softmax or a sigmoid."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from convviz.structure.final_activation import FinalActivation, final_activation


class Ending(nn.Module):
    """Three scores of an image, and what a function makes of them."""

    def __init__(self, end: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.fc = nn.Linear(3 * 4 * 4, 3)
        self.end = end

    def forward(self, batch: Tensor) -> Tensor:
        return self.end(self.fc(batch.flatten(1)))


SOFTMAX, SIGMOID = (
    FinalActivation("softmax", is_log=False),
    FinalActivation("sigmoid", is_log=False),
)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (nn.Softmax(dim=1), SOFTMAX),
        (lambda x: functional.softmax(x, dim=-1).reshape(-1, 3), SOFTMAX),
        (lambda x: x[:, :, None, None].softmax(1).flatten(1), SOFTMAX),
        (lambda x: x.log_softmax(1).exp(), SOFTMAX),
        (nn.LogSoftmax(dim=1), FinalActivation("softmax", is_log=True)),
        (lambda x: torch.softmax(x, 1).log(), FinalActivation("softmax", is_log=True)),
        (nn.Sigmoid(), SIGMOID),
        (lambda x: x.sigmoid_(), SIGMOID),
        (functional.logsigmoid, FinalActivation("sigmoid", is_log=True)),
        (lambda x: x, None),
        (nn.ReLU(), None),
        (lambda x: 100 * x.softmax(1), None),
        (lambda x: x * x.softmax(1), None),
        (lambda x: x.softmax(1)[:, :2], None),
        (lambda x: x.softmax(0), None),
    ],
)
def test_a_softmax_or_sigmoid_over_the_classes_is_found_where_it_is_the_last_thing(
    end: Callable[[Tensor], Tensor], expected: FinalActivation | None
) -> None:
    assert final_activation(Ending(end), 4) == expected


def test_a_network_that_cannot_be_followed_ends_in_nothing_known() -> None:
    assert final_activation(Ending(nn.Softmax(dim=1)), 5) is None
