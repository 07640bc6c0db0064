"""From a training's result to a file, and to one more choice of weights."""

from __future__ import annotations

from convviz.learning.datasets import Dataset
from convviz.learning.steps import TrainingResult
from convviz.learning.transfer import TransferPlan
from convviz.networks import Network, trained
from convviz.networks.trained import About


def about(plan: TransferPlan, dataset: Dataset, result: TrainingResult, input_size: int) -> About:
    """Say what a trained network is, and how well it does."""
    right = result.validation.accuracy
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
    )


def to_bytes(
    plan: TransferPlan, dataset: Dataset, result: TrainingResult, input_size: int
) -> bytes:
    """Write a trained network as a safetensors file with the names of its classes."""
    return trained.write(result.module, about(plan, dataset, result, input_size))


def to_network(
    plan: TransferPlan, dataset: Dataset, result: TrainingResult, input_size: int
) -> Network:
    """Turn a training's result into a network that every page can look into."""
    said = about(plan, dataset, result, input_size)
    return trained.describe(result.module, said, trained.write(result.module, said))
