"""What the page Design says of two designs, before and while they are trained."""

from dataclasses import replace

import pytest
import torch

from convviz.features.activations import measure
from convviz.learning.design_results import (
    CurvePoint,
    DesignComparison,
    DesignFilm,
    DesignResult,
    DesignRun,
    DesignSettings,
    Written,
)
from convviz.learning.design_sweep import DesignSweep, SweepPoint, UntrainableVariant
from convviz.learning.small_design import SmallDesign, small_network
from convviz.learning.snapshots import Maps, Snapshot
from convviz.networks.design import Design
from convviz.structure.design_costs import count_design
from convviz.structure.layers import layer
from convviz.ui.design import findings


@pytest.mark.claims("convviz.ui.design.findings.seen_and_counted")
def test_costs_are_a_sentence() -> None:
    # 4 · (27 + 1) and 6 · (4 + 1) parameters; the pooling's 2 × 2 windows see 4 pixels.
    pooled = Design.parse("input 3x32x32\nconv 4 3x3\nmaxpool 2x2\ngap\nfc 6")
    text = findings.seen_and_counted(count_design(pooled))
    assert text.startswith(f"142 parameters, {30 * 30 * 4 * 27 + 24:,} MACs")
    assert text.endswith("each position of the last maps sees 4 pixels of 32.")
    # Of the image there is no more than 32 pixels, whatever the field: 3 + 2 · 20 = 43.
    far = Design.parse("input 3x32x32\nconv 4 3x3 p1\nconv 4 3x3 p20 d20\ngap\nfc 6")
    assert findings.seen_and_counted(count_design(far)).endswith(
        "; the receptive field of the last maps, 43 pixels, is larger than the image's 32."
    )
    whole = Design.parse("input 3x32x32\nconv 4 32x32\ngap\nfc 6")
    assert findings.seen_and_counted(count_design(whole)).endswith("sees 32 pixels of 32.")
    flat = findings.seen_and_counted(count_design(Design.parse("input 3x32x32\nfc 6")))
    assert flat == f"{6 * 3073:,} parameters, {6 * 3072:,} MACs; no line makes maps."


@pytest.mark.claims("convviz.ui.design.findings.sides_differ")
def test_designs_for_images_of_other_sizes_are_warned_of() -> None:
    small, large = (Design.parse(f"input 3x{side}x{side}\ngap\nfc 2", "name") for side in (32, 64))
    assert findings.sides_differ(small, small) == ""
    said = findings.sides_differ(small, large)
    assert said.startswith("Design A takes images of 3×32×32, design B of 3×64×64: ")


@pytest.mark.claims("convviz.ui.design.findings.in_short")
def test_a_training_is_said_in_one_line() -> None:
    timed = findings.in_short(DesignSettings(seconds=20, seeds=3), "set")
    assert timed.startswith("set; 3 seeds of each design, 20 s each")
    assert "2 min" in timed  # 2 designs, 3 seeds, 20 s
    counted = findings.in_short(DesignSettings(epochs=1, seconds=None, seeds=1), "set")
    assert counted == "set; 1 seed of each design, 1 epoch each."


@pytest.mark.claims("convviz.ui.design.findings.too_long")
def test_what_takes_too_long_is_multiplied_out() -> None:
    text = findings.too_long(DesignSettings(seconds=60, seeds=5), 2, 300)
    assert text.startswith("2 designs, 5 seeds and 60 s make 600 s, and a run may take 300 s")
    one = findings.too_long(DesignSettings(seconds=60, seeds=8), 1, 300)
    assert one.startswith("One design, 8 seeds and 60 s make 480 s")


def trained_point(name: str, parameters: int, right: int) -> SweepPoint:
    correct = (True,) * right + (False,) * (10 - right)
    made = view(DesignRun(0, correct=correct, ending="epochs"))
    result = replace(made.results[0], parameters=parameters, macs=100 - parameters)
    design = replace(made.results[0].design, name=name)
    return SweepPoint((("width", 1.0),), design, replace(made, results=(result,)))


@pytest.mark.claims("convviz.ui.design.findings.front")
def test_the_front_is_named_from_the_cheapest_to_the_most_accurate() -> None:
    points = (trained_point("x", 10, 5), trained_point("y", 20, 4), trained_point("z", 30, 9))
    sweep = DesignSweep(DesignSettings(), points)
    text = findings.front(sweep, "parameters")
    assert text.startswith("2 of 3 trained variants are on the best front, from x with 10")
    assert "50.0 % on average to z with 30 and 90.0 %" in text
    # By multiply–accumulates, 100 less the parameters, z is the cheapest and the best.
    assert findings.front(sweep, "macs").startswith(
        "1 of 3 trained variants are on the best front: z"
    )


@pytest.mark.claims(
    "convviz.ui.design.findings.sweep_in_short",
    "convviz.ui.design.findings.sweep_points",
    "convviz.ui.design.findings.sweep_idea",
)
def test_a_sweep_is_said_in_one_line() -> None:
    points = tuple(trained_point(name, 1, 1) for name in "abc")
    text = findings.sweep_in_short(DesignSweep(DesignSettings(seconds=10, seeds=2), points))
    assert text == "3 variants with 2 seeds, 10 s each: about 60 seconds in all."
    epochs = findings.sweep_in_short(DesignSweep(DesignSettings(5, None, 1), points[:1]))
    assert epochs == "1 variant with 1 seed, 5 epochs each."
    once = findings.sweep_in_short(DesignSweep(DesignSettings(1, None, 1), points[:1]))
    assert once == "1 variant with 1 seed, 1 epoch each."
    assert findings.sweep_points((1,), 3) == "Variant 2 of 3"
    assert findings.sweep_points((1, 2, 4), 5) == "Variants 2 to 5 of 5"
    assert "best front" in findings.sweep_idea()


