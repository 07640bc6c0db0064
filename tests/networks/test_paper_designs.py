"""The papers' own designs: totals by hand, printed figures, and where the papers slip."""

import pytest
import torch

from convviz.lessons.printed_figures import checks, reported
from convviz.lessons.sliding import slides
from convviz.networks import registry
from convviz.networks.paper_designs import (
    ALEXNET,
    DESIGNS,
    GOOGLENET,
    VGGS,
    PaperDesign,
    build,
    describe,
    published_form_of,
)
from convviz.structure import costs


@pytest.fixture(scope="module")
def design_costs() -> dict[str, costs.Costs]:
    return {design.name: costs.count(describe(design)) for design in DESIGNS}


def test_alexnet_2012_by_hand(design_costs: dict[str, costs.Costs]) -> None:
    alexnet = design_costs["alexnet-2012"]
    kernels = [row for row in alexnet.layers if row.macs]
    by_hand = [
        *(11 * 11 * 3 * 96 + 96, 5 * 5 * 48 * 256 + 256, 3 * 3 * 256 * 384 + 384),
        *(3 * 3 * 192 * 384 + 384, 3 * 3 * 192 * 256 + 256),
        *(9216 * 4096 + 4096, 4096 * 4096 + 4096, 4096 * 1000 + 1000),
    ]
    assert [row.parameters for row in kernels] == by_hand
    assert alexnet.parameters == sum(by_hand) == 60_965_224
    assert [row.output_shape[-1] for row in kernels[:5]] == [55, 27, 13, 13, 13]
    assert kernels[1].window is not None
    assert kernels[1].window.groups == 2


@pytest.mark.parametrize("name", ["vgg11", "vgg13", "vgg16", "vgg19"])
def test_vgg_is_built_by_torchvision_as_published(
    design_costs: dict[str, costs.Costs], name: str
) -> None:
    design = published_form_of(name)
    assert design is not None
    ours, theirs = design_costs[design.name], costs.count(registry.spec(name))
    assert (ours.parameters, ours.macs) == (theirs.parameters, theirs.macs)


def test_true_5x5_kernels_add_what_the_design_says(design_costs: dict[str, costs.Costs]) -> None:
    paper = design_costs["googlenet-2015"]
    theirs = costs.count(registry.spec("googlenet"))

    def weights(network: costs.Costs) -> int:
        return sum(row.weights for row in network.layers if row.macs)

    assert weights(paper) - weights(theirs) == 380_928
    assert paper.depth == 22


def test_the_vgg_paper_prints_what_its_layers_come_to(design_costs: dict[str, costs.Costs]) -> None:
    for design in VGGS:
        (check,) = checks(design, design_costs[design.name])
        assert check.agreement == "rounded", check


def test_alexnets_neurons(design_costs: dict[str, costs.Costs]) -> None:
    by_name = {c.what: c for c in checks(ALEXNET, design_costs["alexnet-2012"])}
    assert by_name["parameters"].agreement == "rounded down"  # 60.97 million
    assert by_name["neurons"].agreement == "rounded down"  # 659,272
    layers = {name: check for name, check in by_name.items() if name.endswith(": neurons")}
    # 253,440 would be 55·48 positions per tower; 55·55·96 is 290,400: the paper's own slip.
    assert [name for name, check in layers.items() if check.agreement == "differs"] == [
        "conv1: neurons"
    ]


def test_googlenets_table(design_costs: dict[str, costs.Costs]) -> None:
    figures = checks(GOOGLENET, design_costs["googlenet-2015"])
    operations = [check for check in figures if "operations" in check.what]
    assert len(figures) == 24
    # The table counts conv1 as if it were separable, and inception5a as if it were larger.
    assert [check.what for check in operations if check.agreement == "differs"] == [
        "conv1: operations",
        "inception5a: operations",
    ]
    weights = [check for check in figures if "weights" in check.what and "conv1" not in check.what]
    assert all(abs(check.difference) < 0.08 for check in weights)


@pytest.mark.parametrize("design", DESIGNS, ids=lambda output: output.name)
def test_designs_run(design: PaperDesign) -> None:
    module = build(design)
    images = torch.empty(2, 3, design.input_size, design.input_size, device="meta")
    assert module(images).shape == (2, 1000)
    trained = module.train()(images)
    scores = trained if isinstance(trained, tuple) else (trained,)
    assert [tuple(output.shape) for output in scores] == [(2, 1000)] * (1 + len(design.heads))


def test_published_forms_by_network() -> None:
    assert published_form_of("alexnet") is ALEXNET
    assert published_form_of("vgg16_bn") is None


def test_the_course_notes_277_does_not_fit_the_classifier() -> None:
    def last(size: int) -> int:
        return slides(ALEXNET, size)[-1][1].output

    assert [slid.output for _, slid in slides(ALEXNET, 227)] == [*(55, 27, 27, 13, 13, 13, 13, 6)]
    assert (last(227), last(277)) == (6, 7)


def test_what_torchvision_reports() -> None:
    alexnet = reported(registry.spec("alexnet"))
    assert alexnet is not None
    assert alexnet.parameters == 61_100_840
    assert 0.5 < alexnet.top1 < alexnet.top5 < 1
    assert reported(describe(ALEXNET)) is None
