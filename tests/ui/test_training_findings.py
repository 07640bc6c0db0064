"""The sentences of the page Training, against the recording's own file and small networks."""

import json
import math
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from scipy.stats import hypergeom
from torch import nn

from convviz.features.activations import measure
from convviz.learning import recording
from convviz.learning.guessing import Guessing
from convviz.learning.live import ChannelCount, EpochCheck, LiveOutcome, LiveProgress
from convviz.learning.small_design import SmallDesign, small_network
from convviz.learning.snapshots import Maps, Snapshot
from convviz.structure.layers import layer
from convviz.ui.training import findings
from convviz.weights import bundled
from convviz.weights.load import load

DATA = Path(recording.__file__).with_name("data") / "googlenet_training_log.json"
FILE = json.loads(DATA.read_text(encoding="utf-8"))
LOG = recording.log()
CLASSES = 200
DESIGN = SmallDesign(width=4, depth=2, pixels=32)


# The recorded training


@pytest.mark.claims("convviz.ui.training.findings.introduction")
def test_the_introductions_numbers_are_the_files() -> None:
    text = findings.introduction(LOG, CLASSES, 7)
    assert FILE["steps"] * 128 == FILE["images"] == 1_062_656
    assert "learned 200 classes from 1,062,656 looks at photographs, in 8,302 steps" in text
    # 4,597 s at step 8,300; 4,709 s when the finished network had been measured.
    assert "and 77 minutes on 2 processor cores, checks on the way included (78 with" in text
    assert round(FILE["log"][-1]["seconds"] / 60) == 77
    assert round(FILE["seconds"] / 60) == 78
    assert "kept at 7 moments" in text


@pytest.mark.claims("convviz.ui.training.findings.loss_curve")
def test_the_losses_floor_and_guessing() -> None:
    text = findings.loss_curve(LOG, CLASSES)
    assert "label smoothing 0.1" in text
    # A network whose scores are the logarithms of the smoothed target cannot be better.
    target = torch.full((1, CLASSES), 0.1 / CLASSES)
    target[0, 3] += 0.9
    floor = nn.functional.cross_entropy(target.log(), torch.tensor([3]), label_smoothing=0.1)
    assert f"would stay at {float(floor):.2f}, not at 0" in text
    assert f"{float(floor):.2f}" == "0.85"
    level = nn.functional.cross_entropy(
        torch.zeros(1, CLASSES), torch.tensor([3]), label_smoothing=0.1
    )
    assert f"guessing costs {float(level):.2f}" in text
    assert "multiplied with 0.3" in text
    assert "would stay at 0.00" in findings.loss_curve(replace(LOG, smoothing=0.0), CLASSES)


@pytest.mark.claims(
    "convviz.ui.training.findings.sizes",
    "convviz.ui.training.findings._grown",
    "convviz.ui.training.findings.checked",
)
def test_where_the_size_changes_and_what_the_accuracy_does_there() -> None:
    rows = FILE["log"]
    changes = [b for a, b in pairwise(rows) if a["size"] != b["size"]]
    assert [(row["size"], row["step"]) for row in changes] == [(96, 7000), (128, 7900)]
    text = findings.sizes(LOG)
    assert "had 64 × 64 pixels, and grew to 96 × 96 before step 7,000 and 128 × 128 before" in text
    before = [row for row in rows if "val_top1" in row and row["size"] == 64][-1]
    after = next(row for row in rows if "val_top1" in row and row["size"] == 96)
    assert (before["val_top1"], after["val_top1"]) == (0.3625, 0.422)
    assert "from 36.25 % at 64 pixels (step 6,500) the accuracy went to 42.20 % at 96" in text
    assert "not by" not in text
    sizes = {"64": 0.3201, "128": 0.4598, "160": 0.4464}
    assert {size: top1 for size, (top1, _) in FILE["final"].items()} == sizes
    assert "32.0 % at 64 pixels and 46.0 % at 128 pixels and 44.6 % at 160 pixels" in text
    assert LOG.final[bundled.about().input_size] == pytest.approx(bundled.about().accuracy)
    constant = replace(LOG, points=LOG.points[:10])
    assert "had 64 × 64 pixels all the time" in findings.sizes(constant)
    unchecked = replace(LOG, points=tuple(replace(p, accuracy=None) for p in LOG.points))
    assert "accuracy" not in findings.sizes(unchecked)


@pytest.mark.claims("convviz.ui.training.findings.validation")
def test_why_the_curve_ends_elsewhere_than_the_stated_accuracy() -> None:
    about = bundled.about()
    text = findings.validation(LOG, about)
    last = [row for row in FILE["log"] if "val_top1" in row][-1]
    assert (last["step"], last["val_top1"], last["size"]) == (8100, 0.4705, 128)
    assert "first 2,000 of the 10,000 validation pictures" in text
    assert "The last, at step 8,100, is 47.05 % at 128 pixels" in text
    assert "the finished network's 46.0 % are of all 10,000 at 128 pixels" in text
    assert f"{about.accuracy:.1%}"[:-1] in bundled_note()
    assert f"differ by {100 * (0.4705 - about.accuracy):.1f} percentage points" in text
    # Of 10,000 pictures 46 % are named correctly; 2,000 of them are drawn without repetition.
    spread = hypergeom(10_000, round(about.accuracy * 10_000), 2_000).std() / 2_000
    assert f"by about {100 * spread:.1f} (its standard error)" in text
    everything = findings.validation(replace(LOG, validation_images=10_000), about)
    assert "by about 0.0 (its standard error)" in everything


