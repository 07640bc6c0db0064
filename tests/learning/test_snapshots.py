"""Snapshots: what they show, when they are taken, and that they stay few."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from PIL import Image

from convviz.datasets.labelled_set import Dataset, Split
from convviz.errors import NetworkError, SettingError
from convviz.features.activations import measure
from convviz.features.capture import capture
from convviz.learning.config import TrainingResult, TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.plan import TransferPlan, plan
from convviz.learning.small_design import SmallDesign, small_network
from convviz.learning.snapshots import Maps, Snapshot, SnapshotSchedule, Watch, add, watch
from convviz.networks.clone import clone
from convviz.networks.initial_weights import untrained
from convviz.networks.network import Network
from convviz.structure.layers import layer

DESIGN = SmallDesign(width=4, depth=2, pixels=32)
SHORT = TrainingSettings(epochs=3, size=32, batch=8)


@pytest.fixture
def probe(few: Dataset) -> Image.Image:
    return few.images.image(0)


def trained(
    few: Dataset,
    parts: Split,
    looked: Watch,
    settings: TrainingSettings = SHORT,
    made: TransferPlan | None = None,
) -> tuple[list[Snapshot], TrainingResult]:
    made = made or plan(small_network(DESIGN), "scratch", few.classes)
    steps = list(fit(made, few, parts, settings, watch=looked))
    result = steps[-1].result
    assert result is not None
    return [step.snapshot for step in steps if step.snapshot is not None], result


def assert_shows(snapshot: Snapshot, module: torch.nn.Module, looked: Watch) -> None:
    """Compare a snapshot with what a network answers when it is asked directly."""
    weight = module.get_submodule(looked.kernels or "").weight
    assert torch.equal(snapshot.kernels, weight)
    for watched_layer, stored in zip(looked.layers, snapshot.maps, strict=True):
        maps = capture(module, looked.probe, [watched_layer.name])[watched_layer.name][0]
        expected = Maps.of(measure(watched_layer, maps, None))
        assert stored.levels.equal(expected.levels), watched_layer.name
        assert stored.maximum.equal(maps.flatten(1).amax(1)), watched_layer.name
        half = (stored.high - stored.low).max() / 255 / 2
        assert (stored.values() - maps).abs().max() <= half * 1.001


@pytest.mark.parametrize("batch_norm", [True, False])
def test_frame_0_is_an_untrained_network_and_the_last_is_the_one_that_is_kept(
    few: Dataset, few_split: Split, probe: Image.Image, *, batch_norm: bool
) -> None:
    design = replace(DESIGN, batch_norm=batch_norm)
    network = small_network(design)
    looked = watch(network, probe, 32, every_seconds=0)
    made = plan(network, "scratch", few.classes)
    frames, result = trained(few, few_split, looked, made=made)
    first, last = frames[0], frames[-1]
    # The same seed draws the same network, without any training in sight.
    assert_shows(first, untrained(network.spec, SHORT.seed), looked)
    assert_shows(last, result.module, looked)
    assert (first.step, first.kept, last.kept) == (0, False, True)
    assert (last.step, last.epoch) == (result.best_step, result.best_epoch)
    assert not torch.equal(first.kernels, last.kernels)
    assert [frame.step for frame in frames[:-1]] == list(range(len(frames) - 1))


def test_where_the_best_was_before_the_end_the_last_frame_goes_back_to_it(
    few: Dataset, few_split: Split, probe: Image.Image
) -> None:
    looked = watch(small_network(DESIGN), probe, 32, every_seconds=60)
    # Every step is so large that nothing better than the first guess is found.
    settings = replace(SHORT, learning_rate=30.0, optimiser="adamw", schedule="constant")
    frames, result = trained(few, few_split, looked, settings)
    assert result.best_epoch < result.epochs
    assert frames[-1].step == result.best_step < frames[-2].step
    assert_shows(frames[-1], result.module, looked)


def test_watching_changes_nothing(few: Dataset, few_split: Split, probe: Image.Image) -> None:
    made = plan(small_network(DESIGN), "scratch", few.classes)
    looked = watch(small_network(DESIGN), probe, 32, others=[probe], every_seconds=0)
    _, watched = trained(few, few_split, looked)
    alone = list(fit(made, few, few_split, SHORT))[-1].result
    assert alone is not None
    state = alone.module.state_dict()
    assert all(value.equal(state[n]) for n, value in watched.module.state_dict().items())


def test_a_frozen_encoder_is_seen_before_and_after(
    tiny: Network, few: Dataset, few_split: Split, probe: Image.Image
) -> None:
    looked = watch(tiny, probe, 32, layer_names=["norm"])
    made = plan(tiny, "last-layer", few.classes)
    frames, result = trained(few, few_split, looked, made=made)
    assert [(frame.step, frame.kept) for frame in frames] == [(0, False), (result.best_step, True)]
    assert frames[0].maps[0].levels.equal(frames[1].maps[0].levels)


def test_what_counts_as_empty_is_what_the_relu_lets_through(
    tiny: Network, few: Dataset, probe: Image.Image
) -> None:
    module = clone(tiny.module)
    bias = torch.zeros(6)
    bias[:2] = -1e6  # these two channels never say anything
    module.norm.bias = torch.nn.Parameter(bias)
    network = Network(tiny.spec, module, tiny.weights)
    others = [few.images.image(k) for k in range(1, 4)]
    looked = watch(network, probe, 32, layer_names=["norm"], others=others)
    (maps,) = looked.take(module, step=5, epoch=1, seconds=2.0).maps
    assert layer(network, "norm").pre_relu == "norm"
    assert (maps.channels, maps.empty, maps.dead) == (6, 2, 2)
    assert maps.activations().empty().tolist() == [True, True, False, False, False, False]
    taken = looked.take(module, step=5, epoch=1, seconds=2.0)
    assert (taken.channels, taken.empty, taken.dead, taken.others) == (6, 2, 2, 3)


def test_values_that_are_no_numbers_are_kept_apart_from_silence() -> None:
    network = small_network(DESIGN)
    relu = layer(network, "relu1")
    maps = torch.zeros(4, 2, 2)
    maps[0, 0, 0] = torch.inf
    maps[1, 0, 0] = torch.nan
    maps[2] = torch.tensor([[0.0, 1.0], [2.0, 4.0]])
    kept = Maps.of(measure(relu, maps, None))
    assert kept.levels[2].tolist() == [[0, 64], [128, 255]]
    assert kept.levels[0].tolist() == [[255, 0], [0, 0]]
    assert kept.empty == 1
    assert kept.values().isfinite().all()


def snapshot(step: int, *, kept: bool = False, bytes: int = 0) -> Snapshot:
    return Snapshot(step, 0, 0.0, torch.zeros(bytes // 4), (), kept=kept)


def test_there_are_never_too_many_and_the_first_and_the_last_stay() -> None:
    frames: tuple[Snapshot, ...] = ()
    for step in range(400):
        frames = add(frames, snapshot(step), most=12)
        assert len(frames) <= 12
        assert (frames[0].step, frames[-1].step) == (0, step)
    steps = [frame.step for frame in frames]
    assert steps == sorted(steps)
    gaps = [b - a for a, b in pairwise(steps)]
    assert sum(gaps[:5]) < sum(gaps[-5:])  # denser at the beginning
    frames = add(frames, snapshot(100, kept=True), most=12)
    assert len(frames) <= 12
    assert [frames[0].step, frames[-2].step, frames[-1].step] == [0, 399, 100]


def test_there_are_never_too_many_bytes() -> None:
    frames: tuple[Snapshot, ...] = ()
    for step in range(50):
        frames = add(frames, snapshot(step, bytes=1000), most_bytes=5500)
    assert len(frames) == 5
    assert (frames[0].step, frames[-1].step) == (0, 49)


def test_the_same_step_is_kept_once() -> None:
    frames = add(add((), snapshot(0)), snapshot(7))
    frames = add(frames, snapshot(7, kept=True))
    assert [(frame.step, frame.kept) for frame in frames] == [(0, False), (7, True)]


def test_looks_are_dense_at_first_and_then_once_in_a_while() -> None:
    looked = watch(small_network(DESIGN), Image.new("RGB", (40, 40)), 32, every_seconds=10)
    schedule, module = SnapshotSchedule(looked), small_network(DESIGN).module
    seen = [
        step
        for step in range(60)
        if schedule.take_if_due(module, step=step, epoch=0, seconds=step / 10)
        if schedule.take_if_due(module, step=step, epoch=0, seconds=step / 10) is None  # not twice
    ]
    assert seen == [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 26, 31, 37, 44, 52]
    assert schedule.take_if_due(module, step=53, epoch=0, seconds=99.0) is not None
    assert schedule.take_if_due(module, step=54, epoch=0, seconds=99.1) is None
    assert schedule.take_if_due(module, step=54, epoch=0, seconds=99.1, now=True) is not None


def test_what_cannot_be_watched_gets_a_sentence(
    tiny: Network, few: Dataset, few_split: Split, probe: Image.Image
) -> None:
    with pytest.raises(SettingError, match="no maps of a layer fc to watch; choose from conv"):
        watch(tiny, probe, 32, layer_names=["fc"])
    looked = watch(small_network(DESIGN), probe, 32)
    with pytest.raises(NetworkError, match="no layer called"):
        fit(plan(tiny, "scratch", few.classes), few, few_split, SHORT, watch=looked)
