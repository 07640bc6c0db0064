"""What the page Activations says beside its drawings follows from the results."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from convviz.datasets import zip_archive
from convviz.datasets.image_set import SampleCrops
from convviz.features.activations import Activations, measure
from convviz.features.dead import DeadChannels, DeadStep
from convviz.features.occlusion import OcclusionStep
from convviz.features.predictions import Prediction
from convviz.sprites.grid import _explain, atlas
from convviz.structure.layers import Layer
from convviz.ui import colour_scales, predictions
from convviz.ui.activations import (
    dead,
    display,
    grid,
    jobs,
    layer_table,
    stimulation,
    top_patches,
)
from convviz.ui.components import position_map

RELU = Layer("relu", "relu1", "ReLU", "", (3, 1, 2), 0, False, None, (), True)
SCORES = replace(RELU, kind="linear", in_encoder=False)
DEAD = DeadChannels((1,), 83, "the samples' crops", "83 crops of 5 photographs")


def of(layer: Layer, *rows: tuple[float, ...]) -> Activations:
    return measure(layer, torch.tensor(rows).float()[:, None])


@pytest.mark.claims("convviz.ui.activations.display.legend_html")
@pytest.mark.parametrize(
    ("rows", "low", "high"),
    [
        (((2.59, 3.93), (0, 1)), "0", "channel's highest"),
        (((-3, 4), (0, 1)), "channel's lowest, at most 0", "channel's highest"),
        (((-3, -1), (0, 1)), "channel's lowest, at most 0", "channel's highest, at least 0"),
        (((0, 0), (0, 0)), "0", "channel's highest"),
    ],
)
def test_the_legend_names_the_ends_that_are_drawn(
    rows: tuple[tuple[float, ...], ...], low: str, high: str
) -> None:
    activations = of(SCORES, *rows)
    options = display.DisplayOptions("index", "all", "channel", "viridis", 0.0)
    html = display.legend_html(atlas(activations), options, activations, DEAD)
    before, after = html.split('<span class="ramp"')
    assert before.endswith(f">{low}")
    assert f"</span>{high}</span>" in after
    is_signed = min(min(row) for row in rows) < 0
    assert ("zero everywhere in this image" in html) == is_signed
    assert ("never above zero in this image" in html) != is_signed
    assert "83 crops of 5 photographs (1 here)" in html
    shared = atlas(activations, contrast="shared")
    least = min(0.0, *(min(row) for row in rows))
    most = max(0.0, *(max(row) for row in rows))
    assert shared.ends == (f"{least:.3g}", f"{most:.3g}")


@pytest.mark.claims("convviz.ui.activations.display.legends_html")
@pytest.mark.parametrize(
    ("layer", "low", "high", "where"),
    [
        (SCORES, -4.67, 6.04, "zero everywhere in this image"),
        (SCORES, 0.0, 8.0, "never above zero in this image"),
        (RELU, 0.0, 6.04, "never above zero in this image"),
    ],
)
def test_two_sides_share_a_legend_only_where_it_is_true_of_both(
    layer: Layer, low: float, high: float, where: str
) -> None:
    options = display.DisplayOptions("index", "all", "channel", "viridis", 0.0)

    def legend(activations: Activations) -> str:
        return display.legend_html(atlas(activations), options, activations, None)

    first = legend(measure(RELU, torch.tensor([0.0, 6.04]).reshape(2, 1, 1)))
    second = legend(measure(layer, torch.tensor([low, high]).reshape(2, 1, 1)))
    html = display.legends_html(first, second)
    is_same = (low, high) == (0.0, 6.04)
    assert (html == first) == is_same
    if not is_same:
        left, right = html.split("<b>Right</b>")
        assert all(text in left for text in (">0<", ">6.04<", "never above zero"))
        lowest = f">{low:.3g}<".replace("-", "−")
        assert all(text in right for text in (lowest, f">{high:.3g}<", where))


@pytest.mark.claims("convviz.ui.colour_scales._written")
@pytest.mark.parametrize(
    ("low", "high", "zero"), [(-2, 6, "25.00%"), (-1, 1, "50.00%"), (0, 5, None), (-3, 0, None)]
)
def test_a_scale_that_all_channels_share_marks_0_where_it_lies(
    low: float, high: float, zero: str | None
) -> None:
    options = display.DisplayOptions("index", "all", "shared", "viridis", 0.0)
    activations = of(SCORES, (low, high), (low / 2, high / 2))
    html = display.legend_html(atlas(activations, contrast="shared"), options, activations, None)
    assert html.count('class="zero"') == (zero is not None)
    assert zero is None or f'style="left:{zero}">0<' in html
    per_channel = display.legend_html(atlas(activations), options, activations, None)
    assert 'class="zero"' not in per_channel


def test_the_scale_of_weights_has_0_in_its_middle_and_says_what_lies_beyond() -> None:
    html = colour_scales.of_weights(0.25, is_clipped=False)
    assert html.startswith('<span class="convviz-scale">−0.25<')
    assert html.endswith(">+0.25</span>")
    assert "#d55e00, #f7f7f7, #0072b2" in html
    assert 'style="left:50.00%">0<' in html
    clipped = colour_scales.of_weights(0.25, is_clipped=True)
    assert ">≤ −0.25<" in clipped
    assert ">≥ +0.25<" in clipped


@pytest.mark.claims("convviz.ui.activations.grid.numbers_html")
def test_a_channels_numbers_have_their_signs_and_ranks() -> None:
    activations = of(SCORES, (-8, -2), (0, 0), (4, 1), (4, 0))
    html = grid.numbers_html(activations, 0.0, 0, (), None)
    for cell in ("<dt>Maximum</dt><dd>-2</dd>", "<dt>Mean</dt><dd>-5</dd>", "<dd>4 of 4</dd>"):
        assert cell in html
    assert "Empty" not in html
    html = grid.numbers_html(activations, 0.0, 1, (), DEAD)
    assert "<dd>3 of 4</dd>" in html
    assert "Empty for this image" in html
    assert "Dead over N = 83 crops of 5 photographs" in html
    assert "<dd>1 of 4, shared by 2</dd>" in grid.numbers_html(activations, 0.0, 3, (), None)
    ahead = of(replace(RELU, pre_relu="relu"), (-8, 2))
    assert "<dt>Maximum after ReLU</dt><dd>2</dd>" in grid.numbers_html(ahead, 0.0, 0, (), None)
    vector = of(SCORES, (-4.674,), (9.0,))
    html = grid.numbers_html(vector, 0.0, 0, ("goldfish, Carassius", "shark"), None)
    assert "<dt>Value</dt><dd>-4.67</dd>" in html
    assert "<dd>2 of 2</dd>" in html
    assert "<dd>goldfish</dd>" in html


@pytest.mark.claims("convviz.sprites.grid._explain")
def test_a_saved_grid_says_what_is_empty_in_it() -> None:
    for activations, word in ((of(RELU, (0, 2)), "activation"), (of(SCORES, (-8, 2)), "value")):
        assert _explain(activations, 0.0) == activations.sentence()
        text = _explain(activations, 0.05)
        assert text.startswith(activations.sentence(0.05))
        assert "at most 0.05 times the layer's largest" in text
        assert text.endswith(f"{word}.")


@pytest.mark.claims("convviz.ui.activations.stimulation.signs")
def test_the_two_colours_stand_beside_fall_and_rise() -> None:
    step = OcclusionStep(RELU, 0, 4, 2, 2, -4.67, torch.tensor([[-3.41, -4.67]]))
    html = stimulation.signs(step)
    assert '"lost"></span>falls nowhere' in html
    assert '"won"></span>rises, by up to 1.26, to -3.41' in html


@pytest.mark.claims("convviz.ui.activations.jobs.ended_note")
def test_a_stopped_job_claims_a_result_only_where_one_is_shown() -> None:
    half = OcclusionStep(RELU, 0, 4, 4, 144, 1.0, torch.full((12, 12), torch.nan))
    note = "You stopped it; this is what it had by then."
    text = jobs.ended_note(note, half)
    assert "4 of 144 places covered" in text
    assert "by then" not in text
    assert "nothing of it is shown" in text
    assert jobs.ended_note(note, replace(half, done=144)) == note
    assert "6 of 83 pictures" in jobs.ended_note(note, DeadStep(6, 83, 6, "6 pictures", (), ()))
    assert "nothing to show" in jobs.ended_note(note, None)
    assert jobs.ended_note("", half) == ""


@pytest.mark.claims(
    "convviz.ui.activations.dead.count_help",
    "convviz.ui.activations.layer_table.not_here",
    "convviz.ui.activations.top_patches.not_used",
    "convviz.ui.activations.top_patches.could_not_be_read",
    "convviz.ui.activations.top_patches.zip_help",
    "convviz.ui.components.position_map.described",
)
def test_small_sentences_hold_their_numbers() -> None:
    crops = SampleCrops()
    photographs = len(set(crops.titles))
    assert f"through {len(crops)} crops of {photographs} photographs" in dead.count_help(crops)
    assert "weights of VGG16 are not here" in layer_table.not_here("VGG16")
    assert top_patches.not_used(1) == "1 file of the zip is not used"
    assert top_patches.not_used(2) == "2 files of the zip are not used"
    assert top_patches.could_not_be_read(1) == "1 picture could not be read"
    assert top_patches.could_not_be_read(3) == "3 pictures could not be read"
    text = top_patches.zip_help()
    assert f"{zip_archive.MAX_FILES:,} files" in text
    assert f"{zip_archive.MAX_FILE_BYTES // 1_000_000} MB" in text
    assert f"{zip_archive.MAX_BYTES // 1_000_000} MB in all" in text
    assert position_map.described("Map of channel 3").startswith("Map of channel 3;")


@pytest.mark.claims(
    "convviz.ui.predictions.about",
    "convviz.ui.predictions.bars_html",
    "convviz.ui.predictions.why_none",
)
def test_guesses_are_drawn_with_their_probabilities() -> None:
    guesses = [Prediction("a<b", p, 0, "a<b, c") for p in (1.0, 0.25, 0.0004, 0.0)]
    html = predictions.bars_html(guesses)
    assert html.count("<li") == 4
    assert "a&lt;b" in html
    for share in ("> 99.9 %", "25.0 %", "< 0.1 %"):
        assert share in html
    for width in ("100.00%", "25.00%", "0.04%", "0.00%"):
        assert f"width:{width}" in html

    def network(**weights: Any) -> Any:
        usual = {"classes": ("a",) * 1000, "decoder_set": "", "training_set": "ImageNet"}
        usual |= {"note": "", "source": "own"}
        return SimpleNamespace(title="Net", weights=SimpleNamespace(**{**usual, **weights}))

    text = predictions.about(network())
    assert text.startswith("Probabilities over 1,000 classes, learned from “ImageNet”: ")
    assert "over 1 class, learned from “Pets”" in predictions.about(
        network(classes=("x",), decoder_set="Pets")
    )
    unknown = predictions.about(network(training_set="not stated"))
    assert unknown.startswith("Probabilities over 1,000 classes: the only answers")
    assert "Net is untrained here" in predictions.why_none(network(source="random"))
    assert "in the sidebar" in predictions.why_none(network(source="random"))
    elsewhere = predictions.why_none(network(source="random"), "With the weights")
    assert "under “With the weights” above" in elsewhere
    assert "sidebar" not in elsewhere
    assert predictions.why_none(network(note="It is gone.")) == "No predictions. It is gone."
    assert "encoder only" in predictions.why_none(network())
