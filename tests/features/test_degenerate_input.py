"""Every number that `features` gives for flat, tiny and dead input: finite, or a sentence.

The images have no contrast, one pixel or one row; the networks have weights of 0, a layer without a
living channel, not-a-numbers, infinities, or weights so large that sums overflow.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.datasets.image_set import Files
from convviz.errors import ConvvizError, NetworkError
from convviz.features import activations as maps
from convviz.features import channel_findings, findings
from convviz.features.ablation import ablate
from convviz.features.arithmetic import arithmetic
from convviz.features.class_evidence import average_maps, class_evidence
from convviz.features.dead import count_dead
from convviz.features.effective_field import effective_field
from convviz.features.filters import FILTER_ORDERS, filter_layers, filters, untrained_like
from convviz.features.occlusion import occlude
from convviz.features.predictions import head_predictions, predict
from convviz.features.synthesis import SynthesisConfig, synthesise
from convviz.features.top_patches import TopPatches, find_top_patches
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.registry import register
from convviz.structure.layers import Layer
from convviz.weights.load import load
from tests.networks_for_tests import network_of, seeded

LAYER = "conv2"


class Small(nn.Module):
    """Two convolutions with ReLUs in place, a batch norm, and a linear layer behind means."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.relu1 = nn.ReLU(inplace=True)
        self.norm = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 6, 3, padding=1)
        self.relu2 = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.relu1(self.conv1(x)))
        x = self.pool(self.relu2(self.conv2(x)))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def zeros(net: Small) -> None:
    for parameter in net.parameters():
        parameter.data.zero_()


def dead(net: Small) -> None:
    net.conv2.weight.data.zero_()
    net.conv2.bias.data.fill_(-1.0)


def one_nan(net: Small) -> None:
    net.conv1.weight.data[0, 0, 0, 0] = torch.nan


def infinite(net: Small) -> None:
    net.conv2.weight.data.fill_(torch.inf)


def too_large(net: Small) -> None:
    """Overflow in half of the first channels, whatever the image's sign and the order of sums."""
    net.conv1.weight.data.fill_(1e37)
    net.conv1.weight.data[::2] *= -1
    net.conv2.weight.data.fill_(1e37)


def no_variance(net: Small) -> None:
    net.norm.running_var.fill_(0.0)
    net.norm.eps = 0.0


FINITE = {"as usual": lambda net: None, "zeros": zeros, "dead": dead}
BROKEN = {
    "one nan": one_nan,
    "infinite": infinite,
    "too large": too_large,
    "no variance": no_variance,
}
NOISE = np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8)
IMAGES = {
    "noise": Image.fromarray(NOISE),
    "one pixel": Image.new("RGB", (1, 1), "red"),
    "black": Image.new("RGB", (20, 20)),
    "white": Image.new("RGB", (16, 16), "white"),
    "grey row": Image.new("RGB", (20, 1), (128, 128, 128)),
    "red": Image.new("RGB", (33, 17), (255, 0, 0)),
}


def network(change: Callable[[Small], None]) -> Network:
    module = Small()
    seeded(module)
    change(module)
    return network_of(module, side=16, classes=tuple("abcde"), imagenet=True)


def pictures(image: Image.Image) -> Files:
    files = []
    for name, each in (("a", image), ("b", IMAGES["black"]), ("c", IMAGES["noise"])):
        file = io.BytesIO()
        each.save(file, "PNG")
        files.append((name, file.getvalue()))
    return Files(tuple(files))


def last(steps: Iterator[Any]) -> Any:
    return list(steps)[-1]


def field_and_sentence(network: Network, image: Image.Image) -> tuple[Any, str]:
    field = effective_field(network, image, LAYER, 0, 3, 3)
    return field, channel_findings.effective_field(field)


Call = Callable[[Network, Image.Image], Any]
CALLS: dict[str, Call] = {
    "activations": lambda n, i: maps.activations(n, i, LAYER),
    "activations of a vector": lambda n, i: maps.activations(n, i, "fc"),
    "empty by depth": maps.empty_by_depth,
    "strength by depth": maps.strength_by_depth,
    "trend": lambda n, i: maps.depth_trend(maps.empty_by_depth(n, i)),
    "ablation": lambda n, i: ablate(n, i, "conv1", [1], LAYER),
    "arithmetic": lambda n, i: arithmetic(n, i, LAYER, 0, 3, 3),
    "arithmetic of a batch norm": lambda n, i: arithmetic(n, i, "norm", 0, 3, 3),
    "arithmetic of a pooling": lambda n, i: arithmetic(n, i, "pool", 0, 3, 3),
    "arithmetic of a score": lambda n, i: arithmetic(n, i, "fc", 0, 0, 0),
    "average maps": average_maps,
    "class evidence": lambda n, i: class_evidence(n, average_maps(n, i), i),
    "dead": lambda n, i: last(count_dead(n, pictures(i))),
    "effective field": field_and_sentence,
    "filters": lambda n, i: [filters(n, layer) for layer in filter_layers(n)],
    "orders of filters": lambda n, i: [
        (kernels.order(by), kernels.similarity(), kernels.histogram())
        for layer in filter_layers(n)
        for kernels in [filters(n, layer)]
        for by in FILTER_ORDERS
    ],
    "untrained filters": lambda n, i: untrained_like(filters(n, filter_layers(n)[0])),
    "occlusion of the mean": lambda n, i: last(occlude(n, i, LAYER, 0, positions=3)),
    "occlusion of the maximum": lambda n, i: last(
        occlude(n, i, LAYER, 0, positions=3, measure="maximum")
    ),
    "predictions": predict,
    "predictions of heads": head_predictions,
    "synthesis": lambda n, i: last(synthesise(n, LAYER, 0, SynthesisConfig(steps=4))),
    "top patches": lambda n, i: last(find_top_patches(n, LAYER, pictures(i))).stimuli,
}

