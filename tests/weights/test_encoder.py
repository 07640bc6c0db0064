"""The encoders of AlexNet and VGG16 that come with convviz, and their small decoders."""

import io
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from convviz.downloads import cache
from convviz.features.predictions import predict
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.networks.decoders import EncoderOnly, PooledNetwork
from convviz.networks.registry import spec
from convviz.structure.layers import layers
from convviz.weights import bundled, encoder
from convviz.weights.load import load, source_statuses


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("alexnet", 61_100_840 - 58_631_144), ("vgg16", 138_357_544 - 123_642_856)],
)
def test_the_encoder_is_here_without_a_network(name: str, parameters: int) -> None:
    network = load(name, fetch=False)
    assert network.weights.source == "encoder"
    features = network.module.get_submodule("features")
    assert sum(parameter.numel() for parameter in features.parameters()) == parameters
    assert {value.dtype for value in network.module.parameters()} == {torch.float32}
    status = next(entry for entry in source_statuses(name) if entry.source == "encoder")
    assert (status.here, status.fetch_bytes, status.path) == (True, 0, encoder.path(name))
    assert status.bytes == network.weights.bytes == encoder.path(name).stat().st_size
    assert network.weights.sha256 == cache.sha256(encoder.path(name))
    assert load(name, "encoder", fetch=False).weights == network.weights


@pytest.mark.parametrize("name", encoder.ENCODERS)
def test_the_loaded_encoder_computes_with_the_numbers_of_its_file(name: str) -> None:
    features = load(name, "encoder").module.get_submodule("features")
    stored = load_file(encoder.path(name))
    assert features[0].weight.equal(stored["features.0.weight"].float())
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    expected = nn.functional.conv2d(
        image,
        stored["features.0.weight"].float(),
        stored["features.0.bias"].float(),
        features[0].stride,
        features[0].padding,
    )
    torch.testing.assert_close(features[0](image), expected)
    assert features(image).shape[2:] == {"alexnet": (1, 1), "vgg16": (2, 2)}[name]
    assert not any(parameter.requires_grad for parameter in features.parameters())
    assert not any(part.training for part in features.modules())


def test_the_first_layer_of_alexnet_holds_the_known_edges_and_colours() -> None:
    kernels = load("alexnet", "encoder").module.get_submodule("features.0").weight
    centred = kernels - kernels.mean(dim=(2, 3), keepdim=True)
    # Trained kernels are smooth: neighbours are alike, which random numbers are not.
    alike = torch.nn.functional.cosine_similarity(
        centred[..., :-1].flatten(1), centred[..., 1:].flatten(1)
    )
    assert alike.median() > 0.5
    # About half are grey edges, the others opposed colours.
    grey = kernels.mean(dim=1, keepdim=True)
    colour = (kernels - grey).square().sum(dim=(1, 2, 3)) / kernels.square().sum(dim=(1, 2, 3))
    assert 10 < (colour > 0.5).sum() < 54


def test_an_encoder_gets_the_small_decoder_that_comes_with_convviz() -> None:
    network = load("alexnet", "encoder")
    about = encoder.decoder_info("alexnet")
    assert about is not None
    assert isinstance(network.module, PooledNetwork)
    weights = network.weights
    assert (weights.source, weights.training_set) == ("encoder", "ImageNet-1k")
    assert (weights.has_decoder, weights.classes) == (True, bundled.classes())
    assert (weights.decoder_set, weights.decoder_size) == ("Tiny ImageNet-200", about.input_size)
    assert weights.input_size == 224
    assert "small decoder that convviz trained on 200 Tiny ImageNet classes" in weights.note
    assert f"the right class for {100 * about.accuracy:.1f} %" in weights.note
    assert all(layer.in_encoder for layer in layers(network))
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    pooled = network.module.get_submodule("features")(x).mean(dim=(2, 3))
    expected = pooled @ network.module.decoder.weight.T + network.module.decoder.bias
    torch.testing.assert_close(network.module(x), expected)


def test_a_network_with_an_encoder_alone_ends_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "decoder_info", lambda name: None)
    network = load("alexnet", "encoder")
    all_layers = layers(spec("alexnet"))
    encoder_layers = layers(network)
    assert isinstance(network.module, EncoderOnly)
    assert [(layer.name, layer.title, layer.shape) for layer in encoder_layers] == [
        (layer.name, layer.title, layer.shape)
        for layer in all_layers
        if layer.name.startswith("features.")
    ]
    assert encoder_layers[-1].name == spec("alexnet").encoder_end
    assert all(layer.in_encoder for layer in encoder_layers)
    weights = network.weights
    assert (weights.source, weights.has_decoder, weights.classes) == ("encoder", False, ())
    assert weights.training_set == "ImageNet-1k"
    assert "no class predictions" in weights.note


def test_an_encoder_alone_gives_its_maps() -> None:
    module = EncoderOnly(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()))
    maps: Tensor = module(torch.zeros(1, 3, 4, 4))
    assert maps.shape == (1, 2, 4, 4)


@pytest.fixture(params=["alexnet", "vgg16"])
def name(request: pytest.FixtureRequest) -> str:
    if encoder.decoder_info(request.param) is None:
        pytest.skip(f"no small decoder of {request.param} comes with convviz yet")
    return str(request.param)


def test_its_shape_is_that_of_the_encoder_and_the_classes(name: str) -> None:
    channels = {"alexnet": 256, "vgg16": 512}[name]
    decoder = encoder.small_decoder(name)
    assert decoder(torch.zeros(2, channels)).shape == (2, len(bundled.classes()))
    assert not any(p.requires_grad for p in decoder.parameters())
    assert encoder.decoder_path(name).stat().st_size < 400_000


def test_it_says_how_good_it_is_and_on_what(name: str) -> None:
    about = encoder.decoder_info(name)
    assert about is not None
    assert about.training_set == "Tiny ImageNet-200"
    assert 0.2 < about.accuracy < about.accuracy_top5 < 1
    note = about.note(200)
    for part in (
        "200 Tiny ImageNet classes",
        f"{100 * about.accuracy:.1f} %",
        f"{about.input_size} px",
    ):
        assert part in note


def test_other_networks_have_none() -> None:
    assert encoder.decoder_info("googlenet") is None
    assert encoder.decoder_info("vgg19") is None


@pytest.mark.shared
@pytest.mark.parametrize("name", ["alexnet", pytest.param("vgg16", marks=pytest.mark.independent)])
def test_it_names_the_class_as_often_as_it_says(name: str, shared_data: Path) -> None:
    about, network, right, count = encoder.decoder_info(name), load(name, "encoder"), 0, 0
    assert about is not None
    with tarfile.open(shared_data / "tiny-imagenet-subset.tar") as tar:
        names = tar.getnames()
        classes = sorted({n.split("/")[2] for n in names if "/val/" in n and n.count("/") > 2})
        files = sorted(n for n in names if "/val/" in n and n.endswith(".JPEG"))[::10]
        for file in files:
            member = tar.extractfile(file)
            assert member is not None
            image = Image.open(io.BytesIO(member.read())).convert("RGB")
            best = predict(network, image.resize((256, 256), Image.Resampling.BILINEAR), k=1)[0]
            right += classes[best.index] == file.split("/")[2]
            count += 1
    # 200 pictures: three standard errors are about 10 points.
    assert right / count == pytest.approx(about.accuracy, abs=0.11)


def test_it_takes_the_cat_for_a_cat(name: str) -> None:
    guesses = predict(load(name, "encoder"), decode(sample("cat").read()), k=5)
    assert any("cat" in guess.names.lower() for guess in guesses)
