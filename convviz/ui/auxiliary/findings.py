"""Sentences of the page Auxiliary classifiers that come before a result, and beside its figures."""

from __future__ import annotations

from convviz.formatting import say_seconds
from convviz.learning.auxiliary import Comparison, Settings
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
