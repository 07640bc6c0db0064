"""Strongest patches over a set equal a brute-force search; dead channels; what is left out."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from threading import Event

import pytest
import torch
from PIL import Image
from torch import nn

from convviz.datasets.image_set import Files, SampleCrops, origins, seen_text
from convviz.errors import ImageError, SettingError
from convviz.features.activations import activations
from convviz.features.effective_field import Box, box
from convviz.features.top_patches import TOP, TopPatchesStep, find_top_patches, patch_picture
from convviz.jobs.job import JobView
from convviz.jobs.runner import LocalRunner
from convviz.networks.network import Network
from convviz.structure.layers import layer
from tests.networks_for_tests import network_of


@dataclass(frozen=True)
class Noise:
    """Pictures of noise, one of them a copy of another."""

    count: int
    name: str = "noise"

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(f"noise {place}" for place in range(self.count))

    def __len__(self) -> int:
        return self.count

    def image(self, place: int) -> Image.Image:
        generator = torch.Generator().manual_seed(2 if place == 5 else place)
        pixels = torch.randint(0, 256, (16, 16, 3), generator=generator, dtype=torch.uint8)
        return Image.fromarray(pixels.numpy())


@pytest.fixture
def network() -> Network:
    torch.manual_seed(1)
    parts = nn.Sequential(
        nn.Conv2d(3, 12, 3, stride=2, padding=1),
        nn.BatchNorm2d(12),
        nn.ReLU(inplace=True),
        nn.Conv2d(12, 4, 3),
    )
    parts[0].weight.data[4] = 0
    parts[0].bias.data[4] = 0
    parts[1].bias.data[4] = -1  # dead
    parts[1].bias.data[7] = -0.7  # nearly so
    return network_of(parts, side=16)


def _last(network: Network, name: str, pictures: Noise | Files | SampleCrops) -> TopPatchesStep:
    *_, last = find_top_patches(network, name, pictures)
    return last


@pytest.mark.parametrize("name", ["0", "2", "3"])
def test_the_strongest_patches_equal_a_brute_force_search(name: str, network: Network) -> None:
    pictures = Noise(14)
    result = _last(network, name, pictures).stimuli
    maps = [activations(network, pictures.image(place), name).rectified for place in range(14)]
    for channel in range(min(10, result.layer.shape[0])):
        expected = []
        for place, answer in enumerate(maps):
            best = max(
                (float(answer[channel, row, column]), -row, -column)
                for row in range(answer.shape[1])
                for column in range(answer.shape[2])
            )
            expected.append((-best[0], place, -best[1], -best[2]))
        expected = [each for each in sorted(expected) if each[0] != 0][:TOP]
        patches = result.patches(channel)
        assert [(p.picture, p.row, p.column) for p in patches] == [each[1:] for each in expected]
        assert [p.score for p in patches] == pytest.approx([-each[0] for each in expected], 1e-5)
        for patch in patches:
            assert patch.box == box(network, name, patch.row, patch.column, channel)


def test_dead_channels_are_those_that_never_answer(network: Network) -> None:
    result = _last(network, "2", Noise(6)).stimuli
    assert result.dead().nonzero().flatten().tolist() == [4]
    assert result.patches(4) == ()
    assert result.seen == 6


def test_every_step_stands_on_its_own(network: Network) -> None:
    steps = list(find_top_patches(network, "2", Noise(10)))
    assert [step.done for step in steps] == [4, 8, 10]
    assert steps[-1].fraction == 1.0
    assert steps[0].stimuli.seen == 4
    assert max(patch.picture for patch in steps[0].stimuli.patches(0)) < 4
    assert steps[0].nbytes < 10_000


def test_a_patch_is_cut_out_of_what_the_network_saw(network: Network) -> None:
    pictures = Noise(3)
    patch = _last(network, "0", pictures).stimuli.patches(0)[0]
    assert isinstance(patch.box, Box)
    cut = patch_picture(network, pictures, patch)
    assert cut.size == (patch.box.width, patch.box.height)
    whole = pictures.image(patch.picture)
    assert cut.getpixel((0, 0)) == whole.getpixel((patch.box.left, patch.box.top))


def test_pictures_that_cannot_be_read_are_left_out_and_named(network: Network) -> None:
    buffer = BytesIO()
    Noise(1).image(0).save(buffer, "PNG")
    good = buffer.getvalue()
    pictures = Files((("a.png", good), ("b.png", b"nonsense"), ("c.png", good)))
    step = _last(network, "2", pictures)
    assert step.stimuli.seen == 2
    assert [left.title for left in step.left_out] == ["b.png"]
    assert {patch.title for patch in step.stimuli.patches(0)} <= {"a.png", "c.png"}


def test_a_set_without_a_readable_picture_is_refused(network: Network) -> None:
    with pytest.raises(ImageError, match=r"b\.png"):
        _last(network, "2", Files((("b.png", b"nonsense"),)))
    with pytest.raises(SettingError, match="no picture"):
        find_top_patches(network, "2", Files(()))


def test_branches_of_a_concatenation_see_different_parts() -> None:
    from convviz.weights.load import load

    network = load("googlenet", "bundled", fetch=False)
    shown = layer(network, "inception3a")
    result = _last(network, "inception3a", Noise(2)).stimuli
    for branch in shown.branches:
        for channel in (branch.start, branch.stop - 1):
            for patch in result.patches(channel):
                expected = box(network, branch.name, patch.row, patch.column)
                assert patch.box == expected


def test_a_stopped_pass_goes_on_where_it_ended(network: Network) -> None:
    pictures = Noise(10)
    whole = _last(network, "2", pictures)
    first = next(find_top_patches(network, "2", pictures))
    assert first.done == 4
    *_, rest = find_top_patches(network, "2", pictures, first)
    assert (rest.done, rest.stimuli.seen) == (10, 10)
    for name in ("scores", "pictures", "positions", "maximum"):
        assert torch.equal(getattr(rest.stimuli, name), getattr(whole.stimuli, name))
    with pytest.raises(SettingError, match="another layer or another set"):
        find_top_patches(network, "3", pictures, first)


COUNT = 500


@pytest.fixture
def runner() -> Iterator[LocalRunner]:
    made = LocalRunner({"compute": 1})
    yield made
    made.close()


@pytest.fixture(scope="module")
def many() -> Files:
    generator = torch.Generator().manual_seed(0)
    files = []
    for place in range(COUNT):
        pixels = torch.randint(0, 256, (8, 8, 3), generator=generator, dtype=torch.uint8)
        buffer = BytesIO()
        Image.fromarray(pixels.numpy()).save(buffer, "PNG")
        files.append((f"{place}.png", buffer.getvalue()))
    return Files(tuple(files))


@dataclass(frozen=True)
class Held:
    """The same pictures; one in the middle is only handed out once the gate is open."""

    files: Files
    gate: Event
    name: str = "held"

    @property
    def titles(self) -> tuple[str, ...]:
        return self.files.titles

    def __len__(self) -> int:
        return len(self.files)

    def image(self, place: int) -> Image.Image:
        if place == COUNT // 2:
            self.gate.wait(60)
        return self.files.image(place)


def watch(runner: LocalRunner, job: str, until: Callable[[JobView], bool]) -> list[JobView]:
    """Ask for a job again and again, as a page does."""
    views = []
    for _ in range(20_000):
        view = runner.view(job, "me")
        views.append(view)
        if until(view):
            return views
        time.sleep(0.002)
    raise AssertionError(f"it stays {view.state}")


def step(view: JobView) -> TopPatchesStep:
    assert isinstance(view.newest, TopPatchesStep)
    return view.newest


def test_a_set_of_500_as_a_job_with_progress_a_stop_and_the_rest(
    runner: LocalRunner, many: Files
) -> None:
    torch.manual_seed(0)
    network = network_of(nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU()), side=8)
    held = Held(many, Event())
    arguments = {"network": network, "layer_name": "1", "pictures": held}
    *_, whole = find_top_patches(network, "1", many)

    job = runner.submit(find_top_patches, owner="me", title="500", **arguments)
    watch(runner, job, lambda view: view.newest is not None)
    runner.stop(job, "me")
    held.gate.set()
    stopped = watch(runner, job, lambda view: not view.live)[-1]
    assert stopped.state == "stopped"
    partly = step(stopped)
    assert 0 < partly.done < COUNT
    assert partly.stimuli.seen == partly.done

    job = runner.submit(find_top_patches, owner="me", title="the rest", after=partly, **arguments)
    views = watch(runner, job, lambda view: not view.live)
    fractions = [step(view).fraction for view in views if view.newest is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert views[-1].state == "done"
    assert torch.equal(step(views[-1]).stimuli.scores, whole.stimuli.scores)
    assert torch.equal(step(views[-1]).stimuli.pictures, whole.stimuli.pictures)


def test_it_ends_after_a_step_when_it_is_asked_to_stop(network: Network) -> None:
    (step,) = find_top_patches(network, "2", Noise(10), stop=lambda: True)
    assert step.done == 4


def test_crops_of_one_photograph_count_as_one_picture(network: Network) -> None:
    crops = SampleCrops()
    last = _last(network, "2", crops)
    top = last.stimuli
    assert top.seen_images == f"{len(crops)} crops of 5 photographs"
    photographs = list(crops.titles)  # one title for each photograph
    maps = [activations(network, crops.image(i), "2").rectified for i in range(len(crops))]
    for channel in range(4):
        best: dict[str, float] = {}
        for title, answer in zip(photographs, maps, strict=True):
            best[title] = max(best.get(title, 0.0), float(answer[channel].max()))
        expected = sorted((score for score in best.values() if score > 0), reverse=True)
        patches = top.patches(channel)
        assert len({patch.title for patch in patches}) == len(patches) == len(expected)
        assert [patch.score for patch in patches] == pytest.approx(expected, rel=1e-5)


def test_the_same_file_under_two_names_is_one_picture(network: Network) -> None:
    files = []
    for name, index in (("a.png", 0), ("b.png", 1), ("copy of a.png", 0)):
        buffer = BytesIO()
        Noise(2).image(index).save(buffer, "PNG")
        files.append((name, buffer.getvalue()))
    last = _last(network, "2", Files(tuple(files)))
    assert {patch.title for patch in last.stimuli.patches(0)} <= {"a.png", "b.png"}
    assert last.stimuli.seen_images == "3 files of 2 different pictures"
    assert origins(Noise(3)) == (0, 1, 2)
    assert [seen_text(Noise(3), n, n) for n in (1, 3)] == ["1 picture", "3 pictures"]