def bundled_note() -> str:
    return load("googlenet", "bundled").weights.note


@pytest.mark.claims("convviz.ui.training.findings.answers")
def test_the_panel_names_the_layer() -> None:
    titles = {findings.answers(each.title) for each in recording.recorded_layers()}
    assert "What conv1 answers to your image" in titles
    assert len(titles) == len(recording.recorded_layers())


# A training that is run here


def maps_of(*maxima: float, dead: int = 1) -> Maps:
    """A layer of four channels, each of whose maps has one value everywhere."""
    values = torch.tensor(maxima, dtype=torch.float32)[:, None, None].expand(-1, 2, 2).contiguous()
    return Maps.of(measure(layer(small_network(DESIGN), "relu1"), values, None), dead)


def frame(step: int, *, kept: bool = False, value: float = 0.5) -> Snapshot:
    kernels = torch.full((4, 3, 3, 3), value)
    return Snapshot(step, step // 10, step / 10, kernels, (maps_of(0, 1, 2, 3),), 7, kept)


def view(**changes: object) -> LiveProgress:
    progress = LiveProgress(
        DESIGN,
        0.1,
        ("a", "b"),
        10,
        4,
        "Cat",
        Guessing(0.75, 0.5623),
        others=7,
        step=30,
        counts=(ChannelCount(0, 1, 0), ChannelCount(30, 2, 1)),
        frames=(frame(0), frame(30)),
    )
    return replace(progress, **changes)  # type: ignore[arg-type]


@pytest.mark.claims(
    "convviz.ui.training.findings.moment_kernels",
    "convviz.ui.training.findings.recorded_kernels",
    "convviz.ui.training.findings._kernels",
    "convviz.ui.training.findings._colours",
)
def test_kernels_and_their_scale() -> None:
    expected = "Its 4 kernels of 3 × 3 pixels"
    live = findings.moment_kernels(frame(30), 0.5)
    assert live == f"{expected}, in colour: grey is 0, and the strongest colour is a weight of 0.5."
    assert findings.recorded_kernels(frame(1), 0.5).startswith(f"{expected} after 1 step, ")
    assert findings.recorded_kernels(frame(0), 0.5).startswith(f"{expected} after 0 steps, ")
    for broken in (math.nan, math.inf):
        assert "some weights are no longer numbers" in findings.moment_kernels(frame(3), broken)
    assert findings.moment_kernels(replace(frame(3), kernels=None), 0.0) == ""
    assert "no kernels" in findings.recorded_kernels(replace(frame(3), kernels=None), 0.0)


@pytest.mark.claims(
    "convviz.ui.training.findings.moment_maps", "convviz.ui.training.findings.recorded_maps"
)
@pytest.mark.parametrize("empty", range(5))
def test_empty_channels_are_counted(empty: int) -> None:
    maps = maps_of(*[0.0] * empty, *[1.0] * (4 - empty))
    both = Snapshot(3, 0, 0.0, None, (maps, maps_of(0, 0, 0, 1)), 7)
    text = findings.moment_maps(both, maps, "Cat")
    assert f"{empty} of 4 channels empty" in text
    assert ("(crossed out)" in text) == (empty > 0)
    assert f"In all ReLUs together, {empty + 3} of 8 are empty" in text
    recorded = findings.recorded_maps(both, "Cat", "All channels are empty.")
    assert recorded == (
        "Cat through the same weights, each of 4 channels on its own scale. All channels are empty."
    )


@pytest.mark.claims(
    "convviz.ui.training.findings.dead_curve", "convviz.ui.training.findings.counted_channels"
)
def test_the_curves_name_what_they_count() -> None:
    assert findings.dead_curve(view()) == "dead: empty for all of 7 validation pictures"
    assert findings.counted_channels(view()).endswith("of 4")
    # A dead channel may answer to the probe, which is none of those seven.
    answering = Snapshot(3, 0, 0.0, None, (maps_of(1, 1, 1, 1, dead=2),), 7)
    assert (answering.empty, answering.dead) == (0, 2)


@pytest.mark.claims("convviz.ui.training.findings.label")
def test_moments_are_named() -> None:
    progress = view()
    assert findings.label(progress, frame(0), is_back=False) == "Step 0 · epoch 0 · 0 s, untrained"
    assert findings.label(progress, frame(1230), is_back=False) == "Step 1,230 · epoch 123 · 123 s"
    kept = frame(30, kept=True)
    assert findings.label(progress, kept, is_back=False).endswith("the end: these weights are kept")
    assert findings.label(progress, kept, is_back=True).endswith(
        "back to the best weights, which are kept"
    )


@pytest.mark.claims("convviz.ui.training.findings.in_short")
def test_a_training_in_one_line() -> None:
    text = findings.in_short(DESIGN, "my zip", 0.003, 40.0)
    title = "Small network, 2 stacks from 4 channels with batch norm"
    assert text == f"{title}, on my zip, learning rate 0.003, 40 seconds."


@pytest.mark.claims("convviz.ui.training.findings.rate")
@pytest.mark.parametrize("depth", range(1, 7))
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(("name", "value"), [("usual", 1e-3), ("tiny", 1e-5), ("deadly", 0.1)])
def test_advice_about_the_rate_fits_the_settings(
    name: str, value: float, batch_norm: bool, depth: int
) -> None:
    text = findings.rate(name, value, depth, batch_norm=batch_norm)  # type: ignore[arg-type]
    assert f"learning rate of {value:g}," in text
    is_deadly = name == "deadly"
    assert ("switch it off" in text) == (is_deadly and batch_norm)
    assert ("is off: switch it on" in text) == (is_deadly and not batch_norm)
    assert ("choose more stacks" in text) == (is_deadly and depth == 1)


@pytest.mark.claims("convviz.ui.training.findings.arithmetic")
@pytest.mark.parametrize("depth", [1, 3, 6])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_arithmetic_is_that_of_the_network_itself(depth: int, batch_norm: bool) -> None:
    design = SmallDesign(8, depth, batch_norm, 48)
    network = small_network(design, classes=5).module
    text = findings.arithmetic(design, 5)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert f"{count:,} parameters" in text
    x, shapes = torch.zeros(1, 3, 48, 48), ["3 × 48 × 48"]
    parts = list(network.named_children())[:-2]  # without the average and the classifier
    for index, (_, part) in enumerate(parts):
        x = part(x)
        if index + 1 == len(parts) or parts[index + 1][0].startswith("conv"):
            shapes.append(f"{x.shape[1]} × {x.shape[2]} × {x.shape[3]}")
    end = f"global average pooling: {x.shape[1]} numbers → 5 classes"
    assert text.startswith(" → ".join([*shapes, end]))


@pytest.mark.claims("convviz.ui.training.findings.progress")
def test_progress() -> None:
    now = view(phase="training", seconds=12.4)
    assert findings.progress(now, "Training") == "Training · 12 s"
    for accuracy, expected in ((0.0, "0 %"), (0.5, "50 %"), (0.996, "99.6 %"), (1.0, "100 %")):
        checked = replace(now, checks=(EpochCheck(3, 1, 0.5, accuracy),))
        text = findings.progress(checked, "Training")
        assert text == f"Training · 12 s · {expected} of validation pictures named correctly"
    assert findings.progress(view(phase="reading"), "Reading the pictures") == (
        "Reading the pictures"
    )


@pytest.mark.claims("convviz.ui.training.findings.dead_channels")
@pytest.mark.parametrize("dead", range(5))
def test_it_warns_if_most_channels_died(dead: int) -> None:
    text = findings.dead_channels(view(counts=(ChannelCount(30, 4, dead),)))
    assert bool(text) == (dead > 2)
    if text:
        assert text.startswith(f"{dead} of 4 channels died")
        assert "any of 7 validation pictures" in text


@pytest.mark.claims(
    "convviz.ui.training.findings.numbers",
    "convviz.ui.training.findings._accuracy",
    "convviz.ui.training.findings._channels",
)
def test_how_the_numbers_are_counted() -> None:
    text = findings.numbers(view(), "Cat")
    assert text.startswith("Counted at the end")
    assert "nothing through for Cat, and dead when" in text
    assert "any of 7 validation pictures" in text
    best = findings.numbers(view(outcome=LiveOutcome(0.75, 5, 3, "epochs", "")), "Cat")
    assert "on 4 pictures" in best
    assert "always naming the largest class would name 75 % of them" in best
    assert "those of epoch 3, the best on these same pictures" in best
    assert "too good" in best
    none = findings.numbers(view(outcome=LiveOutcome(0.75, 5, 0, "epochs", "")), "Cat")
    assert "No epoch did better on them than the weights before the first step" in none
    assert not re.search(r"epoch 0\b", none)


@pytest.mark.claims("convviz.ui.training.findings.earlier_image")
def test_the_maps_of_an_earlier_image_are_said_to_be_so() -> None:
    assert "your earlier image, my \\*cat\\*:" in findings.earlier_image("my *cat*")


@pytest.mark.claims("convviz.learning.small_design.SmallDesign.title")
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_small_design_is_called_after_its_numbers(depth: int, batch_norm: bool) -> None:
    stacks = "1 stack" if depth == 1 else f"{depth} stacks"
    title = f"Small network, {stacks} from 8 channels" + " with batch norm" * batch_norm
    assert SmallDesign(8, depth, batch_norm, 48).title == title
