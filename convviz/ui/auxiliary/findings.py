"""Sentences of the page Auxiliary classifiers that come before a result, and beside its figures."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.formatting import percent, say_seconds
from convviz.language import later, tr, trn
from convviz.learning.auxiliary import Comparison, Settings
from convviz.learning.auxiliary_recording import RecordedComparisons
from convviz.learning.findings import after
from convviz.learning.small_networks import NARROWER, SmallInitialisation
from convviz.networks.network import AUXILIARY_WEIGHT

SECONDS_PER_STEP = 0.12  # of both networks on two cores, to tell others how long to wait

STARTS: dict[SmallInitialisation, str] = {
    "lecun": later("variance 1 / inputs (1998)"),
    "he": later("variance 2 / inputs (He, 2015)"),
}


def introduction() -> str:
    """Say what auxiliary classifiers are for."""
    return tr(
        "In a deep network the loss is far from the first layers, and its gradient has "
        "to come back through all the layers in between. GoogLeNet has two small "
        "classifiers on the way. While it trains, their losses are added to the main "
        "one, each weighted {weight:g}; after training they are thrown away "
        "(Szegedy et al. 2015, §5).",
        weight=AUXILIARY_WEIGHT,
    )


def setting(weight: float) -> str:
    """Say what is compared.

    Args:
        weight: Factor of each auxiliary loss.
    """
    return tr(
        "This network is GoogLeNet with every layer {factor} times narrower, nine "
        "Inception modules deep. loss = main + {weight:g} · aux1 + {weight:g} · aux2 on "
        "one side, and main alone on the other. Both begin with the same weights and see "
        "the same batches.",
        factor=NARROWER,
        weight=weight,
    )


def in_short(settings: Settings) -> str:
    """Say in one line how two networks are trained."""
    norm = tr("batch norm") if settings.batch_norm else tr("no batch norm")
    return tr(
        "Auxiliary losses weighted {weight:g} against none, {norm}, first weights with "
        "{start}, learning rate {learning_rate:g}, seed {seed}.",
        weight=settings.weight,
        norm=norm,
        start=tr(STARTS[settings.start]),
        learning_rate=settings.learning_rate,
        seed=settings.seed,
    )


def steps_help(settings: Settings) -> str:
    """Say what a step is, and how long the usual number of them takes."""
    seconds = say_seconds(settings.steps * SECONDS_PER_STEP)
    return tr(
        "Of {batch} pictures each, or of all if there are fewer. {steps} steps of both "
        "networks took {seconds} on two processor cores.",
        batch=settings.batch,
        steps=settings.steps,
        seconds=seconds,
    )


def weight_help() -> str:
    """Say which weight the paper has, and what weight 0 means."""
    return tr(
        "{weight:g} in the paper. With 0 both networks are the same, and learn the same.",
        weight=AUXILIARY_WEIGHT,
    )


def progress(comparison: Comparison, seconds: float) -> str:
    """Say how far two trainings are."""
    return tr(
        "Step {step:,} of {steps:,} of each network · {seconds:.0f} s",
        step=comparison.step,
        steps=comparison.settings.steps,
        seconds=seconds,
    )


def recorded(recording: RecordedComparisons) -> str:
    """Say how the recorded runs were made, and how to make one here.

    Args:
        recording: The runs.
    """
    first = recording.comparisons[0]
    settings = first.settings
    return tr(
        "Computed beforehand by convviz {version} on {images:,} pictures of the "
        "{dataset}, in {steps:,} steps of {batch} pictures of {size} × {size} pixels "
        "each. {settings} Start runs it here, with the pictures and settings chosen "
        "above.",
        version=recording.version,
        images=first.train_images,
        dataset=tr(recording.dataset),
        steps=settings.steps,
        batch=settings.batch,
        size=settings.size,
        settings=in_short(settings),
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
    numbers = {
        "count": len(comparisons),
        "with_heads": _in_row(with_heads),
        "without": _in_row(without),
        "ahead": ahead,
        "sure": sure,
        "behind": behind,
    }
    if wrong:
        text = tr(
            "**Over {count} seeds**, {with_heads} of the validation pictures are named correctly "
            "with the auxiliary losses, and {without} without: with them more in {ahead} of "
            "{count} (by more than chance would explain in {sure}), fewer in {behind} (by more "
            "than chance in {wrong}).",
            **numbers,
            wrong=wrong,
        )
    else:
        text = tr(
            "**Over {count} seeds**, {with_heads} of the validation pictures are named correctly "
            "with the auxiliary losses, and {without} without: with them more in {ahead} of "
            "{count} (by more than chance would explain in {sure}), fewer in {behind}.",
            **numbers,
        )
    follows = tr("The curves here are those of seed {seed}.", seed=comparisons[0].settings.seed)
    return f"{text} {follows}"


def _in_row(values: Sequence[str]) -> str:
    return tr("{others} and {last}", others=", ".join(values[:-1]), last=values[-1])


def when(comparison: Comparison, index: int) -> str:
    """Name a moment.

    Args:
        comparison: The two trainings.
        index: Of the moment, from 0.
    """
    step = comparison.moments[index].step
    if not step:
        return tr("before the first step")
    return trn("after {count:,} step", "after {count:,} steps", step)


def moment(comparison: Comparison, index: int) -> str:
    """Say what the figure of gradients at one moment shows.

    Args:
        comparison: The two trainings.
        index: Of the moment, from 0.
    """
    step = comparison.moments[index].step
    length = tr(
        "The length of the gradient of the loss that each network lowers, with respect to the "
        "weights of each stage, over the same training pictures at every moment. A gradient of 0 "
        "has no place on a logarithmic scale."
    )
    text = f"{after(step)}. {length}"
    if step:
        return text
    heads = tr(
        "A head adds to the gradient of the stages before its dotted line; behind the last one "
        "the two are equal."
    )
    return f"{text} {heads}"


def in_a_sentence(step: int, with_heads: float, without: float) -> str:
    """Say how much both networks classify correctly after a step; shares in 0…1."""
    return tr(
        "After {step:,} steps the network with auxiliary losses names {with_heads} of the "
        "unseen pictures correctly; without them it is {without}.",
        step=step,
        with_heads=percent(with_heads),
        without=percent(without),
    )
