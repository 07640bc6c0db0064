"""What a comparison with and without auxiliary losses shows, in sentences made from its numbers."""

from __future__ import annotations

import math

from convviz.learning.auxiliary import Comparison, Moment, Standing

_ALIKE = 1.2  # up to this factor two gradients count as equally long


_LEFT = 0.9  # a loss below this share of guessing's has begun to fall


def gradients(found: Comparison) -> str:
    """Say how much longer the first layer's gradient is, at the beginning and at the end."""
    first, last = found.moments[0], found.moments[-1]
    said = f"Before the first step, {_first_layer(first)}."
    if last.step == first.step:
        return said
    return (
        f"{said} After {last.step:,} steps, {_first_layer(last)}; by then the two networks have "
        "different weights, and where a loss has fallen its gradient is short too."
    )


def learning(found: Comparison) -> str:
    """Say which of the two began to learn earlier, and which names more pictures at the end."""
    guessing = math.log(len(found.classes))
    one, two = (begun(found, with_heads=each) for each in (True, False))
    left = f"The loss of guessing is {guessing:.2f}. "
    if one is None and two is None:
        left += f"Neither network's main loss fell below {_LEFT:.0%} of it in {found.step:,} steps."
    elif one == two:
        left += f"Both networks' main loss fell below {_LEFT:.0%} of it by step {one:,}."
    else:
        left += (
            f"The main loss fell below {_LEFT:.0%} of it {_by(one, found)} with the auxiliary "
            f"losses, and {_by(two, found)} without."
        )
    return f"{left} {_accuracy(found)}"


def begun(found: Comparison, *, with_heads: bool) -> int | None:
    """Return the first moment at which a network's main loss had begun to fall; None for never."""
    limit = _LEFT * math.log(len(found.classes))
    for moment in found.moments:
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
        f"the gradient at {stage.title} is **{_times(factor)} times as long** with the auxiliary "
        "losses as without"
    )


def _accuracy(found: Comparison) -> str:
    last = found.moments[-1]
    shares = [each.validation.accuracy for each in (last.with_heads, last.without)]
    said = (
        f"At the end {shares[0]:.0%} of the validation pictures are named rightly with, and "
        f"{shares[1]:.0%} without"
    )
    if abs(shares[0] - shares[1]) < 2 * _chance(found, last.with_heads, last.without):
        return (
            f"{said}: with only {found.validation_images:,} pictures to check, that is no "
            "difference to count on."
        )
    better = "with" if shares[0] > shares[1] else "without"
    return f"{said}: more {better} the auxiliary losses, and by more than chance would explain."


def _chance(found: Comparison, one: Standing, two: Standing) -> float:
    """Return the standard error of the difference between two accuracies."""
    shares = (one.validation.accuracy, two.validation.accuracy)
    return math.sqrt(sum(p * (1 - p) for p in shares) / found.validation_images)


def _by(step: int | None, found: Comparison) -> str:
    return f"not in these {found.step:,} steps" if step is None else f"by step {step:,}"


def _times(factor: float) -> str:
    return f"{factor:,.0f}" if factor >= 20 else f"{factor:.1f}" if factor >= 1 else f"{factor:.2g}"
