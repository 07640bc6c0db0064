"""Sentences of the page Design, made from numbers alone."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.formatting import grouped, percent, say_seconds
from convviz.learning.design_results import DesignComparison, DesignFilm, DesignSettings
from convviz.learning.design_sweep import Cost, DesignSweep
from convviz.learning.snapshots import Maps
from convviz.plain_text import plain, shorten
from convviz.structure.design_costs import DesignCosts


def two_designs() -> str:
    """Say what is compared, and how."""
    return (
        "Two designs are trained on the same pictures, from the same seeds and for as long: what "
        "remains is what the design does, and chance, which several seeds show."
    )


def seen_and_counted(costs: DesignCosts) -> str:
    """Say what a design costs, and how far its last maps see."""
    text = f"{grouped(costs.parameters)} parameters, {grouped(costs.macs)} multiply–accumulates"
    fields = [b.receptive_field for b in costs.blocks[1:] if len(b.output) == 3 and not b.auxiliary]
    if not fields:
        return f"{text}; no line makes maps."
    side = max(costs.design.input.shape[1:])
    return f"{text}; each position of the last maps sees {fields[-1]} pixels of {side}."


def in_short(settings: DesignSettings, dataset: str) -> str:
    """Say in one line how the designs are trained."""
    total = ""
    if settings.seconds is not None:
        total = f": {say_seconds(2 * settings.seeds * settings.seconds)} in all"
    return f"{dataset}; {_seeds(settings)} of each design, {_length(settings)} each{total}."


def _seeds(settings: DesignSettings) -> str:
    return "1 seed" if settings.seeds == 1 else f"{settings.seeds} seeds"


def _length(settings: DesignSettings) -> str:
    """Say how long one training lasts."""
    if settings.seconds is not None:
        return f"{settings.seconds:g} s"
    return "1 epoch" if settings.epochs == 1 else f"{settings.epochs} epochs"


def design_label(number: int, name: str) -> str:
    """Name a design of a comparison where there is little room; foreign text stays text.

    Args:
        number: 0 for design A, 1 for B: long names may be alike at their beginning.
        name: The design's name.
    """
    return f"{chr(ord('A') + number)} · {plain(shorten(name, 24))}"


def too_long(settings: DesignSettings, designs: int, most: int) -> str:
    """Say that trainings take longer than a run may.

    Args:
        settings: For equal time.
        designs: How many designs a run trains.
        most: Seconds that a run may take.
    """
    total = designs * settings.seeds * (settings.seconds or 0)
    what = "One design" if designs == 1 else f"{designs} designs"
    return (
        f"{what}, {settings.seeds} seeds and {settings.seconds:g} s make {total:g} s, and a run "
        f"may take {most} s here: choose fewer seeds or less time."
    )


def progress(comparison: DesignComparison) -> str:
    """Say what is done, and how far the newest run is."""
    if comparison.stage == "reading":
        return "Reading the pictures"
    if comparison.stage == "baseline":
        return "Training a linear classifier on pixels"
    running = [r for r in comparison.results if r.runs and r.runs[-1].ending is None]
    if not running:
        return "Measuring"
    run = running[0].runs[-1]
    text = f"Training {running[0].name}, seed {run.seed + 1} of {comparison.settings.seeds}"
    if not run.points:
        return text
    return f"{text}, {percent(run.points[-1].accuracy, 1)} of the validation pictures"


def filmed(film: DesignFilm) -> str:
    """Say what the film shows."""
    return (
        f"Shown is “{film.probe}”, a validation picture that nothing was learned from, through the "
        f"weights of {len(film.frames)} moments of the first seed's training. Drag the slider."
    )


def film_kernels(bound: float) -> str:
    """Say on which scale the first kernels are drawn.

    Args:
        bound: The magnitude at the ends of the scale.
    """
    return f"Its weights on one scale, from −{bound:.2g} to {bound:.2g}."


def film_maps(maps: Maps) -> str:
    """Say how many of the maps of one moment are empty."""
    crossed = " (crossed out)" if maps.empty else ""
    return (
        f"Each channel on its own scale: {maps.empty} of {maps.channels} channels empty{crossed}."
    )


def on_other_pages() -> str:
    """Say where the trained networks can be looked into."""
    return (
        "What seed 0 has trained is at the top of the sidebar's list of networks now, under the "
        "design's name: Activations, Filters, Reconstruction and the other pages open it."
    )


def recorded(comparison: DesignComparison) -> str:
    """Say what the comparison is that comes with convviz."""
    settings = comparison.settings
    return (
        f"This comparison comes with convviz: two designs that differ in one line, on "
        f"{comparison.dataset}, {settings.seeds} seeds, {settings.epochs} epochs each. Start "
        "trains your own."
    )


def sweep_idea() -> str:
    """Say what a sweep is."""
    return (
        "Variants of the design at hand are trained on the same pictures, from the same seeds and "
        "for as long. On the best front are those that no other beats: every other one that is as "
        "accurate costs more."
    )


def sweep_in_short(sweep: DesignSweep) -> str:
    """Say how many variants a sweep has, and how long it takes."""
    count, settings = len(sweep.points), sweep.settings
    text = f"{count} {'variant' if count == 1 else 'variants'} of {_seeds(settings)}"
    text += f", {_length(settings)} each"
    if settings.seconds is None:
        return f"{text}."
    total = say_seconds(count * settings.seeds * settings.seconds)
    return f"{text}: {total} in all."


def sweep_settings(settings: DesignSettings, dataset: str) -> str:
    """Say how the variants of a sweep are trained.

    Args:
        settings: Those of the sweep, which may not be what the page has now.
        dataset: Name of its images, as Markdown.
    """
    return f"On {dataset}; {_seeds(settings)} of each variant, {_length(settings)} each."


def sweep_so_far(sweep: DesignSweep, dataset: str) -> str:
    """Say how many variants of a sweep are trained, and how.

    Args:
        sweep: The sweep.
        dataset: Name of its images, as Markdown.
    """
    count, trained = len(sweep.points), len(sweep.trained)
    what = f"{trained} of {count} {'variant' if count == 1 else 'variants'} trained"
    return f"{what}. {sweep_settings(sweep.settings, dataset)}"


def choose_again(dataset: str) -> str:
    """Say that a sweep needs its images again, which went with the page.

    Args:
        dataset: Their name, as Markdown.
    """
    return f"To go on, choose the pictures of this sweep again: {dataset}."


def sweep_points(places: Sequence[int], count: int) -> str:
    """Name the run of some variants.

    Args:
        places: Their numbers, from 0, in order.
        count: How many variants there are.
    """
    first, last = places[0] + 1, places[-1] + 1
    if first == last:
        return f"Variant {first} of {count}"
    return f"Variants {first} to {last} of {count}"


def front(sweep: DesignSweep, kind: Cost) -> str:
    """Say which variants nothing beats, and what the most accurate one gains over the cheapest."""
    best, trained = sweep.front(kind), sweep.trained
    cost = "parameters" if kind == "parameters" else "multiply–accumulates"
    cheapest, dearest = best[0], best[-1]
    text = f"{len(best)} of {len(trained)} trained variants are on the best front"
    one = (
        f"{cheapest.design.name} with {grouped(cheapest.cost(kind))} {cost} and "
        f"{percent(cheapest.accuracy or 0.0, 1)} on average"
    )
    if len(best) == 1:
        return f"{text}: {one}."
    return (
        f"{text}, from {one} to {dearest.design.name} with {grouped(dearest.cost(kind))} and "
        f"{percent(dearest.accuracy or 0.0, 1)}. Points close to each other may change places "
        "with other seeds."
    )
