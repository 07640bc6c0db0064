"""Depth series that come with convviz: reconstructions of the sample photographs, made before.

Each file in `data/` is a zip of one series: `series.json` holds its settings and numbers, and each
run's image is a JPEG beside it. What is measured is measured on that JPEG, so every number is of
the image as it is shown and saved. `scripts/make_depth_series.py` makes the files.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from convviz.errors import ConvvizError, RecordingError
from convviz.features.predictions import Prediction
from convviz.images.decode import decode
from convviz.images.encode import jpeg, png
from convviz.images.preprocess import crop, normalise, to_pixels
from convviz.images.samples import sample
from convviz.language import tr
from convviz.networks.catalogue import COURSE
from convviz.networks.network import Network
from convviz.reconstruction.config import ReconstructionConfig, check, preset
from convviz.reconstruction.objective import LossParts, Objective
from convviz.reconstruction.progress import (
    Plan,
    ReconstructionProgress,
    SeriesProgress,
    Subject,
    plan,
    reconstruct_series,
)
from convviz.reconstruction.quality import SsimBaselines, agreement, psnr, ssim
from convviz.reconstruction.reconstruct import Halfway, ReconstructionResult, ReconstructionStep
from convviz.structure.layers import layer, layers
from convviz.structure.trunk import one_per_stage

FOLDER = Path(__file__).with_name("data")

JPEG_QUALITY = 97
"""Of the images in a file, with colours in full resolution."""

# What zipfile, zlib, json, Pillow and the checks of what was read raise for a damaged file.
_DAMAGE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, ConvvizError),
)

_FORMAT = 1
_CONTENTS = "series.json"
_MOST_BYTES = 2 * 2**20  # of one file, and of everything in it


@dataclass(frozen=True)
class RecordedSeries:
    """A depth series that was made before.

    Attributes:
        series: Its runs, as a live series ends with them; each holds its settings.
        sample: Name of the sample photograph.
        weights_sha256: Of the weights that it was made with.
        threads: How many threads it was computed with.
        jpeg_quality: Of the images, which are measured as they are kept.
        version: Of convviz that computed it.
    """

    series: SeriesProgress
    sample: str
    weights_sha256: str
    threads: int
    jpeg_quality: int
    version: str


def plans(
    network: Network, image: Image.Image, title: str, steps: Sequence[int]
) -> tuple[Plan, ...]:
    """Plan a series like the recorded ones: each stage's last layer, its preset, and its steps.

    A number of steps ends a run at the same image on every machine, a time does not. For the same
    reason the runs are in float32.

    Args:
        network: The network.
        image: The whole image.
        title: Its title.
        steps: How many for each layer, from shallow to deep.
    """
    return tuple(
        plan(
            network,
            each,
            image,
            title,
            replace(
                preset(network.name, each.name), seconds=None, steps=count, precision="float32"
            ),
        )
        for each, count in zip(one_per_stage(layers(network)), steps, strict=True)
    )


def record(
    network: Network, sample_name: str, series_plans: Sequence[Plan], *, version: str
) -> RecordedSeries:
    """Compute a series, and measure each image as the file will hold it.

    Args:
        network: The network of the plans.
        sample_name: Name of the sample photograph.
        series_plans: See `plans`.
        version: Of convviz.
    """
    *_, series = reconstruct_series(stop=lambda: False, plans=series_plans)
    runs = tuple(
        _as_kept(network, replace(run, steps=run.steps[-1:], frames=())) for run in series.runs
    )
    return RecordedSeries(
        replace(series, runs=runs, fraction=1.0),
        sample_name,
        network.weights.sha256,
        torch.get_num_threads(),
        JPEG_QUALITY,
        version,
    )


def _as_kept(network: Network, run: ReconstructionProgress) -> ReconstructionProgress:
    """Encode a run's image as a JPEG and measure that, as a result's PNG is measured."""
    if run.result is None:
        raise RuntimeError("a run that has not ended cannot be recorded")
    data = jpeg(Image.open(io.BytesIO(run.image)), quality=JPEG_QUALITY, full_colour=True)
    pixels = to_pixels(Image.open(io.BytesIO(data)))
    original = to_pixels(Image.open(io.BytesIO(run.original)))
    layout, detail = agreement(pixels, original)
    return replace(
        run,
        image=data,
        result=replace(
            run.result,
            image=pixels,
            unrounded=pixels,
            relative_error=relative_error(network, run.subject, pixels, original),
            psnr=psnr(pixels, original),
            ssim=ssim(pixels, original),
            layout=layout,
            detail=detail,
            losses=run.result.losses[-1:],
            predictions=(),
            original_predictions=(),
        ),
    )


def relative_error(
    network: Network, subject: Subject, image: torch.Tensor, original: torch.Tensor
) -> float:
    """Measure an image's relative error at a run's layer, in float32.

    Args:
        network: The network.
        subject: What the run is about.
        image: Pixels in 0…1, shape (3, S, S).
        original: Pixels of the same shape.
    """
    mean, std = network.spec.mean, network.spec.std
    objective = Objective(
        network,
        layer(network, subject.layer),
        normalise(original[None], mean=mean, std=std),
        tv=0.0,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )
    return float(objective.relative_error(image[None]))


def file_of(network_name: str, sample_name: str, *, folder: Path = FOLDER) -> Path:
    """Return where the series of a network and a sample photograph is kept."""
    return folder / f"{network_name}-{sample_name}.zip"


def write(recorded: RecordedSeries, *, folder: Path = FOLDER) -> Path:
    """Write a series to its file; the same series makes the same bytes."""
    runs = [_run_fields(run, f"{number}.jpg") for number, run in enumerate(recorded.series.runs)]
    fields = {
        "format": _FORMAT,
        "version": recorded.version,
        "sample": recorded.sample,
        "sample_sha256": _sha256(sample(recorded.sample).read()),
        "weights_sha256": recorded.weights_sha256,
        "threads": recorded.threads,
        "jpeg_quality": recorded.jpeg_quality,
        "runs": runs,
    }
    files = {_CONTENTS: json.dumps(fields, indent=1).encode()}
    for number, run in enumerate(recorded.series.runs):
        files[f"{number}.jpg"] = run.image
    target = file_of(recorded.series.subjects[0].network_name, recorded.sample, folder=folder)
    target.parent.mkdir(exist_ok=True)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, contents in files.items():
            # ZipInfo's own date is 1980, so that the bytes do not depend on the day.
            archive.writestr(zipfile.ZipInfo(name), contents, zipfile.ZIP_DEFLATED)
    target.write_bytes(data.getvalue())
    return target


def _run_fields(run: ReconstructionProgress, image: str) -> dict[str, Any]:
    config, result, last = run.config, run.result, run.steps[-1]
    if result is None:
        raise RuntimeError("a run that has not ended cannot be recorded")
    return {
        "subject": asdict(run.subject),
        "config": {
            name: getattr(config, name) for name in ReconstructionConfig.__dataclass_fields__
        },
        "image": image,
        "image_sha256": _sha256(run.image),
        "last_step": {
            "index": last.index,
            "seconds": last.seconds,
            "relative_error": last.relative_error,
            "parts": asdict(last.parts),
        },
        "result": {
            name: getattr(result, name)
            for name in (
                *("relative_error", "psnr", "ssim", "layout", "detail", "seconds", "steps"),
                *("precision", "note", "fast_steps", "is_silent", "gave_up"),
            )
        }
        | {
            "baselines": asdict(result.baselines) if result.baselines else None,
            "halfway": asdict(result.halfway) if result.halfway else None,
        },
    }


def is_offered(network_name: str) -> bool:
    """Tell whether series of a network come with convviz."""
    return network_name in COURSE


def read(network: Network, sample_name: str, *, folder: Path = FOLDER) -> RecordedSeries:
    """Read the series of a network and a sample photograph.

    Raises:
        RecordingError: There is none for these weights, or its file is damaged.
    """
    about = {"image": tr(sample(sample_name).title), "network": network.title}
    file = file_of(network.name, sample_name, folder=folder)
    if not file.is_file():
        raise RecordingError(
            tr(
                "No depth series of {image} with {network} comes with convviz; press Start to "
                "compute one here.",
                **about,
            )
        )
    try:
        recorded = _read(file)
    except _DAMAGE as error:
        raise RecordingError(
            tr(
                "The recorded depth series of {image} with {network} is damaged; install "
                "convviz again, or press Start to compute one here.",
                **about,
            )
        ) from error
    if recorded.weights_sha256 != network.weights.sha256:
        raise RecordingError(
            tr(
                "The recorded depth series of {image} with {network} was made with other "
                "weights; press Start to compute one with these.",
                **about,
            )
        )
    return recorded


def _read(file: Path) -> RecordedSeries:
    """Read a file.

    Raises:
        Exception: It is damaged; one of `_DAMAGE`.
    """
    with zipfile.ZipFile(file) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
            raise ValueError("the file claims to hold too much")
        fields = json.loads(archive.read(_CONTENTS))
        if fields["format"] != _FORMAT:
            raise ValueError(f"format {fields['format']}")
        name = fields["sample"]
        photograph = sample(name).read()
        if _sha256(photograph) != fields["sample_sha256"]:
            raise ValueError("the sample photograph is another one")
        image = decode(photograph)
        runs = tuple(_run(row, archive.read(row["image"]), image) for row in fields["runs"])
    if not runs:
        raise ValueError("no runs")
    subjects = tuple(run.subject for run in runs)
    return RecordedSeries(
        SeriesProgress(subjects, runs, 1.0),
        name,
        fields["weights_sha256"],
        fields["threads"],
        fields["jpeg_quality"],
        fields["version"],
    )


def _run(fields: dict[str, Any], data: bytes, photograph: Image.Image) -> ReconstructionProgress:
    if _sha256(data) != fields["image_sha256"]:
        raise ValueError("an image is not the one that was recorded")
    subject = Subject(**fields["subject"])
    config = ReconstructionConfig(**fields["config"])
    check(config)
    original = crop(photograph, size=subject.pixels, resize=subject.resize)
    pixels = to_pixels(Image.open(io.BytesIO(data)))
    numbers, last = fields["result"], fields["last_step"]
    baselines, halfway = numbers.pop("baselines"), numbers.pop("halfway")
    parts = LossParts(**last["parts"])
    result = ReconstructionResult(
        **numbers,
        image=pixels,
        unrounded=pixels,
        losses=(parts.total,),
        predictions=_NO_PREDICTIONS,
        baselines=SsimBaselines(baselines["grey"], tuple(baselines["unrelated"]))
        if baselines
        else None,
        halfway=Halfway(**halfway) if halfway else None,
    )
    step = ReconstructionStep(
        index=last["index"],
        total=last["index"],
        fraction=1.0,
        parts=parts,
        relative_error=last["relative_error"],
        seconds=last["seconds"],
        seconds_left=0.0,
        is_silent=result.is_silent,
    )
    return ReconstructionProgress(
        subject=subject,
        config=config,
        original=png(original),
        image=data,
        steps=(step,),
        fraction=1.0,
        seconds_left=0.0,
        result=result,
    )


_NO_PREDICTIONS: tuple[Prediction, ...] = ()  # a series shows none


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
