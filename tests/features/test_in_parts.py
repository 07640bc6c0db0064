"""A pass over a set in parts, joined, equals one pass over the whole set."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.datasets.image_set import Files, SampleCrops
from convviz.features import in_parts
from convviz.features.dead import DeadStep, count_dead
from convviz.features.image_features import image_features, measure_images
from convviz.features.in_parts import (
    cut_files,
    cut_set,
    join_dead,
    join_features,
    join_top_patches,
)
from convviz.features.top_patches import TopPatchesStep, find_top_patches
from convviz.networks.network import Network
from tests.networks_for_tests import network_of


@dataclass(frozen=True)
class Noise:
    """Images of noise."""

    count: int
    name: str = "noise"

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(f"noise {index}" for index in range(self.count))

    def __len__(self) -> int:
        return self.count

    def image(self, index: int) -> Image.Image:
        generator = torch.Generator().manual_seed(index)
        pixels = torch.randint(0, 256, (8, 8, 3), generator=generator, dtype=torch.uint8)
        return Image.fromarray(pixels.numpy())


def files(count: int) -> Files:
    """Files of noise: every fifth a copy of the one before, every seventh is damaged."""
    made = []
    for index in range(count):
        file = BytesIO()
        Noise(count).image(index - 1 if index % 5 == 4 else index).save(file, "PNG")
        data = b"no image" if index % 7 == 6 else file.getvalue()
        made.append((f"file {index}", data))
    return Files(tuple(made))


@pytest.fixture
def network() -> Network:
    torch.manual_seed(3)
    module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(inplace=True), nn.Conv2d(6, 4, 3), nn.ReLU())
    module[0].bias.data[2] = -9.0  # dead
    module[2].bias.data[1] = -0.4  # nearly so
    return network_of(module, side=8)


SETS = [Noise(50), files(49)]


@pytest.mark.parametrize("machines", [2, 3])
@pytest.mark.parametrize("images", SETS, ids=["noise", "files"])
def test_joined_top_patches_equal_those_of_one_pass(
    images: Noise | Files, machines: int, network: Network
) -> None:
    arguments = {"network": network, "layer_name": "3", "pictures": images, "after": None}
    *_, whole = find_top_patches(**arguments)  # type: ignore[arg-type]
    known, parts = cut_set(arguments, machines)
    assert len(parts) == machines
    steps = [list(find_top_patches(**part))[-1] for part in parts]
    joined = join_top_patches(known, steps)
    assert isinstance(joined, TopPatchesStep)
    assert (joined.done, joined.total) == (whole.done, whole.total) == (len(images),) * 2
    assert sorted(each.title for each in joined.left_out) == sorted(
        each.title for each in whole.left_out
    )
    for channel in range(4):
        mine, theirs = joined.stimuli.patches(channel), whole.stimuli.patches(channel)
        assert [(p.picture, p.row, p.column, p.title, p.box) for p in mine] == [
            (p.picture, p.row, p.column, p.title, p.box) for p in theirs
        ]
        assert [p.score for p in mine] == pytest.approx([p.score for p in theirs], rel=1e-5)
    assert joined.stimuli.dead().tolist() == whole.stimuli.dead().tolist()
    assert (joined.stimuli.seen, joined.stimuli.seen_images) == (
        *(whole.stimuli.seen, whole.stimuli.seen_images),
    )
    assert joined.stimuli.origins == whole.stimuli.origins


@pytest.mark.parametrize("images", SETS, ids=["noise", "files"])
def test_joined_dead_channels_equal_those_of_one_pass(
    images: Noise | Files, network: Network
) -> None:
    arguments: dict[str, Any] = {"network": network, "pictures": images}
    *_, whole = count_dead(**arguments)
    known, parts = cut_set(arguments, 3)
    joined = join_dead(known, [list(count_dead(**part))[-1] for part in parts])
    assert isinstance(joined, DeadStep)
    assert joined.layers == whole.layers
    assert 2 in joined.layers[0].numbers
    assert (joined.seen, joined.seen_images) == (whole.seen, whole.seen_images)


def test_while_parts_go_on_the_images_before_the_slowest_count_as_seen(network: Network) -> None:
    arguments = {"network": network, "layer_name": "3", "pictures": Noise(50), "after": None}
    known, parts = cut_set(arguments, 2)
    fast, slow = (list(find_top_patches(**part)) for part in parts)
    joined = join_top_patches(known, [fast[-1], slow[0]])  # 25 of the even, 4 of the odd images
    assert joined is not None
    assert (joined.done, joined.stimuli.seen, joined.stimuli.seen_images) == (9, 9, "9 pictures")
    assert join_top_patches(known, [fast[-1], None]) is None
    # Going on from there looks at the rest, and ends like one pass.
    *_, whole = find_top_patches(**{**arguments, "after": None})  # type: ignore[arg-type]
    *_, ended = find_top_patches(**{**arguments, "after": joined})  # type: ignore[arg-type]
    assert [p.picture for p in ended.stimuli.patches(0)] == [
        p.picture for p in whole.stimuli.patches(0)
    ]


def test_a_small_set_and_a_pass_that_goes_on_are_not_cut(network: Network) -> None:
    small = {"network": network, "pictures": Noise(31)}
    assert cut_set(small, 8) == (None, [small])
    step = object()
    going_on = {"network": network, "pictures": Noise(500), "after": step}
    assert cut_set(going_on, 8) == (None, [going_on])
    assert len(cut_set({**going_on, "after": None}, 8)[1]) == 8
    known, parts = cut_set({"pictures": SampleCrops()}, 2)
    assert known is not None
    count = len(SampleCrops())
    assert [len(part["pictures"]) for part in parts] == [count - count // 2, count // 2]
    assert "crops of" in known.seen_up_to(count, ())[1]


@pytest.mark.parametrize(("most_files", "most_bytes"), [(2, 10**9), (1000, 1), (1000, 10**9)])
def test_the_features_of_files_in_parts_equal_those_of_one_pass(
    network: Network, monkeypatch: pytest.MonkeyPatch, most_files: int, most_bytes: int
) -> None:
    monkeypatch.setattr(in_parts, "FILES_OF_PART", most_files)
    monkeypatch.setattr(in_parts, "BYTES_OF_PART", most_bytes)
    images = files(9)
    options: dict[str, Any] = {"layer_names": ("0",), "k": 2, "threshold": 0.0}
    counts, parts = cut_files({"network": network, "pictures": images, **options}, 2)
    assert counts == {2: [2, 2, 2, 2, 1], 1000: [1] * 9 if most_bytes == 1 else [9]}[most_files]
    ends = [list(measure_images(**part, stop=lambda: False)) for part in parts]
    joined = join_features(counts, [steps[-1] for steps in ends])
    assert joined is not None
    alone = list(image_features(network, images, ("0",), k=2))
    assert (joined.done, joined.total, joined.fraction) == (9, 9, 1.0)
    for one, other in zip(alone, joined.rows, strict=True):
        assert (other.index, other.title, other.reason) == (one.index, one.title, one.reason)
        assert other.is_broken == (one.index == 6)
        for name, numbers in one.layers.items():
            assert torch.equal(other.layers[name].mean, numbers.mean)

    # While parts go on: what has ended is there, under its own number.
    early = join_features(counts, [None] * (len(parts) - 1) + [ends[-1][-1]])
    assert early is not None
    assert [row.index for row in early.rows] == list(range(9 - counts[-1], 9))
    assert join_features(counts, [None] * len(parts)) is None


def test_a_pass_that_is_stopped_gives_what_it_has(network: Network) -> None:
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) == 3

    options: dict[str, Any] = {"layer_names": (), "k": 1, "threshold": 0.0}
    *_, last = measure_images(network, Noise(8), stop=stop, **options)
    assert (last.done, last.total) == (3, 8)
    assert [row.index for row in last.rows] == [0, 1, 2]
