"""Networks whose layers do not return maps (N, C, H, W), against hooks set in these tests."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.models.vision_transformer import VisionTransformer

from convviz.datasets.image_set import Files
from convviz.errors import NetworkError, SettingError
from convviz.features.ablation import ablate, deeper_layers
from convviz.features.activations import activations, empty_by_depth
from convviz.features.arithmetic import arithmetic
from convviz.features.capture import capture, input_for, truncated
from convviz.features.dead import count_dead
from convviz.features.effective_field import effective_field
from convviz.features.occlusion import occlude
from convviz.features.overview import overview
from convviz.features.synthesis import SynthesisConfig, synthesise
from convviz.features.top_patches import find_top_patches
from convviz.images.encode import png
from convviz.networks.network import Network
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.reconstruct import reconstruct
from convviz.structure.layers import further_layers, layer, layers
from tests.networks_for_tests import network_of

SIDE = 32


def vit() -> nn.Module:
    """Two blocks over 4 × 4 patches; its head, which starts at zero, is drawn as well."""
    module = VisionTransformer(SIDE, 8, 2, 2, 8, 16, num_classes=5)
    nn.init.normal_(module.heads.head.weight)
    return module


def swin() -> nn.Module:
    """8 × 8 places in windows of 4 × 4, shifted in the second block, then 4 × 4 places."""
    return SwinTransformer([4, 4], 8, [2, 1], [2, 2], [4, 4], num_classes=5)


def convnext() -> nn.Module:
    return ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=5)


@pytest.fixture(scope="module", params=[vit, swin, convnext], ids=lambda build: build.__name__)
def network(request: pytest.FixtureRequest) -> Network:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(1)
        module = request.param()
        for parameter in module.parameters():  # layer scales and biases that start at 0 as well
            parameter.data += 0.1 * torch.randn(parameter.shape)
    return network_of(module, side=SIDE, classes=tuple("abcde"))


@pytest.fixture(scope="module")
def image() -> Image.Image:
    generator = torch.Generator().manual_seed(2)
    pixels = torch.randint(256, (SIDE, SIDE, 3), generator=generator, dtype=torch.uint8)
    return Image.fromarray(pixels.numpy())


def by_hand(network: Network, image: Image.Image) -> dict[str, Any]:
    """Every module's last output, kept by hooks on a deep copy."""
    copied = copy.deepcopy(network.module)
    kept: dict[str, Any] = {}
    for name, part in copied.named_modules():
        part.register_forward_hook(
            lambda _m, _i, output, n=name: kept.__setitem__(n, copy.deepcopy(output))
        )
    with torch.no_grad():
        copied(input_for(network, image))
    return kept


def as_maps(name: str, output: Any, network: Network) -> Tensor:
    """Turn what a module of these three networks returns into maps, by knowledge of them."""
    output = output[0] if isinstance(output, tuple) else output
    if isinstance(network.module, VisionTransformer) and output.dim() == 3:
        grid = output[:, 1:]
        return grid.transpose(1, 2).reshape(1, -1, 4, 4)
    channels_last = ("norm1", "norm2", "attn", "mlp", "reduction", "block.2", "block.3", "block.4")
    is_last = any(part in name for part in (*channels_last, "block.1", "block.5"))
    swin_blocks = isinstance(network.module, SwinTransformer) and not name.startswith(
        "features.0.0"
    )
    if output.dim() == 4 and output.shape[1:3] != (1, 1):
        after_permute = name in {"permute", "avgpool"}
        if (swin_blocks and not after_permute) or (not swin_blocks and is_last):
            return output.permute(0, 3, 1, 2)
    return output


def test_every_layer_holds_what_hooks_of_ones_own_see(network: Network, image: Image.Image) -> None:
    kept = by_hand(network, image)
    for each in layers(network):
        expected = as_maps(each.name, kept[each.name], network)[0]
        measured = activations(network, image, each.name)
        assert measured.maps.shape == (*each.shape, 1, 1)[:3], each.name
        assert torch.allclose(measured.maps.flatten(), expected.flatten(), atol=1e-5), each.name
        assert measured.maps.abs().max() > 0, each.name
        cut = truncated(network.module, each.name)(input_for(network, image))
        assert torch.allclose(cut[0].flatten(), expected.flatten(), atol=1e-5), each.name


