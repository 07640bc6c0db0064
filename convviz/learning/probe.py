"""Two plain classifiers on top of features, which tell how well these separate classes.

The nearest class mean asks whether each class is one cloud: an image is given the class whose mean
is nearest (Euclidean distance). The linear probe asks whether flat borders lie between the classes:
multinomial logistic regression (Alain and Bengio, "Understanding intermediate layers using linear
classifier probes", 2016).

Both are cross-validated: every image is classified by what the other folds say. Features are
standardised with the mean and the standard deviation of the images learned from, never of the
tested ones. All arithmetic is in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

PENALTY = 1.0
"""C, as scikit-learn calls it: what the sum of losses weighs against half the squared weights."""

Classify = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Learns from features, (N, D), and classes, (N,); returns the classes of others, (M, D)."""

_CONSTANT = 1e-12  # times the mean: a standard deviation that is rounding alone
_MOST_STEPS = 200


def nearest_class_mean(features: Tensor, labels: Tensor, others: Tensor) -> Tensor:
    """Give each image the class whose mean is nearest.

    Args:
        features: To learn from, (N, D).
        labels: Their classes, (N,).
        others: Features of the images that are classified, (M, D).

    Returns:
        Their classes, (M,).
    """
    classes: Tensor = labels.unique()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    means = torch.stack([features[labels == label].mean(0) for label in classes])
    return classes[
        torch.cdist(others, means, compute_mode="donot_use_mm_for_euclid_dist").argmin(1)
    ]


def linear_probe(
    features: Tensor, labels: Tensor, others: Tensor, penalty: float = PENALTY
) -> Tensor:
    """Classify by logistic regression with an L2 penalty on the weights, not on the biases.

    With two classes there is one vector of weights, as in scikit-learn: two would halve the
    penalty.

    Args:
        features: To learn from, float64, (N, D).
        labels: Their classes, (N,).
        others: Features of the images that are classified, (M, D).
        penalty: C; the smaller, the smaller the weights.

    Returns:
        Their classes, (M,).
    """
    classes: Tensor
    targets: Tensor
    classes, targets = labels.unique(return_inverse=True)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    if len(classes) == 1:
        return classes.expand(len(others))
    if features.shape[1] > len(features):
        # The solution lies in the span of the images, so the regression there is the same one.
        basis, _ = torch.linalg.qr(features.T)
        features, others = features @ basis, others @ basis
    count, is_binary = len(features), len(classes) == 2
    decay = 1 / (penalty * count)
    augmented = torch.cat((features, torch.ones(count, 1, dtype=features.dtype)), 1)
    # The last row holds the biases.
    weights = torch.zeros(augmented.shape[1], 1 if is_binary else len(classes)).double()
    every = torch.arange(count)
    optimizer = torch.optim.LBFGS(
        [weights],
        max_iter=_MOST_STEPS,
        tolerance_grad=1e-6,
        tolerance_change=1e-12,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def scores(of: Tensor) -> Tensor:
        values = of @ weights
        return torch.cat((torch.zeros_like(values), values), 1) if is_binary else values

    @torch.no_grad()
    def closure() -> Tensor:
        """Return the loss, and set its gradient: written out, it takes half of autograd's time."""
        logs = scores(augmented).log_softmax(1)
        errors = logs.exp()
        errors[every, targets] -= 1
        gradient = augmented.T @ (errors[:, 1:] if is_binary else errors) / count
        gradient[:-1] += decay * weights[:-1]
        weights.grad = gradient
        return decay * weights[:-1].square().sum() / 2 - logs[every, targets].mean()

    optimizer.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    others = torch.cat((others, torch.ones(len(others), 1, dtype=others.dtype)), 1)
    return classes[scores(others).argmax(1)]


def cross_validated(
    features: Tensor, labels: Tensor, folds: Sequence[Sequence[int]], classify: Classify
) -> tuple[bool, ...]:
    """Classify each image by what was learned from the other folds.

    Args:
        features: (N, D), finite.
        labels: Number of each image's class, (N,).
        folds: The rows of each fold; together each row once.
        classify: How.

    Returns:
        For each image, whether it was given its own class.
    """
    features = features.double()
    correct = [False] * len(features)
    for fold in folds:
        tested = torch.tensor(list(fold))
        learned = torch.ones(len(features), dtype=torch.bool)
        learned[tested] = False
        mean, deviation = scale(features[learned])
        standard = (features - mean) / deviation
        answers = classify(standard[learned], labels[learned], standard[tested])
        for row, answer in zip(fold, answers.tolist(), strict=True):
            correct[row] = answer == int(labels[row])
    return tuple(correct)


def scale(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each feature, (D,) each; 1 for one that is constant."""
    mean, deviation = features.mean(0), features.std(0, correction=0)
    return mean, torch.where(deviation > _CONSTANT * mean.abs(), deviation, 1.0)
