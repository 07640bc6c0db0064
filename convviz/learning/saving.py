"""From a training's result to a file, and to one more choice of weights."""

from __future__ import annotations

from convviz.datasets.labelled_set import Dataset
from convviz.learning.steps import TrainingResult
from convviz.learning.transfer import TransferPlan
from convviz.networks.network import Network
from convviz.weights import trained, trained_info
from convviz.weights.trained_info import About


def about(plan: TransferPlan, dataset: Dataset, result: TrainingResult, input_size: int) -> About:
    """Say what a trained network is, and how well it does."""
    right = result.validation.accuracy
    options = plan.network.spec.imagenet_options
    return About(
        network=plan.network.name,
        form=plan.form,
        input_size=input_size,
        training_set=dataset.name,
        note=(
            f"Trained here on {dataset.name}: of {len(result.labels):,} pictures that it did not "
            f"learn from, it names {right:.0%} rightly ({len(dataset.classes)} classes, "
            f"{input_size} px)."
        ),
        accuracy=right,
        options=tuple(n for n, value in options if getattr(result.module, n, None) == value),
    )


def to_bytes(
    plan: TransferPlan,
    dataset: Dataset,
    result: TrainingResult,
    input_size: int,
    *,
    only_trained: bool = False,
) -> bytes:
    """Write a trained network as a safetensors file with the names of its classes.

    Args:
        plan: What was trained.
        dataset: What it was trained on.
        result: What came of it.
        input_size: Side of the pictures, in pixels.
        only_trained: Whether to leave out the frozen parts, which the network it was trained on
            has; with a frozen encoder the file then holds the decoder alone.
    """
    said = about(plan, dataset, result, input_size)
    parts = plan.parts_to_save() if only_trained else ()
    return trained.write(result.module, said, parts=parts, on=plan.network.weights)


def to_network(
    plan: TransferPlan, dataset: Dataset, result: TrainingResult, input_size: int
) -> Network:
    """Turn a training's result into a network that every page can look into."""
    said = about(plan, dataset, result, input_size)
    return trained_info.describe(result.module, said, trained.write(result.module, said))
