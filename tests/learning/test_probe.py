"""The two classifiers, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from convviz.learning.probe import cross_validated, linear_probe, nearest_class_mean, scale


def clouds(classes: int, features: int, each: int = 30) -> tuple[Tensor, Tensor]:
    """Classes that overlap; the last feature is constant, the first ones differ in scale."""
    generator = torch.Generator().manual_seed(classes * features)
    labels = torch.arange(classes).repeat(each)
    centres = torch.randn(classes, features, generator=generator)
    values = 1.5 * centres[labels] / features**0.25 + 1.5 * torch.randn(
        len(labels), features, generator=generator
    )
    values[:, 0] *= 1000
    values[:, 1] *= 1e-4
    values[:, -1] = 0.3
    return values, labels


def thirds(count: int) -> list[tuple[int, ...]]:
    """Three folds at random, each row in one."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(1)).tolist()
    return [tuple(order[start::3]) for start in range(3)]


@pytest.mark.parametrize(("classes", "features"), [(2, 5), (3, 12), (6, 40), (4, 300)])
@pytest.mark.parametrize("penalty", [1.0, 0.01])
def test_both_classifiers_give_scikit_learn_s_answers(
    classes: int, features: int, penalty: float
) -> None:
    values, labels = clouds(classes, features)
    folds = thirds(len(labels))
    expected: dict[str, list[bool]] = {"mean": [False] * len(labels), "linear": []}
    expected["linear"] = [False] * len(labels)
    for fold in folds:
        learned = np.setdiff1d(np.arange(len(labels)), fold)
        scaler = StandardScaler().fit(values[learned].double().numpy())
        standard = scaler.transform(values.double().numpy())
        for name, model in (
            ("mean", NearestCentroid()),
            ("linear", LogisticRegression(C=penalty, tol=1e-10, max_iter=10_000)),
        ):
            model.fit(standard[learned], labels[learned].numpy())
            for row, answer in zip(fold, model.predict(standard[list(fold)]), strict=True):
                expected[name][row] = bool(answer == int(labels[row]))
    means = cross_validated(values, labels, folds, nearest_class_mean)
    linear = cross_validated(
        values, labels, folds, lambda x, y, others: linear_probe(x, y, others, penalty)
    )
    assert list(means) == expected["mean"]
    assert list(linear) == expected["linear"]
    assert 0 < sum(linear) < len(labels)  # both kinds of answers were compared


def test_a_class_that_is_only_tested_is_never_named() -> None:
    values = torch.tensor([[0.0], [0.1], [5.0], [5.1], [9.0]])
    labels = torch.tensor([0, 0, 1, 1, 2])
    for classify in (nearest_class_mean, linear_probe):
        correct = cross_validated(values, labels, [(4,), (0, 2), (1, 3)], classify)
        assert correct == (True, True, True, True, False)


def test_what_is_learned_from_one_class_names_it() -> None:
    others = torch.zeros(2, 1, dtype=torch.float64)
    labels = torch.tensor([3, 3])
    assert linear_probe(others, labels, others).tolist() == [3, 3]


def test_a_constant_feature_is_left_as_it_is() -> None:
    mean, deviation = scale(torch.tensor([[0.1, 2.0], [0.1, 4.0], [0.1, 6.0]]).double())
    assert mean.tolist() == pytest.approx([0.1, 4.0])
    assert deviation.tolist() == pytest.approx([1.0, (8 / 3) ** 0.5])
