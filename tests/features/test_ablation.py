"""Channels that are switched off, by hand and in the real networks."""

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from convviz.errors import NetworkError, SettingError
from convviz.features.ablation import ablate, ablate_each, deeper_layers
from convviz.features.activations import activations
from convviz.features.class_target import decoder_input
from convviz.features.predictions import predict
from convviz.images.decode import decode
from convviz.images.samples import sample
from convviz.structure.layers import layer
from convviz.weights.load import load
from tests.networks_for_tests import network_of


@pytest.fixture
def red() -> Image.Image:
    return Image.new("RGB", (4, 4), (255, 0, 0))


def test_a_channel_that_is_off_is_off_everywhere_after(
    red_channels: nn.Module, red: Image.Image
) -> None:
    network = network_of(red_channels, classes=("red", "other"))
    result = ablate(network, red, "conv", [0], "pool")
    assert result.channels == (0,)
    assert result.before.maps[0].max() == 1
    assert result.after.maps.abs().max() == 0
    assert result.relative.tolist() == [1.0, 0.0, 0.0]
    assert {change.layer.name: change.relative for change in result.changes} == {
        "relu": 1.0,
        "pool": 1.0,
        "fc": 1.0,
    }
    assert result.predictions_before[0].label == "red"
    assert result.predictions_after[0].probability == pytest.approx(0.5)


def test_keeping_some_switches_off_the_others(red_channels: nn.Module, red: Image.Image) -> None:
    result = ablate(network_of(red_channels), red, "relu", [0], "pool", keep=True)
    assert result.channels == (1, 2)
    torch.testing.assert_close(result.after.maps, result.before.maps)
    assert all(change.relative == 0 for change in result.changes)


def test_nothing_off_changes_nothing_and_the_network_is_not_touched(
    red_channels: nn.Module, red: Image.Image
) -> None:
    network = network_of(red_channels)
    before = activations(network, red, "pool").maps
    result = ablate(network, red, "conv", [], "pool")
    assert float(result.relative.abs().max()) == 0
    ablate(network, red, "conv", [0, 1, 2], "pool")
    torch.testing.assert_close(activations(network, red, "pool").maps, before)
    assert not any(part._forward_hooks for part in red_channels.modules())


def test_a_norm_after_the_layer_cannot_wake_the_channel_up(red: Image.Image) -> None:
    parts = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2))
    parts[1].bias.data += 3
    result = ablate(network_of(parts), red, "0", [1], "3")
    assert result.after.maps[1].abs().max() == 0
    assert result.before.maps[1].abs().max() > 0


def test_a_module_used_twice_is_ablated_at_its_last_use(red: Image.Image) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU()
            self.pool = nn.MaxPool2d(2)

        def forward(self, batch: Tensor) -> Tensor:
            return self.pool(self.relu(self.relu(batch) + 1))

    result = ablate(network_of(Twice()), red, "relu", [1], "pool")
    assert result.before.maps[:, 0, 0].tolist() == [2.0, 1.0, 1.0]
    assert result.after.maps[:, 0, 0].tolist() == [2.0, 0.0, 1.0]


def test_a_branch_of_googlenet() -> None:
    network = load("googlenet", "bundled", fetch=False)
    cat = decode(sample("cat").read())
    shown = layer(network, "inception4a")
    branch = shown.branches[0]
    result = ablate(network, cat, branch.name, range(branch.stop), "inception4a")
    after = result.after.maps
    assert after[: branch.stop].abs().max() == 0
    torch.testing.assert_close(after[branch.stop :], result.before.maps[branch.stop :])
    assert result.most_changed()[0] < branch.stop
    assert len(result.predictions_after) == 5


def test_what_does_not_come_after_is_refused(red_channels: nn.Module, red: Image.Image) -> None:
    network = network_of(red_channels)
    assert [layer.name for layer in deeper_layers(network, "relu")] == ["pool", "fc"]
    with pytest.raises(SettingError, match="does not come after"):
        ablate(network, red, "pool", [0], "relu")
    with pytest.raises(SettingError, match="channel 3"):
        ablate(network, red, "relu", [3], "pool")


