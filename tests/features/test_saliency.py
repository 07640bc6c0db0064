"""Saliency of pixels, by hand and against captum."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop, IntegratedGradients
from captum.attr import Saliency as PlainGradient
from PIL import Image
from scipy.stats import spearmanr
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from convviz.errors import NetworkError, SettingError
from convviz.features import findings
from convviz.features.class_target import ClassTarget, decoder_input
from convviz.features.saliency import (
    COMPLETE,
    Saliency,
    find_saliency,
    randomised,
    saliency,
    similarity,
)
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.networks.network import Network
from convviz.weights.load import load
from tests.features.explained import (
    Function,
    explainable,
    explained,
    scorer,
    two_channels,
    two_channels_image,
)

A = ClassTarget(0)
FUNCTIONS = (
    *("relu", "relu in place", "torch.relu", "relu6", "hardtanh", "clamp", "clamp_min"),
    *("threshold", "maximum", "maximum of zero"),
)
# The score is 2 · mean(ReLU(red − 0.5)) − mean(green) + 0.1. Red is 0 or 1.
RED = torch.tensor([[0.0, 1.0], [1.0, 0.0]])


def test_the_gradient_of_a_tiny_network_by_hand() -> None:
    found = saliency(two_channels(), two_channels_image(), A)
    expected = torch.stack((0.5 * RED, torch.full((2, 2), -0.25), torch.zeros(2, 2)))
    assert torch.allclose(found.attribution, expected)
    assert torch.allclose(found.map, torch.tensor([[0.25, 0.5], [0.5, 0.25]]))
    assert (found.score, found.samples, found.difference) == (pytest.approx(0.4), 1, None)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_guided_backpropagation_stops_what_is_negative_at_any_form_of_relu(name: str) -> None:
    network = explained(scorer(Function(name)), side=2, classes=2)
    found = saliency(network, two_channels_image(), A, "guided")
    # What comes back to the second channel, −0.25, is negative and stops at its ReLU.
    expected = torch.stack((0.5 * RED, torch.zeros(2, 2), torch.zeros(2, 2)))
    assert torch.allclose(found.attribution, expected), name
    plain = saliency(network, two_channels_image(), A)
    assert torch.allclose(plain.attribution[1], torch.full((2, 2), -0.25))


def forms() -> dict[str, Any]:
    """Ways to write a ReLU with a mask."""

    def filled(y: Tensor) -> Tensor:
        y = y.clone()
        y[y < 0] = 0
        return y

    return {
        "where": lambda y: torch.where(y > 0, y, 0),
        "where with a tensor": lambda y: torch.where(y >= 0, y, torch.zeros_like(y)),
        "where turned round": lambda y: torch.where(y <= 0, 0.0, y),
        "its method": lambda y: y.where(y > 0, torch.tensor(0.0)),
        "by keyword": lambda y: torch.where(condition=y > 0, input=y, other=torch.tensor(0.0)),
        "product": lambda y: y * (y > 0),
        "mask first": lambda y: (y > 0) * y,
        "mask of numbers": lambda y: y * (y > 0).float(),
        "mask of the same type": lambda y: y.mul(y.gt(0).to(y.dtype)),
        "no negative mask": lambda y: y * ~(y < 0),
        "masked_fill": lambda y: y.masked_fill(y < 0, 0),
        "masked_fill by keyword": lambda y: y.masked_fill(mask=torch.lt(y, 0), value=0.0),
        "by index": filled,
        "maximum": lambda y: torch.maximum(y, torch.zeros(())),
        "compared with a tensor": lambda y: torch.where(torch.gt(y, torch.zeros_like(y)), y, 0),
    }


class Formed(nn.Module):
    def __init__(self, form: Any) -> None:
        super().__init__()
        self.form = form

    def forward(self, y: Tensor) -> Tensor:
        return self.form(y)


@pytest.mark.parametrize("form", forms())
def test_guided_backpropagation_stops_what_is_negative_at_relus_written_with_masks(
    form: str,
) -> None:
    network = explained(scorer(Formed(forms()[form])), side=2, classes=2)
    found = saliency(network, two_channels_image(), A, "guided")
    expected = torch.stack((0.5 * RED, torch.zeros(2, 2), torch.zeros(2, 2)))
    assert torch.allclose(found.attribution, expected)


@pytest.mark.parametrize(
    "form",
    [
        lambda y: y * (y > 0.5),
        lambda y: torch.where(y > 0, y, 1.0),
        lambda y: torch.where(y > 0, 2 * y, 0),
        lambda y: y * (y < 0),
        lambda y: y.masked_fill(y > 0, 0),
        lambda y: y * torch.sigmoid(y),
    ],
)
def test_what_only_looks_like_a_relu_does_not_guide(form: Any) -> None:
    network = explained(scorer(Formed(form)), side=2, classes=2)
    with pytest.raises(NetworkError, match="no ReLU on the way"):
        saliency(network, two_channels_image(), A, "guided")


def test_guided_backpropagation_says_where_it_would_be_the_plain_gradient() -> None:
    network = explained(scorer(nn.Tanh()), side=2, classes=2)
    with pytest.raises(NetworkError, match="no ReLU on the way"):
        saliency(network, two_channels_image(), A, "guided")
    clamped = explained(scorer(nn.Hardtanh(-1.0, 1.0)), side=2, classes=2)
    with pytest.raises(NetworkError, match="no ReLU on the way"):
        saliency(clamped, two_channels_image(), A, "guided")


@pytest.mark.claims("convviz.features.findings.completeness")
def test_integrated_gradients_of_a_tiny_network_by_hand() -> None:
    network, image = two_channels(), two_channels_image()
    # Red's ReLU opens half-way: of 9 equal parts 4 lie beyond the middle, which is in the fifth;
    # halved, that one has no kink any more. The true shares are 0.25 for each of two pixels, and
    # −0.05 of each green one; plain grey scores 0.1.
    halved = (10, 11, 0.25)
    for most, (steps, gradients, red) in (
        (9, (9, 9, 0.5 * 4 / 9)),
        (10, (9, 9, 0.5 * 4 / 9)),
        (11, halved),
        (243, halved),
        (5000, halved),
    ):
        *_, last = find_saliency(network, image, A, "integrated", most_steps=most)
        found = last.saliency
        assert last.is_last
        assert (found.samples, last.done) == (steps, gradients)
        assert torch.allclose(found.attribution[0], red * RED, atol=1e-6)
        assert torch.allclose(found.attribution[1], torch.full((2, 2), -0.05))
        assert found.difference == pytest.approx(0.3)
        gap = (0.5 - 2 * red) / 0.3
        assert found.completeness_gap == pytest.approx(gap, abs=1e-5)
        text = findings.completeness(found)
        assert f"add up to {2 * red - 0.2:.3f}" in text
        assert f"exceeds that of plain grey by 0.300, after {steps} steps" in text
        assert ("complete within 1 %" in text) == (gap <= COMPLETE)
        assert ("more steps are needed" in text) == (gap > COMPLETE)
    assert torch.allclose(found.map, (red * RED - 0.05).clamp(min=0))


@pytest.mark.claims("convviz.features.findings.completeness")
def test_completeness_has_no_meaning_near_a_zero_difference() -> None:
    found = Saliency("integrated", A, 5.0, torch.zeros(3, 2, 2), 9, plain_score=5.004)
    assert found.completeness_gap is None
    assert "nearly equal" in findings.completeness(found)
    assert Saliency("integrated", A, 0.0, torch.zeros(3, 2, 2), 9, 0.0).completeness_gap is None
    far = Saliency("integrated", A, 5.0, torch.zeros(3, 2, 2), 9, plain_score=5.006)
    assert far.completeness_gap == pytest.approx(1.0)
    assert "100 % off, not complete" in findings.completeness(far)
    plain = Saliency("gradient", A, 5.0, torch.zeros(3, 2, 2))
    assert "integrated gradients only" in findings.completeness(plain)


@pytest.mark.parametrize(
    ("network_name", "name"),
    [
        *(("alexnet", "cat"), ("alexnet", "coffee"), ("googlenet", "cat"), ("googlenet", "brick")),
        *(pytest.param("vgg16", name, marks=pytest.mark.networks) for name in ("cat", "coffee")),
    ],
)
def test_completeness_is_within_1_percent_on_photographs(network_name: str, name: str) -> None:
    network = load(network_name, fetch=False)
    image = decode(sample(name).read())
    scores = network.module(decoder_input(network, image))
    found = saliency(network, image, ClassTarget(int(scores[0].argmax())), "integrated")
    assert found.difference is not None
    assert abs(found.difference) > 0.5
    total = float(found.attribution.sum())
    assert abs(total - found.difference) <= COMPLETE * abs(found.difference)


def test_smoothgrad_is_the_mean_gradient_of_noisy_copies() -> None:
    network, image = two_channels(), two_channels_image()
    batch = decoder_input(network, image)
    generator = torch.Generator().manual_seed(3)
    noise = torch.cat([torch.randn((count, 3, 2, 2), generator=generator) for count in (4, 4, 2)])
    copies = (batch + 0.2 * noise).requires_grad_()
    network.module(copies.clone())[:, 0].sum().backward()
    assert copies.grad is not None
    *_, last = find_saliency(network, image, A, "smoothgrad", samples=10, noise=0.2, seed=3)
    assert torch.allclose(last.saliency.attribution, copies.grad.mean(0), atol=1e-6)
    assert last.saliency.samples == 10
    *_, other = find_saliency(network, image, A, "smoothgrad", samples=10, noise=0.2, seed=4)
    assert not torch.equal(other.saliency.attribution, last.saliency.attribution)


def test_a_run_that_is_stopped_ends_and_says_how_far_it_came() -> None:
    steps = list(
        find_saliency(
            two_channels(), two_channels_image(), A, "smoothgrad", samples=25, stop=lambda: True
        )
    )
    assert [(step.done, step.is_last, step.saliency.samples) for step in steps] == [(4, True, 4)]


class InDouble(nn.Module):
    """A network that computes in float64, so that rounding opens and closes no ReLU."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside.double()

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.inside(x.double())
        return scores