def test_the_shapes_are_those_of_the_papers_designs(network: Network) -> None:
    shapes = {each.name: each.shape for each in layers(network)}
    match network.module:
        case VisionTransformer():
            assert shapes["conv_proj"] == (8, 4, 4)
            assert shapes["encoder.layers.encoder_layer_1"] == (8, 4, 4)
            assert shapes["encoder.layers.encoder_layer_0.mlp.0"] == (16, 4, 4)
            assert shapes["encoder.ln"] == (8, 4, 4)
            assert shapes["heads.head"] == (5,)
        case SwinTransformer():
            assert shapes["features.1.1.attn"] == (8, 8, 8)
            assert shapes["features.1.1.mlp.0"] == (32, 8, 8)
            assert shapes["features.2.reduction"] == (16, 4, 4)
            assert shapes["permute"] == shapes["norm"] == (16, 4, 4)
        case _:
            assert shapes["features.1.0.block.3"] == (32, 8, 8)
            assert shapes["features.1.0.block.5"] == (8, 8, 8)
            assert shapes["features.3.0.block.4"] == (64, 4, 4)


def one_file(image: Image.Image) -> Files:
    return Files((("noise.png", png(image)),))


def middle(network: Network) -> str:
    """A layer of each network whose output is not as maps are."""
    names = {
        VisionTransformer: "encoder.layers.encoder_layer_0.mlp.0",
        SwinTransformer: "features.1.1.mlp.0",
        ConvNeXt: "features.1.0.block.3",
    }
    return names[type(network.module)]


