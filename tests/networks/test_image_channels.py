import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models import resnet18

from convviz.errors import NetworkError
from convviz.features.activations import activations
from convviz.networks.image_channels import check_channels, fitted, image_channels
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import register
from convviz.structure.layers import layers
from convviz.weights.load import load


def spec(**options: object) -> NetworkSpec:
    return NetworkSpec(name="own", title="Own", build=nn.Identity, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("convolutions", "count"),
    [
        ([(3, 8), (8, 8)], 3),
        ([(1, 6), (6, 16)], 1),
        ([(2, 6)], 2),
        ([(4, 6)], 4),
        ([(16, 6), (1, 16)], 1),  # declared in another order than it runs
        ([(2, 1), (3, 8)], 3),  # a gate over two maps, declared before the first convolution
        ([(16, 6)], 3),
        ([], 3),
    ],
)
def test_from_the_convolutions(convolutions: list[tuple[int, int]], count: int) -> None:
    module = nn.Sequential(*(nn.Conv2d(*sizes, 1) for sizes in convolutions))
    assert image_channels(module) == count


def test_from_kernels_that_are_parameters_by_themselves() -> None:
    module = nn.Sequential(nn.Conv2d(4, 2, 1))
    assert image_channels(module) == 4
    module.kernels = nn.Parameter(torch.zeros(4, 3, 5, 5))
    assert image_channels(module) == 3


class Recurrent(nn.Module):
    """Reads an image's rows as a sequence, as PyTorch users' first LSTM does."""

    def __init__(self, *, reshaped: bool) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(28, 8, batch_first=True), nn.Linear(8, 10)
        self.reshaped = reshaped

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, 28, 28) if self.reshaped else x.squeeze(1)
        return self.fc(self.lstm(rows)[0][:, -1])


class Patches(nn.Module):
    """Cuts an image into patches of 7 × 7, and weighs them with a fully connected layer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(channels * 49, 8), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        patches = nn.functional.unfold(x, 7, stride=7).transpose(1, 2)
        return self.head(self.embed(patches).mean(1))


class OneImage(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, 10)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"scores": self.fc(x.view(1, -1))}


@pytest.mark.parametrize(
    ("module", "count"),
    [
        (Recurrent(reshaped=True), 1),
        (Recurrent(reshaped=False), 1),
        (Patches(1), 1),
        (Patches(3), 3),
        (OneImage(784), 1),
        (OneImage(3 * 784), 3),
    ],
)
def test_without_convolutions_by_what_runs(module: nn.Module, count: int) -> None:
    assert image_channels(module, 28) == count
    assert image_channels(module.half(), 28) == count


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ([(1, 3), (3, 8)], 1),  # colours made of grey, before a network for colours
        ([(3, 1), (1, 8)], 3),  # grey made of colours
        ([(1, 8), (8, 3), (3, 5)], 1),
    ],
)
def test_of_one_and_three_the_first_to_run(sizes: list[tuple[int, int]], count: int) -> None:
    parts = [nn.Conv2d(*each, 1) for each in sizes]
    assert image_channels(nn.Sequential(*parts), 8) == count


def test_an_x_ray_goes_through_a_network_for_colours(fresh_registry: None) -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.Conv2d(1, 3, 1), resnet18(num_classes=2))

    register(NetworkSpec(name="x-ray", title="X-ray", build=build, mean=(0.5,), std=(0.25,)))
    assert layers(load("x-ray"))[0].shape == (3, 224, 224)
    image = Image.effect_noise((224, 224), 60)
    found = activations(load("x-ray"), image.convert("RGB"), "0")
    assert found.maps.shape == (3, 224, 224)
    assert found.maps.std() > 0


def test_from_the_first_linear_layer_where_there_is_no_convolution() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    assert image_channels(module, 28) == 1
    assert image_channels(module, 14) == 3
    assert image_channels(nn.Sequential(nn.Flatten(), nn.Linear(3 * 784, 10)), 28) == 3


def test_three_numbers_are_averaged_for_grey() -> None:
    grey = nn.Conv2d(1, 2, 1)
    three = spec(mean=(0.1, 0.2, 0.6), std=(0.5, 0.25, 0.3))
    assert fitted(three, grey).mean == pytest.approx((0.3,))
    assert fitted(three, grey).std == pytest.approx((0.35,))
    one = spec(mean=(0.1307,), std=(0.3081,))
    assert fitted(one, grey) is one
    assert fitted(three, nn.Conv2d(3, 2, 1)) is three


@pytest.mark.claims("convviz.networks.image_channels.check_channels")
def test_what_cannot_be_given_a_picture() -> None:
    for count in (2, 4):
        with pytest.raises(NetworkError, match=f"takes images of {count} channels"):
            check_channels(spec(), nn.Conv2d(count, 2, 1))
    with pytest.raises(NetworkError, match="three numbers each"):
        check_channels(spec(mean=(0.5,), std=(0.5,)), nn.Conv2d(3, 2, 1))
    check_channels(spec(), nn.Conv2d(1, 2, 1))
    check_channels(spec(), nn.Conv2d(3, 2, 1))


def test_a_description_takes_one_number_or_three(fresh_registry: None) -> None:
    register(spec(mean=(0.1307,), std=(0.3081,)))
    for mean, std in (((0.5,), (0.5, 0.5, 0.5)), ((0.5, 0.5), (0.5, 0.5)), ((), ())):
        with pytest.raises(NetworkError, match="three numbers each, or one for grey"):
            register(spec(mean=mean, std=std))


def test_a_number_by_itself_stands_for_every_channel() -> None:
    one = spec(mean=0.1307, std=0.3081)
    assert (one.mean, one.std) == ((0.1307,) * 3, (0.3081,) * 3)
    grey = fitted(one, nn.Conv2d(1, 4, 3))
    assert (grey.mean, grey.std) == ((0.1307,), (0.3081,))
    colours = spec(mean=0, std=[0.25, 0.5, 1])
    assert (colours.mean, colours.std) == ((0.0, 0.0, 0.0), (0.25, 0.5, 1.0))
    assert spec(mean=0.5, std=(0.5,)).mean == (0.5,)
    for wrong in (float("nan"), None, "half", 0, (0.5, 0.5, float("inf"))):
        with pytest.raises(NetworkError, match="mean and std need three numbers each, or one"):
            register(spec(std=wrong))
