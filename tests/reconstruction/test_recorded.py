"""The depth series that ship: what their files hold, measured again, and files that are damaged."""

from __future__ import annotations

import io
import random
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from convviz.errors import RecordingError
from convviz.images.decode import decode
from convviz.images.preprocess import crop
from convviz.images.samples import gallery, sample
from convviz.networks.network import Network
from convviz.reconstruction import findings, progress, recorded
from convviz.reconstruction.config import ReconstructionConfig, preset
from convviz.reconstruction.reconstruct import reconstruct
from convviz.reconstruction.recorded import RecordedSeries
from convviz.structure.layers import layers
from convviz.structure.trunk import one_per_stage
from convviz.ui.reconstruction import exports
from convviz.weights.load import load
from tests.networks_for_tests import network_of, two_convolutions
from tests.reconstruction.by_numpy import relative_error

FILES = sorted(recorded.FOLDER.glob("*.zip"))
COMPLETE = ("alexnet", "googlenet", "vgg16")


@pytest.fixture(scope="module")
def tiny() -> Network:
    return network_of(two_convolutions(), side=24, classes=("a", "b", "c"), imagenet=True)


@pytest.fixture(scope="module")
def series(tiny: Network) -> RecordedSeries:
    image = decode(sample("coffee").read())
    config = ReconstructionConfig(steps=12, precision="float32", noise=0.03, seed=5)
    plans = [
        progress.plan(tiny, layers(tiny)[number], image, "Coffee", config) for number in (1, 4)
    ]
    return recorded.record(tiny, "coffee", plans, version="1.2")


# ---- what ships ----


def test_every_sample_on_offer_has_its_series_and_all_fit_in_six_megabytes() -> None:
    names = {file.stem for file in FILES}
    assert {f"{network}-{each.name}" for network in COMPLETE for each in gallery()} <= names
    assert sum(file.stat().st_size for file in FILES) <= 6_000_000


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "vgg16"])
def test_each_file_is_the_series_that_a_live_one_begins_with(name: str) -> None:
    network = load(name)
    stages = [layer.name for layer in one_per_stage(layers(network))]
    for file in FILES:
        if not file.stem.startswith(f"{name}-"):
            continue
        kept = recorded.read(network, file.stem.removeprefix(f"{name}-"))
        assert [run.subject.layer for run in kept.series.runs] == stages
        for run in kept.series.runs:
            assert run.result is not None
            assert run.step == run.result.steps == run.config.steps
            assert run.config.precision == run.result.precision == "float32"
            assert run.subject.weights_source == network.weights.source
            assert run.result.relative_error < 1
        # Nothing is said of the layers that a short run alone shows.
        assert findings.what_is_lost(kept.series.runs)


@pytest.mark.parametrize("name", ["coffee", "koala", "rocket"])
def test_the_recorded_errors_are_those_of_the_pictures_that_ship(name: str) -> None:
    network = load("alexnet")
    image = crop(decode(sample(name).read()), size=224, resize=256)
    for run in recorded.read(network, name).series.runs:
        assert run.result is not None
        assert run.image.startswith(b"\xff\xd8")  # as it lies in the file
        number = int(run.subject.layer.removeprefix("features."))
        part = network.module.get_submodule("features")[: number + 1]
        measured = relative_error(part, Image.open(io.BytesIO(run.image)), image)
        # Libraries decode a JPEG to levels that differ by one at most.
        assert run.result.relative_error == pytest.approx(measured, abs=0.005)


@pytest.mark.parametrize("name", COMPLETE)
def test_what_ships_was_made_with_the_presets_of_today(name: str) -> None:
    network = load(name)
    for file in FILES:
        image = file.stem.removeprefix(f"{name}-")
        if image == file.stem:
            continue
        kept = recorded.read(network, image)
        runs = kept.series.runs
        for run in runs:
            now = preset(name, run.subject.layer)
            now = replace(now, seconds=None, steps=run.step, precision="float32")
            assert vars(run.config) == vars(now), file.name
        assert "L-BFGS (learning rate 1) in float32, from 1/frequency noise " in (
            findings.recorded_settings(kept)
        )


def test_a_recorded_run_comes_out_again() -> None:
    network = load("googlenet")
    run = recorded.read(network, "coffee").series.runs[0]
    assert run.result is not None
    original = Image.open(io.BytesIO(run.original))
    *_, last = reconstruct(network, original, run.config, cropped=True)
    assert last.result is not None
    assert last.index == run.step
    # Other processors round otherwise, and an optimisation goes its own way from there.
    assert last.relative_error == pytest.approx(run.steps[-1].relative_error, abs=0.03)
    assert last.result.ssim == pytest.approx(run.result.ssim, abs=0.05)


# ---- writing and reading ----


def test_what_is_read_is_what_was_written(
    tiny: Network, series: RecordedSeries, tmp_path: Path
) -> None:
    file = recorded.write(series, folder=tmp_path)
    assert file.name == "tiny-coffee.zip"
    first = file.read_bytes()
    back = recorded.read(tiny, "coffee", folder=tmp_path)
    assert exports.series_table(back.series) == exports.series_table(series.series)
    assert findings.what_is_lost(back.series.runs) == findings.what_is_lost(series.series.runs)
    for after, before in zip(back.series.runs, series.series.runs, strict=True):
        assert after.config == before.config or vars(after.config) == vars(before.config)
        assert (after.subject, after.original, after.image) == (
            before.subject,
            before.original,
            before.image,
        )
    assert recorded.write(back, folder=tmp_path).read_bytes() == first