def test_channels_are_switched_off_where_they_are(network: Network, image: Image.Image) -> None:
    name = middle(network)
    (deeper, *_) = [each for each in deeper_layers(network, name) if each.kind == "linear"]
    result = ablate(network, image, name, (1, 3), deeper.name)

    copied = copy.deepcopy(network.module)

    def off(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        output = output.clone()
        output[..., [1, 3]] = 0  # channels come last in each of these
        return output

    copied.get_submodule(name).register_forward_hook(off)
    changed = by_hand(network_of(copied, side=SIDE), image)
    expected = as_maps(deeper.name, changed[deeper.name], network)[0]
    assert torch.allclose(result.after.maps.flatten(), expected.flatten(), atol=1e-5)
    assert not torch.allclose(result.before.maps, result.after.maps)
    assert result.channels == (1, 3)
    assert result.changes[-1].relative > 0
    scores = {each.index: each.probability for each in result.predictions_after}
    by_own_pass = changed[""][0].softmax(0)
    assert all(abs(by_own_pass[i] - p) < 1e-5 for i, p in scores.items())


def test_whatever_looks_at_maps_does_so_here(network: Network, image: Image.Image) -> None:
    name = middle(network)
    target = layer(network, name)
    assert activations(network, image, name).empty_count() == 0
    assert len(empty_by_depth(network, image)) > 10
    assert all(stage.channels for stage in overview(network, image).stages)
    *_, occluded = occlude(network, image, name, 2, positions=2)
    assert occluded.responses.shape == (2, 2)
    assert occluded.responses.isfinite().all()
    field = effective_field(network, image, name, 2, 1, 3)
    kept = as_maps(name, by_hand(network, image)[name], network)
    assert field.value == pytest.approx(float(kept[0, 2, 1, 3]), abs=1e-5)
    assert field.support is not None
    *_, best = synthesise(network, name, 2, SynthesisConfig(steps=2))
    assert best.changed
    assert best.has_map
    *_, done = reconstruct(network, image, ReconstructionConfig(layer=name, steps=2))
    assert done.result is not None
    assert arithmetic(network, image, name, 2, 1, 3).difference == 0
    *_, top = find_top_patches(network, name, one_file(image))
    assert top.stimuli.scores.shape == (target.shape[0], 9)
    assert top.stimuli.patches(2)[0].score == pytest.approx(float(kept[0, 2].max()), abs=1e-5)
    *_, dead = count_dead(network, one_file(image))
    assert {each.layer.name for each in dead.layers} >= {name}


@pytest.fixture(scope="module")
def transformer() -> Network:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(3)
        return network_of(vit(), side=SIDE)


class TestHeads:
    def test_they_show_where_the_class_token_looks(
        self, transformer: Network, image: Image.Image
    ) -> None:
        block = "encoder.layers.encoder_layer_1"
        kept = by_hand(transformer, image)
        attention = transformer.module.get_submodule(f"{block}.self_attention")
        assert isinstance(attention, nn.MultiheadAttention)
        tokens = kept[f"{block}.ln_1"][0]
        # softmax(q kᵀ / √d) of each head, written out
        assert attention.in_proj_weight is not None
        products = tokens @ attention.in_proj_weight.T + attention.in_proj_bias
        queries, keys, _ = products.chunk(3, dim=1)
        expected = torch.stack(
            [
                (queries[0, part] @ keys[:, part].T / 2).softmax(0)[1:].reshape(4, 4)
                for part in (slice(0, 4), slice(4, 8))
            ]
        )
        name = f"{block}.self_attention:heads"
        assert layer(transformer, name).shape == (2, 4, 4)
        found = activations(transformer, image, name).maps
        assert torch.allclose(found, expected, atol=1e-6)
        assert 0 < float(found.sum(dim=(1, 2)).max()) < 1  # the rest looks at the class token

    def test_without_a_class_token_all_places_count_alike(self) -> None:
        class Tokens(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.attention = nn.MultiheadAttention(3, 1)  # tokens first, then the batch

            def forward(self, image: Tensor) -> Tensor:
                tokens = image.flatten(2).permute(2, 0, 1)
                attended, _ = self.attention(tokens, tokens, tokens)
                return attended.mean(0)

        module = Tokens().eval()
        batch = torch.randn(2, 3, 2, 4)
        found = capture(module, batch, ["attention:heads", "attention"])
        tokens = batch.flatten(2).permute(2, 0, 1)
        _, weights = module.attention(tokens, tokens, tokens)
        assert torch.allclose(found["attention:heads"], weights.mean(1).reshape(2, 1, 2, 4))
        assert found["attention"].shape == (2, 3, 2, 4)

    def test_the_class_token_is_a_vector_of_its_own(
        self, transformer: Network, image: Image.Image
    ) -> None:
        kept = by_hand(transformer, image)
        found = activations(transformer, image, "encoder.ln:class")
        assert layer(transformer, "encoder.ln:class").shape == (8,)
        assert torch.allclose(found.maps.flatten(), kept["encoder.ln"][0, 0], atol=1e-6)

    def test_what_is_no_attention_has_no_heads(self, transformer: Network) -> None:
        batch = torch.zeros(1, 3, SIDE, SIDE)
        with pytest.raises(NetworkError, match="no attention over the places"):
            capture(transformer.module, batch, ["encoder.ln:heads"])
        with pytest.raises(NetworkError, match="no class token"):
            capture(transformer.module, batch, ["conv_proj:class"])
        with pytest.raises(NetworkError, match="no layer called"):
            layer(transformer, "conv_proj:class")

    def test_their_channels_are_not_switched_off_alone(
        self, transformer: Network, image: Image.Image
    ) -> None:
        with pytest.raises(SettingError, match=r"choose encoder\.ln"):
            ablate(transformer, image, "encoder.ln:class", (0,), "heads.head")


class TestUsesAndBlocks:
    class Shared(nn.Module):
        """One ReLU after two convolutions, as in ResNet's blocks."""

        def __init__(self) -> None:
            super().__init__()
            self.block = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4))
            self.relu = nn.ReLU(inplace=True)
            self.second = nn.Conv2d(4, 4, 3, padding=1)
            self.fc = nn.Linear(4, 2)

        def forward(self, image: Tensor) -> Tensor:
            maps = self.relu(self.second(self.relu(self.block(image))))
            scores: Tensor = self.fc(maps.mean((2, 3)))
            return scores

    @pytest.fixture
    def shared(self) -> Network:
        return network_of(self.Shared(), side=SIDE)

    def test_each_use_in_order(self, shared: Network, image: Image.Image) -> None:
        seen: list[Tensor] = []
        copied = copy.deepcopy(shared.module)
        relu = copied.get_submodule("relu")
        relu.register_forward_hook(lambda _m, _i, output: seen.append(output.clone()))
        with torch.no_grad():
            copied(input_for(shared, image))
        assert len(seen) == 2
        for name, expected in (("relu:1", seen[0]), ("relu:2", seen[1]), ("relu", seen[1])):
            found = activations(shared, image, name)
            assert torch.equal(found.maps, expected[0]), name
        both = capture(shared.module, input_for(shared, image), ["relu", "relu:1", "relu:2"])
        assert torch.equal(both["relu:1"], seen[0])
        assert torch.equal(both["relu"], both["relu:2"])
        cut = truncated(shared.module, "relu:1")(input_for(shared, image))
        assert torch.equal(cut, seen[0])
        assert layer(shared, "relu:2").name == "relu"
        first = layer(shared, "relu:1")
        assert (first.module, first.shape, first.detail) == ("relu", (4, SIDE, SIDE), True)

    def test_a_use_that_does_not_exist(self, shared: Network) -> None:
        with pytest.raises(NetworkError, match="runs 2 times for an image, so there is no use 3"):
            layer(shared, "relu:3")
        with pytest.raises(NetworkError, match="runs once for an image, so there is no use 2"):
            layer(shared, "second:2")
        with pytest.raises(NetworkError, match="runs once when the network looks"):
            capture(shared.module, torch.zeros(1, 3, SIDE, SIDE), ["second:2"])

    def test_a_block_is_judged_by_the_relu_behind_it(
        self, shared: Network, image: Image.Image
    ) -> None:
        assert "block" not in {each.name for each in layers(shared)}
        block = layer(shared, "block")
        assert (block.kind, block.shape, block.pre_relu) == ("block", (4, SIDE, SIDE), "block")
        found = activations(shared, image, "block")
        assert torch.equal(found.rectified, activations(shared, image, "relu:1").maps)
        *_, step = synthesise(shared, "block", 0, SynthesisConfig(steps=1))
        assert step.has_map
        *_, done = reconstruct(shared, image, ReconstructionConfig(layer="relu:1", steps=2))
        assert done.result is not None
        result = ablate(shared, image, "relu:1", (0,), "second")
        assert result.after.maps.shape == (4, SIDE, SIDE)
        assert arithmetic(shared, image, "relu:1", 0, 3, 5).difference == 0

    def test_blocks_of_real_networks(self) -> None:
        from convviz.networks.registry import spec

        names = {each.name: each.shape for each in further_layers(spec("googlenet"))}
        assert names["inception4a.branch2"] == (208, 14, 14)
        assert "inception4a" not in names  # which is a layer itself: it concatenates
        assert layer(spec("alexnet"), "features").shape == (256, 6, 6)