@pytest.mark.claims(
    "convviz.ui.design.findings.left_out", "convviz.ui.design.findings.sweep_outputs"
)
def test_a_sweep_says_what_it_leaves_out_and_how_many_outputs_there_are() -> None:
    points = (trained_point("a", 1, 1),)
    sweep = DesignSweep(DesignSettings(), points)
    assert findings.left_out(sweep) == ""
    assert findings.sweep_outputs(sweep) == ""
    out = (
        UntrainableVariant((("width", 3.0), ("depth", 4.0)), "too large."),
        UntrainableVariant((), "no."),
    )
    assert findings.left_out(replace(sweep, left_out=out[:1])) == (
        "1 variant cannot be trained here and is left out, width 3, depth 4: too large."
    )
    assert findings.left_out(replace(sweep, left_out=out)).startswith(
        "2 variants cannot be trained here and are left out, such as width 3, depth 4: too large"
    )
    made = points[0].comparison
    assert made is not None
    written = replace(made.results[0], written=Written(1000, 5))
    cut = replace(points[0], comparison=replace(made, results=(written,)))
    assert findings.sweep_outputs(replace(sweep, points=(cut,))) == (
        "Every variant has 2 outputs, one for each class, in the place of 1,000."
    )


def view(*runs: DesignRun, stage: str = "training") -> DesignComparison:
    design = Design.parse("name mine\ninput 3x32x32\nfc 2")
    result = DesignResult(design, 1, 0, 1, 1, runs)
    return DesignComparison(
        *(DesignSettings(seeds=4), "set", ("a", "b"), 1, 1, 1, 0.5, (result,)),
        stage=stage,  # type: ignore[arg-type]
    )


@pytest.mark.claims("convviz.ui.design.findings.progress")
def test_progress_names_the_design_and_the_seed() -> None:
    assert findings.progress(view(stage="reading")) == "Reading the pictures"
    assert "linear" in findings.progress(view(stage="baseline"))
    over = DesignRun(0, correct=(True,), ending="epochs")
    assert findings.progress(view(over, DesignRun(1))) == "Training mine, seed 2 of 4"
    point = CurvePoint(0, 0.1, None, 0.625)
    text = findings.progress(view(over, DesignRun(1, (point,))))
    assert text.endswith("62.5 % of the validation pictures")
    assert findings.progress(view(over)) == "Measuring"


@pytest.mark.claims("convviz.ui.design.findings.recorded")
def test_what_was_recorded_is_said_with_its_settings() -> None:
    recorded = replace(view(), settings=DesignSettings(epochs=10, seconds=None, seeds=5))
    text = findings.recorded(recorded)
    assert "5 seeds" in text
    assert "10 epochs" in text


@pytest.mark.claims(
    "convviz.ui.design.findings.two_designs", "convviz.ui.design.findings.on_other_pages"
)
def test_what_is_compared_is_explained() -> None:
    assert "from the same seeds" in findings.two_designs()
    assert "under the design's name" in findings.on_other_pages()


@pytest.mark.claims(
    "convviz.ui.design.findings.filmed",
    "convviz.ui.design.findings.film_kernels",
    "convviz.ui.design.findings.film_maps",
)
def test_a_film_says_what_is_shown() -> None:
    values = torch.ones(4, 2, 2)
    values[0] = 0
    relu = layer(small_network(SmallDesign(4, 1, pixels=32)), "relu1")
    empty, full = (Maps.of(measure(relu, maps, None)) for maps in (values, values + 1))
    frame = Snapshot(0, 0, 0.0, None, (empty,))
    text = findings.filmed(DesignFilm("cat 3", (frame, frame)))
    assert text.startswith("Shown is “cat 3”, a validation picture")
    assert "2 moments of the first seed" in text
    assert findings.film_kernels(0.256).endswith("from −0.26 to 0.26.")
    assert findings.film_maps(empty).endswith("1 of 4 channels empty (crossed out).")
    assert findings.film_maps(full).endswith("0 of 4 channels empty.")


@pytest.mark.claims(
    "convviz.ui.design.findings.sweep_settings",
    "convviz.ui.design.findings.sweep_so_far",
    "convviz.ui.design.findings.choose_again",
)
def test_a_sweep_that_ended_early_says_how_its_own_points_are_trained() -> None:
    point = trained_point("x", 10, 5)
    sweep = DesignSweep(DesignSettings(5, None, 1), (point, replace(point, comparison=None)))
    assert findings.sweep_so_far(sweep, "my set") == (
        "1 of 2 variants trained. On my set; 1 seed of each variant, 5 epochs each."
    )
    timed = findings.sweep_settings(DesignSettings(seconds=10, seeds=2), "my set")
    assert timed == "On my set; 2 seeds of each variant, 10 s each."
    assert findings.choose_again("my set").endswith(
        "choose the pictures of this sweep again: my set."
    )


@pytest.mark.claims("convviz.ui.design.findings.design_label")
def test_two_designs_have_labels_of_their_own_and_their_names_stay_text() -> None:
    names = ("one long name for both of them, 1", "one long name for both of them, 2")
    assert [findings.design_label(number, name) for number, name in enumerate(names)] == [
        "A · one long name for both …",
        "B · one long name for both …",
    ]
    assert findings.design_label(0, "name :red[A] **b** $x$") == (
        r"A · name \:red\[A\] \*\*b\*\* \$x\$"
    )
