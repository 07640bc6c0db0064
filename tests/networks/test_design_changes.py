"""One change to a design: what it becomes, and that all starts still fit after all of them."""

import pytest

from convviz.errors import DesignError, SettingError
from convviz.networks.design import Design
from convviz.networks.design_changes import CHANGES, change_design
from convviz.networks.design_module import place_blocks
from convviz.networks.design_starts import STARTS, start
from convviz.structure.design_costs import count_design


def changed(lines: str, key: str) -> str:
    """Change a design that is written in one line, and return it so."""
    text = "\n".join(["input 3x16x16", *lines.split("; ")])
    after = change_design(Design.parse(text), key)
    return "; ".join(after.text.splitlines()[1:])


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("two-3x3", "conv 8 5x5 /2 p2; relu", "conv 8 3x3 p1; relu; conv 8 3x3 /2 p1; relu"),
        ("two-3x3", "conv 8 5x5 p1", "conv 8 3x3 p1; relu; conv 8 3x3"),
        (
            "two-3x3",
            "conv 8 5x5; batchnorm; relu",
            "conv 8 3x3; batchnorm; relu; conv 8 3x3; batchnorm; relu",
        ),
        ("two-3x3", "inception 8 4>8 2>4 >4 bn", "inception 8 4>8 2>4 >4 3x3s bn"),
        (
            "stack-3x3",
            "conv 8 7x7 /4 p2",
            "conv 8 3x3 p1; relu; conv 8 3x3 p1; relu; conv 8 3x3 /4",
        ),
        (
            "gap",
            "conv 8 3x3; avgpool to 6x6; dropout 0.5; fc 40; relu; dropout 0.5; fc 7",
            "conv 8 3x3; gap; fc 7",
        ),
        ("no-reductions", "inception 8 4>8 2>4 >4", "inception 8 8 4 >4"),
        ("norm", "conv 8 3x3; relu; fc 7", "conv 8 3x3; batchnorm; relu; fc 7"),
        ("no-norm", "conv 8 3x3; batchnorm; relu; fc 7", "conv 8 3x3; relu; fc 7"),
        ("no-norm", "inception 8 4>8 2>4 >4 bn", "inception 8 4>8 2>4 >4"),
        ("auxiliary", "conv 8 3x3; relu; gap; fc 7", "conv 8 3x3; relu; auxiliary 0.3; gap; fc 7"),
        ("no-auxiliary", "conv 8 3x3; auxiliary 0.3; gap", "conv 8 3x3; gap"),
        ("strides", "conv 8 3x3 p1; relu; maxpool 2x2; gap", "conv 8 3x3 /2 p1; relu; gap"),
        ("strides", "maxpool 2x2; gap", "conv 3 2x2 /2; relu; gap"),
        ("wide", "conv 8 3x3; relu; fc 30; relu; fc 7", "conv 16 3x3; relu; fc 60; relu; fc 7"),
        (
            "deep",
            "conv 8 5x5 /2; batchnorm; relu; fc 7",
            "conv 8 5x5 /2; batchnorm; relu; conv 8 5x5 p2; batchnorm; relu; fc 7",
        ),
        (
            "deep",
            "residual; inception 1 2 2 >1; relu; end; gap; fc 7",
            "residual; inception 1 2 2 >1; relu; end; "
            "residual; inception 1 2 2 >1; relu; end; gap; fc 7",
        ),
        ("deep", "inception 1 2 2 >1; gap", "inception 1 2 2 >1; inception 1 2 2 >1; gap"),
        (
            "wide",
            "conv 6 3x3 p1 g3; conv 6 3x3 g6; gap; fc 7",
            "conv 12 3x3 p1 g3; conv 12 3x3 g12; gap; fc 7",
        ),
        (
            "auxiliary",
            "inception 8 4>8 2>4 >4 bn; gap; fc 7",
            "inception 8 4>8 2>4 >4 bn; auxiliary 0.3 bn; gap; fc 7",
        ),
        (
            "deep",
            "residual; conv 8 3x3 /2 p1; end; relu; gap; fc 7",
            "residual; conv 8 3x3 /2 p1; end; relu; residual; conv 8 3x3 p1; end; relu; gap; fc 7",
        ),
    ],
)
def test_a_change_makes_of_the_lines(key: str, before: str, after: str) -> None:
    assert changed(before, key) == after


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.key)
def test_where_there_is_nothing_to_change_it_is_said(change: object) -> None:
    key = change.key  # type: ignore[attr-defined]
    has_all = {"norm": "batchnorm", "auxiliary": "auxiliary 0.3"}
    text = f"input 3x16x16\nconv 4 1x1\n{has_all.get(key, 'relu')}\ngap"
    if key == "wide" or key == "deep":  # its only layer gives the scores
        text = "input 3x16x16\nconv 4 1x1\ngap"
    with pytest.raises(SettingError, match="nothing to change"):
        change_design(Design.parse(text), key)


