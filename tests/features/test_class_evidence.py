"""Auxiliary heads and averaged maps, against a forward pass written here."""

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.features import class_evidence, predictions
from convviz.features.capture import input_for
from convviz.networks.network import Network, NetworkSpec, Weights
from convviz.weights.load import load


@pytest.fixture(scope="module")
def googlenet() -> Network:
    return load("googlenet", "bundled", fetch=False)


def test_heads_say_what_they_say_in_a_pass_of_their_own(
    googlenet: Network, cat: Image.Image
) -> None:
    module, x = googlenet.module, input_for(googlenet, cat)
    with torch.inference_mode():
        for name, part in module.named_children():
            if name in {"aux1", "aux2", "avgpool"}:
                break
            x = part(x)
            if name == "inception4a":
                first = module.get_submodule("aux1")(x).softmax(1)[0]
            if name == "inception4d":
                second = module.get_submodule("aux2")(x).softmax(1)[0]
        main = module(input_for(googlenet, cat)).softmax(1)[0]
    result = predictions.head_predictions(googlenet, cat, k=4)
    assert [(one.name, one.after, one.depth) for one in result] == [
        ("aux1", "inception4a", 9),
        ("aux2", "inception4d", 15),
        ("", "inception5b", 21),
    ]
    for opinion, expected in zip(result, (first, second, main), strict=True):
        assert len(opinion.predictions) == 4
        for prediction in opinion.predictions:
            expected_here = float(expected[prediction.index])
            assert prediction.probability == pytest.approx(expected_here, rel=1e-4)


def test_networks_without_heads_or_training_have_no_opinions(cat: Image.Image) -> None:
    assert predictions.head_predictions(load("googlenet", "random"), cat) == ()


def test_contributions_and_bias_make_up_the_score(googlenet: Network, cat: Image.Image) -> None:
    averaged = class_evidence.average_maps(googlenet, cat)
    assert averaged.layer.name == "inception5b"
    assert torch.allclose(averaged.means, averaged.maps.mean((1, 2)))
    with torch.inference_mode():
        scores = googlenet.module(input_for(googlenet, cat))[0]
    for evidence in class_evidence.class_evidence(googlenet, averaged, cat, k=3):
        score = float(scores[evidence.prediction.index])
        assert evidence.score == pytest.approx(score, abs=1e-3)
        assert float(evidence.evidence.mean()) + evidence.bias == pytest.approx(score, abs=1e-3)
        best = evidence.strongest(2)
        assert evidence.contributions[best[0]] == evidence.contributions.max()


def test_a_decoder_that_is_more_than_one_layer_is_not_taken_apart(cat: Image.Image) -> None:
    spec = NetworkSpec(
        name="tiny",
        title="Tiny",
        build=lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 8),
            nn.ReLU(),
            nn.Linear(8, 2),
        ),
        input_size=16,
    )
    weights = Weights("own", "", "", True, 0, "", ("a", "b"), 16, 16)
    network = Network(spec, spec.build().eval(), weights)
    averaged = class_evidence.average_maps(network, cat)
    assert averaged.means.shape == (4,)
    assert class_evidence.class_evidence(network, averaged, cat) == ()
