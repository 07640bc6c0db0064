"""The sentences about gradients and comparisons say what the numbers say, at the extremes too."""

import itertools
import math
import re
from dataclasses import replace

import pytest
from torch import nn

from convviz.features.predictions import HeadPrediction, Prediction
from convviz.learning import findings
from convviz.learning.auxiliary import Comparison, Moment, Settings, Standing
from convviz.learning.config import Validation
from convviz.learning.gradients import Gradients, Initialisation, LayerGradient
from convviz.learning.guessing import Guessing
from convviz.learning.significance import PairedComparison
from convviz.lessons.auxiliary_loss import auxiliary_loss
from convviz.networks.registry import build, spec
from convviz.structure.costs import heads

EQUAL = PairedComparison(25, 0, 0, 75)
NAN, INF = math.nan, math.inf


def stages(*pairs: tuple[float, float], weights: float = 1.0) -> tuple[LayerGradient, ...]:
    """conv1, …, fc with the gradients without and with auxiliary losses."""
    names = ["conv1", *(f"inception{k}" for k in range(1, len(pairs) - 1)), "fc"]
    return tuple(
        LayerGradient(name, name, without, with_heads, weights)
        for name, (without, with_heads) in zip(names, pairs, strict=False)
    )


def moment(
    step: int,
    gradients: tuple[LayerGradient, ...] = stages((1.0, 1.0), (1.0, 1.0)),
    losses: tuple[float | None, float | None] = (None, None),
    paired: PairedComparison = EQUAL,
) -> Moment:
    shares = (paired.both + paired.only_first, paired.both + paired.only_second)
    one, two = (
        Standing(loss, Validation(1.0, share / paired.images), 1.0)
        for loss, share in zip(losses, shares, strict=True)
    )
    return Moment(step, gradients, one, two, paired)


def comparison(*moments: Moment, settings: Settings | None = None) -> Comparison:
    return Comparison(
        settings or Settings(),
        ("a", "b", "c", "d"),
        300,
        100,
        10,
        5,
        Guessing(0.25, math.log(4)),
        moments[-1].step,
        moments,
        "steps",
    )


@pytest.mark.claims("convviz.learning.findings.main_alone")
def test_both_ends_and_their_ratio_are_named() -> None:
    # 0.002 / 0.01 = 0.2; of weights of length 4, 0.0005 and 0.0025: between 0.0001 and 0.01.
    text = findings.main_alone(stages((0.002, 1), (0.01, 1), weights=4.0))
    assert "0.002 long at conv1 and 0.01 at fc" in text
    assert "at conv1 0.2 times as long as at fc" in text
    assert "little arrives at any stage" in text
    assert "no stage's weights by more than 0.0025 of their length" in text


@pytest.mark.claims("convviz.learning.findings._lengths")
@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (0.29, 1.0, "0.29 times as long"),
        (0.88, 1.0, "about as long (0.88 times)"),
        (1.0, 1.0, "about as long (1.00 times)"),
        (17.4, 0.74, "24 times as long"),  # 23.5
    ],
)
def test_how_long_at_the_first_stage_beside_the_last(
    first: float, last: float, expected: str
) -> None:
    assert expected in findings.main_alone(stages((first, first), (last, last)))


@pytest.mark.claims("convviz.learning.findings._arrival")
@pytest.mark.parametrize("exponent", range(-320, 4))
def test_it_arrives_only_where_it_changes_the_weights(exponent: int) -> None:
    relative = float(f"3e{exponent}")
    everywhere = findings.main_alone(stages((relative, 0), (relative, 0)))
    first_only = findings.main_alone(stages((relative, 0), (0.5, 0)))
    assert ("without help" in everywhere) == (relative >= 0.01)
    assert ("without help" in first_only) == (relative >= 0.01)
    assert ("hardly anything arrives at any stage" in everywhere) == (relative < 1e-4)
    assert ("**So little arrives at any stage" in everywhere) == (1e-4 <= relative < 0.01)
    assert ("hardly anything arrives at conv1" in first_only) == (relative < 1e-4)
    assert ("**So little arrives at conv1" in first_only) == (1e-4 <= relative < 0.01)
    assert "well" not in everywhere


