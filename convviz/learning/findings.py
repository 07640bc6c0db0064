"""Sentences about a comparison with and without auxiliary losses, made from its numbers."""

from __future__ import annotations

import math

from convviz.formatting import times
from convviz.learning.auxiliary import Comparison, Moment, Standing

_ALIKE = 1.2  # up to this factor two gradients count as equally long
_LEFT = 0.9  # a loss below this share of guessing's has begun to fall


def gradients(comparison: Comparison) -> str:
    """Compare the first layer's gradients, at the beginning and at the end."""
    first, last = comparison.moments[0], comparison.moments[-1]
    text = f"Before the first step, {_first_layer(first)}."
    if last.step == first.step:
        return text
    return (
        f"{text} After {last.step:,} steps, {_first_layer(last)}; by then the two networks have "
        "different weights, and where a loss has fallen its gradient is short too."
    )


def learning(comparison: Comparison) -> str:
    """Compare when the two began to learn, and their accuracies at the end."""
    guessing = math.log(len(comparison.classes))
    step_with, step_without = (
        begun(comparison, with_heads=with_heads) for with_heads in (True, False)
    )
    text = f"The loss of guessing is {guessing:.2f}. "
    if step_with is None and step_without is None:
        text += (
            f"Neither network's main loss fell below {_LEFT:.0%} of it in {comparison.step:,} "
            "steps."
        )
    elif step_with == step_without:
        text += f"Both networks' main loss fell below {_LEFT:.0%} of it by step {step_with:,}."
    else:
        text += (
            f"The main loss fell below {_LEFT:.0%} of it {_by(step_with, comparison)} with the "
            f"auxiliary losses, and {_by(step_without, comparison)} without."
        )
    return f"{text} {_accuracy(comparison)}"


def begun(comparison: Comparison, *, with_heads: bool) -> int | None:
    """Return the first moment at which a network's main loss had begun to fall; None for never."""
    limit = _LEFT * math.log(len(comparison.classes))
    for moment in comparison.moments:
        loss = (moment.with_heads if with_heads else moment.without).loss
        if loss is not None and loss < limit:
            return moment.step
    return None


def _first_layer(moment: Moment) -> str:
    stage = moment.stages[0]
    if not stage.without and not stage.with_heads:
        return f"no gradient arrives at {stage.title} in either network"
    if not stage.without:
        return f"a gradient arrives at {stage.title} only with the auxiliary losses"
    factor = stage.factor
    if 1 / _ALIKE < factor < _ALIKE:
        return (
            f"the gradient at {stage.title} is **about as long** with the auxiliary losses as "
            f"without ({factor:.2f} times)"
        )
    return (
        f"the gradient at {stage.title} is **{times(factor)} times as long** with the auxiliary "
        "losses as without"
    )


def _accuracy(comparison: Comparison) -> str:
    last = comparison.moments[-1]
    shares = [standing.validation.accuracy for standing in (last.with_heads, last.without)]
    text = (
        f"At the end {shares[0]:.0%} of the validation pictures are named rightly with, and "
        f"{shares[1]:.0%} without"
    )
    if abs(shares[0] - shares[1]) < 2 * _chance(comparison, last.with_heads, last.without):
        return (
            f"{text}: with only {comparison.validation_images:,} pictures to check, that is no "
            "difference to count on."
        )
    better = "with" if shares[0] > shares[1] else "without"
    return f"{text}: more {better} the auxiliary losses, and by more than chance would explain."


def _chance(comparison: Comparison, one: Standing, two: Standing) -> float:
    """Return the standard error of the difference between two accuracies."""
    shares = (one.validation.accuracy, two.validation.accuracy)
    return math.sqrt(sum(p * (1 - p) for p in shares) / comparison.validation_images)


def _by(step: int | None, comparison: Comparison) -> str:
    return f"not in these {comparison.step:,} steps" if step is None else f"by step {step:,}"
