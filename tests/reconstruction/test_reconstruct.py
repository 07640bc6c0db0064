"""The iterator: its steps, its result, and what stays behind."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from convviz.images.fourier import GREY, FourierImage
from convviz.networks.network import Network
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.reconstruct import (
    ReconstructionResult,
    ReconstructionStep,
    Squares,
    reconstruct,
)
from tests.networks_for_tests import network_of

LAYERS = ["0", "1", "2", "3", "4", "7"]


def run(
    network: Network, image: Image.Image, layer: str = "4", **settings: Any
) -> list[ReconstructionStep]:
    config = ReconstructionConfig(layer=layer, **{"steps": 30, **settings})
    return list(reconstruct(network, image, config))


def test_steps_count_up_to_the_result(network: Network, image: Image.Image) -> None:
    steps = run(network, image)
    assert [step.index for step in steps] == list(range(1, 31))
    assert {step.total for step in steps} == {30}
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert fractions[-2] < 1.0
    seconds = [step.seconds for step in steps]
    assert seconds == sorted(seconds)
    assert all(step.seconds_left >= 0 for step in steps)
    assert steps[-1].seconds_left == 0
    assert [step.result is None for step in steps] == [True] * 29 + [False]
    assert steps[0].image is not None
    assert all(step.loss == step.parts.total for step in steps)


def test_the_result_sums_the_run_up(network: Network, image: Image.Image) -> None:
    steps = run(network, image)
    result = steps[-1].result
    assert result.steps == 30
    assert result.losses == tuple(step.loss for step in steps)
    assert torch.equal(steps[-1].image, result.image)
    assert result.image.shape == (3, 24, 24)
    assert result.image.dtype == torch.float32
    assert 0 <= result.image.min() <= result.image.max() <= 1
    assert result.relative_error < 0.3
    assert result.psnr > 5
    assert -1 <= result.ssim <= 1
    assert result.note == ""
    assert {p.label for p in result.predictions} == {"cat", "cup", "rocket"}
    assert {p.label for p in result.original_predictions} == {
        "cat",
        "cup",
        "rocket",
    }


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_every_kind_of_layer_gets_nearer(
    network: Network, image: Image.Image, layer: str, optimizer: str
) -> None:
    steps = run(network, image, layer, optimizer=optimizer)
    assert steps[-1].result.relative_error < 0.75 * steps[0].relative_error


def test_the_first_convolution_gives_nearly_everything_back(
    network: Network, image: Image.Image
) -> None:
    result = run(network, image, "0", steps=200)[-1].result
    assert result.relative_error < 0.02
    assert result.psnr > 30


def test_a_time_is_kept(network: Network, image: Image.Image) -> None:
    steps = run(network, image, steps=None, seconds=0.5)
    assert steps[-1].result.seconds < 1.5
    assert len(steps) > 3
    assert steps[-1].total == len(steps)


def test_whichever_ends_first(network: Network, image: Image.Image) -> None:
    assert len(run(network, image, steps=3, seconds=1000.0)) == 3
    assert len(run(network, image, steps=100_000, seconds=0.2)) < 100_000


def test_a_time_too_short_for_anything_still_gives_ten_steps(
    network: Network, image: Image.Image
) -> None:
    steps = run(network, image, steps=None, seconds=1e-6)
    assert [step.index for step in steps] == list(range(1, 11))
    assert steps[-1].result.relative_error < steps[0].relative_error


def test_asked_to_stop_it_ends_with_a_result(network: Network, image: Image.Image) -> None:
    requests = []
    config = ReconstructionConfig(layer="4", steps=1000)
    for step in reconstruct(network, image, config, stop=lambda: bool(requests)):
        if step.index == 5:
            requests.append(True)
    assert step.index == 6
    assert step.result.steps == 6
    assert step.fraction == 1.0


def test_the_same_seed_gives_the_same_image(network: Network, image: Image.Image) -> None:
    first, repeated, other = (run(network, image, seed=seed)[-1].result for seed in (7, 7, 8))
    assert torch.equal(first.image, repeated.image)
    assert first.losses == repeated.losses
    assert not torch.equal(first.image, other.image)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_bit_equal_beside_other_runs(network: Network, image: Image.Image, precision: str) -> None:
    alone = run(network, image, seed=3, precision=precision)[-1].result
    ended = threading.Event()
    seen = []

    def others() -> None:
        while not ended.is_set():
            seen.extend(run(network, image, "3", steps=5, seed=1, optimizer="adam"))
            torch.rand(10)  # the global random numbers are anybody's

    threads = [threading.Thread(target=others) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        beside = [run(network, image, seed=3, precision=precision)[-1].result for _ in range(3)]
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert seen
    for each in beside:
        assert torch.equal(each.image, alone.image)
        assert torch.equal(each.unrounded, alone.unrounded)
        assert (each.losses, each.relative_error, each.halfway) == (
            alone.losses,
            alone.relative_error,
            alone.halfway,
        )


@pytest.mark.parametrize("steps", [2, 3, 7, 30, 61])
def test_half_of_a_run_is_what_a_run_of_so_many_steps_gives(
    network: Network, image: Image.Image, steps: int
) -> None:
    half = run(network, image, steps=steps, precision="float32")[-1].result.halfway
    assert steps / 2 / 1.2 - 1 < half.step <= steps / 2
    shorter = run(network, image, steps=half.step, precision="float32")[-1].result
    assert (half.relative_error, half.ssim, half.layout, half.detail) == (
        shorter.relative_error,
        shorter.ssim,
        shorter.layout,
        shorter.detail,
    )


def test_a_stopped_run_knows_its_half_and_a_single_step_has_none(
    network: Network, image: Image.Image
) -> None:
    config = ReconstructionConfig(layer="4", steps=1000)
    asked = iter(range(1000))
    *_, last = reconstruct(network, image, config, stop=lambda: next(asked) == 19)
    assert last.result.steps == 20
    assert 9 <= last.result.halfway.step <= 10
    assert run(network, image, steps=1)[-1].result.halfway is None


def test_the_fast_steps_are_counted(network: Network, image: Image.Image) -> None:
    precise = run(network, image, precision="float32")[-1].result
    assert (precise.fast_steps, precise.precision) == (0, "float32")
    fast = run(network, image, steps=40, precision="bfloat16")[-1].result
    assert 0 < fast.fast_steps < 40  # the last steps are precise
    assert fast.precision == ("bfloat16" if fast.fast_steps > 20 else "float32")


def test_nothing_is_changed_or_left_behind(network: Network, image: Image.Image) -> None:
    module = network.module
    before = {name: (value, value.clone()) for name, value in module.state_dict().items()}
    random, threads = torch.get_rng_state(), torch.get_num_threads()
    steps = reconstruct(network, image, ReconstructionConfig(layer="4", steps=100))
    for _ in range(3):
        next(steps)
        assert torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")
    steps.close()
    for part in module.modules():
        assert not part.training
        assert not part._forward_hooks
        assert not part._forward_pre_hooks
    for name, value in module.state_dict().items():
        assert value.data_ptr() == before[name][0].data_ptr()
        assert torch.equal(value, before[name][1])
    assert not any(
        parameter.requires_grad or parameter.grad is not None for parameter in module.parameters()
    )
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.get_num_threads() == threads


def test_going_on_comes_nearer(network: Network, image: Image.Image) -> None:
    first = run(network, image, steps=15)[-1].result
    repeated = run(network, image, steps=15, start=first.unrounded)
    assert repeated[0].relative_error == pytest.approx(first.relative_error, rel=1e-3)
    assert repeated[-1].result.relative_error < first.relative_error


def test_going_on_never_loses_what_was_there(network: Network, image: Image.Image) -> None:
    first = run(network, image, steps=60)[-1].result
    for start in (first.unrounded, first.image):
        again = run(network, image, steps=1, start=start)[-1].result
        assert again.relative_error <= first.relative_error
    for settings in ({"steps": 1}, {"steps": 3, "learning_rate": 1e6, "optimizer": "adam"}):
        repeated = run(network, image, start=first.unrounded, **settings)[-1].result
        assert repeated.relative_error <= first.relative_error


def test_starts(network: Network, image: Image.Image) -> None:
    grey = run(network, image, steps=1, start="grey")[0].image
    assert torch.equal(grey, torch.full((3, 24, 24), 128 / 255))  # GREY, as a file holds it
    noise = run(network, image, steps=1, noise=0.05)[0].image
    assert float((noise - GREY).std()) == pytest.approx(0.05, rel=0.1)
    repeated = run(network, image, steps=1, start=image)[-1].result
    assert repeated.relative_error < 1e-3
    assert repeated.psnr > 60
    other = run(network, image, steps=1, start=torch.rand(1, 3, 10, 12).double())
    assert other[0].image.shape == (3, 24, 24)
    wide = run(network, image, steps=1, start=Image.new("RGB", (90, 30), "red"))
    torch.testing.assert_close(wide[0].image[0], torch.ones(24, 24), atol=1e-3, rtol=0)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_the_noise_has_the_spectrum_that_was_asked_for(
    network: Network, image: Image.Image, power: float
) -> None:
    pixels = run(network, image, steps=1, noise=0.1, spectrum=power, image_size=64)[0].image
    brightness = np.asarray(pixels, float).sum(0)
    amplitudes = np.abs(np.fft.fft2(brightness - brightness.mean()))
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64))
    measured = (frequency > 1.5 / 64) & (frequency < 0.3)  # above, rounding to 8 bits shows
    slope, _ = np.polyfit(np.log(frequency[measured]), np.log(amplitudes[measured]), 1)
    assert slope == pytest.approx(-power, abs=0.1)
    assert float((pixels - GREY).std()) == pytest.approx(0.1, rel=0.1)


def test_a_single_pixel_has_no_spectrum(image: Image.Image) -> None:
    tiny = network_of(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()), side=1)
    assert run(tiny, image, "0", steps=2)[-1].result.steps <= 2


@pytest.mark.parametrize("side", [1, 5, 24, 48, 50])
def test_squares_are_places_of_the_image(side: int) -> None:
    canvas = FourierImage(side)
    squares = Squares(canvas)
    generator = torch.Generator().manual_seed(side)
    first, second = (
        canvas.coefficients(torch.rand(1, 3, side, side, generator=generator)) for _ in range(2)
    )
    products = squares.products(first, second)
    assert products.shape == (max(1, round(side / 16)),) * 2
    if side != 50:  # whose squares overlap
        torch.testing.assert_close(products.sum(), (first * second).sum(), atol=1e-4, rtol=1e-4)
    same = squares.scaled(first, torch.full_like(products, 2.0))
    torch.testing.assert_close(same, 2 * first, atol=1e-4, rtol=1e-4)
    scales = torch.rand(products.shape, generator=generator) + 0.5
    left, right = squares.scaled(first, scales), squares.scaled(second, scales)
    assert float((left * second).sum()) == pytest.approx(float((first * right).sum()), rel=1e-4)


def test_one_scale_for_the_whole_image_is_another_way(network: Network, image: Image.Image) -> None:
    with_places, without = (
        run(network, image, steps=6, image_size=48, local_scale=local)[-1].result
        for local in (True, False)
    )
    assert with_places.losses[:2] == without.losses[:2]  # the start, and a step down the slope
    assert with_places.losses != without.losses


def test_what_is_in_one_square_is_in_no_other() -> None:
    canvas = FourierImage(48)
    planes = torch.zeros(3, 48, 48)
    planes[1, 16:32, 32:48] = 2.0  # a square of 256 values
    coefficients = canvas.of_unweighted(planes)
    products = Squares(canvas).products(coefficients, coefficients)
    expected = torch.zeros(3, 3)
    expected[1, 2] = 4.0 * 256
    torch.testing.assert_close(products, expected, atol=1e-3, rtol=1e-4)


def test_another_image_size(network: Network, image: Image.Image) -> None:
    result = run(network, image, steps=5, image_size=37)[-1].result
    assert result.image.shape == (3, 37, 37)
    assert len(result.predictions) == 3


def test_variation_makes_the_image_smoother(network: Network, image: Image.Image) -> None:
    def roughness(result: ReconstructionResult) -> float:
        return float((result.image[..., 1:] - result.image[..., :-1]).square().mean())

    rough, smooth = (run(network, image, tv=tv)[-1].result for tv in (0.0, 20.0))
    assert roughness(smooth) < 0.5 * roughness(rough)
    assert smooth.relative_error > rough.relative_error


@pytest.mark.parametrize("layer", ["1", "4"])
def test_bfloat16_ends_no_worse_than_float32(
    network: Network, image: Image.Image, layer: str
) -> None:
    results = {
        precision: run(network, image, layer, steps=60, precision=precision)[-1].result
        for precision in ("bfloat16", "float32")
    }
    fast, precise = results["bfloat16"], results["float32"]
    assert fast.relative_error <= 1.1 * precise.relative_error
    assert precise.precision == "float32"
