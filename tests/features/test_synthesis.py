"""Activation maximisation: it climbs, it is repeatable, it wakes silent channels."""

from io import BytesIO

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.errors import SettingError
from convviz.features.synthesis import SynthesisConfig, synthesise, transformed
from convviz.networks.network import Network
from convviz.weights.load import load
from tests.networks_for_tests import network_of


@pytest.fixture
def network(red_channels: nn.Module) -> Network:
    return network_of(red_channels, side=32)


def test_a_channel_that_looks_for_red_gets_red() -> None:
    red_alone = nn.Conv2d(3, 1, 1)
    red_alone.weight = nn.Parameter(torch.tensor([1.0, -0.5, -0.5]).reshape(1, 3, 1, 1))
    network = network_of(nn.Sequential(red_alone, nn.ReLU()), side=32)
    *_, last = synthesise(network, "1", 0, SynthesisConfig(steps=60, rate=0.1))
    red, green, blue = last.picture.resize((1, 1)).getpixel((0, 0))
    assert red > 1.5 * max(green, blue)
    assert last.scores[-1] > last.scores[0] + 0.2
    assert last.fraction == 1.0


def test_the_same_seed_gives_the_same_image(network: Network) -> None:
    def picture(seed: int) -> bytes:
        *_, last = synthesise(network, "conv", 1, SynthesisConfig(steps=9, seed=seed))
        return last.picture.tobytes()

    torch.manual_seed(0)
    first = picture(4)
    torch.manual_seed(1)
    assert picture(4) == first
    assert picture(5) != first


def test_a_silent_channel_is_pulled_at_before_its_relu(network: Network) -> None:
    *_, last = synthesise(network, "relu", 1, SynthesisConfig(steps=30, rate=0.1))
    assert last.scores[-1] > last.scores[0]
    assert last.scores[0] < 0  # after the ReLU it would be 0, and without a slope


def test_a_branch_of_a_concatenation_climbs() -> None:
    network = load("googlenet", "bundled", fetch=False)
    config = SynthesisConfig(steps=6, size=64)
    *_, last = synthesise(network, "inception3a", 100, config)
    assert last.scores[-1] > last.scores[0]
    assert last.picture.size == (64, 64)


def test_steps_are_reported_now_and_then(network: Network) -> None:
    steps = list(synthesise(network, "relu", 0, SynthesisConfig(steps=18)))
    assert [step.step for step in steps] == [1, 8, 16, 18]
    assert [len(step.scores) for step in steps] == [1, 8, 16, 18]


def test_the_centre_of_a_map_and_a_single_number(network: Network) -> None:
    for name, target in (("relu", "centre"), ("fc", "channel")):
        config = SynthesisConfig(steps=20, target=target, rate=0.2)  # type: ignore[arg-type]
        *_, last = synthesise(network, name, 0, config)
        assert last.scores[-1] > last.scores[0]


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"rate": 0.0}, {"size": 4}, {"target": "edge"}, {"jitter": 16}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object], network: Network) -> None:
    with pytest.raises(SettingError, match="choose"):
        synthesise(network, "relu", 0, SynthesisConfig(**wrong))  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="channel 9"):
        synthesise(network, "relu", 9)


def test_transformations_keep_size_and_range() -> None:
    pixels = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    first = transformed(pixels, 4, torch.Generator().manual_seed(1))
    repeated = transformed(pixels, 4, torch.Generator().manual_seed(1))
    assert first.shape == pixels.shape
    assert 0 <= first.min() <= first.max() <= 1
    torch.testing.assert_close(first, repeated)
    assert not torch.equal(first, transformed(pixels, 4, torch.Generator().manual_seed(2)))


def test_it_ends_after_a_step_when_it_is_asked_to_stop(network: Network) -> None:
    config = SynthesisConfig(steps=18)
    (step,) = synthesise(network, "relu", 0, config, stop=lambda: True)
    assert step.step == 1


@pytest.mark.parametrize("target", ["channel", "centre"])
def test_the_score_is_that_of_the_image_as_it_is_saved(network: Network, target: str) -> None:
    config = SynthesisConfig(steps=12, target=target, rate=0.1)  # type: ignore[arg-type]
    *_, last = synthesise(network, "relu", 0, config)
    file = BytesIO()
    last.picture.save(file, "PNG")
    data = torch.frombuffer(bytearray(Image.open(file).tobytes()), dtype=torch.uint8)
    red = data.reshape(32, 32, 3)[..., 0] / 255  # channel 0 is red, before and after its ReLU
    expected = red.mean() if target == "channel" else red[16, 16]
    assert last.score == pytest.approx(float(expected), abs=1e-5)
    assert last.before_relu
    assert last.changed


def test_a_target_that_nothing_moves_leaves_the_noise(network: Network) -> None:
    steps = list(synthesise(network, "pool", 2, SynthesisConfig(steps=9)))
    assert not steps[-1].changed
    assert not steps[-1].before_relu
    assert steps[-1].start == steps[-1].score == 0
    assert steps[-1].picture.tobytes() == steps[0].picture.tobytes()


def test_only_what_a_relu_follows_is_before_its_relu(network: Network) -> None:
    config = SynthesisConfig(steps=1)
    told = {}
    for name in ("conv", "relu", "pool", "fc"):
        *_, last = synthesise(network, name, 0, config)
        told[name] = (last.before_relu, last.has_map)
    assert told == {
        "conv": (True, True),
        "relu": (True, True),
        "pool": (False, True),
        "fc": (False, False),
    }
