"""The sentences on how classes separate say what the numbers say, at the extremes too."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from convviz.datasets.labelled_set import Dataset
from convviz.datasets.shapes import shapes
from convviz.learning.separation import ProbeAnswers, Separation, StageSeparation, archive
from convviz.learning.separation_findings import probed, separates
from convviz.networks.registry import spec
from convviz.structure.layers import layers
from convviz.structure.trunk import stages

ROWS = 40
LAYERS = [layer for layer in stages(layers(spec("alexnet"))) if layer.in_encoder]
FEATURES = torch.zeros(ROWS, 2)


def answers(right: int, *, last: bool = False) -> ProbeAnswers:
    correct = tuple((ROWS - row if last else row + 1) <= right for row in range(ROWS))
    return ProbeAnswers(correct, correct)


def separation(*right: tuple[int, int | None], copies: int = 0) -> Separation:
    """Stages with so many right answers of the trained and of the untrained encoder."""
    groups = (*[0] * copies, *range(copies, ROWS))
    labels = (0,) * (ROWS // 2) + (1,) * (ROWS // 2)
    dataset = Dataset("set", ("a", "b"), shapes(per_class=20).images, labels, (), groups)
    made = tuple(
        StageSeparation(
            layer, FEATURES, answers(trained), *((FEATURES, answers(other)) if other else ())
        )
        for layer, (trained, other) in zip(LAYERS, right, strict=False)
    )
    folds = tuple(tuple(range(k, ROWS, 5)) for k in range(5))
    return Separation("tiny", "Tiny", "own", dataset, tuple(range(ROWS)), folds, 128, made)


@pytest.mark.claims(
    "convviz.learning.separation_findings.separates",
    "convviz.learning.separation_findings._trained_against_untrained",
    "convviz.learning.separation_findings._above_guessing",
)
def test_a_clear_lead_is_named_with_the_stage_where_it_is() -> None:
    text = separates(separation((24, 22), (38, 20), (30, 29)))
    assert "60 % correctly at relu1 and most, 95 %, at relu2." in text
    low = binomtest(38, ROWS).proportion_ci(method="wilson").low
    assert f"low end of its interval there, {100 * low:.0f} %, is above guessing (50 %)" in text
    # 18 pictures only the trained encoder names: p = 2 / 2 ** 18, below 0.05 / 3.
    assert "Of 3 stages the trained encoder is ahead of the untrained one at relu2 by" in text
    assert "what can be transferred" in text
    assert "p below 0.05 / 3 as 3 stages are compared" in text


def test_a_lead_that_chance_explains_is_none() -> None:
    # Six discordant pictures, p = 2 / 2 ** 6 = 0.031: below 0.05, and not below 0.05 / 3.
    text = separates(separation((26, 20), (20, 20), (20, 20)))
    assert "at none of them ahead of the untrained one, or behind it" in text
    assert "ahead of the untrained one at relu1" in separates(separation((26, 20)))
    assert "p below 0.05 / 1 as 1 stage is compared" in separates(separation((26, 20)))


def test_a_trained_encoder_that_is_behind_is_said_to_be() -> None:
    text = separates(separation((20, 40), (20, 40), (40, 20), (1, 40), (2, 40)))
    assert "ahead of the untrained one at relu3 and behind it at 4, relu1 to relu5 among" in text
    text = separates(separation((20, 40)))
    assert "behind it at relu1" in text
    assert "transferred" not in text


def test_without_an_untrained_encoder_nothing_is_compared() -> None:
    text = separates(separation((21, None), (20, None)))
    assert "52 % correctly at relu1, and no more at any later stage." in text
    assert "untrained" not in text
    low = binomtest(21, ROWS).proportion_ci(method="wilson").low
    assert f"begins at {100 * low:.0f} %, not above guessing (50 %)" in text


@pytest.mark.claims(
    "convviz.learning.separation_findings.probed",
    "convviz.learning.separation_findings._probed_pictures",
)
def test_how_it_was_measured_is_said() -> None:
    text = probed(separation((20, 20)))
    assert text.startswith("40 pictures, 128 × 128 pixels, in 5 parts")
    assert "what the other 4 teach" in text
    assert "classify 50 % correctly" in text
    assert "40 pictures, 31 of them different," in probed(separation((20, 20), copies=10))
    whole = separation((20, 20))
    labels = (*whole.dataset.labels, *[0] * 1960)
    large: Dataset = replace(whole.dataset, labels=labels, groups=())
    assert "40 pictures (drawn from 2,000)," in probed(replace(whole, dataset=large))


def test_the_archive_has_what_others_need_to_probe() -> None:
    made = separation((20, 20), (20, None))
    with np.load(io.BytesIO(archive(made))) as arrays:
        assert set(arrays) == {
            *("names", "labels", "classes", "fold"),
            *("trained:features.1", "untrained:features.1", "trained:features.4"),
        }
        assert arrays["fold"].tolist() == [row % 5 for row in range(ROWS)]
        assert arrays["labels"].tolist() == list(made.labels)
        assert arrays["trained:features.1"].shape == (ROWS, 2)