ODD: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "complex": (lambda maps: torch.view_as_complex(torch.stack([maps, maps], -1)), "complex"),
    "empty": (lambda maps: maps[:, :0], "empty"),
    "sparse": (lambda maps: maps.to_sparse(), "sparse"),
    "no tensor": (lambda maps: "text", "without a tensor"),
}


class Odd(nn.Module):
    """A layer that returns something odd, beside one that returns maps."""

    def __init__(self, make: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.odd = Made(make)
        self.fc = nn.Linear(4, 2)

    def forward(self, image: Tensor) -> Tensor:
        maps = self.conv(image)
        self.odd(maps)
        scores: Tensor = self.fc(maps.mean((2, 3)))
        return scores


class Made(nn.Module):
    def __init__(self, make: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.make = make

    def forward(self, maps: Tensor) -> Any:
        return self.make(maps)


class TestOneGap:
    @pytest.mark.parametrize("kind", list(ODD))
    def test_it_is_named_and_the_others_are_shown(self, kind: str, image: Image.Image) -> None:
        make, reason = ODD[kind]
        module = Odd(make).eval()
        network = network_of(module, side=SIDE)
        assert {"conv", "fc"} <= {each.name for each in layers(network)}
        with pytest.raises(NetworkError, match=reason):
            capture(module, torch.zeros(1, 3, SIDE, SIDE), ["odd"])
        assert {each.layer.name for each in empty_by_depth(network, image)} == {"conv"}
        assert overview(network, image).stages[0].layer.name == "conv"

    @pytest.mark.parametrize(
        ("make", "dtype"),
        [(partial(torch.gt, other=0), torch.uint8), (lambda maps: maps.long(), torch.int64)],
    )
    def test_truth_values_and_whole_numbers_are_numbers(
        self, make: Callable[[Tensor], Tensor], dtype: torch.dtype, image: Image.Image
    ) -> None:
        network = network_of(Odd(make), side=SIDE)
        batch = input_for(network, image)
        expected = make(network.module.get_submodule("conv")(batch)).float()
        found = activations(network, image, "odd")
        assert torch.equal(found.maps, expected[0])
        assert {each.layer.name for each in empty_by_depth(network, image)} == {"conv", "odd"}
        assert found.strength.tolist() == expected[0].flatten(1).abs().amax(1).tolist()

    @pytest.mark.parametrize(
        "make",
        [
            lambda maps: maps.flatten(2)[..., None, None].expand(-1, -1, -1, 2, 2),  # five axes
            lambda maps: nn.functional.max_pool1d(maps.flatten(2), 7),  # runs along the rows
        ],
    )
    def test_other_numbers_of_axes_are_left_out_with_a_sentence(
        self, make: Callable[[Tensor], Tensor]
    ) -> None:
        network = network_of(Odd(make), side=SIDE)
        assert [each.name for each in layers(network)] == ["conv", "fc"]
        with pytest.raises(NetworkError, match="neither maps, nor tokens"):
            layer(network, "odd")
