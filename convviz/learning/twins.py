"""Two networks that learn side by side, and what is measured of them.

A gradient is that of the loss which a network lowers, with respect to the weights of each layer of
its main part, as its Euclidean length.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from convviz.features.gradients import LayerGradient, by_stage, with_weights
from convviz.learning.auxiliary_steps import Moment, Standing
from convviz.learning.inception import HEADS
from convviz.learning.learner import Learner, all_scores, judge, total_loss
from convviz.learning.threads import one_thread


@dataclass(eq=False)
class Twin:
    """One of the two networks, and what is counted while it learns.

    Attributes:
        module: With or without auxiliary heads.
        weight: What their losses are multiplied with.
        seconds: That the steps took.
        losses: Main losses since they were last looked at.
    """

    module: nn.Module
    weight: float
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    learner: Learner = field(init=False)

    def __post_init__(self) -> None:
        """Make its optimiser."""
        self.learner = Learner(self.module, optimiser="sgd", auxiliary_weight=self.weight)

    def learn(self, batch: Tensor, labels: Tensor, rate: float) -> bool:
        """Take one step; False if its loss was no number."""
        began = time.perf_counter()
        self.module.train()
        with one_thread():
            losses = self.learner.step(batch, labels, rate)
        self.seconds += time.perf_counter() - began
        self.losses.append(losses.main)
        return losses.finite

    @torch.no_grad()
    def standing(self, pictures: Tensor, labels: Tensor) -> Standing:
        """Check it with pictures that it does not learn from, and begin a new mean of its loss."""
        self.module.eval()
        scores = torch.cat([self.module(some) for some in torch.split(pictures, 64)])
        mean = sum(self.losses) / len(self.losses) if self.losses else None
        self.losses.clear()
        return Standing(mean, judge(scores, labels), self.seconds)

    def norms(self, pictures: Tensor, labels: Tensor) -> dict[str, float]:
        """Measure the gradient at the weights of each layer of the main network."""
        module = copy.deepcopy(self.module).train()  # batch norms in train mode take notes
        names = with_weights(module, tuple(HEADS))
        losses = [cross_entropy(each, labels) for each in all_scores(module(pictures))]
        total = total_loss(losses, self.weight)
        weights = [module.get_parameter(f"{name}.weight") for name in names]
        found = torch.autograd.grad(total, weights)
        return {name: float(each.norm()) for name, each in zip(names, found, strict=True)}


def measure(
    step: int,
    twins: Sequence[Twin],
    probe: tuple[Tensor, Tensor],
    checked: tuple[Tensor, Tensor],
) -> Moment:
    """Measure the two networks, the one with the auxiliary losses first.

    Args:
        step: Steps behind them.
        twins: The networks.
        probe: Pictures that gradients are measured with, and their classes.
        checked: Pictures that were not learned from, and their classes.
    """
    with one_thread():
        with_heads, without = (twin.norms(*probe) for twin in twins)
        standings = [twin.standing(*checked) for twin in twins]
    layers = [LayerGradient(name, name, without[name], with_heads[name]) for name in without]
    return Moment(step, by_stage(layers), *standings)
