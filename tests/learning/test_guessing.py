"""What guessing reaches: by hand, and against scikit-learn, SciPy and torch."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.dummy import DummyClassifier
from sklearn.metrics import log_loss

from convviz.datasets.labelled_set import Dataset, Split
from convviz.datasets.shapes import shapes
from convviz.learning.guessing import Guessing, entropy, guessing, smoothed_floor


def dataset(labels: list[int]) -> Dataset:
    names = tuple(str(label) for label in range(max(labels) + 1))
    return Dataset("", names, shapes(per_class=1).images, tuple(labels))


def test_two_classes_of_90_to_10() -> None:
    labels = [0] * 9 + [1] + [0] * 9 + [1]
    result = guessing(dataset(labels), Split(tuple(range(10)), tuple(range(10, 20))))
    # −0.9 ln 0.9 − 0.1 ln 0.1 = 0.0948 + 0.2303
    assert result.accuracy == 0.9
    assert result.loss == pytest.approx(0.3251, abs=1e-4)


def test_classes_of_equal_size_are_one_in_k_and_ln_k() -> None:
    labels = list(range(4)) * 2
    result = guessing(dataset(labels), Split((0, 1, 2, 3), (4, 5, 6, 7)))
    assert result == Guessing(0.25, pytest.approx(math.log(4)))


@given(st.lists(st.integers(0, 5), min_size=2, max_size=40), st.data())
def test_it_is_what_scikit_learns_dummies_reach(labels: list[int], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(labels) - 1))
    train, rest = labels[:cut], labels[cut:]
    indices = tuple(range(len(labels)))
    result = guessing(dataset(labels), Split(indices[:cut], indices[cut:]))
    empty = np.zeros((cut, 1))
    dummy = DummyClassifier(strategy="most_frequent").fit(empty, train)
    assert result.accuracy == pytest.approx(dummy.score(np.zeros((len(rest), 1)), rest))
    prior = DummyClassifier(strategy="prior").fit(empty, train)
    if len(set(train)) > 1:  # scikit-learn refuses a single class
        assert result.loss == pytest.approx(log_loss(train, prior.predict_proba(empty)))
    else:
        assert result.loss == 0


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any))
def test_entropy_is_scipys(counts: list[int]) -> None:
    assert entropy(counts) == pytest.approx(stats.entropy(counts), abs=1e-9)


@pytest.mark.parametrize(("smoothing", "classes"), [(0.0, 200), (0.1, 3), (0.1, 200), (1.0, 5)])
def test_no_scores_have_a_smaller_loss_than_the_floor(smoothing: float, classes: int) -> None:
    scores = torch.zeros(1, classes, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([scores], max_iter=500, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.cross_entropy(
            scores, torch.tensor([0]), label_smoothing=smoothing
        )
        torch.autograd.backward(value)
        return value

    optimizer.step(loss)
    assert smoothed_floor(smoothing, classes) == pytest.approx(loss().item(), abs=1e-4)


def test_the_floor_of_the_recorded_training() -> None:
    # The right class's target is 0.9 + 0.1 / 200 = 0.9005, that of each other 0.0005:
    # −0.9005 ln 0.9005 − 199 · 0.0005 ln 0.0005 = 0.0944 + 0.7563.
    assert smoothed_floor(0.1, 200) == pytest.approx(0.8507, abs=1e-4)
