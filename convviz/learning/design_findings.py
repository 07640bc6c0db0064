"""Sentences about designs that were trained beside each other.

Every function makes its text from the numbers of a result alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convviz.formatting import MINUS, grouped, percent
from convviz.language import numeral, tr, trn
from convviz.learning.significance import interval

if TYPE_CHECKING:  # it makes sentences itself, for its networks' files
    from convviz.learning.design_results import DesignComparison, DesignResult, DesignRun


def accuracy_of_design(run: DesignRun) -> str:
    """Say how well one trained design does, for its file."""
    return tr(
        "{share} of {count:,} test pictures, which chose nothing, were classified correctly, "
        "from seed {seed}.",
        share=percent(run.accuracy, 1),
        count=len(run.correct),
        seed=run.seed,
    )


def design_verdict(comparison: DesignComparison) -> str:
    """Say which of two designs is better, as far as their seeds and test images show it."""
    first, second = comparison.results
    paired, images, seeds = comparison.interval, comparison.images, comparison.seeds
    if images is None:
        return tr("Nothing can be compared: no seed was trained to its end with both designs.")
    if paired is None:
        share, other = (percent(result.accuracies[0], 1) for result in comparison.results)
        return tr(
            "One seed: “{design}” classifies {share} of {images:,} test pictures correctly, "
            "“{other_design}” {other_share}. It does not show what chance does: train with two "
            "seeds or more before you call one better.",
            design=first.name,
            share=share,
            images=images.images,
            other_design=second.name,
            other_share=other,
        )
    better, worse = (second, first) if paired.mean > 0 else (first, second)
    low, high = (paired.low, paired.high) if paired.mean > 0 else (-paired.high, -paired.low)
    ahead = tr(
        "{points} points ahead of “{design}”",
        points=_points(abs(paired.mean)),
        design=worse.name,
    )
    ends = tr(
        "95 % interval over {seeds} seeds: {low} to {high}",
        seeds=seeds,
        low=_points(low),
        high=_points(high),
    )
    if not paired.mean:
        return tr(
            "No difference that these {seeds} seeds show: on average both designs "
            "classify as many test pictures correctly.",
            seeds=seeds,
        )
    if not paired.is_significant:
        return tr(
            "No difference that these {seeds} seeds show: on average “{design}” is "
            "{ahead}, but that may be chance ({ends}).",
            seeds=seeds,
            design=better.name,
            ahead=ahead,
            ends=ends,
        )
    if not images.is_significant:
        return tr(
            "No difference that these {images:,} test pictures show: “{design}” is {ahead} "
            "({ends}), but so few pictures tell the two apart that others may decide "
            "otherwise (McNemar's test, p = {p_value:.2g}).",
            images=images.images,
            design=better.name,
            ahead=ahead,
            ends=ends,
            p_value=images.p_value,
        )
    return tr(
        "“{design}” is better on these data, {ahead} ({ends}).",
        design=better.name,
        ahead=ahead,
        ends=ends,
    )


def _points(share: float) -> str:
    """Write a difference of shares in points, with a second digit where the first would be 0."""
    points = 100 * abs(share)
    text = f"{points:.1f}" if points >= 0.05 else f"{points:.2f}"
    if not float(text):
        return numeral("0.0")
    return numeral(f"{MINUS if share < 0 else ''}{text}")


def design_baselines(comparison: DesignComparison) -> str:
    """Say what is reached without a design, and which designs do no better than guessing."""
    guess = percent(comparison.guessing, 1)
    if comparison.linear is None:
        text = tr("Guessing the largest class gives {guess}.", guess=guess)
    else:
        text = tr(
            "Guessing the largest class gives {guess}, a linear classifier on pixels {linear}.",
            guess=guess,
            linear=percent(comparison.linear, 1),
        )
    no_better = [
        tr("“{design}”", design=result.name)
        for result in comparison.results
        if result.accuracy is not None
        and comparison.test_images
        and interval(round(result.accuracy * comparison.test_images), comparison.test_images)[0]
        <= comparison.guessing
    ]
    if not no_better:
        return text
    judged = trn(
        "{designs} does no better than guessing, as far as {images:,} test pictures tell.",
        "{designs} do no better than guessing, as far as {images:,} test pictures tell.",
        len(no_better),
        designs=tr(" and ").join(no_better),
        images=comparison.test_images,
    )
    return f"{text} {judged}"


def diverged_designs(comparison: DesignComparison) -> str:
    """Say which trainings ended because a loss was no longer a number; empty if none did."""
    parts = [
        tr(
            "{diverged} of {count} trainings of {design}",
            diverged=result.diverged,
            count=len(result.runs),
            design=result.name,
        )
        for result in comparison.results
        if result.diverged
    ]
    if not parts:
        return ""
    return tr(
        "The loss became infinite or no number in {trainings}: what is tested then are the "
        "last good weights. Choose a smaller learning rate, or batch norm.",
        trainings=tr(" and ").join(parts),
    )


def outputs_of_designs(comparison: DesignComparison) -> str:
    """Say which designs were given as many outputs as there are classes; empty where none was."""
    parts = [
        tr(
            "“{design}” has {parameters} parameters here in the place of {written}, since it gets "
            "{classes} outputs, one for each class, in the place of {outputs}.",
            design=result.name,
            parameters=grouped(result.parameters),
            written=grouped(result.written.parameters),
            classes=len(comparison.classes),
            outputs=grouped(result.written.outputs),
        )
        for result in comparison.results
        if result.written is not None
    ]
    return " ".join(parts)


def dead_relus(result: DesignResult) -> str:
    """Say how many channels of a trained design's ReLUs are dead; empty where none was counted."""
    if not result.dead:
        return ""
    dead, channels = (sum(getattr(x, name) for x in result.dead) for name in ("dead", "channels"))
    images = result.dead[0].images
    worst = max(result.dead, key=lambda relu: relu.dead / relu.channels)
    if not worst.dead:
        return tr(
            "{design}: {dead:,} of {channels:,} channels behind ReLUs are dead for {images:,} "
            "pictures.",
            design=result.name,
            dead=dead,
            channels=channels,
            images=images,
        )
    return tr(
        "{design}: {dead:,} of {channels:,} channels behind ReLUs are dead for {images:,} "
        "pictures; the largest share is in {layer}: {layer_dead:,} of {layer_channels:,}.",
        design=result.name,
        dead=dead,
        channels=channels,
        images=images,
        layer=worst.name,
        layer_dead=worst.dead,
        layer_channels=worst.channels,
    )