def test_the_numbers_are_those_of_the_kept_image_and_the_optimisation_that_of_a_live_run(
    tiny: Network, series: RecordedSeries
) -> None:
    run = series.series.runs[1]
    assert run.result is not None
    image, original = (Image.open(io.BytesIO(each)) for each in (run.image, run.original))
    measured = relative_error(tiny.module[:5], image, original)
    assert run.result.relative_error == pytest.approx(measured, rel=1e-3)
    *_, live = reconstruct(tiny, original, run.config, cropped=True)
    assert live.result is not None
    assert run.result.halfway == live.result.halfway
    assert run.steps[-1].relative_error == live.relative_error
    assert run.result.relative_error != live.result.relative_error  # it was compressed since


def test_without_a_file_one_sentence_says_so(tiny: Network, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="No depth series of Cat with Tiny comes with"):
        recorded.read(tiny, "cat", folder=tmp_path)


def test_a_series_of_other_weights_is_not_shown(
    tiny: Network, series: RecordedSeries, tmp_path: Path
) -> None:
    recorded.write(replace(series, weights_sha256="0"), folder=tmp_path)
    with pytest.raises(RecordingError, match="was made with other weights"):
        recorded.read(tiny, "coffee", folder=tmp_path)


def test_a_damaged_file_is_called_so(tiny: Network, series: RecordedSeries, tmp_path: Path) -> None:
    file = recorded.write(series, folder=tmp_path)
    whole = file.read_bytes()
    table = exports.series_table(series.series)
    draw = random.Random(2)
    broken = [b"", b"PK", whole[:200], whole[:-30], whole[: len(whole) // 2]]
    for _ in range(60):
        place = draw.randrange(len(whole))
        broken.append(
            whole[:place] + bytes([whole[place] ^ 1 << draw.randrange(8)]) + whole[place + 1 :]
        )
    refusals = []
    for data in broken:
        file.write_bytes(data)
        try:
            back = recorded.read(tiny, "coffee", folder=tmp_path)
        except RecordingError as error:
            refusals.append(str(error))
        else:  # a bit that nothing reads, such as a date
            assert exports.series_table(back.series) == table
    assert len(refusals) >= len(broken) // 2
    (sentence,) = set(refusals)
    assert "is damaged; install convviz again, or press Start" in sentence


@pytest.mark.parametrize(
    "change",
    [
        ("series.json", b'"format": 1', b'"format": 2'),
        ("series.json", b'"steps": 12', b'"steps": -2'),
        ("series.json", b'"sample_sha256": "', b'"sample_sha256": "0'),
        ("series.json", b'"runs": [', b'"runs": [], "more": ['),
        ("0.jpg", b"\xff\xd8", b"\xff\xd9"),
    ],
)
def test_other_contents_are_refused(
    tiny: Network, series: RecordedSeries, tmp_path: Path, change: tuple[str, bytes, bytes]
) -> None:
    file = recorded.write(series, folder=tmp_path)
    with zipfile.ZipFile(file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    name, before, after = change
    assert before in contents[name]
    contents[name] = contents[name].replace(before, after)
    with zipfile.ZipFile(file, "w") as archive:
        for each, data in contents.items():
            archive.writestr(each, data)
    with pytest.raises(RecordingError, match="is damaged"):
        recorded.read(tiny, "coffee", folder=tmp_path)


def test_a_file_that_claims_too_much_is_not_unpacked(
    tiny: Network, series: RecordedSeries, tmp_path: Path
) -> None:
    file = recorded.write(series, folder=tmp_path)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more", bytes(3 * 2**20))
    with pytest.raises(RecordingError, match="is damaged"):
        recorded.read(tiny, "coffee", folder=tmp_path)


# ---- sentences ----


@pytest.mark.claims("convviz.reconstruction.findings.recorded_title")
def test_the_title_counts_the_layers(series: RecordedSeries) -> None:
    assert findings.recorded_title(series.series) == "Recorded: Coffee, from 2 layers of Tiny"


@pytest.mark.claims(
    "convviz.reconstruction.findings.recorded_settings",
    "convviz.reconstruction.findings._learning_rate",
    "convviz.reconstruction.findings._each",
)
def test_the_settings_are_named_as_they_were(series: RecordedSeries) -> None:
    series = replace(series, threads=1)
    text = findings.recorded_settings(series)
    assert "convviz 1.2 with 12 steps of L-BFGS (learning rate 1) in float32" in text
    assert "1/frequency noise of standard deviation 0.03 (seed 5), total variation 0" in text
    assert "JPEG of quality 97 and measured on that" in text
    runs = series.series.runs
    seconds = sum(run.steps[-1].seconds for run in runs)
    assert f"in {seconds:.0f} seconds on 1 thread." in text
    added = max(run.result.relative_error - run.steps[-1].relative_error for run in runs)
    assert f"adds up to {added:.3g} to the relative errors" in text
    # Values that differ are told for each image; what compression did not add is not claimed.
    first, second = runs
    changed = replace(
        second,
        config=replace(second.config, noise=0.5, spectrum=0.0),
        steps=(replace(second.steps[-1], index=1234),),
    )
    lower = tuple(
        replace(run, result=replace(run.result, relative_error=0.0)) for run in (first, changed)
    )
    text = findings.recorded_settings(
        replace(series, series=replace(series.series, runs=lower), threads=2)
    )
    assert "12 and 1,234 steps" in text
    assert "from 1/frequency and white noise of standard deviation 0.03 and 0.5" in text
    assert "2 threads" in text
    assert "adds" not in text


@pytest.mark.claims("convviz.reconstruction.findings.no_record")
def test_why_nothing_is_recorded(tiny: Network) -> None:
    own = findings.no_record(tiny, is_sample=False)
    assert "of the photographs that Home offers, not of your own picture" in own
    text = findings.no_record(tiny, is_sample=True)
    assert "of AlexNet, VGG16 and GoogLeNet, none of Tiny: press Start" in text
