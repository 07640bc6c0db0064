"""What designs cost, against torchvision's networks and against running the built module."""

import pytest
import torch

from convviz.errors import DesignError
from convviz.networks.design import Design
from convviz.networks.design_module import build
from convviz.structure.design_costs import count_design

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


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("input 3x3x3\nconv 8 5x5", 2, "a 5×5 kernel on a 3×3 map: padding 1, "),
        ("input 3x6x6\nmaxpool 2x2\nconv 8 5x5", 3, "padding 1, one pooling less or a 3×3 kernel"),
        ("input 3x6x6\nconv 8 3x3 d3", 2, "covers 7×7"),
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
    ],
)
def test_what_does_not_fit_is_named_with_its_cure(text: str, line: int, words: str) -> None:
    with pytest.raises(DesignError) as caught:
        count_design(Design.parse(text))
    assert caught.value.line == line
    assert words in caught.value.sentence
