"""One step of training: losses, gradients, the optimiser. The loop around it is `loop.train`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from convviz.errors import NetworkError
from convviz.language import tr
from convviz.learning.config import Optimiser, Validation
from convviz.structure.trace import tensors_in

_MOMENTUM = 0.9


@dataclass(frozen=True)
class Losses:
    """The losses of one batch.

    Attributes:
        main: Cross-entropy of the network's scores.
        auxiliary: Those of its auxiliary heads, in the order of its output.
        correct: How many images were classified correctly.
    """

    main: float
    auxiliary: tuple[float, ...]
    correct: int

    @property
    def finite(self) -> bool:
        """Whether all of them are finite."""
        return all(math.isfinite(loss) for loss in (self.main, *self.auxiliary))


class Learner:
    """A module and its optimiser.

    Args:
        module: Its parameters with `requires_grad` are trained.
        optimiser: "adamw", or "sgd" with Nesterov's momentum.
        weight_decay: For weights; biases and batch norms are left alone.
        auxiliary_weight: What auxiliary losses are multiplied with (Szegedy et al. 2015, §5), or
            the factor of each.
        smoothing: Label smoothing, in 0…1.
        heads: Whether further scores that the module returns are those of auxiliary heads.
        dtype: torch.bfloat16 to run the network in that precision; losses stay float32.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        optimiser: Optimiser = "adamw",
        weight_decay: float = 0.0,
        auxiliary_weight: float | Sequence[float] = 0.3,
        smoothing: float = 0.0,
        dtype: torch.dtype = torch.float32,
        heads: bool = True,
    ) -> None:
        self.module = module
        self.auxiliary_weight = auxiliary_weight
        self.smoothing = smoothing
        self.heads = heads
        self.dtype = dtype
        parameters = [p for p in module.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        self.optimiser: torch.optim.Optimizer = (
            torch.optim.AdamW(groups)
            if optimiser == "adamw"
            else torch.optim.SGD(groups, lr=0.01, momentum=_MOMENTUM, nesterov=True)
        )

    def step(self, batch: Tensor, labels: Tensor, learning_rate: float) -> Losses:
        """Learn from one batch; changes nothing if a loss is not finite.

        Args:
            batch: The module's input, (N, …).
            labels: Number of each one's class, (N,).
            learning_rate: For this step.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        self.optimiser.zero_grad(set_to_none=True)
        with torch.enable_grad():
            with torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32):
                out = self.module(batch)
                scores = all_scores(out) if self.heads else (main_scores(out),)
            losses = [
                cross_entropy(score.float(), labels, label_smoothing=self.smoothing)
                for score in scores
            ]
            total = total_loss(losses, self.auxiliary_weight)
            values = [float(loss.detach()) for loss in losses]
            correct = int((scores[0].argmax(1) == labels).sum())
            result = Losses(values[0], tuple(values[1:]), correct)
            if not total.requires_grad:
                raise NetworkError(
                    tr(
                        "The network's scores cannot be differentiated with respect to the "
                        "weights to be trained: it computes without gradients, under "
                        "torch.no_grad() perhaps; take that out of its forward()."
                    )
                )
            if result.finite:
                torch.autograd.backward(total)
                self.optimiser.step()
        return result


def all_scores(out: object) -> tuple[Tensor, ...]:
    """List a network's scores, the main ones first, then the auxiliary heads'.

    Of a tuple, a dictionary or the like the first tensor has the main scores, and others of its
    shape those of the heads. What else a network returns, such as features, is left out.

    Raises:
        NetworkError: It returns no tensor.
    """
    main = main_scores(out)
    # torchvision's GoogLeNet returns (scores, deeper head's, shallower head's) in train mode.
    heads = (each for each in tensors_in(out) if each is not main)
    return (main, *(scores for scores in heads if scores.shape == main.shape))


def main_scores(out: object) -> Tensor:
    """Return the scores that a network puts out: its first tensor.

    Raises:
        NetworkError: It returns no tensor.
    """
    scores = next(tensors_in(out), None)
    if scores is None:
        raise NetworkError(
            tr(
                "The network returns a {name} without a tensor, so there is nothing to train "
                "on; let its forward() return the scores.",
                name=type(out).__name__,
            )
        )
    return scores


def total_loss(losses: Sequence[Tensor], auxiliary_weight: float | Sequence[float]) -> Tensor:
    """Add the auxiliary losses to the main one, which is the first.

    Args:
        losses: The losses.
        auxiliary_weight: Factor of all auxiliary losses, or that of each.
    """
    if isinstance(auxiliary_weight, float | int):
        return losses[0] + auxiliary_weight * sum(losses[1:], torch.zeros(()))
    weighted = [w * loss for w, loss in zip(auxiliary_weight, losses[1:], strict=True)]
    return losses[0] + sum(weighted, torch.zeros(()))


def judge(scores: Tensor, labels: Tensor) -> Validation:
    """Compare scores, (N, K), with the classes, (N,)."""
    return Validation(
        float(cross_entropy(scores, labels)),
        int((scores.argmax(1) == labels).sum()) / len(labels),
    )
