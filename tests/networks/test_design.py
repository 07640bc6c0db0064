"""Designs as text: what each line becomes, and what is said of lines that are none."""

import pickle
import re
from pathlib import Path

import pytest

from convviz.errors import DesignError, NetworkError
from convviz.learning.design_comparison import LARGEST_SIDE
from convviz.learning.image_side import LEAST_SIDE
from convviz.networks import (
    design_blocks,
    design_grammar,
    design_module,
    design_names,
    design_reading,
)
from convviz.networks.design import Design
from convviz.networks.design_blocks import ConvBlock, InceptionBlock, MaxPoolBlock
from convviz.networks.design_starts import start_text
from convviz.structure import design_costs

BEGIN = "input 3x32x32\n"


def only(line: str) -> design_blocks.DesignBlock:
    """Read one line after an input."""
    return Design.parse(BEGIN + line).blocks[1]


@pytest.mark.parametrize(
    ("line", "block", "text"),
    [
        (
            "conv 64 3x3 /2 p1 g2 d2",
            ConvBlock(64, (3, 3), (2, 2), (1, 1), 2, (2, 2)),
            "conv 64 3x3 /2 p1 g2 d2",
        ),
        ("conv d2 p1 3×3 g2 64 /2", ConvBlock(64, (3, 3), (2, 2), (1, 1), 2, (2, 2)), None),
        ("CONV 64 3X3 P1", ConvBlock(64, (3, 3), padding=(1, 1)), "conv 64 3x3 p1"),
        (
            "conv 8 1x7 p0x3",
            ConvBlock(8, (1, 7), padding=(0, 3)),
            "conv 8 1x7 p0x3",
        ),
        ("maxpool 3x3", MaxPoolBlock((3, 3), (3, 3)), "maxpool 3x3"),
        ("maxpool ceil /2 3x3 p1", MaxPoolBlock((3, 3), (2, 2), (1, 1), True), None),
        ("maxpool 3x3 /3  # the same", MaxPoolBlock((3, 3), (3, 3)), "maxpool 3x3"),
        (
            "inception 64 96>128 16>32 >32",
            InceptionBlock(64, 96, 128, 16, 32, 32),
            "inception 64 96>128 16>32 >32",
        ),
        (
            "inception bn 64 96>128 3x3s 16>32 >32",
            InceptionBlock(64, 96, 128, 16, 32, 32, "3x3s", True),
            "inception 64 96>128 16>32 >32 3x3s bn",
        ),
        (
            "inception 64 128 32 >32",
            InceptionBlock(64, 0, 128, 0, 32, 32),
            "inception 64 128 32 >32",
        ),
        ("dropout .5", design_blocks.DropoutBlock(0.5), "dropout 0.5"),
        ("avgpool to 6×6", design_blocks.AvgPoolToBlock((6, 6)), "avgpool to 6x6"),
    ],
)
def test_a_line_is_read_and_written(
    line: str, block: design_blocks.DesignBlock, text: str | None
) -> None:
    assert only(line) == block
    if text is not None:
        assert only(line).text == text
    assert only(only(line).text) == block


def test_comments_empty_lines_and_signs_of_other_systems_change_nothing() -> None:
    typed = "\ufeff# mine\r\n\r\nname  my  net # first\r\n\tinput 3×32×32\r\nconv 8 3x3#,\rfc 10"
    design = Design.parse(typed, "file")
    assert design.text == "name my net\ninput 3x32x32\nconv 8 3x3\nfc 10\n"
    assert [block.line for block in design.blocks] == [4, 5, 6]
    assert Design.parse(design.text) == design


def test_the_file_s_name_is_the_design_s_unless_a_line_says_another() -> None:
    assert Design.parse(BEGIN + "fc 1", "lenet#5").name == "lenet 5"
    assert Design.parse("name a\n" + BEGIN + "fc 1", "lenet").name == "a"
    assert Design.parse(BEGIN + "fc 1").name == ""


