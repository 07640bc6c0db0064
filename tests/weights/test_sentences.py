"""What the sentences on weights say, against values that the tests work out themselves."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from convviz.errors import WeightsError, WeightsNotHere
from convviz.language import again, speaking
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import spec
from convviz.weights import bundled, encoder, findings, imagenet
from convviz.weights.encoder import DecoderInfo
from convviz.weights.imagenet import TorchvisionFile
from convviz.weights.load import load


@pytest.mark.claims("convviz.weights.bundled.Bundled.load")
def test_the_bundled_network_says_how_often_it_is_right() -> None:
    info, note = bundled.about(), load("googlenet", "bundled").weights.note
    size, classes, first, five = re.fullmatch(
        r"On the 10,000 validation images of Tiny ImageNet-200, at (\d+) px, it names the right "
        r"class of (\d+) for ([\d.]+) %, and has it among its first five for ([\d.]+) %\.",
        note,
    ).groups()  # type: ignore[union-attr]
    assert info.validation_images == 10_000
    assert (int(size), int(classes)) == (info.input_size, 200)
    assert float(first) == round(100 * info.accuracy, 1)
    assert float(five) == round(100 * info.accuracy_top5, 1)


@pytest.mark.claims("convviz.weights.encoder.DecoderInfo.note")
@pytest.mark.parametrize(("first", "five"), [(0.0, 0.0), (0.5, 1.0), (1.0, 1.0), (0.1234, 0.5678)])
def test_a_small_decoder_says_how_often_it_is_right(first: float, five: float) -> None:
    text = DecoderInfo("Tiny", 64, first, five, 1_000, 20_000).note(200)
    assert re.findall(r"[\d.,]*\d(?: %)?", text) == [
        "200",
        "20,000",
        "1,000",
        "64",
        f"{round(100 * first, 1):.1f} %",
        f"{round(100 * five, 1):.1f} %",
    ]
    assert encoder.decoder_info("googlenet") is None


@pytest.mark.parametrize("name", ["small.pth", "small.pt"])
def test_a_users_file_is_named_and_nothing_is_said_of_its_training(
    small: NetworkSpec, folder: Path, name: str
) -> None:
    import torch

    torch.save(small.build().state_dict(), folder / name)
    weights = load("small", "own").weights
    assert weights.note == f"The file {name} says nothing of its training."
    assert weights.title == f"Your file {name}"


def test_a_file_that_is_not_torchvisions_counts_the_classes_taken(
    thin: object, folder: Path
) -> None:
    thin(folder / "alexnet.pth")  # type: ignore[operator]
    original = imagenet.torchvision_file(spec("alexnet"))
    assert original is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imagenet, "torchvision_file", lambda _: replace(original, sha256_prefix="x"))
        weights = load("alexnet", "imagenet").weights
    assert weights.note == (
        "The file alexnet.pth is not torchvision's; convviz takes its 1,000 classes for those of "
        f"ImageNet. {findings.scaled_as_torchvisions(rescales=False)}"
    )
    assert len(weights.classes) == 1_000


@pytest.mark.claims(
    "convviz.weights.imagenet.not_here",
    "convviz.weights.imagenet.not_fetched",
    "convviz.weights.imagenet._alternatives",
)
@pytest.mark.parametrize("size", [0, 999_999, 553_433_881])
@pytest.mark.parametrize("where", ["", "there", "gone"])
def test_weights_that_are_missing_come_with_their_size_and_what_to_do(
    size: int, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where:
        monkeypatch.setenv("CONVVIZ_WEIGHTS", str(tmp_path / where))
    if where == "there":
        (tmp_path / where).mkdir()
    file = TorchvisionFile("https://x/vgg16-abc.pth", "vgg16-abc.pth", "abc", size, ())
    monkeypatch.setattr(imagenet, "torchvision_file", lambda _: file)
    folder = {
        "": "into a folder and name it in CONVVIZ_WEIGHTS",
        "there": "into your CONVVIZ_WEIGHTS folder",
        "gone": "into a folder that CONVVIZ_WEIGHTS names (now it names none)",
    }[where]
    rest = f"put vgg16-abc.pth or vgg16.pth {folder}, or choose untrained weights."
    error = imagenet.not_here(spec("vgg16"), file)
    assert isinstance(error, WeightsNotHere)
    megabytes = re.search(r"\(([\d.]+) MB\)", str(error))
    assert megabytes
    assert abs(float(megabytes[1]) * 1e6 - size) <= 500_000
    assert str(error).endswith(rest)
    failed = imagenet.not_fetched(spec("vgg16"), WeightsError("The disk is full: make room."))
    assert str(failed) == (
        "VGG16's weights are not on this machine, and the disk is full: try again when that is "
        f"mended, {rest}"
    )


@pytest.mark.claims("convviz.weights.findings.both")
def test_either_of_two_texts_may_be_missing() -> None:
    assert findings.both("One.", "Two.") == "One. Two."
    assert [findings.both("One.", ""), findings.both("", "Two.")] == ["One.", "Two."]
    assert findings.both("", "") == ""


def test_what_a_network_says_is_english_and_can_be_told_again() -> None:
    """It is kept for everybody, whoever loaded it first."""
    with speaking("da"):
        note = load("googlenet", "bundled").weights.note
        assert "10,000" in note
        assert "10.000" in again(note)
    assert again(note) == note
