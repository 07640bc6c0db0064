"""The small decoders that come with convviz, and what is said of them."""

import io
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from convviz.features.predictions import predict
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.weights import bundled, small_decoders
from convviz.weights.load import load


@pytest.fixture(params=["alexnet", "vgg16"])
def name(request: pytest.FixtureRequest) -> str:
    if small_decoders.about(request.param) is None:
        pytest.skip(f"no small decoder of {request.param} comes with convviz yet")
    return str(request.param)


def test_its_shape_is_that_of_the_encoder_and_the_classes(name: str) -> None:
    channels = {"alexnet": 256, "vgg16": 512}[name]
    decoder = small_decoders.decoder(name)
    assert decoder(torch.zeros(2, channels)).shape == (2, len(bundled.classes()))
    assert not any(p.requires_grad for p in decoder.parameters())
    assert small_decoders.path(name).stat().st_size < 400_000


def test_it_says_how_good_it_is_and_on_what(name: str) -> None:
    about = small_decoders.about(name)
    assert about is not None
    assert about.training_set == "Tiny ImageNet-200"
    assert 0.2 < about.accuracy < about.accuracy_top5 < 1
    note = about.note(200)
    for part in ("200 Tiny ImageNet classes", f"{about.accuracy:.1%}", f"{about.input_size} px"):
        assert part in note


def test_other_networks_have_none() -> None:
    assert small_decoders.about("googlenet") is None
    assert small_decoders.about("vgg19") is None


@pytest.mark.shared
def test_it_names_the_class_as_often_as_it_says(name: str, shared_data: Path) -> None:
    about, network, right, count = small_decoders.about(name), load(name, "encoder"), 0, 0
    assert about is not None
    with tarfile.open(shared_data / "tiny-imagenet-subset.tar") as tar:
        names = tar.getnames()
        classes = sorted({n.split("/")[2] for n in names if "/val/" in n and n.count("/") > 2})
        files = sorted(n for n in names if "/val/" in n and n.endswith(".JPEG"))[::10]
        for file in files:
            opened = tar.extractfile(file)
            assert opened is not None
            picture = Image.open(io.BytesIO(opened.read())).convert("RGB")
            best = predict(network, picture.resize((256, 256), Image.Resampling.BILINEAR), k=1)[0]
            right += classes[best.index] == file.split("/")[2]
            count += 1
    # 200 pictures: three standard errors are about 10 points.
    assert right / count == pytest.approx(about.accuracy, abs=0.11)


def test_it_takes_the_cat_for_a_cat(name: str) -> None:
    guesses = predict(load(name, "encoder"), decode(sample("cat").read()), k=5)
    assert any("cat" in guess.names.lower() for guess in guesses)
