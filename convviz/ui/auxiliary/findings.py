"""Sentences of the page Auxiliary classifiers that come before a result, and beside its figures."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.formatting import percent, say_seconds
from convviz.learning.auxiliary import Comparison, Settings
from convviz.learning.auxiliary_recording import RecordedComparisons
from convviz.learning.small_networks import NARROWER, SmallInitialisation
from convviz.networks.network import AUXILIARY_WEIGHT

SECONDS_PER_STEP = 0.12  # of both networks on two cores, to tell others how long to wait

STARTS: dict[SmallInitialisation, str] = {
    "lecun": "variance 1 / inputs (1998)",
    "he": "variance 2 / inputs (He, 2015)",
}


def introduction() -> str:
    """Say what auxiliary classifiers are for."""
    return (
        "In a deep network the loss is far from the first layers, and its gradient has to come "
        "back through all the layers in between. GoogLeNet has two small classifiers on the way. "
        "While it trains, their losses are added to the main one, each weighted "
        f"{AUXILIARY_WEIGHT:g}; after training they are thrown away (Szegedy et al. 2015, §5)."
    )


def setting(weight: float) -> str:
    """Say what is compared.

    Args:
        weight: Factor of each auxiliary loss.
    """
    return (
        f"This network is GoogLeNet with every layer {NARROWER} times narrower, nine Inception "
        f"modules deep. loss = main + {weight:g} · aux1 + {weight:g} · aux2 on one side, and main "
        "alone on the other. Both begin with the same weights and see the same batches."
    )


def in_short(settings: Settings) -> str:
    """Say in one line how two networks are trained."""
    norm = "batch norm" if settings.batch_norm else "no batch norm"
    return (
        f"Auxiliary losses weighted {settings.weight:g} against none, {norm}, first weights with "
        f"{STARTS[settings.start]}, learning rate {settings.learning_rate:g}, seed "
        f"{settings.seed}."
    )


def steps_help(settings: Settings) -> str:
    """Say what a step is, and how long the usual number of them takes."""
    seconds = say_seconds(settings.steps * SECONDS_PER_STEP)
    return (
        f"Of {settings.batch} pictures each, or of all if there are fewer. {settings.steps} steps "
        f"of both networks took {seconds} on two processor cores."
    )


def weight_help() -> str:
    """Say which weight the paper has, and what weight 0 means."""
    return (
        f"{AUXILIARY_WEIGHT:g} in the paper. With 0 both networks are the same, and learn the same."
    )


def progress(comparison: Comparison, seconds: float) -> str:
    """Say how far two trainings are."""
    return (
        f"Step {comparison.step:,} of {comparison.settings.steps:,} of each network · "
        f"{seconds:.0f} s"
    )


def recorded(recording: RecordedComparisons) -> str:
    """Say how the recorded runs were made, and how to make one here.

    Args:
        recording: The runs.
    """
    first = recording.comparisons[0]
    settings = first.settings
    return (
        f"Computed beforehand by convviz {recording.version} on {first.train_images:,} pictures of "
        f"the {recording.dataset}, in {settings.steps:,} steps of {settings.batch} pictures of "
        f"{settings.size} × {settings.size} pixels each. {in_short(settings)} Start runs it here, "
        "with the pictures and settings chosen above."
    )


def seeds(comparisons: Sequence[Comparison]) -> str:
    """Compare the accuracies of runs that differ in their seeds alone; "" for a single one."""
    if len(comparisons) < 2:
        return ""
    pairs = [comparison.moments[-1].paired for comparison in comparisons]
    with_heads = [percent((pair.both + pair.only_first) / pair.images) for pair in pairs]
    without = [percent((pair.both + pair.only_second) / pair.images) for pair in pairs]
    ahead = sum(pair.only_first > pair.only_second for pair in pairs)
    behind = sum(pair.only_first < pair.only_second for pair in pairs)
    sure = sum(pair.is_significant and pair.only_first > pair.only_second for pair in pairs)
    wrong = sum(pair.is_significant and pair.only_first < pair.only_second for pair in pairs)
    text = (
        f"**Over {len(comparisons)} seeds**, {_in_row(with_heads)} of the validation pictures are "
        f"named correctly with the auxiliary losses, and {_in_row(without)} without: with them "
        f"more in {ahead} of {len(comparisons)} (by more than chance would explain in {sure}), "
        f"fewer in {behind}"
    )
    text += f" (by more than chance in {wrong})." if wrong else "."
    return f"{text} What follows is seed {comparisons[0].settings.seed}."


def _in_row(values: Sequence[str]) -> str:
    return f"{', '.join(values[:-1])} and {values[-1]}"


def when(comparison: Comparison, index: int) -> str:
    """Name a moment.

    Args:
        comparison: The two trainings.
        index: Of the moment, from 0.
    """
    step = comparison.moments[index].step
    if not step:
        return "before the first step"
    return f"after {step:,} step{'' if step == 1 else 's'}"


def moment(comparison: Comparison, index: int) -> str:
    """Say what the figure of gradients at one moment shows.

    Args:
        comparison: The two trainings.
        index: Of the moment, from 0.
    """
    text = (
        f"{when(comparison, index).capitalize()}. The length of the gradient of the loss that "
        "each network lowers, with respect to the weights of each stage, over the same training "
        "pictures at every moment. A gradient of 0 has no place on a logarithmic scale."
    )
    if comparison.moments[index].step == 0:
        text += (
            " A head adds to the gradient of the stages before its dotted line; behind the last "
            "one the two are equal."
        )
    return text


def in_a_sentence(step: int, with_heads: float, without: float) -> str:
    """Say how much both networks classify correctly after a step; shares in 0…1."""
    return (
        f"After {step:,} steps the network with auxiliary losses classifies {percent(with_heads)} "
        "of the pictures correctly that it has not learned from, "
        f"the one without {percent(without)}."
    )