def test_layers_beside_the_ablated_one_do_not_change(red: Image.Image) -> None:
    """The other branch sees one picture while the pass begins with one: it is run with two."""

    class Beside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.ReLU(), nn.Identity()
            self.pool = nn.MaxPool2d(2)

        def forward(self, batch: Tensor) -> Tensor:
            left = self.left(batch)
            return self.pool(torch.cat((left, self.right(batch)), 1))

    result = ablate(network_of(Beside()), red, "left", [0], "pool")
    assert result.before.maps[:, 0, 0].tolist() == [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    assert result.after.maps[:, 0, 0].tolist() == [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]


def test_predictions_are_those_of_the_network_with_the_channels_off() -> None:
    network = load("googlenet", "bundled", fetch=False)
    cat = decode(sample("cat").read())
    result = ablate(network, cat, "inception4a", [], "inception4b")
    assert result.predictions_before == result.predictions_after
    for one, other in zip(result.predictions_before, predict(network, cat), strict=True):
        assert one.label == other.label
        assert one.probability == pytest.approx(other.probability, abs=1e-4)


def test_a_pass_that_fails_is_not_run_again_with_twice_the_images(red: Image.Image) -> None:
    passes = []

    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu, self.pool = nn.ReLU(), nn.MaxPool2d(2)

        def forward(self, batch: Tensor) -> Tensor:
            maps = self.pool(self.relu(batch))
            if not batch.is_meta:
                passes.append(len(batch))
                raise RuntimeError("not enough memory")
            return maps + 0

    network = network_of(Fails(), classes=("red", "other"))
    with pytest.raises(RuntimeError, match="not enough memory"):
        ablate(network, red, "relu", [0], "pool")
    assert passes == [1]


def test_only_what_comes_after_runs_on_two_images(red: Image.Image) -> None:
    sizes: dict[str, list[int]] = {"first": [], "last": []}

    class Counts(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def forward(self, batch: Tensor) -> Tensor:
            if not batch.is_meta:
                sizes[self.name].append(len(batch))
            return batch + 0

    parts = nn.Sequential(Counts("first"), nn.ReLU(), Counts("last"), nn.MaxPool2d(2))
    ablate(network_of(parts), red, "1", [0], "3")
    assert sizes == {"first": [1], "last": [2]}


@pytest.mark.parametrize(("name", "judged"), [("inception4a", "inception4a"), ("conv2", "conv2")])
def test_each_channel_by_itself_scores_as_with_a_hook_that_sets_it_to_0(
    name: str, judged: str
) -> None:
    network, image = load("googlenet", "bundled", fetch=False), decode(sample("cat").read())
    before, after = ablate_each(network, image, name, (3, 60))
    batch = decoder_input(network, image)
    with torch.no_grad():
        assert torch.allclose(before, network.module(batch)[0], atol=1e-3)
        for channel, scores in zip((3, 60), after, strict=True):

            def off(
                _module: nn.Module, _inputs: object, output: Tensor, n: int = channel
            ) -> Tensor:
                changed = output.clone()
                changed[:, n] = 0
                return changed

            handle = network.module.get_submodule(judged).register_forward_hook(off)
            try:
                expected = network.module(batch)[0]
            finally:
                handle.remove()
            assert torch.allclose(scores, expected, atol=1e-3)
            assert not torch.allclose(scores, before, atol=1e-3)
    with pytest.raises(SettingError, match="no channel 512"):
        ablate_each(network, image, "inception4a", (512,))


class WithPositions(nn.Module):
    """Adds what it makes of places, whatever the image, as Swin v2 makes its biases."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.places, self.last = nn.Conv2d(3, 2, 1), nn.Linear(2, 2), nn.Conv2d(2, 2, 1)
        rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
        self.register_buffer("table", torch.stack((rows, columns), 2)[None])

    def forward(self, x: Tensor) -> Tensor:
        maps = self.conv(x)
        places = self.places(self.table).permute(0, 3, 1, 2)
        return self.last(maps + places)


def test_what_does_not_depend_on_the_image_is_no_layer_that_changes(red: Image.Image) -> None:
    network = network_of(WithPositions())
    result = ablate(network, red, "conv", [0, 1], "last")
    changes = {change.layer.name: change.relative for change in result.changes}
    assert changes.keys() == {"last"}
    assert changes["last"] > 0
    with pytest.raises(NetworkError, match="a module places, but it puts out neither maps"):
        ablate(network, red, "conv", [0, 1], "places")