@pytest.mark.claims("convviz.networks.design_reading._twice")
@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "no block"),
        ("conv 8 3x3", 1, "input 3x224x224"),
        ("# x\n\ninput 3x8x8", 3, "nothing comes after"),
        (BEGIN + "\ninput 3x8x8", 3, "one input"),
        (BEGIN + "name late\nfc 1", 2, "first line"),
        ("name a\nname b\n" + BEGIN, 2, "has its name from line 1: leave this one out"),
        ("# x\nname a\n" + BEGIN + "relu\nname b", 5, "has its name from line 2: leave this"),
        ("name\n" + BEGIN, 1, "name is missing"),
        ("input 28x28\nfc 1", 1, "1x28x28"),
        ("input 0x28x28\nfc 1", 1, "from 1 to"),
        ("input 32x32x3\nfc 1", 1, "“32x32x3” is height × width × channels, as Keras has it"),
        ("input 224×320×3\nfc 1", 1, "channels come first: write 3x224x320."),
        ("input 28x28x1\nfc 1", 1, "write 1x28x28."),
        ("input 3x2000x28\nfc 1", 1, "1,024"),
        (BEGIN + "cnov 8 3x3", 2, "did you mean conv"),
        (BEGIN + "conv 8", 2, "needs its kernel"),
        (BEGIN + "conv 3x3", 2, "needs its number of channels"),
        (BEGIN + "conv 8 3", 2, "3x3"),
        (BEGIN + "conv 8 3x3 3x3", 2, "twice"),
        (BEGIN + "conv 8 3x3 p1 p2", 2, "twice"),
        (BEGIN + "conv 8 3x3 s2", 2, "not understood"),
        (BEGIN + "conv 8 3x3 -1", 2, "not understood"),
        (BEGIN + "conv 8 3x3 /0", 2, "stride"),
        (BEGIN + "conv 0 3x3", 2, "from 1 to"),
        (BEGIN + "conv 99999999999999999999 3x3", 2, "too large"),
        (BEGIN + "conv 9 3x3 g2", 2, "multiple of 2"),
        (BEGIN + "conv 8 3x3 g2x2", 2, "number of groups"),
        (BEGIN + "maxpool 3x3 d2", 2, "takes no dilation"),
        (BEGIN + "maxpool 2", 2, "2x2"),
        (BEGIN + "maxpool 3x3 p2", 2, "p1"),
        (BEGIN + "maxpool 1x1 p1", 2, "takes no padding"),
        (BEGIN + "maxpool 8x8 p5", 2, "is more than half of the window, 8×8: choose p4"),
        (BEGIN + "avgpool to 6", 2, "avgpool to 6x6"),
        (BEGIN + "dropout", 2, "needs its rate"),
        (BEGIN + "dropout 1", 2, "below 1"),
        (BEGIN + "dropout nan", 2, "no rate"),
        (BEGIN + "fc", 2, "number of outputs"),
        (BEGIN + "fc ten", 2, "no number of outputs"),
        (BEGIN + "relu 6", 2, "stands alone"),
        (BEGIN + "inception 64 96>128 16>32", 2, "four branches"),
        (BEGIN + "inception 64 96>128 16>32 32", 2, ">32"),
        (BEGIN + "inception 64 >128 16>32 >32", 2, "lacks the 1×1"),
        (BEGIN + "inception 8>64 96>128 16>32 >32", 2, "first branch"),
        (BEGIN + "inception 64 96>128 16>32 >32 3x3 3x3s", 2, "twice"),
        (BEGIN + "auxiliary", 2, "weight of its loss"),
        (BEGIN + "auxiliary 0", 2, "above 0"),
        (BEGIN + "end", 2, "no residual to end"),
        (BEGIN + "residual\nrelu", 2, "no end"),
        (BEGIN + "residual\nend", 3, "is empty"),
        (BEGIN + "residual\nrelu\nresidual\nend\nend", 4, "do not nest"),
        (BEGIN + "relu\n" * 400, 401, "at most 400 blocks"),
        ("#" * 50_000, 1, "40,000 characters"),
        (BEGIN + "conv 8 3 3", 2, "there are two numbers, “8” and “3”"),
        (BEGIN + "relu 3x3", 2, "leave “3x3” out"),
        (BEGIN + "maxpool 3", 2, "takes no number, such as “3”; a size is written 3x3: "),
        (BEGIN + "maxpool 12345", 2, "takes no number, such as “12345”: such a line is “maxpool "),
        (BEGIN + "fc 1 2", 2, "fc needs its number of outputs, and has 2 words: "),
        (BEGIN + "fc", 2, "fc needs its number of outputs, and has none: "),
        (BEGIN + "dropout half", 2, "“half” is no rate: such a line is “dropout 0.5”"),
        (BEGIN + "auxiliary half", 2, "“half” is no weight of a loss: "),
        (BEGIN + "inception 64 96>128 16>32 >32 bn bn", 2, "“bn” and “bn” say the same thing"),
        (BEGIN + "inception 1 1 1 >1 3x3 5x5 3x3s", 2, "“3x3” and “5x5” and “3x3s” say the same"),
    ],
)
def test_what_is_no_line_is_named_with_its_cure(text: str, line: int, words: str) -> None:
    with pytest.raises(DesignError) as caught:
        Design.parse(text)
    assert caught.value.line == line
    assert words in caught.value.sentence
    assert str(caught.value) == f"Line {line}: {caught.value.sentence}"
    assert "\n" not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.claims("convviz.networks.design_names._known")
