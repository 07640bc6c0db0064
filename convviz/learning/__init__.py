"""Optimise the weights: data sets, transfer learning, and trainings as iterators of steps."""

from convviz.learning.advice import Advice, recommend
from convviz.learning.datasets import Dataset, Split, from_zip, split
from convviz.learning.parts import Part
from convviz.learning.saving import to_bytes, to_network
from convviz.learning.shapes import shapes
from convviz.learning.snapshots import Snapshot
from convviz.learning.steps import TrainingResult, TrainingSettings, TrainingStep, Validation
from convviz.learning.trainer import fit, learning_rate
from convviz.learning.transfer import (
    SCENARIOS,
    Scenario,
    TransferPlan,
    plan,
    plan_further,
    untrained_twin,
)
from convviz.learning.watching import Watch, watch

__all__ = [
    "SCENARIOS",
    "Advice",
    "Dataset",
    "Part",
    "Scenario",
    "Snapshot",
    "Split",
    "TrainingResult",
    "TrainingSettings",
    "TrainingStep",
    "TransferPlan",
    "Validation",
    "Watch",
    "fit",
    "from_zip",
    "learning_rate",
    "plan",
    "plan_further",
    "recommend",
    "shapes",
    "split",
    "to_bytes",
    "to_network",
    "untrained_twin",
    "watch",
]