@pytest.mark.parametrize(
    ("key", "lines", "lacking"),
    [
        ("stack-3x3", "conv 8 8x8; relu; gap", "no square kernel of 7×7, 9×9, 11×11 or more"),
        ("stack-3x3", "conv 8 7x9; relu; gap", "no square kernel of 7×7, 9×9, 11×11 or more"),
        ("strides", "maxpool 3x3 /1; relu; gap", "no pooling with a stride above 1."),
    ],
)
def test_what_a_design_lacks_is_true_of_it(key: str, lines: str, lacking: str) -> None:
    with pytest.raises(SettingError, match=f"nothing to change: the design has {lacking}"):
        changed(lines, key)


def test_a_change_that_does_not_fit_is_said_with_the_line_that_it_makes() -> None:
    # The pooling with its padding leaves 9 of 16 positions, a stride of 2 leaves 8.
    with pytest.raises(SettingError) as caught:
        changed("conv 4 1x1; maxpool 2x2 p1; conv 4 9x9; gap", "strides")
    assert str(caught.value).startswith(
        "The changed design does not fit at its line 3, “conv 4 9x9”: a 9×9 kernel on an 8×8 map: "
    )
    deep = "; ".join(["conv 4 3x3 p1"] * 250 + ["gap"])
    with pytest.raises(SettingError, match="at its line 401, “conv 4 3x3 p1”: a design has at"):
        changed(deep, "deep")
    with pytest.raises(DesignError, match=r"^Line 3: a 9×9 kernel"):  # it does not fit as it is
        changed("conv 4 16x16; conv 4 9x9; maxpool 2x2; gap", "strides")


def test_a_stack_sees_as_much_as_the_kernel_that_it_replaces() -> None:
    before = count_design(Design.parse("input 3x64x64\nconv 8 11x11 /4 p2\nfc 2"))
    after = count_design(change_design(before.design, "stack-3x3"))
    assert before.blocks[1].receptive_field == 11
    assert before.blocks[1].output == after.blocks[-2].output
    assert after.blocks[-2].receptive_field == 11


@pytest.mark.parametrize(("going_in", "coming_out"), [(18, 31), (18, 33), (100, 177), (100, 179)])
def test_two_small_kernels_have_fewer_weights_below_1_8_times_the_channels(
    going_in: int, coming_out: int
) -> None:
    lines = f"input 3x16x16\nconv {going_in} 1x1\nconv {coming_out} 5x5 p2\ngap\nfc 2"
    before = count_design(Design.parse(lines))
    after = count_design(change_design(before.design, "two-3x3"))
    saved = before.parameters - after.parameters
    # 25 · in · out weights against 9 · in · out + 9 · out · out, and a second row of biases
    assert saved == 16 * going_in * coming_out - 9 * coming_out**2 - coming_out
    assert (saved > 0) == (coming_out < 1.78 * going_in)


@pytest.mark.parametrize("name", STARTS)
def test_every_start_fits_after_every_change(name: str) -> None:
    design = start(name)
    refusals: list[str] = []
    for change in CHANGES:
        try:
            after = change_design(design, change.key)
        except SettingError as error:
            refusals.append(str(error))
            continue
        assert place_blocks(after).classes == place_blocks(design).classes, change.key
    assert all(text.startswith("There is nothing to change") for text in refusals)
