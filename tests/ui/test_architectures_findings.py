"""What the page Architectures says, against numbers that are computed here."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from convviz.features.class_evidence import ClassEvidence
from convviz.features.predictions import Prediction
from convviz.language import speaking
from convviz.lessons.bottleneck import bottleneck
from convviz.lessons.comparison import surprise
from convviz.lessons.inception import inception_modules
from convviz.lessons.pooling import Classifiers, classifiers
from convviz.lessons.printed_figures import AGREEMENTS, PrintedFigure, Reported, checks, kilo
from convviz.lessons.sliding import slide
from convviz.lessons.stacking import replacing, stack
from convviz.networks import registry
from convviz.networks.catalogue import OF_THE_COURSE
from convviz.networks.paper_designs import ALEXNET, DESIGNS, GOOGLENET, VGGS, describe
from convviz.structure import costs
from convviz.structure.costs import Costs, LayerCost
from convviz.structure.layers import Branch, layers
from convviz.structure.ops import Window
from convviz.ui import formulas
from convviz.ui.architectures import findings, papers
from convviz.ui.course import findings as of_lessons
from convviz.ui.course import lesson_pooling, lesson_stacking
from tests.networks_for_tests import network_of


@pytest.fixture(scope="module")
def counted() -> dict[str, Costs]:
    by_name = {spec.name: costs.count(spec) for spec in OF_THE_COURSE}
    return by_name | {design.name: costs.count(describe(design)) for design in DESIGNS}


def made_up(encoder: int, decoder: int, auxiliary: int = 0, title: str = "A") -> Costs:
    """Costs of a network that does not exist, with so many parameters in each part."""
    parts = (("encoder", encoder), ("decoder", decoder), ("auxiliary", auxiliary))
    rows = [
        LayerCost(part, part, part, "linear", part, part != "auxiliary", n, 0, ((2,),), (3,))
        for part, n in parts
    ]
    return Costs(title, title, 8, tuple(rows))


def numbers_in(text: str) -> list[float]:
    """The numbers of a text, thousands put together."""
    return [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


# ---- two networks compared -----------------------------------------------------------------------


@pytest.mark.claims(
    "convviz.lessons.comparison.surprise",
    "convviz.lessons.comparison._kernel_sentence",
    "convviz.lessons.comparison._decoder_sentence",
    "convviz.lessons.comparison._difference_sentence",
    "convviz.lessons.comparison._encoder_sentence",
)
def test_every_pair_of_networks_and_designs(counted: dict[str, Costs]) -> None:
    def parameters(found: Costs, part: str) -> int:
        return sum(row.parameters for row in found.layers if row.part == part)

    for first in counted.values():
        for second in counted.values():
            sentences = surprise(first, second)
            sizes = [parameters(c, "encoder") + parameters(c, "decoder") for c in (first, second)]
            small, large = sorted((first, second), key=lambda c: c.parameters)
            difference = abs(sizes[0] - sizes[1])
            if difference == 0:
                assert len(sentences) == 1
                assert "equally many parameters" in sentences[0]
                continue
            ratio = max(sizes) / min(sizes)
            if ratio < 1.005:
                assert len(sentences) == 1
                assert "about as many" in sentences[0]
                continue
            text = "\n".join(sentences)
            written = f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"
            assert f"{large.title} has {written} times" in text
            assert f"{max(sizes):,} against {min(sizes):,}" in text
            shares = [float(word) for word in re.findall(r"\(([\d.]+) %\)", text)]
            assert all(0 <= share <= 100 for share in shares)
            for part, name in (("decoder", "classifier"), ("encoder", "encoder")):
                more = parameters(large, part) - parameters(small, part)
                other = difference - more
                if f"are in its {name}" in text:
                    assert f"{difference:,} more parameters in all" in text
                    assert f"{more:,} of them (" in text
                    assert more >= other >= 0
                if min(more, other) < 0:
                    sign = "fewer" if more < 0 else "more"
                    assert (
                        f"its {name} {'has ' if part == 'decoder' else ''}{abs(more):,} {sign}"
                        in text
                    )
            held = parameters(large, "decoder")
            assert f"{held:,} of them" in text
            widest = [
                max(max(row.window.kernel) for row in c.layers if row.window and row.macs)
                for c in (large, small)
            ]
            assert ("And yet" in text) == (1 < widest[0] < widest[1])
            encoders = [parameters(c, "encoder") for c in (large, small)]
            last = sentences[-1]
            assert f"{encoders[0]:,} ({large.title}) and {encoders[1]:,} ({small.title})" in last
            if "times fewer" in last:
                assert encoders[0] < encoders[1]
            elif "times as many" in last:
                assert encoders[0] > encoders[1]


def test_alexnet_has_no_106_percent_of_anything(counted: dict[str, Costs]) -> None:
    text = " ".join(surprise(counted["alexnet"], counted["googlenet"]))
    assert "106 %" not in text
    # 58,631,144 − 1,025,000 and 5,599,904 − 2,469,696.
    assert "its classifier has 57,606,144 more and its encoder 3,130,208 fewer" in text


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ((0, 0), (0, 0), "equally many parameters: 0"),
        ((10, 0), (0, 0), "A has 10 parameters, B none"),
        (
            (100, 50),
            (10, 50),
            "has 90 more parameters in all: 90 of them (100 %) are in its encoder",
        ),
        ((10, 90), (50, 0), "its classifier has 90 more and its encoder 40 fewer"),
        (
            (60, 60),
            (30, 30),
            "has 60 more parameters in all: 30 of them (50 %) are in its classifier",
        ),
    ],
)
def test_made_up_pairs(first: tuple[int, int], second: tuple[int, int], words: str) -> None:
    assert words in " ".join(surprise(made_up(*first), made_up(*second, title="B")))


@pytest.mark.claims(
    "convviz.ui.architectures.findings.parameters_text",
    "convviz.ui.architectures.findings.multiplications_text",
    "convviz.ui.architectures.findings.depth_text",
    "convviz.ui.architectures.findings.memory_text",
    "convviz.ui.architectures.findings.design_text",
)
def test_one_networks_numbers(counted: dict[str, Costs]) -> None:
    for found in counted.values():
        rows = found.layers
        main = sum(row.parameters for row in rows if row.part != "auxiliary")
        everything = sum(row.parameters for row in rows)
        text = findings.parameters_text(found)
        assert text.startswith(f"{main:,} parameters")
        assert (f"{everything:,} with them" in text) == (everything != main)
        macs = sum(row.macs for row in rows)
        assert findings.multiplications_text(found) == f"{macs:,} MACs = {2 * macs:,} FLOPs"
        depth = max(row.depth for row in rows)
        assert findings.depth_text(found).startswith(f"{depth} convolutions and linear layers")
        kept = sum(row.activation_bytes for row in rows)
        assert findings.memory_text(found).startswith(f"{kept:,} bytes")
        text = findings.design_text(found)
        assert f"{macs:,} MACs at {found.input_size} × {found.input_size}, {depth} layers" in text
        assert (f"{everything - main:,} more, {everything:,} in all" in text) == (
            everything != main
        )
    empty = made_up(0, 0)
    assert findings.parameters_text(empty) == "0 parameters"


@pytest.mark.claims("convviz.ui.architectures.findings.published_text")
def test_a_tick_stands_only_where_both_numbers_agree(counted: dict[str, Costs]) -> None:
    found = counted["googlenet"]
    for parameters, giga, same in (
        (6_624_904, 1.498, True),
        (13_004_888, 1.498, False),
        (6_624_904, 1.5, False),
    ):
        text = findings.published_text(found, 1_498_000_000, 224, Reported(0, 0, parameters, giga))
        assert text.startswith("✓" if same else "≠")
        assert "counted here 6,624,904 parameters and 1.498 billion MACs at 224 × 224" in text
        assert f"publishes {parameters:,} and {giga:g}" in text


# ---- layer by layer ------------------------------------------------------------------------------

ROW = LayerCost("c", "c", "c", "convolution", "encoder", True, 8, 2, ((2, 8, 8),), (4, 5, 5))


@pytest.mark.claims("convviz.ui.architectures.findings.memory_remark")
def test_what_is_said_of_memory() -> None:
    assert ROW.output_bytes == 400
    for kept, shares, words in (
        (400, False, "0.4 kB, kept in training"),
        (1400, False, "0.4 kB; training keeps 1.4 kB here"),
        (0, True, "in the memory of its input, so training keeps nothing more"),
        (0, False, "training does not keep it"),
    ):
        row = replace(ROW, activation_bytes=kept, shares_memory=shares)
        assert words in findings.memory_remark(row)


@pytest.mark.claims(
    "convviz.ui.architectures.findings.parameters_remark",
    "convviz.ui.architectures.findings.share_text",
)
def test_what_is_said_of_parameters(counted: dict[str, Costs]) -> None:
    found = made_up(70, 20, 10)
    assert findings.parameters_remark(replace(ROW, weights=0, biases=0), found).startswith("nothi")
    assert findings.parameters_remark(ROW, found).endswith(
        "a bias for each channel out; 11.1 % of the parameters"
    )
    bare = replace(ROW, biases=0)
    assert "no bias; " in findings.parameters_remark(bare, found)
    normed = findings.parameters_remark(replace(bare, norm_follows=True), found)
    assert "no bias, since batch norm follows" in normed
    in_head = replace(ROW, part="auxiliary")
    assert "10.0 % of the parameters" in findings.parameters_remark(in_head, found)
    assert findings.share_text(0, 9, "MACs") == findings.share_text(3, 0, "MACs") == ""
    assert findings.share_text(9, 9, "MACs") == "100.0 % of MACs"
    # Over every row: the reason stands only where a batch norm reads the convolution.
    for name in ("googlenet", "vgg16_bn", "alexnet"):
        rows = counted[name].layers
        for row, after in pairwise(rows):
            said = "batch norm follows" in findings.parameters_remark(row, counted[name])
            is_bare = row.kind == "convolution" and row.executed and not row.biases
            assert said == (is_bare and after.kind == "batch norm")


@pytest.mark.claims(
    "convviz.ui.architectures.findings.kernel_text", "convviz.ui.architectures.findings.field_text"
)
def test_kernels_and_fields_that_are_not_square() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, (1, 7), padding=(0, 3)), nn.Conv2d(4, 4, (3, 1), stride=(2, 1), groups=2)
    )
    first, second = costs.count(network, 16).layers
    assert findings.kernel_text(first) == "1 × 7, stride 1, padding 0 × 3"
    assert findings.kernel_text(second) == "3 × 1, stride 2 × 1, in 2 groups"
    assert findings.field_text(first, "") == "1 × 7 pixels"
    assert findings.field_text(second, "f") == "f: 3 × 7 pixels"
    plain = replace(ROW, window=Window((3, 3), (1, 1), (1, 1), (2, 2)))
    assert findings.kernel_text(plain) == "3 × 3, stride 1, padding 1, dilation 2"
    assert findings.kernel_text(ROW) == findings.field_text(ROW, "f") == ""


# ---- lessons -------------------------------------------------------------------------------------


@pytest.mark.claims(
    "convviz.ui.course.findings.exact_lengths_text", "convviz.lessons.sliding.slide"
)
@pytest.mark.parametrize(
    "arguments", [(227, 11, 4, 0), (13, 2, 5, 0), (5, 3, 8, 2), (1, 1, 2, 0), (320, 15, 8, 7)]
)
def test_exact_lengths(arguments: tuple[int, int, int, int]) -> None:
    length, kernel, stride, padding = arguments
    text = of_lessons.exact_lengths_text(slide(*arguments))
    low, high = max(1, length - 12), length + 12
    exact = [
        n
        for n in range(low, high + 1)
        if n + 2 * padding >= kernel and (n + 2 * padding - kernel) % stride == 0
    ]
    assert numbers_in(text) == ([low, high, *exact] if exact else [])
    assert of_lessons.exact_lengths_text(slide(9, 3)) == ""
    with pytest.raises(Exception, match=r"spans 9 pixels does not fit into 3 with 1 of padding"):
        slide(3, 9, 1, 1)


@pytest.mark.claims(
    "convviz.ui.course.findings.course_notes_text",
    "convviz.ui.course.findings.course_notes_title",
)
def test_the_course_notes_size(counted: dict[str, Costs]) -> None:
    built = counted["alexnet"].layers[0]
    assert of_lessons.course_notes_title(277).endswith("takes 277 × 277")
    text = of_lessons.course_notes_text(
        (227, 224, 277), {227: 9216, 224: 6400, 277: 12544}, 9216, {227: 0, 224: 1, 277: 2}, built
    )
    assert "takes 9,216 values. Images of 227 × 227 give 9,216, with 0 pixels left over" in text
    assert "277 × 277 give 12,544: they would not fit, and leave 2 pixels over" in text
    assert (
        "prints 224, which does not fit either (6,400); torchvision takes 224 and pads it by 2"
        in text
    )


@pytest.mark.claims(
    "convviz.ui.course.findings.stacking_point",
    "convviz.ui.course.findings.stacking_rows",
    "convviz.ui.course.findings.lighter_text",
)
def test_stacks(counted: dict[str, Costs]) -> None:
    point = of_lessons.stacking_point(replacing(5))
    assert numbers_in(point)[:6] == [2, 3, 3, 5, 5, 18]
    assert "25**, and with 2 ReLUs" in point
    for large in (3, 5, 7, 9, 11):
        count = (large - 1) // 2
        rows = of_lessons.stacking_rows(replacing(large, 3, 64))
        assert rows[0][1] == f"1 + {count}·(3 − 1) = {large}"
        assert rows[1][1].endswith(f" = {count * 9 * 64 * 64:,}")
        assert rows[2][1].endswith(f" = {large**2 * 64 * 64:,}")
        saved = 1 - count * 9 / large**2
        assert rows[3][1] == (
            f"{100 * saved:.1f} %" if count > 1 else "nothing: it is the same layer"
        )
        assert (f"{count} ReLUs" in rows[1][2]) == (count > 1)
    vgg, alexnet = counted["vgg16"], counted["alexnet"]
    block = [row for row in vgg.layers if row.title.startswith("conv5_") and row.macs]
    text = of_lessons.lighter_text(vgg, alexnet, block, stack(3, 3, 512))
    for number in (3 * 9 * 512 * 512, 49 * 512 * 512, 138_357_544, 61_100_840, 123_642_856):
        assert f"{number:,}" in text


@pytest.mark.claims(
    "convviz.ui.course.lesson_stacking.svg",
    "convviz.ui.course.lesson_stacking._tower",
)
@pytest.mark.parametrize("large", [3, 5, 7, 9, 11])
def test_the_drawing_of_a_stack(large: int) -> None:
    drawing = lesson_stacking.svg(replacing(large))
    count = (large - 1) // 2
    assert f"{count} kernels of 3 and one of {large} see {large} pixels each" in drawing
    # A cell for each pixel and each output; a cone below each output.
    levels = [large - 2 * level for level in range(count + 1)]
    assert drawing.count("<rect") == sum(levels) + large + 1
    assert drawing.count("<path") == sum(levels[1:]) + 1


@pytest.mark.claims(
    "convviz.ui.course.findings.bottleneck_point",
    "convviz.ui.course.findings.saving_text",
    "convviz.ui.course.findings.break_even_text",
)
@pytest.mark.parametrize(
    ("channels", "outputs", "kernel"),
    [(480, 48, 5), (90, 10, 3), (1, 1, 1), (4096, 1, 1), (8, 8, 3)],
)
def test_bottlenecks_at_both_ends(channels: int, outputs: int, kernel: int) -> None:
    for reduced in {1, 2, 16, 45, channels, 4096}:
        chosen = bottleneck(2, 2, channels, reduced, outputs, kernel)
        direct = 4 * kernel**2 * channels * outputs
        detour = 4 * (channels * reduced + kernel**2 * reduced * outputs)
        text = of_lessons.saving_text(chosen)
        if direct == detour:
            assert text == "as many: the detour changes nothing"
        elif direct > detour:
            assert text.endswith(" times fewer")
            assert numbers_in(text)[0] == pytest.approx(direct / detour, rel=0.05)
        else:
            assert "as many: the detour does not pay" in text
            assert numbers_in(text)[0] == pytest.approx(detour / direct, rel=0.05)
        assert not text.startswith("1.0 times")
    pays = [
        r
        for r in range(1, 5000)
        if channels * r + kernel**2 * r * outputs < kernel**2 * channels * outputs
    ]
    text = of_lessons.break_even_text(chosen)
    assert numbers_in(text) == ([max(pays)] if pays else [])
    point = of_lessons.bottleneck_point(bottleneck(14, 14, 480, 16, 48, 5))
    assert "5×5 kernel.** In Inception 4a that turns 112.9 M MACs into 5.3 M" in point


@pytest.mark.claims(
    "convviz.ui.course.findings.modules_text",
    "convviz.lessons.inception.InceptionModule.saving_sentence",
)
@pytest.mark.parametrize("name", ["googlenet", "googlenet-2015"])
def test_modules_together(counted: dict[str, Costs], name: str) -> None:
    modules = inception_modules(counted[name])
    built = without = 0
    for module in modules:
        rows = [r for r in counted[name].layers if r.module.startswith(f"{module.name}.")]
        area = module.input_shape[1] * module.input_shape[2]
        direct = 0
        for row in rows:
            if not (row.window and row.macs):
                continue
            kernel = row.window.kernel[0]
            is_reduction = (
                kernel == 1
                and row.output_shape[0]
                in {
                    r.input_shapes[0][0]
                    for r in rows
                    if r.window and r.macs and r.window.kernel[0] > 1
                }
                and not row.module.startswith((f"{module.name}.branch1", f"{module.name}.branch4"))
            )
            if kernel > 1:
                direct += area * kernel**2 * module.input_shape[0] * row.output_shape[0]
            elif not is_reduction:
                direct += row.macs
        macs = sum(row.macs for row in rows)
        assert module.saving_sentence.startswith(
            f"{direct:,} MACs without the 1×1 reductions, {macs:,} with them: "
        )
        assert numbers_in(module.saving_sentence)[-1] == pytest.approx(direct / macs, abs=0.051)
        built, without = built + macs, without + direct
    text = of_lessons.modules_text(modules)
    assert numbers_in(text)[:1] == [without]
    assert f"{built:,} as built, {without / built:.1f} times fewer" in text


@pytest.mark.claims(
    "convviz.ui.course.findings.branches_text",
    "convviz.ui.course.findings.branch_text",
    "convviz.ui.course.findings.about_text",
    "convviz.ui.course.findings.often_right_text",
    "convviz.ui.course.findings.last_maps_text",
    "convviz.ui.course.findings.sum_text",
    "convviz.ui.course.findings.evidence_text",
    "convviz.ui.course.findings.pooling_point",
)
def test_sentences_about_maps_and_scores(counted: dict[str, Costs]) -> None:
    assert of_lessons.branches_text("X.", (256, 28, 27), 8) == (
        "X. Each branch answers with maps of 28 × 27; here are the strongest 8 of each, and the "
        "joined output has all 256."
    )
    branch = Branch("b", "3×3", 64, 192)
    for empty in (0, 128):
        assert of_lessons.branch_text("3×3", branch, 256, empty) == (
            f"**3×3**: channels 64 to 191 of the output, 50.0 % of all, {empty} of 128 empty"
        )
    network = network_of(nn.Sequential(nn.Conv2d(3, 2, 1)))
    assert of_lessons.about_text(network, chosen=True) == "Tiny, by hand."
    assert (
        of_lessons.about_text(network, chosen=False) == "Tiny, by hand, which comes with convviz."
    )
    assert of_lessons.often_right_text([network]) == ""
    right = replace(network, weights=replace(network.weights, accuracy=0.4283))
    assert of_lessons.often_right_text([network, right, right]).endswith(
        "wrong: Tiny names 43 % of its test images rightly and Tiny names 43 % of its test images "
        "rightly."
    )
    maps: Any = SimpleNamespace(
        maps=torch.zeros(4, 3, 2), means=torch.arange(4.0), layer=layers(network)[0]
    )
    assert "has 4 maps of 3 × 2; each becomes one number" in of_lessons.last_maps_text("X.", maps)
    weights = torch.tensor([1.0, -1.0, 0.5, 2.0])
    prediction = Prediction("cat", 0.5, 0, "cat")
    shares = torch.tensor([[3.0, 5.0]])
    evidence = ClassEvidence(prediction, weights, weights * maps.means, 0.25, shares)
    text = of_lessons.sum_text(maps, evidence, 3)
    assert text.startswith("score of cat: weight · mean of the 3 channels that add most")
    assert "then the other 1 together, then the bias" in text
    assert "together" not in of_lessons.sum_text(maps, evidence, 4)
    assert of_lessons.evidence_text(evidence).endswith("the score without the bias: 4.00.")
    assert "*cat*" in of_lessons.evidence_text(evidence)
    point = of_lessons.pooling_point(classifiers(counted["vgg16"]))
    assert "VGG16 would have 15.2 M parameters instead of 138.4 M" in point  # 14,714,688 + 513,000


@pytest.mark.claims("convviz.lessons.pooling.Classifiers._on_all_values")
def test_a_classifier_with_a_norm_and_one_whose_maps_are_single_values() -> None:
    normed = Classifiers("A", (10, 3, 2), 5, 100, 10 * 5 + 5 + 20, "average")
    assert normed.remark == (
        "10 maps of 3 × 2; it is built this way, with a norm of 20 parameters between. One layer "
        "on all values would take 305, 5.5 times as many."
    )
    single = Classifiers("A", (10, 1, 1), 5, 100, 55, "average")
    assert single.remark == "10 maps of 1 × 1; it is built this way."
    for own, words in (
        (55, "the same."),
        (56, "0.6 % less."),
        (54, "0.6 % more."),
        (0, "1.6 times as"),
    ):
        assert words in Classifiers("A", (10, 3, 2), 5, 100, own).remark


def test_the_gain_of_average_pooling_has_its_source() -> None:
    text = " ".join(inspect.getsource(lesson_pooling).replace('"', " ").split())
    assert "Szegedy et" in text
    assert "0.6 percentage points" in text
    assert "not a factor" in text
    assert "dropout remained essential" in text


# ---- papers --------------------------------------------------------------------------------------


@pytest.mark.claims(
    "convviz.ui.architectures.findings.wider_text",
    "convviz.ui.architectures.findings.kernel_weights",
)
def test_what_true_5x5_kernels_add(counted: dict[str, Costs]) -> None:
    # The third branches of nine modules: 16 more weights for each pair of channels.
    pairs = [(16, 32), (32, 96), (16, 48), (24, 64), (24, 64), (32, 64), (32, 128), (32, 128)]
    expected = 16 * sum(a * b for a, b in [*pairs, (48, 128)])
    text = findings.wider_text(counted["googlenet-2015"], counted["googlenet"])
    assert numbers_in(text)[-1] == expected == 380_928
    assert findings.kernel_weights(counted["googlenet"]) == sum(
        p.numel()
        for name, p in registry.spec("googlenet").build().named_parameters()
        if p.dim() > 1 and not name.startswith("aux")
    )


@pytest.mark.parametrize(
    ("printed", "unit", "count", "agreement"),
    [
        (60, 10**6, 60_965_224, "rounded down"),
        (73, 10**6, 73_610_000, "rounded down"),
        (138, 10**6, 138_357_544, "rounded"),
        (144, 10**6, 143_667_240, "rounded"),
        (144, 10**6, 143_499_999, "differs"),
        (4096, 1, 4096, "equal"),
        (2.7, 1024, 2765, "rounded"),
        (60, 10**6, 61_000_000, "differs"),
        (60, 10**6, 60_500_000, "rounded down"),
        (60, 10**6, 59_500_000, "rounded"),
        (650_000, 1, 659_272, "rounded down"),
        (650_000, 1, 660_000, "differs"),
        (650_000, 1, 654_999, "rounded"),
        (253_440, 1, 253_450, "differs"),
        (253_440, 1, 253_449, "rounded down"),
    ],
)
def test_how_a_printed_figure_agrees(printed: float, unit: int, count: int, agreement: str) -> None:
    assert PrintedFigure("w", "t", printed, unit, count).agreement == agreement


@pytest.mark.claims(
    "convviz.ui.architectures.findings.printed_text",
    "convviz.ui.architectures.findings._agreement_text",
    "convviz.ui.architectures.findings.kilo_text",
    "convviz.ui.architectures.findings.printed_number",
    "convviz.ui.architectures.findings.counted_number",
)
def test_what_is_said_of_printed_figures(counted: dict[str, Costs]) -> None:
    for design in (ALEXNET, GOOGLENET):
        figures = checks(design, counted[design.name])
        text = findings.printed_text(figures)
        kinds = {"equal": 0, "rounded": 0, "rounded down": 0, "differs": 0}
        for figure in figures:
            exact = figure.counted / figure.unit
            # Of a printed 650,000 two digits count, of 253,440 five, of 2.7 one behind the point.
            digits = figure.printed.as_integer_ratio()[1] > 1
            step = 0.1 if digits else 1
            while not digits and figure.printed % (10 * step) == 0 and figure.printed >= 100 * step:
                step *= 10
            cut, half_up = int(exact / step) * step, int(exact / step + 0.5) * step
            kind = "differs"
            if exact == figure.printed:
                kind = "equal"
            elif half_up == pytest.approx(figure.printed):
                kind = "rounded"
            elif cut == pytest.approx(figure.printed):
                kind = "rounded down"
            kinds[kind] += 1
        assert text.startswith(f"Of {len(figures)} printed figures {kinds['equal']} are the counts")
        assert (f" {kinds['rounded']} are the counts rounded," in text) == (kinds["rounded"] > 1)
        assert f"{kinds['rounded down']} is the count rounded down" in text or (
            kinds["rounded down"] != 1
        )
        assert f"{kinds['differs']} are other numbers" in text or (
            kinds["differs"] == 1 and "1 is another number" in text
        )
        worst = max(figures, key=lambda f: abs(f.counted / f.unit / f.printed - 1))
        assert f"*{worst.what}*" in text
        assert findings.printed_number(worst) in text
        assert findings.counted_number(worst) in text
        shown = numbers_in(findings.counted_number(worst))[0]
        assert shown == pytest.approx(
            worst.counted / worst.unit, abs=0.51 if worst.unit == 1 else 0.006
        )
    all_equal = [PrintedFigure("a", "t", 5, 1, 5)]
    assert findings.printed_text(all_equal) == "Of 1 printed figure 1 is the count itself."
    assert findings.kilo_text(all_equal) == ""
    figures = checks(GOOGLENET, counted["googlenet-2015"])
    weights = [f for f in figures if f.unit == 1024]
    # Of 380 and 840 two digits count, of the others all; in K of 1,024 that is one more each.
    steps = {380: 10, 580: 10, 840: 10, 1000: 100}
    fits = {
        unit: sum(
            any(
                int(f.counted / unit / step + more) * step == f.printed
                for step in [steps.get(int(f.printed), 1)]
                for more in (0, 0.5)
            )
            for f in weights
        )
        for unit in (1000, 1024)
    }
    assert kilo(figures) == fits
    text = findings.kilo_text(figures)
    assert f"an inference: so {fits[1024]} of its {len(weights)} figures" in text
    assert f"with 1,000 {fits[1000]}." in text


@pytest.mark.claims("convviz.ui.architectures.findings.columns_text")
def test_vggs_columns(counted: dict[str, Costs]) -> None:
    small, large = counted["vgg-2015-a"], counted["vgg-2015-e"]
    text = findings.columns_text(small, large)
    more = 143_667_240 - 132_863_336
    assert f"from {11} to {19} layers, but that adds only {more:,} weights" in text
    assert f"({100 * more / 132_863_336:.1f} %)" in text
    assert "the same 123,642,856 throughout" in text
    assert "throughout" not in findings.columns_text(made_up(1, 2), made_up(4, 3))


def test_alexnets_narrower_layers_are_those_that_are_named(counted: dict[str, Costs]) -> None:
    paper, built = (
        [row.output_shape[0] for row in counted[name].layers if row.kind == "convolution"]
        for name in ("alexnet-2012", "alexnet")
    )
    narrower = [f"conv{i}" for i, (a, b) in enumerate(zip(paper, built, strict=True), 1) if b < a]
    assert narrower == ["conv1", "conv2", "conv4"]
    (sentence,) = [s for s in ALEXNET.differences if "fewer channels" in s]
    assert all(name in sentence for name in narrower)
    assert "conv3" not in sentence
    assert "conv5" not in sentence
    words = " ".join(registry.spec("alexnet").differences)
    assert "first, second and fourth convolutions have fewer channels" in words


def test_vggs_have_one_printed_figure_each(counted: dict[str, Costs]) -> None:
    for design in VGGS:
        (figure,) = checks(design, counted[design.name])
        assert figure.agreement == "rounded"


# ---- what they are drawn with --------------------------------------------------------------------


@pytest.mark.claims("convviz.ui.formulas.ledger")
def test_a_ledger_draws_each_line_that_has_a_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(formulas.st, "html", drawn.append)
    formulas.ledger([("a", "1 < 2", "why"), ("b", "", "left out"), ("c", "3", "")])
    (text,) = drawn
    assert "<dt>a</dt><dd><b>1 &lt; 2</b><span>why</span></dd>" in text
    assert "<dt>c</dt><dd><b>3</b></dd>" in text
    assert "left out" not in text


@pytest.mark.claims("convviz.ui.architectures.findings.other_size_text")
def test_another_size_of_the_image_on_other_pages_is_said() -> None:
    assert findings.other_size_text(128, 128) == ""
    said = findings.other_size_text(224, 128)
    assert said.startswith("Counted here for an image of 224 × 224 pixels. ")
    assert "take it at 128 × 128, so on other pages" in said


@pytest.mark.claims("convviz.ui.course.findings.sizes_text")
def test_two_sizes_of_the_image_are_said_and_one_is_not() -> None:
    assert of_lessons.sizes_text(224, 224) == ""
    said = of_lessons.sizes_text(224, 128)
    assert re.findall(r"(\d+) × (\d+)", said) == [("224", "224"), ("128", "128")]
    module = torchvision.models.googlenet(weights=None, init_weights=False).eval()
    channels = []
    for side in (224, 128):
        maps: list[torch.Size] = []
        block = module.get_submodule("inception4a")
        hook = block.register_forward_hook(lambda *call, maps=maps: maps.append(call[-1].shape[1:]))
        with torch.inference_mode():
            module(torch.zeros(1, 3, side, side))
        hook.remove()
        channels.append(maps[0][0])
        assert maps[0][1] == side // 16  # other sides, as is said
    assert channels[0] == channels[1]


def test_a_papers_table_is_shown_in_the_readers_language_and_saved_in_english(
    bracketed: None,
) -> None:
    english = papers._csv(papers._vgg_rows)
    with speaking("da"):
        first = papers._vgg_rows()[0]
        saved = papers._csv(papers._vgg_rows)
    assert set(first) >= {"⟦column⟧", "⟦agreement⟧", "torchvision", "⟦fully connected⟧"}
    assert first["⟦printed (table 2)⟧"] == "133 M"
    assert first["⟦agreement⟧"].strip("⟦⟧") in AGREEMENTS
    assert first["⟦agreement⟧"].startswith("⟦")
    assert saved == english
    assert saved.startswith("column,layers with weights,printed (table 2),agreement,")