# What shows the numbers as the network makes them, and says so: `layer_headline` counts those that
# are none, and maps are drawn without them.
SHOWS_AS_IT_IS = {
    "activations",
    "activations of a vector",
    "strength by depth",
    "ablation",
    "effective field",
    "occlusion of the mean",
    "occlusion of the maximum",
}


def odd_numbers(value: Any, where: str = "") -> Iterator[str]:
    """Find every number in a result that is infinite or none, with its place."""
    if isinstance(value, Tensor):
        if value.is_floating_point() and not value.isfinite().all():
            yield where
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield where
    elif isinstance(value, (list, tuple)):
        for index, each in enumerate(value):
            yield from odd_numbers(each, f"{where}[{index}]")
    elif is_dataclass(value) and not isinstance(value, (Layer, NetworkSpec, Network)):
        computed = [
            name
            for name, member in vars(type(value)).items()
            if isinstance(member, (property, cached_property))
        ]
        for name in (*(field.name for field in fields(value)), *computed):
            if isinstance(value, TopPatches) and name == "scores":  # −∞ where there are fewer
                yield from odd_numbers(value.scores.nan_to_num(nan=math.inf, neginf=0), "scores")
            elif not name.startswith("_"):
                yield from odd_numbers(getattr(value, name), f"{where}.{name}")


def outcome(call: str, network: Network, image: Image.Image) -> tuple[Any, str]:
    """Return what a call gives, or the sentence that it refuses with."""
    try:
        return CALLS[call](network, image), ""
    except ConvvizError as error:
        return None, str(error)


@pytest.mark.parametrize(
    ("weights", "image"),
    [*(("as usual", image) for image in IMAGES), ("zeros", "noise"), ("dead", "one pixel")],
)
@pytest.mark.parametrize("call", CALLS)
def test_images_without_contrast_and_dead_layers_give_finite_numbers(
    call: str, weights: str, image: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result, sentence = outcome(call, network(FINITE[weights]), IMAGES[image])
    if sentence:  # what is covered must have something to lose
        assert call.startswith("occlusion")
        assert "choose another" in sentence
    # A change relative to 0 is infinite, as `Ablation.relative` says.
    assert not set(odd_numbers(result)) - {".relative"}


@pytest.mark.parametrize(
    ("weights", "image"), [*((weights, "noise") for weights in BROKEN), ("too large", "one pixel")]
)
@pytest.mark.parametrize("call", CALLS)
def test_weights_that_are_no_numbers_give_a_sentence(call: str, weights: str, image: str) -> None:
    result, sentence = outcome(call, network(BROKEN[weights]), IMAGES[image])
    assert not sentence or sentence.endswith(".")
    assert not {"nan", "inf"} & set(sentence.lower().split())
    if call not in SHOWS_AS_IT_IS:
        # The maximum of top patches only decides what is dead; NaN says that a channel is not.
        assert not set(odd_numbers(result)) - {".maximum"}


@pytest.mark.claims("convviz.features.findings.layer_headline")
def test_the_headline_counts_what_is_no_number() -> None:
    layer = maps.activations(network(one_nan), IMAGES["noise"], "conv1").layer
    values = torch.ones(4, 16, 16)
    headline = findings.layer_headline(maps.measure(layer, values), "Net", 0.0)
    assert "not a number" not in headline
    values[1, 2, 3] = torch.nan
    headline = findings.layer_headline(maps.measure(layer, values), "Net", 0.0)
    assert "1 of the 1,024 activations is infinite or not a number" in headline
    values[0, :2, 0] = torch.tensor([torch.inf, -torch.inf])
    headline = findings.layer_headline(maps.measure(layer, values), "Net", 0.5)
    assert "3 of the 1,024 activations are infinite" in headline
    values[:] = torch.nan
    headline = findings.layer_headline(maps.measure(layer, values), "Net", 1.0)
    assert "1,024 of the 1,024 activations are" in headline


def test_a_prediction_without_scores_is_a_sentence() -> None:
    with pytest.raises(NetworkError, match="no finite numbers, so it has no best guess"):
        predict(network(too_large), IMAGES["noise"])


@pytest.mark.parametrize("weights", ["one nan", "infinite"])
def test_weights_that_are_no_numbers_are_loaded_with_a_warning(
    fresh_registry: None, weights: str
) -> None:
    module = Small()
    BROKEN[weights](module)
    register(NetworkSpec(name="broken", title="Broken", build=lambda: module, input_size=16))
    name = "conv1.weight" if weights == "one nan" else "conv2.weight"
    own = load("broken", "own").weights
    assert own.warning.startswith(f"{name} holds numbers that are infinite or not a number")


def test_statistics_that_are_no_numbers_are_warned_of_and_masks_are_not(
    fresh_registry: None,
) -> None:
    module = Small()
    module.register_buffer("mask", torch.full((2,), -torch.inf))
    register(NetworkSpec(name="masked", title="Masked", build=lambda: module, input_size=16))
    assert load("masked", "own").weights.warning == ""
    module.norm.running_var[1] = torch.nan
    assert load("masked", "own").weights.warning.startswith("norm.running_var holds numbers")
