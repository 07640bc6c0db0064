"""What a channel loses when a part of the image is covered."""

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.errors import SettingError
from convviz.features.class_target import ClassTarget
from convviz.features.occlusion import occlude, occlude_class
from convviz.networks.network import Network
from tests.features.explained import explained, scorer
from tests.networks_for_tests import network_of


@pytest.fixture
def network(red_channels: nn.Module) -> Network:
    return network_of(red_channels, side=8)


@pytest.fixture
def corner() -> Image.Image:
    """A black picture whose upper left 4 × 4 pixels are red."""
    picture = Image.new("RGB", (8, 8))
    picture.paste((255, 0, 0), (0, 0, 4, 4))
    return picture


def test_only_the_part_that_the_channel_answers_to_matters(
    network: Network, corner: Image.Image
) -> None:
    *_, last = occlude(network, corner, "relu", 0, patch=4, positions=2)
    assert last.uncovered == pytest.approx(0.25)
    torch.testing.assert_close(last.loss, torch.tensor([[1.0, 0.0], [0.0, 0.0]]))


def test_the_layer_before_its_relu_loses_the_same(network: Network, corner: Image.Image) -> None:
    *_, before = occlude(network, corner, "conv", 0, patch=2, positions=4)
    *_, after = occlude(network, corner, "relu", 0, patch=2, positions=4)
    torch.testing.assert_close(before.loss, after.loss)
    assert float(after.loss.sum()) == pytest.approx(1.0)  # 16 squares that share the picture out


def test_the_maximum_survives_while_any_red_is_left(network: Network, corner: Image.Image) -> None:
    *_, last = occlude(network, corner, "relu", 0, patch=2, positions=4, measure="maximum")
    assert float(last.loss.abs().max()) == 0


def test_steps_grow_and_do_not_change(network: Network, corner: Image.Image) -> None:
    steps = list(occlude(network, corner, "relu", 0, patch=2, positions=3))
    assert [step.done for step in steps] == [4, 8, 9]
    assert [int(step.loss.isfinite().sum()) for step in steps] == [4, 8, 9]
    assert steps[-1].fraction == 1.0


def test_an_empty_channel_has_nothing_to_lose(network: Network, corner: Image.Image) -> None:
    with pytest.raises(SettingError, match="empty"):
        occlude(network, corner, "relu", 2)


@pytest.mark.parametrize(
    "wrong", [{"patch": 0}, {"patch": 9}, {"positions": 1}, {"measure": "sum"}]
)
def test_settings_out_of_range_are_refused(
    wrong: dict[str, object], network: Network, corner: Image.Image
) -> None:
    with pytest.raises(SettingError, match="choose"):
        occlude(network, corner, "relu", 0, **wrong)


def test_it_ends_after_a_step_when_it_is_asked_to_stop(
    network: Network, corner: Image.Image
) -> None:
    (step,) = occlude(network, corner, "relu", 0, patch=2, positions=3, stop=lambda: True)
    assert step.done == 4


def test_a_negative_response_that_comes_nearer_to_0_rises(corner: Image.Image) -> None:
    conv = nn.Conv2d(3, 1, 1)
    conv.weight.data.zero_()
    conv.weight.data[0, 0] = -4.0
    conv.bias.data.fill_(-1.0)
    network = network_of(nn.Sequential(conv), side=8)
    *_, last = occlude(network, corner, "0", 0, patch=4, positions=2)
    # red covers a quarter: the mean is −4/4 − 1 = −2, and −1 with the red covered
    assert last.uncovered == pytest.approx(-2.0)
    torch.testing.assert_close(last.responses, torch.tensor([[-1.0, -2.0], [-2.0, -2.0]]))
    torch.testing.assert_close(last.loss, torch.tensor([[-0.5, 0.0], [0.0, 0.0]]))
    assert last.by_pixel(8)[0, 0] == pytest.approx(-1.0)  # below 0: it rises there
    assert last.by_pixel(8)[7, 7] == 0


@pytest.mark.parametrize("bias", [float("nan"), float("inf")])
def test_a_response_that_is_no_number_has_no_falls_and_rises(
    corner: Image.Image, bias: float
) -> None:
    convolution = nn.Conv2d(3, 1, 1)
    nn.init.constant_(convolution.bias, bias)
    network = network_of(nn.Sequential(convolution), side=8)
    with pytest.raises(SettingError, match="no finite number"):
        occlude(network, corner, "0", 0, patch=4, positions=2)


def test_the_square_is_what_the_network_reads_as_0(corner: Image.Image) -> None:
    # Without normalisation that is black, and black over black changes nothing.
    network = network_of(nn.Sequential(nn.Conv2d(3, 1, 1)), side=8)
    *_, last = occlude(network, corner, "0", 0, patch=4, positions=2)
    torch.testing.assert_close(last.loss[1], torch.zeros(2))
    grey = Image.new("RGB", (8, 8), (124, 116, 104))  # ImageNet's mean colour, in 8 bits
    network = network_of(nn.Sequential(nn.Conv2d(3, 1, 1)), side=8, imagenet=True)
    *_, last = occlude(network, grey, "0", 0, patch=4, positions=2)
    assert float((last.uncovered - last.responses).abs().max()) < 0.02


def test_what_a_class_loses_where_it_is_covered(corner: Image.Image) -> None:
    # The score is 2 · mean(ReLU(red − 0.5)) − mean(green) + 0.1: the corner adds 2 · 0.5 / 4.
    network = explained(scorer(nn.ReLU()), side=8, classes=2)
    steps = list(occlude_class(network, corner, ClassTarget(0), patch=4, positions=2))
    last = steps[-1]
    assert last.uncovered == pytest.approx(0.35)
    torch.testing.assert_close(last.falls, torch.tensor([[0.25, 0.0], [0.0, 0.0]]))
    assert last.map.shape == (8, 8)
    torch.testing.assert_close(last.map[:4, :4], torch.full((4, 4), 0.25))
    assert float(last.map[4:].abs().max()) == 0
    assert last.fraction == 1
    stopped = list(occlude_class(network, corner, ClassTarget(0), positions=3, stop=lambda: True))
    assert len(stopped) == 1
    assert stopped[0].done == 4
    with pytest.raises(SettingError, match="choose 1 to 8"):
        occlude_class(network, corner, ClassTarget(0), patch=9)
    with pytest.raises(SettingError, match="no class 2"):
        occlude_class(network, corner, ClassTarget(2))