def test_a_gradient_of_0_is_said_so() -> None:
    assert "exactly 0 at every stage" in findings.main_alone(stages((0, 1), (0, 0)))
    text = findings.main_alone(stages((0, 1), (2, 2)))
    assert "0 long at conv1 and 2 at fc" in text
    assert "nothing arrives at conv1" in text
    assert "times" not in text


@pytest.mark.parametrize("value", [NAN, INF])
def test_a_gradient_that_is_no_number_is_said_so(value: float) -> None:
    broken = stages((1, 1), (value, 1), (1, value))
    text = findings.main_alone(broken)
    assert "no longer a number at 2 of 3 stages, inception1 the first of them" in text
    assert findings.with_auxiliary(broken, 0.3) == ""
    both = findings.gradients(comparison(moment(0), moment(40, broken)))
    assert "After 40 steps.** The gradient is no longer a number" in both
    assert "nan" not in both
    assert "inf " not in both


@pytest.mark.claims("convviz.learning.findings.with_auxiliary")
def test_how_much_longer_with_the_auxiliary_losses() -> None:
    text = findings.with_auxiliary(stages((2, 17), (3, 4.5), (1, 1)), 0.3)
    # 17 / 2, 4.5 / 3, 1 / 1
    assert "at conv1 is **8.5 times as long**" in text
    assert "from 1.0 times (fc) to 8.5 times (conv1)" in text
    assert "**0.5 times as long**" in findings.with_auxiliary(stages((2, 1), (1, 1)), 0.3)
    equal = findings.with_auxiliary(stages((2, 2.1), (2, 2.1)), 0.3)
    assert equal.endswith("is **about as long** (1.05 times).")
    assert "Only the auxiliary" in findings.with_auxiliary(stages((0, 1), (1, 1)), 0.3)
    assert "losses either" in findings.with_auxiliary(stages((0, 0), (1, 1)), 0.3)
    assert "either" not in findings.with_auxiliary(stages((1, 0), (1, 1)), 0.3)
    assert "both gradients are the same" in findings.with_auxiliary(stages((2, 2), (1, 1)), 0.0)


# Which settings each piece of advice asks for.
ASKED = {
    "raise the weight": ("weight", True),
    "the network with batch norm": ("batch_norm", True),
    "no batch norm": ("batch_norm", False),
    "weights scaled to each layer": ("start", "he"),
    "narrow first weights": ("start", "narrow"),
}
STRENGTHS = (0.0, 1e-300, 6.7e-12, 5e-4, 0.05, 3.0, NAN, INF)
SLIDER = [k / 10 for k in range(11)]


@pytest.mark.claims(
    "convviz.learning.findings.next_start", "convviz.learning.findings.initial_gradients"
)
@pytest.mark.parametrize(
    ("weight", "batch_norm", "start"),
    list(itertools.product(SLIDER, (False, True), ("narrow", "he"))),
)
def test_advice_never_asks_for_what_is_set(
    weight: float, batch_norm: bool, start: Initialisation
) -> None:
    present = {"weight": weight > 0, "batch_norm": batch_norm, "start": start}
    for without, factor in itertools.product(STRENGTHS, (0.5, 1.0, 9.0)):
        measured = stages((without, without * (factor if weight else 1)), (0.1, 0.1))
        result = Gradients(measured, auxiliary_loss(1.0, (1.0, 1.0), weight), 0, 0)
        text = findings.initial_gradients(result, batch_norm=batch_norm, start=start)
        *_, advice = text.split("Now ")
        asked = [value for words, value in ASKED.items() if words in advice]
        assert asked or "another seed" in advice
        assert all(present[name] != value for name, value in asked), text
        assert ("without help" in text) == (math.isfinite(without) and without >= 0.01)
        assert not re.search(r"\b(nan|inf)\b", text)


