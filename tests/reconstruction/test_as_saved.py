"""What is said of a reconstruction is true of the file that is saved: each is measured again."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor, nn
from torch.nn import functional

from convviz.cli import main
from convviz.images.preprocess import to_image
from convviz.networks.network import IMAGENET_MEAN, IMAGENET_STD, Network
from convviz.reconstruction import progress
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.reconstruct import ReconstructionResult, reconstruct
from convviz.structure.layers import layers
from convviz.ui.reconstruction import exports
from convviz.weights.load import load
from tests.reconstruction import by_skimage
from tests.reconstruction.by_numpy import batch, relative_error


def assert_measured(
    result: ReconstructionResult, part: nn.Module, saved: Image.Image, original: Image.Image
) -> None:
    """Compare a result's measures with those of its file."""
    assert np.array_equal(np.asarray(to_image(result.image)), np.asarray(saved))
    measured = relative_error(part, saved, original)
    assert result.relative_error == pytest.approx(measured, rel=1e-4, abs=1e-6)
    y, x = (np.asarray(each, dtype=np.float64) / 255 for each in (saved, original))
    psnr = peak_signal_noise_ratio(x, y, data_range=1.0)
    assert result.psnr == pytest.approx(psnr, abs=1e-3)
    assert result.ssim == pytest.approx(by_skimage.ssim(original, saved), abs=1e-4)


@pytest.mark.parametrize("layer", ["0", "1", "4"])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_result_is_measured_on_its_image_as_saved(
    network: Network, image: Image.Image, tmp_path: Path, layer: str, optimizer: str
) -> None:
    config = ReconstructionConfig(layer=layer, steps=80, optimizer=optimizer)
    *_, step = reconstruct(network, image, config)
    to_image(step.result.image).save(tmp_path / "y.png")
    part = network.module[: int(layer) + 1]
    assert_measured(step.result, part, Image.open(tmp_path / "y.png"), image)
    if (layer, optimizer) == ("0", "lbfgs"):  # nearest to the original: rounding counts most
        before = relative_error_of(part, step.result.unrounded, image)
        assert before != pytest.approx(step.result.relative_error, rel=2e-4)


def relative_error_of(part: nn.Module, pixels: Tensor, original: Image.Image) -> float:
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (IMAGENET_MEAN, IMAGENET_STD))
    with torch.no_grad():
        y, x = part(((pixels - mean) / std)[None]).clone(), part(batch(original)).clone()
    return float((y - x).norm() / x.norm())


def test_what_the_page_saves_is_what_it_measured(network: Network, image: Image.Image) -> None:
    plans = [
        progress.plan(
            network, layers(network)[number], image, "Disc", ReconstructionConfig(steps=9)
        )
        for number in (1, 4)
    ]
    *_, series = progress.reconstruct_series(stop=lambda: False, plans=plans)
    rows = list(csv.DictReader(io.StringIO(exports.series_table(series))))
    for run, row in zip(series.runs, rows, strict=True):
        saved = Image.open(io.BytesIO(run.image))
        part = network.module[: int(run.subject.layer) + 1]
        original = Image.open(io.BytesIO(run.original))
        assert_measured(run.result, part, saved, original)
        measured = relative_error(part, saved, original)
        assert float(row["relative_error"]) == pytest.approx(measured, rel=1e-3)
        assert float(row["psnr"]) == run.result.psnr
    *_, longer = progress.reconstruct_one(
        stop=lambda: False,
        plan=progress.continuation(network, series.runs[0]),
        before=series.runs[0],
    )
    assert_measured(longer.result, network.module[:2], Image.open(io.BytesIO(longer.image)), image)


def test_the_command_measures_the_file_that_it_writes(tmp_path: Path) -> None:
    original, out, numbers = (tmp_path / name for name in ("x.png", "y.png", "y.json"))
    generator = np.random.default_rng(3)
    rough = Image.fromarray(generator.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    rough.resize((48, 48), Image.Resampling.BICUBIC).save(original)
    arguments = ["--network", "googlenet", "--layer", "conv1", "--image-size", "48"]
    arguments += ["--steps", "25"]
    files = ["--out", str(out), "--json", str(numbers)]
    assert main(["reconstruct", str(original), *arguments, *files]) == 0
    said = json.loads(numbers.read_text())
    network = load("googlenet")
    part = lambda pixels: functional.relu(network.module.conv1(pixels))  # noqa: E731
    measured = relative_error(part, Image.open(out), Image.open(original))
    assert said["relative_error"] == pytest.approx(measured, rel=1e-3)
    x, y = (np.asarray(Image.open(each), dtype=np.float64) / 255 for each in (original, out))
    assert said["psnr"] == pytest.approx(peak_signal_noise_ratio(x, y, data_range=1.0), abs=1e-3)
    assert said["ssim_flat_grey"] is not None
    assert len(said["ssim_unrelated"]) == 5
    assert said["halfway"]["step"] in (11, 12)
