"""What the page Design says, against numbers worked out here."""

import pytest

from convviz.errors import DesignError
from convviz.networks.design import Design
from convviz.structure.design_costs import DesignCosts, count_design
from convviz.ui.design import cost_findings


def counted(*lines: str) -> DesignCosts:
    return count_design(Design.parse("\n".join(lines)))


@pytest.mark.claims("convviz.ui.design.cost_findings.heaviest")
def test_the_heaviest_blocks_are_named_with_their_shares() -> None:
    # 3 · 4 + 4 = 16 and 4 · 12 + 12 = 60 parameters; 64 · 12 = 768 and 48 multiply–accumulates.
    costs = counted("input 3x8x8", "conv 4 1x1", "relu", "gap", "fc 12")
    said = cost_findings.heaviest(costs)
    assert said.startswith(f"Line 5, fc 12, has {100 * 60 / 76:.0f}")
    assert "line 2, conv 4 1x1, has 94" in said  # 768 of 816
    assert "line 3, relu, keeps" in said  # 4 · 64 values, more than the image's 3 · 64
    nothing = cost_findings.heaviest(counted("input 3x8x8", "dropout 0"))
    assert "no weights" in nothing or "keeps" in nothing


@pytest.mark.claims("convviz.ui.design.cost_findings.left_over")
def test_what_a_stride_leaves_over_is_said_once_for_both_axes() -> None:
    costs = counted("input 3x8x9", "maxpool 2x2", "maxpool 2x2 ceil", "maxpool 2x2 ceil", "relu")
    assert [cost_findings.left_over(block) for block in costs.blocks] == ["", "0 × 1", "0", "0", ""]
    odd = counted("input 3x9x9", "maxpool 2x2 ceil", "conv 2 2x2 /2")
    assert [cost_findings.left_over(block) for block in odd.blocks] == ["", "1 beyond", "1"]


@pytest.mark.claims("convviz.ui.design.cost_findings.table_text")
def test_the_table_explains_what_does_not_speak_for_itself() -> None:
    plain = counted("input 3x8x8", "conv 4 1x1", "gap", "fc 4")
    assert cost_findings.table_text(plain) == ""
    odd = counted("input 3x9x9", "maxpool 2x2 ceil", "gap", "fc 4")
    assert cost_findings.table_text(odd).startswith("Left over are rows and columns")
    helped = counted("input 3x8x8", "conv 4 1x1", "auxiliary 0.3", "gap", "fc 4")
    assert cost_findings.table_text(helped).startswith("An auxiliary classifier works in training")
    (head,) = (block for block in helped.blocks if block.auxiliary)
    assert head.parameters > 0
    assert (cost_findings.macs(head), head.macs) == ("training only", 0)
    assert (cost_findings.block_memory(head), head.activation_bytes) == ("–", 0)
    assert cost_findings.macs(helped.blocks[1]) == "768"


@pytest.mark.claims("convviz.ui.design.cost_findings.compared")
@pytest.mark.parametrize(
    ("after", "words"),
    [
        ("conv 4 1x1", "as many parameters as before (16) and as many MACs as"),
        ("conv 8 1x1", "2.0 times the parameters and 2.0 times the MACs"),
        ("conv 5 1x1", "25 % more parameters and 25 % more MACs"),
        ("conv 1 1x1", "75 % fewer parameters and 75 % fewer MACs"),
        ("relu", "0 parameters, 16 before and 0 MACs, 768 before"),
    ],
)
def test_a_change_is_said_in_factors(after: str, words: str) -> None:
    before = counted("input 3x8x8", "conv 4 1x1")
    assert words in cost_findings.compared(before, counted("input 3x8x8", after))


@pytest.mark.claims("convviz.ui.design.cost_findings.not_trained")
def test_what_is_not_trained_is_said_with_its_line() -> None:
    error = DesignError(7, "too small.")
    assert cost_findings.not_trained(error).endswith("be trained here: line 7: too small.")


def test_small_memory_is_said_in_bytes() -> None:
    assert cost_findings.memory(480) == "480 B"
    assert cost_findings.memory(48_000_000) == "48 MB"