@pytest.mark.parametrize("example", design_names.OTHER_NAMES)
def test_every_name_of_another_framework_leads_to_a_line_that_can_be_read(example: str) -> None:
    keyword = example.partition(" ")[0]
    assert keyword in {form.keyword for form in design_grammar.GRAMMAR}
    before, after = {
        "name": ("", "\n" + BEGIN + "fc 1"),
        "input": ("", "\nfc 1"),
        "residual": (BEGIN, "\nrelu\nend"),
        "end": (BEGIN + "residual\nrelu\n", ""),
    }.get(keyword, (BEGIN, ""))
    Design.parse(before + example + after)
    for name in design_names.OTHER_NAMES[example].split():
        sentence = refused(BEGIN + f"{name} 3x3")
        assert f"“{name}”: it is " in sentence
        assert keyword in sentence.partition(": it is ")[2].partition(" here, as in ")[0].split()


def test_what_there_is_no_block_for_is_said_and_is_no_name_of_a_block() -> None:
    blocks = {name for names in design_names.OTHER_NAMES.values() for name in names.split()}
    for sentence, names in design_names.INSTEAD.items():
        for name in names.split():
            assert name not in blocks
            assert refused(BEGIN + name) == f"there is no block called “{name}”: {sentence}"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("nn.Conv2d(3, 16, 3)", "“nn.conv2d(3,”: it is conv here, as in “conv 16 3x3 p1”."),
        ("layers.Dense(10)", "“layers.dense(10)”: it is fc here, as in “fc 10”."),
        ("batch norm", "“batch norm”: it is batchnorm here, as in “batchnorm”."),
        ("Batch_Normalization", "“batch_normalization”: it is batchnorm here"),
        ("max pool 2x2", "“max pool”: it is maxpool here, as in “maxpool 2x2”."),
        ("pool 2x2", "“pool”: it is maxpool or avgpool here, as in “maxpool 2x2”."),
        ("global average pooling", "“global average pooling”: it is gap here"),
        ("fully connected 10", "“fully connected”: it is fc here"),
        ("conv3x3 16", "“conv3x3”: it is conv here"),
        ("fc6", "“fc6”: it is fc here"),
        ("relu6", "“relu6”: the only activation function here is relu."),
        ("leaky relu 0.1", "“leaky relu”: the only activation function here is relu."),
        ("sofmax", "“sofmax”: the softmax is part of the loss"),
        ("convolutoin 8 3x3", "“convolutoin”: did you mean conv?"),
        ("attention 8", "“attention”: choose from input, conv, "),
        ("64 conv", "“64”: choose from input, conv, "),
        ("(", "“(”: choose from input, conv, "),
        ("x" * 10_000, "x…”: choose from input, conv, "),
    ],
)
def test_names_are_known_as_people_write_them(line: str, sentence: str) -> None:
    assert sentence in refused(BEGIN + line)


