"""What augmentation does to images: by hand where it can be, and within its limits elsewhere."""

import pytest
import torch
from torch import Tensor, nn

from convviz.datasets.labelled_set import split
from convviz.datasets.shapes import shapes
from convviz.learning import augmentation
from convviz.learning.augmentation import augment, seconds_an_epoch
from convviz.learning.config import TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.plan import plan
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.registry import register
from convviz.weights.load import load
from tests.networks_for_tests import seeded


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ramp(count: int, side: int = 64) -> Tensor:
    """Images whose red rises from left to right, green from top to bottom; no blue."""
    steps = 40 + 2 * torch.arange(side)
    image = torch.zeros(3, side, side)
    image[0], image[1] = steps[None, :], steps[:, None]
    return image.to(torch.uint8).expand(count, -1, -1, -1).clone()


@pytest.fixture
def colours_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentation, "COLOUR_CHANGE", 0.0)


def test_about_half_are_mirrored_and_crops_are_inside(colours_stay: None) -> None:
    """On a ramp the place and size of a crop can be read off its colours."""
    images = ramp(400)
    changed = augment(images, generator())
    assert changed.shape == images.shape
    assert images.equal(ramp(400))
    middle = slice(8, 56)
    slope = (changed[:, 0, 32, 55] - changed[:, 0, 32, 8]) / 47 / 2  # of red, in those of the ramp
    down = (changed[:, 1, 55, 32] - changed[:, 1, 8, 32]) / 47 / 2
    assert 160 < int((slope < 0).sum()) < 240
    assert down.min() > 0.79
    assert down.max() < 1.01
    torch.testing.assert_close(slope.abs(), down, atol=0.01, rtol=0)
    assert down.std() > 0.03
    inside = changed[:, :2, middle, middle]
    assert inside.min() >= 40
    assert inside.max() <= 40 + 2 * 63
    assert changed[:, 2].abs().max() < 1e-3


def test_a_crop_of_the_whole_is_the_image_or_its_mirror(
    colours_stay: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(augmentation, "LEAST_SIDE", 1.0)
    images = ramp(16)
    for image, changed in zip(images, augment(images, generator()), strict=True):
        mirrored = bool(changed[0, 0, 0] > changed[0, 0, -1])
        expected = image.flip(2) if mirrored else image
        torch.testing.assert_close(changed, expected.float(), atol=0.01, rtol=0)


def test_colours_change_by_their_limits_at_most() -> None:
    """Plain grey has no contrast and no saturation: only its brightness changes."""
    grey = torch.full((500, 3, 8, 8), 100, dtype=torch.uint8)
    changed = augment(grey, generator())
    assert changed.amin() >= 80 - 0.01
    assert changed.amax() <= 120 + 0.01
    assert changed[:, 0, 0, 0].std() > 5
    torch.testing.assert_close(changed, changed[:, :1, :1, :1].expand_as(changed))
    white = torch.full((50, 3, 8, 8), 255, dtype=torch.uint8)
    assert augment(white, generator()).amax() <= 255


def test_the_same_seed_changes_alike_and_each_image_in_its_own_way() -> None:
    images = ramp(4)
    first = augment(images, generator(1))
    assert first.equal(augment(images, generator(1)))
    assert not first.equal(augment(images, generator(2)))
    assert not first[0].equal(first[1])


def test_an_epoch_is_estimated_from_a_few_images(tiny: Network) -> None:
    times = iter((10.0, 10.5))
    assert seconds_an_epoch(tiny, 160, 32, clock=lambda: next(times)) == pytest.approx(10.0)


def test_networks_for_grey_images_learn_from_changed_ones(fresh_registry: None) -> None:
    """Images are changed in colour and turned grey afterwards."""

    def build() -> nn.Module:
        return seeded(
            nn.Sequential(
                *(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
                nn.Linear(6, 10),
            )
        )

    register(
        NetworkSpec(
            name="grey", title="Grey", build=build, input_size=28, mean=(0.1307,), std=(0.3081,)
        )
    )
    network = load("grey")
    assert seconds_an_epoch(network, 80, 28) > 0
    dataset = shapes(per_class=6)
    weights = []
    for augmented in (False, True):
        settings = TrainingSettings(epochs=2, size=28, batch=8, augment=augmented, seed=1)
        made = plan(network, "scratch", dataset.classes)
        *_, last = fit(made, dataset, split(dataset), settings)
        assert last.result is not None
        weights.append(last.result.module.get_submodule("0").weight)
        assert weights[-1].shape == (6, 1, 3, 3)
        assert weights[-1].isfinite().all()
    assert not weights[0].equal(weights[1])
