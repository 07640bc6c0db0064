"""What the course says of its figures, against numbers that are set here."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from convviz.features.filters import Filters
from convviz.features.predictions import Prediction
from convviz.networks.design import Design
from convviz.structure.design_costs import count_design
from convviz.structure.layers import Layer, layers
from convviz.ui.course import findings
from tests.networks_for_tests import network_of


def a_layer(channels: int) -> Layer:
    return layers(network_of(nn.Sequential(nn.Conv2d(3, channels, 1))))[0]


@pytest.mark.claims(
    "convviz.ui.course.findings.tiles_text", "convviz.ui.course.findings.atlas_text"
)
def test_how_many_maps_are_shown() -> None:
    network = network_of(nn.Sequential(nn.Conv2d(3, 20, 1)))
    some = findings.tiles_text(network, a_layer(20), 8)
    assert some.startswith("8 of 20 channels of Tiny's layer ")
    assert findings.tiles_text(network, a_layer(8), 8).startswith("All 8 channels")
    assert findings.tiles_text(network, a_layer(2), 8).startswith("All 2 channels")
    assert findings.atlas_text(a_layer(4), 1234).startswith("All 1,234 maps of ")


@pytest.mark.claims("convviz.ui.course.findings.filters_text")
def test_filters_are_read_by_what_they_look_at() -> None:
    for inputs, size, said in (
        (3, (11, 7), "11 × 7 weights for each of three colours"),
        (1, (3, 3), "3 × 3 weights for its one input"),
        (1200, (5, 5), "the largest of 1,200 slices: 5 × 5 weights"),
    ):
        kernels = torch.ones(2, inputs, *size)
        filters = Filters(a_layer(2), "0", kernels, 1, kernels.flatten(1).norm(dim=1))
        assert said in findings.filters_text(filters)


@pytest.mark.claims("convviz.ui.course.findings.other_network_text")
def test_a_step_says_which_networks_it_shows() -> None:
    assert findings.other_network_text(["googlenet"]).startswith("This step shows GoogLeNet, which")
    assert "shows AlexNet and VGG16, whichever" in findings.other_network_text(["alexnet", "vgg16"])


@pytest.mark.claims(
    "convviz.ui.course.findings.some_empty_text", "convviz.ui.course.findings.tile_text"
)
def test_empty_channels_are_counted_and_named() -> None:
    some = findings.some_empty_text(a_layer(4), 1234, 12)
    assert "12 of 1,234 channels are empty for this image" in some
    assert "1 of 4 channels is empty for this" in findings.some_empty_text(a_layer(4), 4, 1)
    assert findings.tile_text(7, empty=True) == "channel 7, empty"
    assert findings.tile_text(7, empty=False) == "channel 7"


@pytest.mark.claims(
    "convviz.ui.course.findings.narrowed_text",
    "convviz.ui.course.findings.clearest_branches_text",
    "convviz.ui.course.findings.clearest_heads_text",
)
def test_captions_name_network_and_layer() -> None:
    assert findings.narrowed_text("X.", "a", "b").startswith("X. What goes in is a, what comes")
    assert "out b; each map" in findings.narrowed_text("X.", "a", "b")
    assert "each branch of m, each" in findings.clearest_branches_text("X.", "m")
    assert findings.clearest_heads_text("X.").startswith("X. The clearest map")


@pytest.mark.claims(
    "convviz.ui.course.findings.before_text", "convviz.ui.course.findings.after_text"
)
def test_how_many_channels_the_bottleneck_leaves() -> None:
    assert findings.before_text(1480, 8) == "**Before:** 8 of the 1,480 channels that go in"
    assert findings.after_text(16, 8).endswith(":** 8 of 16 channels")
    assert findings.after_text(4, 8).endswith(":** 4 of 4 channels")


@pytest.mark.claims(
    "convviz.ui.course.findings.evidence_caption",
    "convviz.ui.findings.drawn_where_it_looks",
    "convviz.ui.course.findings.remade_text",
    "convviz.ui.course.findings.moment_text",
    "convviz.ui.course.findings.progress_text",
    "convviz.ui.course.findings.end_text",
)
def test_captions_name_what_is_shown() -> None:
    caption = findings.evidence_caption("tabby", 1024)
    assert "*tabby*" in caption
    assert "its 1,024 last maps" in caption
    assert caption.endswith("so the coloured field may end before the image does.")
    own = findings.remade_text("My cat", "AlexNet", [15, 15], "VGG16")
    assert own.startswith("My cat, made again from layers of AlexNet in 15 steps for each. ")
    assert own.endswith("To do the same with VGG16, start a run on Reconstruction.")
    recorded = findings.remade_text("Koala", "VGG16", [30, 25, 70], "VGG16")
    assert recorded == "Koala, made again from layers of VGG16 in 25 to 70 steps for each."
    assert "conv3 before training" in findings.moment_text("conv3", 0, 8)
    assert "8 maps" in findings.moment_text("conv3", 0, 8)
    assert "conv3 after 12,000 steps of training" in findings.moment_text("conv3", 12000, 8)
    assert findings.progress_text(3, 12) == "3 of 12 predictions checked"
    assert findings.progress_text(0, 12) == "0 of 12 predictions checked"
    assert findings.end_text(6, 12).startswith("So far 6 of 12 came out as you predicted.")


@pytest.mark.claims("convviz.ui.page_questions._fewer_question")
def test_the_question_names_both_networks() -> None:
    from convviz.ui.page_questions import _fewer_question

    assert _fewer_question("VGG16", "GoogLeNet") == (
        "Does VGG16 multiply less for one image than GoogLeNet?"
    )


@pytest.mark.claims("convviz.ui.course.findings.design_text")
def test_a_design_is_named_with_its_costs() -> None:
    design = Design.parse("name A *net*\ninput 3x8x8\nconv 2 3x3\nfc 4\n")
    text = findings.design_text("B", count_design(design))
    assert text.startswith(r"**Design B: A \*net\*.** ")
    parameters, macs = 2 * (27 + 1) + 4 * (2 * 6 * 6 + 1), 2 * 27 * 6 * 6 + 4 * 2 * 6 * 6
    assert f"{parameters:,} parameters, {macs:,} MACs" in text


def test_a_negative_score_has_a_minus() -> None:
    prediction = Prediction("cat", 0.5, 0, "cat")
    negative = SimpleNamespace(prediction=prediction, evidence=torch.tensor([[-1.5, 0.5]]))
    text = findings.evidence_text(negative)  # type: ignore[arg-type]  # all that it reads
    assert text.endswith("the score without the bias: −0.50.")
