"""Networks that end in a softmax or a sigmoid: scores and probabilities by hand."""

from collections.abc import Callable
from math import exp

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from convviz.datasets.image_set import Files
from convviz.features import findings
from convviz.features.ablation import ablate_each
from convviz.features.capture import input_for
from convviz.features.class_evidence import class_activation_map
from convviz.features.class_target import ClassTarget, class_scores, decoder_input
from convviz.features.grad_cam import grad_cam
from convviz.features.image_features import image_features
from convviz.features.overview import overview
from convviz.features.predictions import activations_and_predictions, predict
from convviz.features.saliency import saliency
from convviz.features.score_before_softmax import are_scores_reached, final_activation_of
from convviz.images.encode import png
from convviz.networks.network import Network
from tests.features.explained import explained, scorer, two_channels, two_channels_image


class _Called(nn.Module):
    """A function at a network's end, which is no module's own."""

    def __init__(self, end: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.scorer = scorer(nn.ReLU(inplace=True))
        self.end = end

    def forward(self, batch: Tensor) -> Tensor:
        return self.end(self.scorer(batch))


def ending_in(end: nn.Module | Callable[[Tensor], Tensor]) -> Network:
    """The network of two channels, whose scores are 0.4 and 0.6, and what makes of them."""
    if isinstance(end, nn.Module):
        return explained(nn.Sequential(*scorer(nn.ReLU(inplace=True)), end), side=2, classes=2)
    return explained(_Called(end), side=2, classes=2)


SOFTMAX = [exp(0.6) / (exp(0.4) + exp(0.6)), exp(0.4) / (exp(0.4) + exp(0.6))]
SIGMOID = [1 / (1 + exp(-0.6)), 1 / (1 + exp(-0.4))]
ENDS: dict[str, tuple[nn.Module | Callable[[Tensor], Tensor], list[float]]] = {
    "softmax as a module": (nn.Softmax(dim=1), SOFTMAX),
    "softmax as a function": (lambda x: functional.softmax(x, dim=1), SOFTMAX),
    "softmax as a method": (lambda x: x.softmax(-1).reshape(-1, 2), SOFTMAX),
    "softmax by a logarithm": (lambda x: torch.log_softmax(x, 1).exp(), SOFTMAX),
    "log_softmax as a module": (nn.LogSoftmax(dim=1), SOFTMAX),
    "log_softmax as a function": (lambda x: functional.log_softmax(x, dim=1), SOFTMAX),
    "sigmoid as a module": (nn.Sigmoid(), SIGMOID),
    "sigmoid as a function": (torch.sigmoid, SIGMOID),
    "log_sigmoid": (functional.logsigmoid, SIGMOID),
}


@pytest.mark.parametrize("name", ENDS)
def test_its_probabilities_are_what_it_puts_out_and_not_softmaxed_again(name: str) -> None:
    end, expected = ENDS[name]
    network, image = ending_in(end), two_channels_image()
    layer = "scorer.0" if isinstance(network.module, _Called) else "0"
    batch = input_for(network, image)
    for found in (
        predict(network, image),
        activations_and_predictions(network, batch, layer)[1],
        overview(network, image).predictions or (),
    ):
        assert [each.index for each in found] == [1, 0]
        assert [each.probability for each in found] == pytest.approx(expected)
    scores = class_scores(network, batch)
    for index, share in zip((1, 0), expected, strict=True):
        assert float(ClassTarget(index).probability(network, scores)) == pytest.approx(share)


@pytest.mark.parametrize("name", ENDS)
def test_evidence_is_of_the_score_before_it(name: str) -> None:
    plain, network, image = two_channels(), ending_in(ENDS[name][0]), two_channels_image()
    assert are_scores_reached(network, decoder_input(network, image))
    first = "scorer.1" if isinstance(network.module, _Called) else "1"
    for target in (ClassTarget(0), ClassTarget(1), ClassTarget(0, 1)):
        found = grad_cam(network, image, first, target)
        expected = grad_cam(plain, image, "1", target)
        assert found.score == pytest.approx(expected.score)
        assert torch.allclose(found.gradients, expected.gradients)
        assert expected.gradients.any()
        for method in ("gradient", "integrated", "guided"):
            pixels = saliency(network, image, target, method)
            assert torch.allclose(
                pixels.attribution, saliency(plain, image, target, method).attribution, atol=1e-6
            )
    cam = class_activation_map(network, image, ClassTarget(0))
    assert cam is not None
    on, off = ablate_each(network, image, first, [0])
    assert on.tolist() == pytest.approx([0.4, 0.6])
    assert off[0].tolist() == pytest.approx([-0.1, 0.6])


def test_the_pass_over_many_images_has_the_same_probabilities() -> None:
    """It takes the scores up of a batch, which is filled up to its length."""
    network, image = ending_in(nn.Softmax(dim=1)), two_channels_image()
    rows = list(image_features(network, Files([("a", png(image)), ("b", png(image))]), ["0"]))
    assert len(rows) == 2
    for row in rows:
        assert [each.probability for each in row.predictions] == pytest.approx(SOFTMAX)


def _out_of_reach(x: Tensor) -> Tensor:
    """Put out a softmax in a memory of its own, which no function of PyTorch has made of scores."""
    return torch.softmax(x, 1).clone()


def test_where_the_scores_are_not_reached_the_logarithm_of_the_probability_stands_for_them() -> (
    None
):
    network, image = ending_in(_out_of_reach), two_channels_image()
    batch = decoder_input(network, image)
    assert not are_scores_reached(network, batch)
    assert [each.probability for each in predict(network, image)] == pytest.approx(SOFTMAX)
    expected = torch.tensor([SOFTMAX[::-1]]).log()
    assert torch.allclose(class_scores(network, batch), expected)
    difference = grad_cam(network, image, "scorer.1", ClassTarget(0, 1))
    plain = grad_cam(two_channels(), image, "1", ClassTarget(0, 1))
    assert torch.allclose(difference.gradients, plain.gradients, atol=1e-6)
    final = final_activation_of(network)
    assert final is not None
    assert "is the logarithm of the probability" in findings.what_is_scored(final, is_reached=False)


@pytest.mark.claims("convviz.features.findings.what_is_scored")
@pytest.mark.parametrize("name", ENDS)
def test_what_is_said_of_the_score_is_so(name: str) -> None:
    end, expected = ENDS[name]
    final = final_activation_of(ending_in(end))
    assert final is not None
    for is_reached in (True, False):
        said = findings.what_is_scored(final, is_reached=is_reached)
        assert ("need not come to 100" in said) == (sum(expected) != pytest.approx(1))
        assert ("ends in a softmax" in said) == name.replace("log_", "").startswith("softmax")
        assert ("cannot be reached" in said) == (not is_reached)
    assert final_activation_of(two_channels()) is None


def test_a_probability_of_none_or_of_all_has_a_score_that_is_finite() -> None:
    for end in (lambda x: (1e4 * x).softmax(1).clone(), lambda x: (1e4 * x).sigmoid().clone()):
        network = ending_in(end)
        scores = class_scores(network, decoder_input(network, two_channels_image()))
        assert scores.isfinite().all()
        assert predict(network, two_channels_image())[0].probability == pytest.approx(1)