@pytest.mark.claims("convviz.learning.findings.gradients", "convviz.learning.findings.after")
def test_gradients_at_the_beginning_and_at_the_end() -> None:
    first = moment(0, stages((1.0, 7.7), (2.0, 2.0)))
    text = findings.gradients(comparison(first, moment(40, stages((2.0, 1.0), (1.0, 1.0)))))
    beginning, end = text.split("\n\n")
    assert beginning.startswith("**Before the first step.** ")
    assert "at conv1 is **7.7 times as long**" in beginning
    assert end.startswith("**After 40 steps.** ")
    assert "at conv1 is **0.5 times as long**" in end
    assert "different weights" in end
    assert "After" not in findings.gradients(comparison(first))
    assert "After 1 step." in findings.gradients(comparison(first, moment(1)))
    same = findings.gradients(comparison(first, moment(9), settings=Settings(weight=0.0)))
    assert "different weights" not in same


@pytest.mark.claims(
    "convviz.learning.findings.learning",
    "convviz.learning.findings.begun",
)
def test_which_began_to_learn_earlier() -> None:
    # ln 4 = 1.386, and 90 % of it 1.248.
    start = moment(0)
    slow = comparison(start, moment(20, losses=(1.2, 1.38)), moment(40, losses=(0.9, 1.2)))
    assert findings.begun(slow, with_heads=True) == 20
    assert findings.begun(slow, with_heads=False) == 40
    text = findings.learning(slow)
    assert "has a loss of 1.39" in text
    assert "by step 20 with the auxiliary losses, and by step 40 without" in text
    never = comparison(start, moment(20, losses=(1.2, 1.38)))
    expected = "by step 20 with the auxiliary losses, and not in 20 steps without"
    assert expected in findings.learning(never)
    both = comparison(start, moment(20, losses=(1.1, 1.2)))
    assert "Both networks' main loss fell below 90 % of it by step 20" in findings.learning(both)
    neither = comparison(start, moment(1, losses=(1.3, 1.3)))
    assert "Neither network's main loss fell below 90 % of it in 1 step." in findings.learning(
        neither
    )
    assert findings.begun(comparison(start, moment(2, losses=(NAN, 0.1))), with_heads=True) is None
    # Classes of unequal size: guessing's loss is their entropy.
    unequal = replace(slow, guessing=Guessing(0.9, 0.325))
    assert "has a loss of 0.33" in findings.learning(unequal)
    assert findings.begun(unequal, with_heads=True) is None


def judged(paired: PairedComparison, settings: Settings | None = None) -> str:
    return findings.accuracy(comparison(moment(20, paired=paired), settings=settings))


@pytest.mark.claims("convviz.learning.findings.accuracy", "convviz.learning.findings._verdict")
@pytest.mark.parametrize(
    ("paired", "shares", "expected"),
    [
        # All, none, the same half: nothing is discordant.
        (PairedComparison(12, 0, 0, 0), ("100 %", "100 %"), "**no difference**"),
        (PairedComparison(0, 0, 0, 12), ("0 %", "0 %"), "**no difference**"),
        (PairedComparison(6, 0, 0, 6), ("50 %", "50 %"), "**no difference**"),
        # Equally many, but others.
        (PairedComparison(2, 5, 5, 8), ("35 %", "35 %"), "**no difference** in number"),
        # 2 / 2⁵ = 0.0625 and 2 / 2⁶ = 0.031.
        (PairedComparison(10, 5, 0, 5), ("75 %", "50 %"), "no difference to count on"),
        (PairedComparison(10, 6, 0, 4), ("80 %", "50 %"), "the one **with** them is better"),
        (PairedComparison(10, 0, 6, 4), ("50 %", "80 %"), "the one **without** them is better"),
        (PairedComparison(0, 100, 0, 0), ("100 %", "0 %"), "p = less than 0.001"),
        (PairedComparison(0, 1, 0, 0), ("100 %", "0 %"), "no difference to count on"),
    ],
)
def test_accuracies_differ_only_beyond_chance(
    paired: PairedComparison, shares: tuple[str, str], expected: str
) -> None:
    text = judged(paired)
    assert (
        f"After 20 steps, {shares[0]} of the {paired.images} validation pictures are named "
        f"correctly with the auxiliary losses and {shares[1]} without" in text
    )
    assert expected in text
    assert ("is better" in text) == (
        paired.only_first != paired.only_second
        and 2 * 0.5 ** (paired.only_first + paired.only_second) < 0.05
    )
    if paired.only_first + paired.only_second:
        counts = f"{paired.only_first} only with them, {paired.only_second} only without"
        assert counts in text
    assert "This is one seed" in text


