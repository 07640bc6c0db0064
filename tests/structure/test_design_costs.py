"""What designs cost, against torchvision's networks and against running the built module."""

import gc
import weakref
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from convviz.errors import DesignError
from convviz.language import speaking
from convviz.networks.design import Design
from convviz.networks.design_module import InceptionBranches, build, place_blocks
from convviz.networks.design_starts import SMALL, start
from convviz.networks.registry import spec
from convviz.structure import costs
from convviz.structure.costs import rows_of
from convviz.structure.design_costs import (
    check_trainable,
    count_design,
    count_placed,
    count_text,
    spec_of,
)
from convviz.structure.trace import trace

RESIDUAL = """
input 3x32x32
conv 16 3x3 p1
batchnorm
relu
residual
conv 32 3x3 /2 p1
batchnorm
relu
conv 32 3x3 p1
batchnorm
end
relu
gap
fc 10
"""


def test_a_residual_is_counted_as_by_hand() -> None:
    counted = count_design(Design.parse(RESIDUAL))
    parameters = [block.parameters for block in counted.blocks]
    # The shortcut, at the end line: 32 · 16 weights and a batch norm's 2 · 32.
    assert parameters == [
        *(0, 16 * 3 * 9, 32, 0, 0, 32 * 16 * 9, 64, 0, 32 * 32 * 9, 64, 32 * 16 + 64, 0, 0, 330)
    ]
    assert [block.output for block in counted.blocks][-4:] == [
        *((32, 16, 16), (32, 16, 16), (32,), (10,))
    ]
    assert counted.blocks[5].receptive_field == 5
    assert counted.blocks[5].jump == 2
    assert counted.blocks[5].left_over == (1, 1)
    assert counted.blocks[5].formula == "⌊(32 − 3 + 2)/2⌋ + 1 = ⌊15.5⌋ + 1 = 16"
    assert counted.macs == 32 * 32 * 16 * 27 + 256 * 32 * (16 * 9 + 32 * 9 + 16) + 320
    assert counted.most("parameters") is counted.blocks[8]


def test_auxiliary_classifiers_are_counted_apart_and_answer_in_training_alone() -> None:
    design = Design.parse(
        "input 3x8x8\nconv 4 1x1\nauxiliary 0.3\nauxiliary 0.5 bn\nrelu\ngap\nfc 7"
    )
    counted = count_design(design)
    head = 2048 * 1024 + 1024 + 1024 * 7 + 7
    assert counted.blocks[2].parameters == 4 * 128 + 128 + head
    assert counted.blocks[3].parameters == 4 * 128 + 2 * 128 + head
    assert counted.parameters == 16 + 35
    assert counted.parameters_with_auxiliary == 16 + 35 + sum(
        block.parameters for block in counted.blocks[2:4]
    )
    assert counted.blocks[2].macs == 0
    module = build(design)
    assert module.auxiliary_weights == (0.3, 0.5)
    outputs = module(torch.zeros(2, 3, 8, 8))
    assert [tuple(each.shape) for each in outputs] == [(2, 7)] * 3
    assert module.eval()(torch.zeros(2, 3, 8, 8)).shape == (2, 7)


