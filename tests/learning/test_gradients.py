"""Gradients with and without auxiliary losses, on a tiny network by hand and on GoogLeNet."""

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.errors import NetworkError, SettingError
from convviz.learning import gradients
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
    assert alone.with_heads == pytest.approx(alone.without) == pytest.approx(first.without)


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
            gradients.LayerGradient("a.x", "", 3.0, 6.0),
            gradients.LayerGradient("a.y", "", 4.0, 8.0),
            gradients.LayerGradient("b", "", 0.0, 0.0),
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


def test_without_batch_norm_and_with_small_weights_the_heads_carry_the_signal() -> None:
    paper = describe(GOOGLENET)
    result = gradients.auxiliary_gradients(paper, PICTURE, start="narrow")
    by_stage = {stage.name: stage for stage in result.stages}
    assert by_stage["conv1"].factor > 100
    assert by_stage["inception5b"].factor == pytest.approx(1)
    assert len(result.layers) == 58


def test_bad_input_gets_a_sentence() -> None:
    with pytest.raises(NetworkError, match="choose GoogLeNet"):
        gradients.auxiliary_gradients(spec("alexnet"), PICTURE)
    with pytest.raises(SettingError, match="cannot be negative"):
        gradients.auxiliary_gradients(tiny(), PICTURE, weight=-1.0)
