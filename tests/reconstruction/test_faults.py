"""What goes wrong ends with an image and a sentence, never with not-a-number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.errors import MemoryShort, ReconstructionError
from convviz.networks.network import Network
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.reconstruct import MOST_FAULTS, ReconstructionStep, reconstruct
from convviz.structure.layers import layers
from tests.networks_for_tests import network_of


class Fault(nn.Module):
    """Passes its input on, but for some calls, whose output or gradient is not a number."""

    def __init__(self, bad: Callable[[int], bool], *, gradient: bool = False) -> None:
        super().__init__()
        self.calls, self.bad, self.gradient = [0], bad, gradient

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return x
        self.calls[0] += 1
        if not self.bad(self.calls[0]):
            return x
        if self.gradient:
            x = x.clone()
            x.register_hook(lambda slope: slope * torch.nan)
            return x
        return x * torch.nan

    def __deepcopy__(self, memo: object) -> Fault:
        copied = Fault(self.bad, gradient=self.gradient)
        copied.calls = self.calls  # counted over all clones
        return copied


def network_with(fault: Fault) -> Network:
    generator = torch.Generator().manual_seed(1)
    convolution = nn.Conv2d(3, 8, 3, padding=1)
    convolution.weight.data = torch.randn(8, 3, 3, 3, generator=generator) * 0.3
    return network_of(nn.Sequential(convolution, nn.Tanh(), fault), side=24, imagenet=True)


def run(
    network: Network, image: Image.Image, layer: str = "2", **settings: Any
) -> list[ReconstructionStep]:
    config = ReconstructionConfig(layer=layer, **{"steps": 20, **settings})
    return list(reconstruct(network, image, config))


def assert_finite(steps: list[ReconstructionStep]) -> None:
    result = steps[-1].result
    assert torch.isfinite(result.image).all()
    assert 0 <= result.image.min() <= result.image.max() <= 1
    assert all(math.isfinite(loss) for loss in result.losses)
    for number in (result.relative_error, result.ssim):
        assert math.isfinite(number)
    assert not math.isnan(result.psnr)
    for step in steps:
        assert math.isfinite(step.loss)
        assert math.isfinite(step.relative_error)
        assert step.image is None or torch.isfinite(step.image).all()


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("gradient", [False, True])
def test_a_bad_step_now_and_then_is_taken_back(
    image: Image.Image, optimizer: str, gradient: bool
) -> None:
    fault = Fault(lambda call: call % 4 == 3, gradient=gradient)
    steps = run(network_with(fault), image, optimizer=optimizer)
    assert_finite(steps)
    assert len(steps) == 20
    assert steps[-1].result.note == ""
    assert steps[-1].result.relative_error < steps[0].relative_error


@pytest.mark.claims("convviz.reconstruction.reconstruct._Descent._note")
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_five_bad_steps_in_a_row_end_the_run_with_the_last_good_image(
    image: Image.Image, optimizer: str
) -> None:
    fault = Fault(lambda call: call > 6)
    steps = run(network_with(fault), image, optimizer=optimizer)
    assert_finite(steps)
    assert len(steps) == 11
    result = steps[-1].result
    assert result.gave_up
    assert f"because {MOST_FAULTS} steps in a row" in result.note
    assert "not finite" in result.note
    assert result.note == steps[-1].note
    assert result.relative_error < steps[0].relative_error
    assert result.losses[5:] == (result.losses[5],) * 6


def test_four_bad_steps_do_not(image: Image.Image) -> None:
    fault = Fault(lambda call: 6 < call < 11)
    assert len(run(network_with(fault), image)) == 20


def test_a_bad_start_is_moved_towards_grey(image: Image.Image) -> None:
    fault = Fault(lambda call: call < 4)
    steps = run(network_with(fault), image, steps=1, noise=0.4)
    assert_finite(steps)
    assert float((steps[0].image - 0.5).std()) == pytest.approx(0.4 / 8, rel=0.2)


def test_no_good_start_at_all_is_an_error(image: Image.Image) -> None:
    steps = reconstruct(
        network_with(Fault(lambda call: True)),
        image,
        ReconstructionConfig(layer="2", steps=20),
    )
    with pytest.raises(ReconstructionError, match=r"not\s+finite for every start"):
        next(steps)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("rate", [1e6, 1e38])
@pytest.mark.parametrize("layer", ["1", "4"])
def test_absurd_learning_rates(
    network: Network, image: Image.Image, optimizer: str, precision: str, rate: float, layer: str
) -> None:
    steps = run(network, image, layer, optimizer=optimizer, precision=precision, learning_rate=rate)
    assert_finite(steps)


@pytest.mark.parametrize("colour", ["black", "white", "#808080"])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_flat_images(network: Network, colour: str, optimizer: str) -> None:
    steps = run(network, Image.new("RGB", (24, 24), colour), "4", optimizer=optimizer)
    assert_finite(steps)
    assert steps[-1].result.relative_error < steps[0].relative_error


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_a_sentence(image: Image.Image, value: float) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    network = network_of(module, side=24, imagenet=True)
    module[0].weight.data[1, 0, 0, 0] = value
    with pytest.raises(ReconstructionError, match="not finite for this image"):
        run(network, image, "1")


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (300, 2)])
def test_images_of_few_pixels(network: Network, size: tuple[int, int]) -> None:
    assert_finite(run(network, Image.new("RGB", size, "#c04010"), "4"))


@pytest.mark.claims("convviz.reconstruction.reconstruct._Descent._note")
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_silent_layer_says_so(image: Image.Image, optimizer: str) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    module[0].weight.data.fill_(-1.0)
    module[0].bias.data.fill_(-100.0)
    network = network_of(module, side=24, imagenet=True)
    name = layers(network)[1].title
    with torch.no_grad():
        assert not module(torch.zeros(1, 3, 24, 24)).any()
    steps = run(network, image, "1", optimizer=optimizer)
    assert_finite(steps)
    assert steps[-1].result.relative_error == 0
    result = steps[-1].result
    assert result.is_silent
    assert all(step.is_silent for step in steps)
    assert f"{name} is silent" in result.note
    assert "all of its features are 0, so there is no relative error" in result.note


def test_a_start_that_is_perfect_ends_early(image: Image.Image) -> None:
    network = network_of(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), side=24, imagenet=True)
    steps = run(network, image, "1", start=image)
    assert_finite(steps)
    assert len(steps) <= 20


def test_pixels_of_one_colour_only_reach_the_edge_of_the_valid_range() -> None:
    module = nn.Sequential(nn.Conv2d(3, 3, 1))
    module[0].weight.data = torch.eye(3).view(3, 3, 1, 1)
    module[0].bias.data.zero_()
    result = run(
        network_of(module, side=24, imagenet=True),
        Image.new("RGB", (24, 24), "white"),
        "0",
        steps=150,
    )
    image = result[-1].result.image
    torch.testing.assert_close(image, torch.ones(3, 24, 24), atol=0.05, rtol=0)


def test_memory_that_runs_out_on_the_way_is_a_sentence(image: Image.Image) -> None:
    def short(call: int) -> bool:
        if call == 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return False

    with pytest.raises(MemoryShort, match=r"an image of 24 × 24 pixels at this layer: an earlier"):
        run(network_with(Fault(short)), image)