@pytest.mark.claims(
    "convviz.networks.design_module._too_small", "convviz.networks.design_module._misfit"
)
@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("input 3x3x3\nconv 8 5x5", 2, "a 5×5 kernel on a 3×3 map: padding 1, "),
        ("input 3x6x6\nmaxpool 2x2\nconv 8 5x5", 3, "padding 1, one pooling less or a 3×3 kernel"),
        (
            "input 3x6x6\nconv 8 3x3 d3",
            2,
            "kernel, which covers 7×7 with its dilation, on a 6×6 map: ",
        ),
        (
            *("input 3x8x8\nconv 8 3x3 p1 d8", 2),
            "a 3×3 kernel, which covers 17×17 with its dilation, on an 8×8 map with padding 1: "
            "padding 5, a larger image or a smaller dilation.",
        ),
        (
            *("input 3x8x8\nconv 8 11x11 p1", 2),
            "an 11×11 kernel on an 8×8 map with padding 1: padding 2, a larger image or a 10×10 "
            "kernel.",
        ),
        ("input 3x2x2\nmaxpool 3x3", 2, "a 3×3 window on a 2×2 map: padding 1, "),
        ("input 3x1x1\nmaxpool 4x4 p1", 2, "padding 2"),
        ("input 3x8x8\nfc 10\nconv 8 1x1", 3, "a vector of 10 numbers"),
        ("input 3x8x8\ngap\nlrn", 3, "a vector of 3 numbers"),
        ("input 3x8x8\nconv 4 1x1 g2", 2, "leave the groups out"),
        ("input 6x8x8\nconv 8 1x1 g4", 2, "choose g2"),
        ("input 3x8x8\nauxiliary 0.3\nrelu", 2, "end the design with"),
        ("input 3x8x8\nresidual\nconv 3 3x3\nend", 4, "paddings that keep the size"),
        ("input 3x8x8\nresidual\nflatten\nend", 4, "no 1×1 convolution"),
        ("input 3x8x8\nfc 60000\nfc 60000", 3, "1,000,000,000 are the limit"),
        ("input 1x1000x1\nconv 1 1x1 p1000\nrelu", 2, "2,048 along an axis"),
        (
            *("input 3x8x11\nresidual\nconv 3 3x3\nend", 4),
            "begins with an 8×11 map and ends with a 6×9 map, and no stride",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_its_cure(text: str, line: int, words: str) -> None:
    with pytest.raises(DesignError) as caught:
        count_design(Design.parse(text))
    assert caught.value.line == line
    assert words in caught.value.sentence


def test_what_is_wrong_with_a_kept_text_is_said_in_the_readers_language(bracketed: None) -> None:
    text = "input 3x3x3\nconv 8 5x5"
    english = count_text(text).error
    with speaking("da"):
        danish = count_text(text).error
    assert english is not None
    assert danish is not None
    assert english.sentence.endswith("padding 1, a larger image or a 3×3 kernel.")
    assert "⟦padding 1⟧, ⟦a larger image⟧⟦ or ⟧⟦a 3×3 kernel⟧" in danish.sentence
    assert count_text(text).error is english


@pytest.mark.parametrize(
    ("name", "network", "parameters", "with_auxiliary"),
    [
        ("alexnet", "alexnet", 61_100_840, 61_100_840),
        ("vgg16", "vgg16", 138_357_544, 138_357_544),
        ("googlenet", "googlenet", 6_624_904, 13_004_888),
    ],
)
def test_the_whole_networks_count_what_torchvision_s_do(
    name: str, network: str, parameters: int, with_auxiliary: int
) -> None:
    designed, built = count_design(start(name)), costs.count(spec(network))
    assert designed.parameters == parameters
    assert designed.parameters_with_auxiliary == with_auxiliary
    assert designed.macs == built.macs
    assert designed.activation_bytes == built.activation_bytes
    builder = models.get_model_builder(network)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        builder(weights=None, **({"init_weights": False} if name == "googlenet" else {})).eval()(
            torch.empty(1, 3, 224, 224)
        )
    assert designed.macs * 2 == counter.get_total_flops()


def test_a_module_runs_in_the_two_traced_passes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[bool] = []
    forward = InceptionBranches.forward

    def counted(self: InceptionBranches, x: Tensor) -> Tensor:
        runs.append(self.training)
        return forward(self, x)

    monkeypatch.setattr(InceptionBranches, "forward", counted)
    count_design(start("googlenet"))
    assert runs == 9 * [False] + 9 * [True]  # to classify, and what training keeps


def test_alexnet_of_2012_has_as_many_weights_as_its_two_towers() -> None:
    # 11² · 3 · 96 + … with half of the inputs where the paper's towers do not meet.
    weights = 34_848 + 307_200 + 884_736 + 663_552 + 442_368
    fully = 9216 * 4096 + 4096 * 4096 + 4096 * 1000
    biases = 96 + 256 + 384 + 384 + 256 + 4096 + 4096 + 1000
    assert count_design(start("alexnet-2012")).parameters == weights + fully + biases


@pytest.mark.parametrize("name", SMALL)
def test_a_small_start_can_be_trained_here(name: str) -> None:
    counted = count_design(start(name))
    check_trainable(counted)
    assert counted.macs < 40_000_000


def test_what_is_too_large_to_be_trained_is_named() -> None:
    with pytest.raises(DesignError, match=r"20,000,000 are the limit .* “fc 4096”"):
        check_trainable(count_design(start("alexnet")))
    with pytest.raises(DesignError, match="ends with maps of 4×8×8"):
        check_trainable(count_design(Design.parse("input 3x8x8\nconv 4 1x1")))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        # The ReLU's 40 · 512 · 512 numbers of 4 bytes are kept; as many come out beside them.
        ("conv 40 1x1\nrelu\ngap\nfc 6", "needs 87 MB of memory .* 50 MB .* “conv 40 1x1”"),
        # The convolution keeps what it reads, each ReLU what it returns: 3 · 1024 · 1024 · 4 bytes.
        (
            "avgpool to 1024x1024\nconv 3 1x1\n" + "relu\n" * 3 + "gap",
            "needs 63 MB .* “avgpool to 1024x1024”",
        ),
        # What nothing keeps is there for a while: 65 · 512 · 512 · 4 bytes beside the image.
        ("conv 65 1x1\ngap", "needs 71 MB .* “conv 65 1x1”"),
        ("avgpool to 4x4\nconv 65536 1x1\nconv 13 1x1\ngap", None),
    ],
)
def test_what_needs_too_much_memory_is_not_trained(lines: str, words: str | None) -> None:
    counted = count_design(Design.parse(f"input 3x512x512\n{lines}"))
    if words is None:
        check_trainable(counted)
        return
    with pytest.raises(DesignError, match=words):
        check_trainable(counted)


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        # Each has 16 · 128 + 128 + 2048 · 1024 + 1024 + 1024 · 6 + 6 parameters: 21 million in all.
        (
            "conv 16 3x3 p1\n" + "auxiliary 0.3\n" * 10 + "gap\nfc 6",
            *(
                3,
                "has 21,065,570 parameters, and 20,000,000 are .* “auxiliary 0.3” .*; leave it out",
            ),
        ),
        (
            "auxiliary 0.3\nfc 6500\nfc 6",  # 3072 · 6500 weights are more than the classifier's
            *(3, "“fc 6500” has the largest share; make it smaller"),
        ),
        ("avgpool to 1x2\nflatten", 3, "has no weights.* add a line such as “fc 10”"),
        ("gap", 2, "has no weights"),
        ("conv 3 1x1\nauxiliary 0.3\ngap", None, ""),
        ("auxiliary 0.3\ngap", 3, "has no weights"),  # the classifier is left out in the end
        ("batchnorm\ngap", None, ""),
    ],
)
def test_what_cannot_be_trained_is_named_with_its_line(
    lines: str, line: int | None, words: str
) -> None:
    text = f"input 3x32x32\n{lines}"
    if line is None:
        check_trainable(count_design(Design.parse(text)))
        return
    with pytest.raises(DesignError, match=words) as caught:
        check_trainable(count_design(Design.parse(text)))
    assert caught.value.line == line


