"""Gradients with and without auxiliary losses, on a tiny network by hand and on GoogLeNet."""

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from convviz.errors import NetworkError, SettingError
from convviz.images.decode import decode
from convviz.images.preprocess import to_tensor
from convviz.images.samples import sample
from convviz.learning import findings, gradients
from convviz.lessons import auxiliary_loss
from convviz.networks.network import NetworkSpec
from convviz.networks.paper_designs import GOOGLENET, describe
from convviz.networks.registry import spec

PICTURE = Image.linear_gradient("L").convert("RGB")


class Tiny(nn.Module):
    """Two convolutions, with one auxiliary head after the first."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 2, 3, bias=False)
        self.second = nn.Conv2d(2, 4, 3, bias=False)
        self.aux = nn.Linear(2, 4)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        x = self.first(x)
        scores: Tensor = self.second(x).mean((2, 3))
        return (scores, self.aux(self.drop(x.mean((2, 3))))) if self.training else scores


def build() -> nn.Module:
    with torch.device("meta"):  # its first weights are drawn by what is tested here
        return Tiny()


def tiny() -> NetworkSpec:
    return NetworkSpec("tiny", "Tiny", build, input_size=12, auxiliary=("aux",))


def test_norms_are_those_of_torchs_own_gradients() -> None:
    result = gradients.auxiliary_gradients(tiny(), PICTURE, weight=0.5, seed=3)
    assert [layer.name for layer in result.layers] == ["first", "second"]
    assert result.loss.total == pytest.approx(result.loss.main + 0.5 * result.loss.extra[0])
    first, second = result.layers
    assert second.with_heads == pytest.approx(second.without)  # no head behind it
    assert first.with_heads != pytest.approx(first.without, rel=1e-3)
    alone = gradients.auxiliary_gradients(tiny(), PICTURE, weight=0.0, seed=3).layers[0]
    assert alone.with_heads == alone.without == pytest.approx(first.without)


def test_norms_are_those_of_central_differences() -> None:
    weight, step = 0.5, 1e-5
    result = gradients.auxiliary_gradients(tiny(), PICTURE, weight=weight, seed=3)
    module = gradients._untrained(tiny(), 3, "he").double().requires_grad_(False)
    one = to_tensor(PICTURE, size=12, resize=12, mean=tiny().mean, std=tiny().std).double()
    batch, labels = torch.cat([one, one.flip(-1)]), torch.tensor([result.label] * 2)

    def loss(factor: float) -> float:
        main, extra = module(batch)
        return float(cross_entropy(main, labels) + factor * cross_entropy(extra, labels))

    for layer in result.layers:
        tensor = module.get_submodule(layer.name).weight
        assert isinstance(tensor, Tensor)
        values = tensor.view(-1)
        for factor, expected in ((0.0, layer.without), (weight, layer.with_heads)):
            squares = 0.0
            for index in range(len(values)):
                before = float(values[index])
                values[index] = before + step
                higher = loss(factor)
                values[index] = before - step
                squares += ((higher - loss(factor)) / (2 * step)) ** 2
                values[index] = before
            assert expected == pytest.approx(squares**0.5, rel=1e-6)
        assert layer.weights == pytest.approx(sum(float(v) ** 2 for v in values) ** 0.5)


class Deep(nn.Module):
    """Twenty linear convolutions of one weight each, and a head before all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 2, 1, bias=False)
        self.aux = nn.Linear(2, 2)
        self.rest = nn.Sequential(*(nn.Conv2d(2, 2, 1, bias=False) for _ in range(20)))

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        x = self.first(x)
        scores: Tensor = self.rest(x).mean((2, 3))
        return (scores, self.aux(x.mean((2, 3)))) if self.training else scores


def build_deep() -> nn.Module:
    with torch.device("meta"):
        return Deep()


def test_a_gradient_too_small_for_single_precision_is_not_0() -> None:
    deep = NetworkSpec("deep", "Deep", build_deep, input_size=8, auxiliary=("aux",))
    first, *_ = gradients.auxiliary_gradients(deep, PICTURE, start="narrow", weight=0.0).layers
    # Twenty layers of about 0.014 each: about 1e-37, whose square is 0 in single precision.
    assert 0 < first.without < 1e-30
    assert first.without == first.with_heads


def test_same_seed_same_numbers_and_the_global_seed_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = gradients.auxiliary_gradients(tiny(), PICTURE, seed=1)
    assert torch.equal(torch.rand(1), expected)
    assert gradients.auxiliary_gradients(tiny(), PICTURE, seed=1) == first
    assert gradients.auxiliary_gradients(tiny(), PICTURE, seed=2) != first


def test_stages_join_the_layers_of_a_module() -> None:
    result = gradients.Gradients(
        (
            gradients.LayerGradient("a.x", "", 3.0, 6.0, 5.0),
            gradients.LayerGradient("a.y", "", 4.0, 8.0, 12.0),
            gradients.LayerGradient("b", "", 0.0, 0.0, 0.0),
        ),
        auxiliary_loss.auxiliary_loss(1.0, ()),
        0,
        0,
    )
    assert [(s.name, s.without, s.with_heads) for s in result.stages] == [
        ("a", 5.0, 10.0),
        ("b", 0.0, 0.0),
    ]
    assert [s.factor for s in result.stages] == [2.0, 1.0]
    assert [s.weights for s in result.stages] == [13.0, 0.0]
    assert [s.relative for s in result.stages] == [5 / 13, 0.0]


def test_without_batch_norm_and_with_small_weights_the_heads_carry_the_signal() -> None:
    paper = describe(GOOGLENET)
    result = gradients.auxiliary_gradients(paper, PICTURE, start="narrow")
    by_stage = {stage.name: stage for stage in result.stages}
    assert by_stage["conv1"].factor > 100
    assert by_stage["inception5b"].factor == pytest.approx(1)
    assert len(result.layers) == 58


def test_the_papers_network_without_help_gets_hardly_anything_at_any_weight() -> None:
    result = gradients.auxiliary_gradients(
        describe(GOOGLENET), decode(sample("cat").read()), weight=0.0, start="narrow"
    )
    assert result.stages[0].without == pytest.approx(6.7e-12, rel=0.02)
    text = findings.initial_gradients(result, batch_norm=False, start="narrow")
    assert "6.74 × 10⁻¹² long at conv1" in text
    assert "hardly anything arrives at any stage" in text
    assert text.endswith("Now raise the weight, to see what the heads add.")


def test_bad_input_gets_a_sentence() -> None:
    with pytest.raises(NetworkError, match="choose GoogLeNet"):
        gradients.auxiliary_gradients(spec("alexnet"), PICTURE)
    with pytest.raises(SettingError, match="cannot be negative"):
        gradients.auxiliary_gradients(tiny(), PICTURE, weight=-1.0)
