"""Formulas with their numbers put in, and the comparison of two networks in words."""

import re
from math import prod

import pytest
from torch import nn

from convviz.lessons.comparison import surprise
from convviz.lessons.sliding import slide
from convviz.lessons.worked_row import write_out
from convviz.networks import registry
from convviz.networks.paper_designs import ALEXNET, describe
from convviz.structure import costs


@pytest.fixture(scope="module")
def paper() -> dict[str, costs.LayerCost]:
    return {row.name: row for row in costs.count(describe(ALEXNET)).layers}


def test_alexnets_first_layer_in_full(paper: dict[str, costs.LayerCost]) -> None:
    written = write_out(paper["conv1.0"])
    assert written.output == "(227 − 11 + 0)/4 + 1 = 55"
    assert written.parameters == "11·11·3·96 + 96 = 34,944"
    assert written.macs == "55·55·11·11·3·96 = 105,415,200"
    assert written.memory == "96·55·55·4 = 1,161,600 bytes"
    assert (written.field, written.jump) == ("1 + (11 − 1)·1 = 11", "1·4 = 4")
    assert written.dropped == ""


def test_groups_are_written_as_shares_of_the_channels(
    paper: dict[str, costs.LayerCost],
) -> None:
    written = write_out(paper["conv2.0"])
    assert written.parameters == "5·5·(96/2)·256 + 256 = 307,456"
    assert written.field == "19 + (5 − 1)·8 = 51"


def test_pooling_that_rounds_up_and_joins() -> None:
    rows = {row.name: row for row in costs.count(registry.spec("googlenet")).layers}
    pooled = write_out(rows["maxpool1"])
    assert pooled.output == "⌈(112 − 3 + 0)/2⌉ + 1 = ⌈54.5⌉ + 1 = 56"
    assert "hangs over" in pooled.dropped
    assert write_out(rows["inception3a.cat()"]).depth == "64 + 128 + 32 + 32 = 256"
    assert write_out(rows["conv1.bn"]).parameters == "64 + 64 = 128"
    assert "1 pixel of padding" in write_out(rows["conv1.conv"]).dropped
    assert write_out(rows["aux1.fc2"]).memory == ""


@pytest.mark.parametrize("name", ["alexnet", "vgg13_bn", "googlenet"])
@pytest.mark.parametrize("size", [224, 150])
def test_every_formula_is_true(name: str, size: int) -> None:
    """Evaluate each product and sum that is written, and compare with what follows the "="."""
    for row in costs.count(registry.spec(name), size).layers:
        written = write_out(row)
        for text in (written.parameters, written.macs, written.depth, written.field, written.jump):
            if "=" in text:
                terms, total = text.replace(",", "").split(" = ")
                value = eval(re.sub("·", "*", terms.replace("−", "-")))
                assert value == float(total), (row.name, text)
        if written.output:
            assert written.output.endswith(f"= {row.output_shape[1]}")
        if row.executed and row.kind in {"convolution", "linear"}:
            assert prod(row.output_shape[1:]) * row.weights == row.macs
            assert "·" in written.parameters
            assert "·" in written.macs


def test_kernels_that_are_not_square_are_written_for_both_axes() -> None:
    row = costs.count(nn.Sequential(nn.Conv2d(3, 2, (3, 5))), 9).layers[0]
    assert write_out(row).output == "(9 − 3 + 0)/1 + 1 = 7; (9 − 5 + 0)/1 + 1 = 5"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((227, 11, 4), "reaches the far edge exactly"),
        ((224, 11, 4), "1 pixel at the far edge is left over"),
        ((224, 11, 4, 2), "1 pixel of padding at the far edge is left over"),
        ((10, 3, 5, 1), "4 pixels at the far edge, 1 of them padding, are left over"),
    ],
)
def test_leftovers_in_words(arguments: tuple[int, ...], words: str) -> None:
    assert words in slide(*arguments).sentence


def test_the_surprise_names_what_the_numbers_bear_out() -> None:
    alexnet, vgg = (costs.count(registry.spec(name)) for name in ("alexnet", "vgg16"))
    sentences = surprise(alexnet, vgg)
    assert sentences == surprise(vgg, alexnet)
    assert "And yet" in sentences[1]
    text = " ".join(sentences)
    assert "**VGG16 has 2.26 times the parameters of AlexNet**" in text
    assert "18 weights per pair of channels, where one 5×5 kernel needs 25" in text
    assert "123,642,856 of them (89 %)" in text
    assert "65,011,712 of them (84 %) are in its classifier" in text
    assert "14,714,688 (VGG16) and 2,469,696 (AlexNet): 5.96 times" in text


def test_the_surprise_stays_true_for_other_pairs() -> None:
    spec = registry.spec
    googlenet, alexnet = costs.count(spec("googlenet")), costs.count(spec("alexnet"))
    vgg16, vgg19 = costs.count(spec("vgg16")), costs.count(spec("vgg19"))
    text = " ".join(surprise(googlenet, alexnet))
    assert "**AlexNet has 9.22 times the parameters of GoogLeNet**" in text
    assert "And yet" not in text  # AlexNet has the larger kernels
    assert "2.27 times fewer" in text
    text = " ".join(surprise(vgg16, vgg19))
    assert "And yet" not in text  # they have the same kernels
    assert "classifier." not in text  # and the same decoder
    assert "equally many parameters: 138,357,544" in surprise(vgg16, vgg16)[0]


@pytest.mark.claims("convviz.lessons.worked_row._remark")
@pytest.mark.parametrize(
    ("kernel", "stride", "size", "words"),
    [
        (3, 1, 8, ""),
        # Stops at 0, 2, 4, 6 of 8: 1, 3 and 5 lie between them, 7 beyond the last.
        (1, 2, 8, "1 pixel at the far edge is left over and dropped. 3 positions are gone past"),
        (1, 2, 3, "1 position is gone past and never looked at."),
        (3, 2, 8, "The kernel stops 3 times; 1 pixel at the far edge is left over and dropped."),
    ],
)
def test_what_a_row_says_of_what_it_does_not_look_at(
    kernel: int, stride: int, size: int, words: str
) -> None:
    row = costs.count(nn.Sequential(nn.Conv2d(3, 2, kernel, stride)), size).layers[0]
    said = write_out(row).dropped
    assert (words in said) if words else said == ""


def test_a_field_that_is_not_square_is_written_for_both_axes() -> None:
    row = costs.count(nn.Sequential(nn.Conv2d(3, 2, (1, 7), stride=(1, 2))), 9).layers[0]
    written = write_out(row)
    assert written.field == "1 + (1 − 1)·1 = 1; 1 + (7 − 1)·1 = 7"
    assert written.jump == "1·1 = 1; 1·2 = 2"
