"""The sentences of the page Filters, against NumPy, torch's own start, and kernels set by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from convviz.features.filters import Filters, filter_layers, filters, untrained_like
from convviz.figures import filters as figures
from convviz.networks.network import Network, NetworkSpec
from convviz.structure.layers import layer
from convviz.ui.filters import findings
from convviz.weights.load import load


@pytest.fixture(scope="module")
def googlenet() -> Network:
    return load("googlenet", "bundled")


def first(network: Network) -> Filters:
    return filters(network, filter_layers(network)[0])


@pytest.mark.claims("convviz.ui.filters.findings.headline")
@pytest.mark.parametrize("name", ["conv1", "inception4a.branch2.1"])
def test_the_headline_is_the_tensors_shape(googlenet: Network, name: str) -> None:
    taken = filters(googlenet, layer(googlenet, name))
    count, inputs, height, width = googlenet.module.get_submodule(taken.module).weight.shape
    text = findings.headline(taken)
    assert text.startswith(f"{count} filters of ")
    assert text.endswith(f"each {inputs} × {height} × {width}")


@pytest.mark.claims(
    "convviz.ui.filters.findings.clipped",
    "convviz.ui.filters.findings.meaning",
    "convviz.ui.filters.findings.scale",
)
def test_how_the_drawings_are_read(googlenet: Network) -> None:
    taken = first(googlenet)
    largest = float(np.abs(taken.kernels.numpy()).max())
    text = findings.meaning(taken, "GoogLeNet", is_first=True)
    assert text.startswith("`conv1.conv` of GoogLeNet. They look at the image itself")
    assert text.endswith(f"whose ends are ±{largest:.3g}.")
    later = findings.meaning(taken, "GoogLeNet", is_first=False)
    assert "image itself" not in later
    assert "three channels" in later
    deep = filters(googlenet, layer(googlenet, "inception4a.branch2.1"))
    weights = np.abs(deep.kernels.numpy())
    assert 0 < deep.reach < weights.max()
    beyond = findings.clipped(float((weights > deep.reach).mean()))
    end = f"whose ends are ±{deep.reach:.3g}. {beyond}"
    assert findings.meaning(deep, "", is_first=False).endswith(end)
    assert "Of all weights 25.00 % are further" in findings.clipped(0.25)
    assert findings.clipped(0.0) == ""
    assert "one slice for each of the 96 channels" in findings.meaning(deep, "", is_first=False)
    single = replace(deep, kernels=deep.kernels[:, :1])
    assert "one slice for the one channel" in findings.meaning(single, "", is_first=False)
    for broken in (math.nan, math.inf):
        assert "not numbers" in findings.scale(broken)
        assert "nan" not in findings.scale(broken)


@pytest.mark.claims("convviz.ui.filters.findings.no_kernels_of_its_own")
def test_whose_kernels_are_shown(googlenet: Network) -> None:
    pool, conv = layer(googlenet, "maxpool1"), layer(googlenet, "conv1")
    text = findings.no_kernels_of_its_own(pool, conv)
    assert text.startswith(f"{pool.title} has no kernels of its own; these are those of conv1,")


@pytest.mark.claims(
    "convviz.ui.filters.findings.without_pattern", "convviz.ui.filters.findings.own_kernels"
)
def test_why_the_first_layer_stands_for_kernels_without_a_pattern(googlenet: Network) -> None:
    conv1, conv2 = layer(googlenet, "conv1"), layer(googlenet, "conv2")
    kernel = googlenet.module.get_submodule("conv2.conv").weight
    assert kernel.shape[2:] == (1, 1)
    assert "the 1 × 1 kernels of conv2 (1×1)" in findings.own_kernels(conv2)
    own = findings.without_pattern(conv2, conv2, conv1)
    assert own.startswith("The kernels of conv2 (1×1) are 1 × 1:")
    assert "those of conv1, the first layer with larger kernels" in own
    before = findings.without_pattern(layer(googlenet, "inception3a"), conv2, conv1)
    assert before.startswith("inception3a has no kernels of its own, and those of conv2")


@pytest.mark.claims("convviz.ui.filters.findings.slices")
def test_which_slices_are_drawn() -> None:
    # Two groups of two input channels: filter 3 is in the second group and reads channels 2 and 3.
    kernels = torch.arange(4 * 2, dtype=torch.float32).reshape(4, 2, 1, 1)
    network = load("googlenet", "random")
    grouped = Filters(layer(network, "conv1"), "x", kernels, 2, kernels.flatten(1).norm(dim=1))
    text = findings.slices(grouped, 3, [1, 0], 0, 7.0)
    assert text.startswith("Slices 1 to 2 of 2, on this filter's own scale (±7)")
    assert text.endswith("the first row reads input channels 3, 2.")
    assert findings.slices(grouped, 0, [0], 1, 7.0).startswith("Slices 2 to 2 of 2")
    assert findings.slices(grouped, 0, [0], 1, 7.0).endswith("reads input channels 0.")


@pytest.mark.claims("convviz.ui.filters.findings.sheet")
def test_which_filters_are_drawn(googlenet: Network) -> None:
    taken = first(googlenet)
    assert findings.sheet(taken, 64, 0.5) == (
        "7 × 7 kernels, all 64, the largest norm first. Full colour: ±0.5. Of all weights 3.91 % "
        "are further from 0 than that, and drawn as the ends are."
    )
    beyond = float((np.abs(taken.kernels.numpy()) > 0.5).mean())
    assert f"{beyond:.2%}" == "3.91%"
    deep = filters(googlenet, layer(googlenet, "inception4a.branch2.1"))
    assert findings.sheet(deep, 64, 0.25) == (
        "3 × 3 kernels, the 64 largest of 208, the largest norm first, each by its largest slice. "
        "Full colour: ±0.25."
    )


@pytest.mark.claims("convviz.ui.filters.findings.untrained")
@pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet"])
def test_untrained_kernels_have_the_spread_that_is_said(name: str) -> None:
    network = load(name, "random")
    for wanted in (filter_layers(network)[0], filter_layers(network)[4]):
        taken = filters(network, wanted)
        torch.manual_seed(0)
        other = torch.empty(2000, *taken.kernels.shape[1:])
        nn.init.kaiming_normal_(other, mode="fan_in", nonlinearity="relu")
        text = findings.untrained(taken, replace(network.weights, source="imagenet"))
        spread = float(text.split(") = ")[1].split(":")[0])
        assert spread == pytest.approx(float(other.std()), rel=0.02)
        # What is drawn on the page, and what the source "random" has, follow the same rule.
        assert float(untrained_like(taken).kernels.std()) == pytest.approx(spread, rel=0.1)
        assert float(taken.kernels.std()) == pytest.approx(spread, rel=0.1)
        assert f"with {taken.kernels[0].numel():,} inputs" in text
        assert "came from training" in text
    assert "both are such random numbers" in findings.untrained(taken, network.weights)
    own = findings.untrained(taken, replace(network.weights, source="own"))
    assert "convviz cannot tell" in own
    assert "came from training" not in own


def test_the_bundled_network_began_with_another_rule() -> None:
    # As tests/learning/test_recording.py measures: 2 / outputs, where the sentence has 2 / inputs.
    network = load("googlenet", "bundled")
    text = findings.untrained(first(network), network.weights)
    assert f"√(2 / 147) = {(2 / 147) ** 0.5:.3g}" in text
    assert "may have begun with another rule" in text


def test_norms_are_numpys(googlenet: Network) -> None:
    for wanted in filter_layers(googlenet)[:6]:
        taken = filters(googlenet, wanted)
        weight = googlenet.module.get_submodule(taken.module).weight.detach().float().numpy()
        expected = np.linalg.norm(weight.reshape(len(weight), -1), axis=1)
        assert taken.norms.numpy() == pytest.approx(expected, rel=1e-5)


@pytest.mark.claims("convviz.figures.filters.weights")
def test_the_share_of_weights_is_numpys_histogram(googlenet: Network) -> None:
    taken = first(googlenet)
    for sets in ([("a", taken)], [("a", taken), ("b", untrained_like(taken))]):
        bound = max(float(np.abs(each.kernels.numpy()).max()) for _, each in sets)
        for trace, (name, each) in zip(figures.weights(sets).data, sets, strict=True):
            values = each.kernels.numpy().ravel()
            counts, edges = np.histogram(values, len(trace.x), (-bound, bound))
            assert list(trace.y) == pytest.approx(counts / counts.sum(), abs=1e-3)
            assert list(trace.x) == pytest.approx((edges[1:] + edges[:-1]) / 2, abs=1e-6)
            assert sum(trace.y) == pytest.approx(1)
            assert trace.hovertemplate.startswith(
                f"{name}: %{{customdata}} of the weights are about"
            )
    nothing = replace(taken, kernels=torch.zeros(2, 3, 1, 1))
    (trace,) = figures.weights([("zeros", nothing)]).data
    assert sum(trace.y) == pytest.approx(1)


def test_a_network_whose_third_layer_reads_three_channels() -> None:
    def build(num_classes: int = 2) -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Conv2d(3, num_classes, 1))

    spec = NetworkSpec("three", "Three", build, input_size=8)
    module = build().eval()
    network = Network(spec, module, load("googlenet", "random").weights)
    last = filters(network, filter_layers(network)[-1])
    assert last.sees_colours
    assert "image itself" not in findings.meaning(last, "Three", is_first=False)