def test_groups_that_channels_cannot_be_divided_into_are_named_however_they_came() -> None:
    design = Design.parse("input 3x8x8\nconv 8 1x1\nconv 8 1x1 g4\ngap")
    conv = replace(design.blocks[2], channels=6)
    with pytest.raises(DesignError, match="6 channels cannot be divided into 4 groups") as caught:
        place_blocks(replace(design, blocks=(*design.blocks[:2], conv, design.blocks[3])))
    assert caught.value.line == 3


def test_auxiliary_classifiers_count_for_the_most_parameters() -> None:
    # Each has 2048 · 1024 + 1024 · 65536 weights and more: 69.3 million, 15 times.
    text = "input 3x8x8\n" + "auxiliary 0.3\n" * 20 + "gap\nfc 65536"
    with pytest.raises(DesignError, match="1,000,000,000 are the limit") as caught:
        count_design(Design.parse(text))
    assert caught.value.line == 16


@pytest.mark.claims("convviz.structure.design_costs.BlockCost.formula")
@pytest.mark.parametrize(
    ("line", "formula", "left_over"),
    [
        ("conv 1 3x3", "(8 − 3 + 0)/1 + 1 = 6; (9 − 3 + 0)/1 + 1 = 7", (0, 0)),
        ("conv 1 3x3 p1", "(8 − 3 + 2)/1 + 1 = 8; (9 − 3 + 2)/1 + 1 = 9", (0, 0)),
        (
            "conv 1 2x2 /3 d2",  # spans 3: 5 and 6 positions more, in steps of 3
            "⌊(8 − 3 + 0)/3⌋ + 1 = ⌊1.667⌋ + 1 = 2; (9 − 3 + 0)/3 + 1 = 3",
            (2, 0),
        ),
        (
            "maxpool 2x2 ceil",
            "(8 − 2 + 0)/2 + 1 = 4; ⌈(9 − 2 + 0)/2⌉ + 1 = ⌈3.5⌉ + 1 = 5",
            (0, -1),
        ),
        ("avgpool to 2x3", "divided into 2×3 windows", ()),
        ("gap", "the mean of each 8×9 map", ()),
        ("flatten", "2 · 8 · 9 = 144", ()),
        ("fc 10", "2 · 8 · 9 = 144 → 10", ()),
        ("inception 64 96>128 16>32 >32", "64 + 128 + 32 + 32 = 256", ()),
        ("relu", "", ()),
    ],
)
def test_a_size_is_written_out(line: str, formula: str, left_over: tuple[int, ...]) -> None:
    counted = count_design(Design.parse(f"input 2x8x9\n{line}\n"))
    assert counted.blocks[1].formula == formula
    assert counted.blocks[1].left_over == left_over


def test_a_fully_connected_layer_on_a_vector_says_what_comes() -> None:
    counted = count_design(Design.parse("input 2x8x9\nfc 10\nfc 4"))
    assert counted.blocks[2].formula == "10 → 4"


def test_counting_leaves_the_placed_network_as_it_was_and_keeps_none() -> None:
    placed = place_blocks(Design.parse("input 3x32x32\nconv 4 3x3\nbatchnorm\nrelu\ngap\nfc 2"))
    module = placed.module
    copied = rows_of(trace(module, (3, 32, 32)), module, (3, 32, 32), spec_of(placed))
    counted = count_placed(placed)
    assert counted.as_network.layers == copied
    assert sum(row.activation_bytes for row in copied) > 0
    assert not any(part.training for part in module.modules())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    gone = weakref.ref(module)
    del placed, module, copied
    gc.collect()
    assert gone() is None