def test_the_p_value_stands_beside_the_verdict() -> None:
    assert "p = 0.062" in judged(PairedComparison(10, 5, 0, 5))  # 2 / 2⁵ = 0.0625
    assert "p = 0.031" in judged(PairedComparison(10, 6, 0, 4))  # 2 / 2⁶ = 0.03125


def test_weight_0_is_one_training_and_no_comparison() -> None:
    text = judged(PairedComparison(6, 0, 0, 6), Settings(weight=0.0))
    assert text.endswith("With weight 0 the two are the same training.")


@pytest.mark.claims("convviz.learning.findings.aftermath")
@pytest.mark.parametrize(
    ("batch_norm", "start"), list(itertools.product((False, True), ("lecun", "he")))
)
def test_the_aftermath_asks_for_what_the_training_had_not(batch_norm: bool, start: str) -> None:
    text = findings.aftermath(Settings(batch_norm=batch_norm, start=start))  # type: ignore[arg-type]
    advice = re.search(r"Choose (.*) above", text)
    asked = advice[1] if advice else ""
    assert ("batch norm" in asked) == (not batch_norm)
    assert ("variance 2" in asked) == (start != "he")
    assert ("had both" in text) == (batch_norm and start == "he")


@pytest.mark.claims("convviz.learning.findings.head_placement")
def test_heads_sit_where_a_walk_through_the_modules_finds_them() -> None:
    # By hand: conv1, conv2, conv3 and two for each Inception module, 3a 3b 4a | 4b 4c 4d | 4e 5a
    # 5b; then the main classifier's own layer.
    first, second = heads(spec("googlenet"))
    text = findings.head_placement(1, first)
    assert "**aux1** reads the 512 × " in text
    assert f"after {3 + 2 * 3} layers with weights; the main" in text
    assert f"the main classifier reads what {3 + 2 * 9} have made" in text
    assert f"after {3 + 2 * 6} layers" in findings.head_placement(2, second)
    for number, head in ((1, first), (2, second)):
        module = build(spec("googlenet")).get_submodule(f"aux{number}")
        assert isinstance(module, nn.Module)
        count = sum(parameter.numel() for parameter in module.parameters())
        assert f"{count:,} parameters" in findings.head_placement(number, head)


def head(name: str, depth: int, index: int, probability: float) -> HeadPrediction:
    return HeadPrediction(name, "x", depth, (Prediction("a", probability, index, "a"),))


@pytest.mark.claims("convviz.learning.findings.head_predictions")
@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (0.2, 0.9, "is surer of its first choice (90.0 %) than aux1, after 9, of its own (20.0 %)"),
        (0.9, 0.2, "is less sure of its first choice (20.0 %) than aux1"),
        (0.5, 0.5, "is as sure of its first choice (50.0 %) as aux1"),
        (0.0, 1.0, "is surer of its first choice (100.0 %) than aux1"),
    ],
)
def test_who_is_surer_is_read_from_the_probabilities(
    first: float, last: float, expected: str
) -> None:
    three = (head("aux1", 9, 4, first), head("aux2", 15, 4, 0.1), head("", 22, 4, last))
    text = findings.head_predictions(three)
    assert text.startswith("All 3 name the same class first. The main classifier, after 22 layers,")
    assert expected in text
    other = (three[0], head("aux2", 15, 5, 0.1), three[2])
    assert findings.head_predictions(other).startswith("They do not agree. ")
