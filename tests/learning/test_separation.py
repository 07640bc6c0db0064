"""What each stage of an encoder tells about classes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

from convviz.datasets.image_set import ImageSet
from convviz.datasets.labelled_set import Dataset, stratified_folds
from convviz.errors import SettingError
from convviz.features.capture import input_for
from convviz.learning.image_side import side_for
from convviz.learning.plan import untrained_copy
from convviz.learning.separation import (
    Separation,
    chosen,
    encoder_stages,
    encoding_share,
    separate,
)
from convviz.learning.significance import compare_paired
from convviz.weights.load import load


@pytest.fixture(scope="module")
def separation(few: Dataset) -> Separation:
    *steps, last = separate(load("googlenet"), few)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert all(0 < fraction < 1 for fraction in fractions)
    assert all(step.separation is None for step in steps)
    assert steps[0].doing == f"8 of {len(few)} pictures"
    assert last.fraction == 1
    assert last.separation is not None
    assert last.nbytes == last.separation.nbytes > 0
    return last.separation


def test_features_are_the_means_of_the_maps_after_the_relu(
    separation: Separation, few: Dataset
) -> None:
    network = load("googlenet")
    assert separation.side == 128 == network.input_size
    assert [each.layer.name for each in separation.stages][::11] == ["conv1", "inception5b"]
    rows = [0, 9, len(few) - 1]
    for name, stage in (("conv1", separation.stages[0]), ("inception5b", separation.stages[-1])):
        for weights, features in (
            (network, stage.features),
            (untrained_copy(network), stage.untrained_features),
        ):
            assert features is not None
            outputs: list[torch.Tensor] = []
            handle = weights.module.get_submodule(name).register_forward_hook(
                lambda _module, _inputs, output, kept=outputs: kept.append(output)
            )
            with torch.no_grad():
                for row in rows:
                    weights.module(input_for(network, few.images.image(row)))
            handle.remove()
            means = torch.cat(outputs).mean((2, 3))
            torch.testing.assert_close(features[rows], means, atol=1e-4, rtol=1e-3)


def test_answers_are_scikit_learn_s_on_the_same_features(separation: Separation) -> None:
    labels = np.array(separation.labels)
    for stage in (separation.stages[2], separation.stages[-1]):
        pairs = ((stage.features, stage.answers), (stage.untrained_features, stage.untrained))
        for features, answers in pairs:
            assert features is not None
            assert answers is not None
            for model, correct in (
                (NearestCentroid(), answers.mean),
                (LogisticRegression(C=1.0, tol=1e-9, max_iter=10_000), answers.linear),
            ):
                right = 0
                for fold in separation.folds:
                    learned = np.setdiff1d(np.arange(len(labels)), fold)
                    values = features.double().numpy()
                    scaler = StandardScaler().fit(values[learned])
                    model.fit(scaler.transform(values[learned]), labels[learned])
                    answer = model.predict(scaler.transform(values[list(fold)]))
                    right += int((answer == labels[list(fold)]).sum())
                assert sum(correct) == right


def test_each_picture_is_tested_once_and_classes_are_spread(separation: Separation) -> None:
    rows = [row for fold in separation.folds for row in fold]
    assert sorted(rows) == list(range(len(separation.indices)))
    assert len(separation.folds) == 5
    for label in set(separation.labels):
        counts = [sum(separation.labels[r] == label for r in fold) for fold in separation.folds]
        assert max(counts) - min(counts) <= 1


def test_encoders_are_compared_over_the_same_pictures(separation: Separation) -> None:
    stage = separation.stages[-1]
    assert stage.untrained is not None
    assert separation.compared(stage) == compare_paired(
        stage.answers.linear, stage.untrained.linear
    )
    assert separation.compared(replace(stage, untrained=None)) is None


def test_copies_lie_in_one_fold_and_count_once(few: Dataset) -> None:
    copies = replace(few, groups=(*[0] * 6, *range(6, len(few))))
    folds = stratified_folds(copies, range(len(copies)))
    assert sum(not set(range(6)).isdisjoint(fold) for fold in folds) == 1
    with pytest.raises(SettingError, match="All pictures are the same one"):
        stratified_folds(replace(few, groups=(0,) * len(few)), range(len(few)))


def test_of_a_large_set_some_are_chosen_and_each_class_keeps_its_share(few: Dataset) -> None:
    labels = (0,) * 60 + (1,) * 30 + (2,) * 10
    images: ImageSet = few.images
    large = Dataset("large", ("a", "b", "c"), images, labels, groups=(0, 0, *range(98)))
    some = chosen(large, 50)
    assert len(set(some)) == len(some) <= 50
    counts = [sum(labels[index] == label for index in some) for label in range(3)]
    assert all(abs(c - e) <= 1 for c, e in zip(counts, (30, 15, 5), strict=True))
    assert (0 in some) == (1 in some)
    assert chosen(large, 50) == some != chosen(large, 50, seed=1)
    assert chosen(large, 100) == tuple(range(100))


@pytest.mark.parametrize(
    ("name", "side", "first"),
    [
        ("alexnet", 128, "features.1"),
        ("vgg16", 128, "features.3"),
        ("resnet18", 128, "relu"),
        ("vit_b_16", 224, "encoder.layers.encoder_layer_0"),
    ],
)
def test_every_kind_of_network_has_stages_in_order_and_a_size(
    name: str, side: int, first: str
) -> None:
    network = load(name, "random")
    found = encoder_stages(network)
    assert found[0].name == first
    assert [layer.index for layer in found] == sorted(layer.index for layer in found)
    assert side_for(network) == side


def test_stops_between_two_steps(few: Dataset) -> None:
    steps = list(separate(load("googlenet"), few, stop=lambda: True))
    assert len(steps) == 1
    assert steps[0].separation is None


def test_the_time_of_the_passes_is_weighed_against_that_of_the_probes() -> None:
    """As measured: a third for GoogLeNet with its many stages, most of it for VGG16."""
    small, large = (
        encoding_share(network, 128, len(encoder_stages(network)), 5)
        for network in (load("googlenet", "random"), load("vgg16", "random"))
    )
    assert 0.25 < small < 0.5
    assert 0.8 < large < 1