@pytest.mark.parametrize("method", ["gradient", "guided", "integrated"])
@pytest.mark.parametrize("name", ["tiny", "alexnet", "resnet18"])
def test_saliency_equals_captum(name: str, method: Any, cat: Image.Image) -> None:
    network, image, index = explainable(name, cat)
    network = replace(network, module=InDouble(network.module).eval())
    module = copy.deepcopy(network.module)
    for part in module.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = False
    batch = decoder_input(network, image)
    *_, last = find_saliency(network, image, ClassTarget(index), method, most_steps=9)
    found = last.saliency
    if method == "gradient":
        theirs = PlainGradient(module).attribute(batch.clone(), target=index, abs=False)
    elif method == "guided":
        theirs = GuidedBackprop(module).attribute(batch.clone(), target=index)
    else:
        theirs = IntegratedGradients(module).attribute(
            batch, target=index, n_steps=9, method="riemann_middle", internal_batch_size=3
        )
    largest = float(theirs.abs().max())
    assert largest > 0
    assert torch.allclose(found.attribution, theirs[0].float(), rtol=1e-4, atol=1e-4 * largest)


class Guided(torch.autograd.Function):
    """A ReLU of guided backpropagation."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradients[0].clamp(min=0) * (x > 0)


def test_guided_backpropagation_reaches_the_functions_of_googlenet(
    cat: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load("googlenet", "bundled", fetch=False)
    found = saliency(network, cat, ClassTarget(38), "guided")
    plain = saliency(network, cat, ClassTarget(38))
    monkeypatch.setattr(nn.functional, "relu", lambda x, inplace=False: Guided.apply(x))
    batch = decoder_input(network, cat).requires_grad_()
    network.module(batch)[0, 38].backward()
    assert batch.grad is not None
    largest = float(batch.grad.abs().max())
    assert torch.allclose(found.attribution, batch.grad[0], rtol=1e-4, atol=1e-4 * largest)
    assert not torch.allclose(found.attribution, plain.attribution, atol=0.01 * largest)


@pytest.mark.parametrize(
    ("name", "source", "encoder", "decoder"),
    [
        ("googlenet", "bundled", "inception5b.branch1.conv.weight", "fc.weight"),
        ("alexnet", "encoder", "features.10.weight", "decoder.weight"),
        ("alexnet", "random", "features.10.weight", "classifier.4.weight"),
    ],
)
def test_a_randomised_decoder_leaves_the_encoder_and_the_network_alone(
    name: str, source: str, encoder: str, decoder: str
) -> None:
    network = load(name, source, fetch=False)
    trained = network.module.get_parameter(decoder).clone()
    other = randomised(network, seed=2)
    shared = other.module.get_parameter(encoder)
    assert shared.data_ptr() == network.module.get_parameter(encoder).data_ptr()
    drawn = other.module.get_parameter(decoder)
    assert torch.equal(network.module.get_parameter(decoder), trained)
    assert abs(np.corrcoef(drawn.flatten(), trained.flatten())[0, 1]) < 0.05
    assert float(drawn.std()) == pytest.approx(float(trained.std()), rel=0.05)
    assert torch.equal(randomised(network, 2).module.get_parameter(decoder), drawn)


def changed(network: Network) -> set[str]:
    """Name the parameters that are others when the decoder is randomised."""
    other = dict(randomised(network).module.named_parameters())
    before = dict(network.module.named_parameters())
    assert other.keys() == before.keys()
    return {name for name, tensor in before.items() if not torch.equal(tensor, other[name])}


class ByHand(nn.Module):
    """A head without layers of its own, beside an encoder that uses a parameter of the root."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, 4, 1)
        self.shift = nn.Parameter(torch.arange(12.0).reshape(3, 2, 2))
        self.head = nn.Parameter(torch.arange(8.0).reshape(2, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(x + self.shift).relu().mean((2, 3)) @ self.head.T


class AttentiveHead(nn.Module):
    """A decoder of one attention over places and a linear layer whose weights have a norm apart."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.fc = nn.utils.parametrizations.weight_norm(nn.Linear(4, 2))

    def forward(self, x: Tensor) -> Tensor:
        maps = self.encoder(x).mean((2, 3))[:, None]
        return self.fc(self.attention(maps, maps, maps, need_weights=False)[0][:, 0])


def test_all_that_is_behind_the_encoder_is_randomised_and_nothing_else() -> None:
    assert changed(explained(ByHand(), side=2, classes=2)) == {"head"}
    attentive = explained(AttentiveHead(), side=2, classes=2)
    torch.nn.init.normal_(attentive.module.get_parameter("attention.in_proj_bias"))
    weights = {
        *("attention.in_proj_weight", "attention.in_proj_bias", "attention.out_proj.weight"),
        *("fc.parametrizations.weight.original0", "fc.parametrizations.weight.original1"),
        "fc.bias",
    }
    assert changed(attentive) == weights
    torch.manual_seed(0)
    transformer = VisionTransformer(16, 4, 2, 2, 8, 16, num_classes=3)
    for name in ("heads.head.weight", "heads.head.bias", "class_token"):
        torch.nn.init.normal_(transformer.get_parameter(name))
    assert changed(explained(transformer, side=16, classes=3)) == {
        "heads.head.weight",
        "heads.head.bias",
    }


def test_without_weights_behind_the_encoder_there_is_nothing_to_randomise() -> None:
    convolution = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(NetworkError, match="Tiny has no weights behind its encoder"):
        randomised(explained(convolution, side=2, classes=2))


def test_a_map_that_is_the_same_everywhere_has_no_order_to_compare() -> None:
    some, flat = torch.rand(20, 20), torch.zeros(20, 20)
    assert similarity(some, flat) is None
    assert similarity(flat, some) is None
    assert similarity(flat, flat) is None


def test_similarity_is_spearman_s_rank_correlation_of_blocks() -> None:
    generator = torch.Generator().manual_seed(1)
    one, other = (torch.rand(64, 64, generator=generator) for _ in range(2))
    mixed = one + other
    means = [each.reshape(16, 4, 16, 4).mean((1, 3)).flatten().numpy() for each in (one, mixed)]
    assert similarity(one, mixed) == pytest.approx(spearmanr(*means).statistic)
    small = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert similarity(small, small**3) == pytest.approx(1)
    assert similarity(small, -small) == pytest.approx(-1)


def test_numbers_that_make_no_sense_are_refused() -> None:
    network, image = two_channels(), two_channels_image()

    def refused(**options: Any) -> str:
        with pytest.raises(SettingError) as caught:
            find_saliency(network, image, A, **options)
        return str(caught.value)

    assert "choose gradient, smoothgrad, integrated, guided" in refused(method="grad")
    assert "choose 1 or more" in refused(method="smoothgrad", samples=0)
    assert "choose 9 or more" in refused(method="integrated", most_steps=8)
    assert "choose 0 to 1" in refused(method="smoothgrad", noise=0.0)


def test_scores_that_are_no_numbers_are_told() -> None:
    network: Network = two_channels()
    module = copy.deepcopy(network.module)
    with torch.no_grad():
        module.get_parameter("4.bias").fill_(float("nan"))
    with pytest.raises(NetworkError, match="no finite numbers"):
        saliency(replace(network, module=module), two_channels_image(), A)
