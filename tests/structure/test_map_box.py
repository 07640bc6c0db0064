"""A map lies on the image where the gradients of its values are centred."""

import pytest
import torch
from torch import Tensor, nn

from convviz.networks.network import NetworkSpec
from convviz.structure.receptive_field import ReceptiveField, receptive_fields
from convviz.structure.trace import trace


class Padded(nn.Module):
    """What AlexNet, GoogLeNet and Inception begin with, in small."""

    def __init__(self, padding: int, kernel: int, ceil: bool, side_kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, kernel, stride=2, padding=padding)
        self.pool = nn.AvgPool2d(3, 2, ceil_mode=ceil)
        self.wide = nn.Conv2d(2, 2, (1, side_kernel), padding=(0, side_kernel // 2))
        self.valid = nn.Conv2d(2, 2, 3, dilation=2)

    def forward(self, batch: Tensor) -> Tensor:
        return self.valid(self.wide(self.pool(self.conv(batch))))


def field_of(module: nn.Module, size: int) -> ReceptiveField:
    recorded = trace(module, size)
    output = recorded.calls[-1].output
    assert output is not None
    return receptive_fields(recorded)[output]


@pytest.mark.parametrize("padding", [0, 2, 3])
@pytest.mark.parametrize("kernel", [3, 7])
@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("side_kernel", [1, 5])
def test_the_map_lies_where_gradients_are_centred(
    padding: int, kernel: int, ceil: bool, side_kernel: int
) -> None:
    size = 65
    module = Padded(padding, kernel, ceil, side_kernel).eval()
    field = field_of(module, size)
    top, left, bottom, right = field.map_box
    module.double()
    for parameter in module.parameters():
        parameter.data.fill_(1.0)
    image = torch.ones(1, 3, size, size, dtype=torch.double, requires_grad=True)
    output = module(image)
    height, width = output.shape[-2:]
    checked = 0
    for row in range(0, height, 3):
        for column in range(0, width, 3):
            (gradient,) = torch.autograd.grad(output[0, 0, row, column], image, retain_graph=True)
            support = gradient[0].sum(0) != 0
            rows, columns = support.any(1).nonzero().flatten(), support.any(0).nonzero().flatten()
            # From the first to the last: a dilated kernel leaves pixels out between them.
            seen = tuple(int(pixels[-1] - pixels[0]) + 1 for pixels in (rows, columns))
            if seen != (field.rows.size, field.columns.size):
                continue  # cut by padding: its middle is not the field's
            centre = (int(rows[0] + rows[-1]) + 1) / 2, (int(columns[0] + columns[-1]) + 1) / 2
            down = top + (row + 0.5) * (bottom - top) / height
            across = left + (column + 0.5) * (right - left) / width
            assert (down, across) == pytest.approx(centre)
            checked += 1
    assert checked >= 2


@pytest.mark.parametrize(
    ("name", "layer_name", "size", "expected"),
    [
        # 11 wide, stride 4, padding 2; three poolings 3 wide, stride 2: 31.5 is the first centre.
        ("alexnet", "features.12", 224, (15.5, 15.5, 207.5, 207.5)),
        ("googlenet", "maxpool3", 128, (6.5, 6.5, 134.5, 134.5)),
        ("vgg16", "features.30", 224, (0.0, 0.0, 224.0, 224.0)),
    ],
)
def test_the_networks_of_the_course(
    name: str, layer_name: str, size: int, expected: tuple[float, ...]
) -> None:
    from convviz.networks.registry import spec
    from convviz.structure.costs import count

    description: NetworkSpec = spec(name)
    row = next(row for row in count(description, size).layers if row.name == layer_name)
    assert row.field is not None
    assert row.field.map_box == expected