@pytest.mark.parametrize("size", ["64x128x1", "3x3x1", "4x32x3", "32x32x2", "1x1x3"])
def test_what_may_be_meant_as_it_stands_is_read(size: str) -> None:
    assert Design.parse(f"input {size}\nfc 1").blocks[0].text == f"input {size}"


def refused(text: str) -> str:
    with pytest.raises(DesignError) as caught:
        Design.parse(text)
    return caught.value.sentence


@pytest.mark.parametrize(
    ("name", "choice"),
    [
        ("lenett", "did you mean lenet5?"),
        ("LeNet", "did you mean lenet5?"),
        ("VGG-16", "did you mean vgg16?"),
        ("vgg19", "did you mean small-vgg or vgg16?"),
        ("resnet18", "did you mean small-resnet?"),
        ("googelnet", "did you mean googlenet?"),
        ("GoogLeNet", "did you mean googlenet?"),
        ("alexnet2012", "did you mean alexnet-2012?"),
        ("mobilenet", "choose from lenet5, "),
        ("", "choose from lenet5, "),
        (" \t", "choose from lenet5, "),
        (" lenet5", "did you mean lenet5?"),
    ],
)
def test_a_start_that_there_is_not_gets_those_that_are_meant(name: str, choice: str) -> None:
    with pytest.raises(NetworkError, match=re.escape(f"to begin with: {choice}")) as caught:
        start_text(name)
    assert "  " not in str(caught.value)


@pytest.mark.parametrize("form", design_grammar.GRAMMAR, ids=lambda form: form.keyword)
def test_every_example_of_the_grammar_can_be_read(form: design_grammar.LineForm) -> None:
    before = {"name": "", "input": ""}.get(form.keyword, BEGIN)
    after = {
        "name": "\n" + BEGIN + "fc 1",
        "input": "\nfc 1",
        "residual": "\nrelu\nend",
    }.get(form.keyword, "")
    if form.keyword == "end":
        before += "residual\nrelu\n"
    design = Design.parse(before + form.example + after)
    assert form.example in design.text.splitlines()


def test_the_document_has_the_grammar_and_the_limits() -> None:
    document = (Path(design_grammar.__file__).parents[2] / "docs/DESIGN_LANGUAGE.md").read_text(
        "utf-8"
    )
    for form in design_grammar.GRAMMAR:
        assert f"| `{form.example}` | {form.meaning} |" in document
    text = " ".join(document.split())
    for limit in (
        f"{design_reading.MOST_BLOCKS} blocks, {design_reading.MOST_CHANNELS:,} channels, "
        f"{design_reading.MOST_SIDE:,}",
        f"{design_module.LARGEST_MAP:,} positions",
        f"{design_module.MOST_PARAMETERS:,} parameters",
        f"{design_costs.MOST_TRAINED_PARAMETERS:,} parameters",
        f"{design_costs.MOST_TRAINED_MACS:,} multiply",
        f"{design_costs.MOST_TRAINED_BYTES // 1_000_000} MB of memory",
        f"of {LEAST_SIDE} to {LARGEST_SIDE} pixels",
    ):
        assert limit in text
    example = document.split("```")[1].strip()
    design = Design.parse(example)
    assert (design.name, len(design.blocks)) == ("mine", 7)
    assert design_costs.count_design(design).classes == 1000


@pytest.mark.parametrize(
    ("typed", "written"),
    [("0.00001", "0.00001"), ("0.000000001", "0.000000001"), (".50", "0.5"), ("0", "0")],
)
def test_a_rate_is_written_as_it_can_be_read(typed: str, written: str) -> None:
    design = Design.parse(f"input 3x8x8\ndropout {typed}\nfc 2")
    assert design.text == f"input 3x8x8\ndropout {written}\nfc 2\n"
    assert Design.parse(design.text) == design
