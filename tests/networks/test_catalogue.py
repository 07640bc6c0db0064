"""The catalogue: every classifier of torchvision, described by a named entry of its weights."""

import subprocess
import sys
from itertools import groupby
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import nn

from convviz.features.capture import input_for
from convviz.networks import catalogue, registry
from convviz.networks.catalogue import CATALOGUE, OF_THE_COURSE, family_of, title_of
from convviz.networks.network import Network, NetworkSpec
from convviz.weights import imagenet
from convviz.weights.source import network_with

NAMES = torchvision.models.list_models(module=torchvision.models)
OTHERS = CATALOGUE[len(OF_THE_COURSE) :]


def entry(spec: NetworkSpec) -> Any:
    return torchvision.models.get_weight(spec.torchvision_weights)


def test_it_is_torchvisions_list_of_classifiers_those_of_the_course_first() -> None:
    assert len(NAMES) >= 80
    assert sorted(spec.name for spec in CATALOGUE) == sorted(NAMES)
    assert CATALOGUE[: len(OF_THE_COURSE)] == OF_THE_COURSE


def test_families_stand_together_and_in_each_the_smallest_first() -> None:
    families = [key for key, _ in groupby(OTHERS, key=lambda spec: family_of(spec.name))]
    assert None not in families
    assert families == list(catalogue.FAMILIES)
    resnets = [spec.name for spec in OTHERS if spec.name.startswith("resnet")]
    assert resnets == ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]


def test_every_one_can_be_built_for_any_number_of_classes() -> None:
    assert [spec.name for spec in CATALOGUE if not registry.takes_classes(spec)] == []


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.name)
def test_a_description_is_that_of_the_entry_it_names(spec: NetworkSpec) -> None:
    weights, preset = entry(spec), entry(spec).transforms()
    builder = torchvision.models.get_model_weights(spec.name)
    assert weights in builder
    assert len(weights.meta["categories"]) == 1000
    assert weights.meta["_metrics"]["ImageNet-1K"]["acc@1"] > 50
    assert [spec.input_size] == preset.crop_size
    assert [spec.resized_to] == preset.resize_size
    assert list(spec.mean) == list(preset.mean)
    assert list(spec.std) == list(preset.std)
    assert spec.interpolation == preset.interpolation.value
    assert not registry.is_own(spec.name)
    file = imagenet.torchvision_file(spec)
    assert file is not None
    assert (file.url, file.classes) == (weights.url, tuple(weights.meta["categories"]))
    assert file.licence == weights.meta.get("license", "")
    assert file.bytes == round(weights.meta["_file_size"] * 2**20)


def test_licences_of_their_own_are_taken_only_where_there_are_no_others() -> None:
    licensed = {spec.name for spec in CATALOGUE if "SWAG" in str(spec.torchvision_weights)}
    assert licensed == {"regnet_y_128gf", "vit_h_14"}
    for spec in CATALOGUE:
        file = imagenet.torchvision_file(spec)
        assert file is not None
        assert bool(file.licence) == (spec.name in licensed)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("resnet18", "ResNet18"),
        ("resnext50_32x4d", "ResNeXt50 32X4D"),
        ("wide_resnet50_2", "Wide ResNet50 2"),
        ("mnasnet0_5", "MNASNet0.5"),
        ("squeezenet1_1", "SqueezeNet1.1"),
        ("shufflenet_v2_x1_5", "ShuffleNet V2 X1.5"),
        ("efficientnet_b0", "EfficientNet B0"),
        ("vit_b_16", "ViT B 16"),
        ("regnet_y_400mf", "RegNet Y 400MF"),
    ],
)
def test_titles_come_from_the_names_of_the_weights(name: str, title: str) -> None:
    assert title_of(torchvision.models.get_model_weights(name)) == title
    assert registry.spec(name).title == title


def test_titles_are_unique() -> None:
    assert len({spec.title for spec in CATALOGUE}) == len(CATALOGUE)


def test_describing_them_builds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> nn.Module:
        raise AssertionError("a network was built")

    monkeypatch.setattr(catalogue, "build_without_values", fail)
    assert len(catalogue._others()) == len(OTHERS)
    with pytest.raises(AssertionError):
        registry.spec("resnet18").build()


def test_neither_the_package_nor_its_help_loads_them() -> None:
    code = (
        "import sys, convviz, convviz.cli\n"
        "assert convviz.cli.main(['--help']) == 0\n"
        "assert not {'torch', 'torchvision'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def sample_of(spec: NetworkSpec) -> Network:
    module = nn.Identity()
    return network_with(spec, module, source="random", title="", training_set="", size=0, sha256="")


@pytest.mark.parametrize("name", ["resnet50", "convnext_tiny", "swin_v2_t", "efficientnet_v2_l"])
def test_an_image_goes_in_as_through_torchvisions_own_transforms(name: str) -> None:
    spec = registry.spec(name)
    # Smooth, since the crop is resized from the image, not cut out of a resized one.
    x, y = np.meshgrid(np.linspace(0, 3, 640), np.linspace(0, 2, 520))
    waves = [127 + 120 * np.sin(x * k + y) for k in (1, 2, 3)]
    image = Image.fromarray(np.stack(waves, axis=2).astype(np.uint8))
    expected = entry(spec).transforms()(image)
    got = input_for(sample_of(spec), image)[0]
    assert got.shape == expected.shape == (3, spec.input_size, spec.input_size)
    # Half a step of 8 bits and the rounding of the crop's edge.
    assert (got - expected).abs().mean() < 0.02
    assert (got - expected).abs().max() < 0.15


@pytest.mark.parametrize("how", ["bilinear", "bicubic"])
def test_the_interpolation_is_the_one_that_is_named(how: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    image = Image.fromarray(noise)
    spec = NetworkSpec(
        *("x", "X", nn.Identity),
        input_size=32,
        resize=32,
        interpolation=how,
        mean=(0, 0, 0),
        std=(1, 1, 1),
    )
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    expected = np.asarray(image.resize((32, 32), filters[how])) / 255
    got = input_for(sample_of(spec), image)[0].permute(1, 2, 0)
    torch.testing.assert_close(got, torch.from_numpy(expected).float(), rtol=0, atol=1e-6)
