"""Sentences of the page Design, made from numbers alone."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.formatting import grouped, percent, say_seconds
from convviz.language import tr
from convviz.learning.design_results import DesignComparison, DesignFilm, DesignSettings
from convviz.learning.design_sweep import Cost, DesignSweep
from convviz.learning.snapshots import Maps
from convviz.plain_text import plain, shorten
from convviz.structure.design_costs import DesignCosts


def two_designs() -> str:
    """Say what is compared, and how."""
    return tr(
        "Two designs are trained on the same pictures, from the same seeds and for as "
        "long: what remains is what the design does, and chance, which several seeds "
        "show."
    )


def seen_and_counted(costs: DesignCosts) -> str:
    """Say what a design costs, and how far its last maps see."""
    text = tr(
        "{parameters} parameters, {macs} multiply–accumulates",
        parameters=grouped(costs.parameters),
        macs=grouped(costs.macs),
    )
    fields = [b.receptive_field for b in costs.blocks[1:] if len(b.output) == 3 and not b.auxiliary]
    if not fields:
        return tr("{text}; no line makes maps.", text=text)
    side = max(costs.design.input.shape[1:])
    return tr(
        "{text}; each position of the last maps sees {fields} pixels of {side}.",
        text=text,
        fields=fields[-1],
        side=side,
    )


def in_short(settings: DesignSettings, dataset: str) -> str:
    """Say in one line how the designs are trained."""
    total = ""
    if settings.seconds is not None:
        total = tr(": {seeds} in all", seeds=say_seconds(2 * settings.seeds * settings.seconds))
    return tr(
        "{dataset}; {seeds} of each design, {length} each{total}.",
        dataset=dataset,
        seeds=_seeds(settings),
        length=_length(settings),
        total=total,
    )


def _seeds(settings: DesignSettings) -> str:
    return "1 seed" if settings.seeds == 1 else tr("{seeds} seeds", seeds=settings.seeds)


def _length(settings: DesignSettings) -> str:
    """Say how long one training lasts."""
    if settings.seconds is not None:
        return f"{settings.seconds:g} s"
    return "1 epoch" if settings.epochs == 1 else tr("{epochs} epochs", epochs=settings.epochs)


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
    what = tr("One design") if designs == 1 else tr("{designs} designs", designs=designs)
    return tr(
        "{what}, {seeds} seeds and {seconds:g} s make {total:g} s, and a run may take "
        "{most} s here: choose fewer seeds or less time.",
        what=what,
        seeds=settings.seeds,
        seconds=settings.seconds,
        total=total,
        most=most,
    )


def progress(comparison: DesignComparison) -> str:
    """Say what is done, and how far the newest run is."""
    if comparison.stage == "reading":
        return tr("Reading the pictures")
    if comparison.stage == "baseline":
        return tr("Training a linear classifier on pixels")
    running = [r for r in comparison.results if r.runs and r.runs[-1].ending is None]
    if not running:
        return "Measuring"
    run = running[0].runs[-1]
    text = tr(
        "Training {name}, seed {seed} of {seeds}",
        name=running[0].name,
        seed=run.seed + 1,
        seeds=comparison.settings.seeds,
    )
    if not run.points:
        return text
    return tr(
        "{text}, {accuracy} of the validation pictures",
        text=text,
        accuracy=percent(run.points[-1].accuracy, 1),
    )


def filmed(film: DesignFilm) -> str:
    """Say what the film shows."""
    return tr(
        "Shown is “{probe}”, a validation picture that nothing was learned from, through "
        "the weights of {count} moments of the first seed's training. Drag the slider.",
        probe=film.probe,
        count=len(film.frames),
    )


def film_kernels(bound: float) -> str:
    """Say on which scale the first kernels are drawn.

    Args:
        bound: The magnitude at the ends of the scale.
    """
    return tr("Its weights on one scale, from −{bound:.2g} to {bound:.2g}.", bound=bound)


def film_maps(maps: Maps) -> str:
    """Say how many of the maps of one moment are empty."""
    crossed = tr(" (crossed out)") if maps.empty else ""
    return tr(
        "Each channel on its own scale: {empty} of {channels} channels empty{crossed}.",
        empty=maps.empty,
        channels=maps.channels,
        crossed=crossed,
    )


def on_other_pages() -> str:
    """Say where the trained networks can be looked into."""
    return tr(
        "What seed 0 has trained is at the top of the sidebar's list of networks now, "
        "under the design's name: Activations, Filters, Reconstruction and the other "
        "pages open it."
    )


def recorded(comparison: DesignComparison) -> str:
    """Say what the comparison is that comes with convviz."""
    settings = comparison.settings
    return tr(
        "This comparison comes with convviz: two designs that differ in one line, on "
        "{dataset}, {seeds} seeds, {epochs} epochs each. Start trains your own.",
        dataset=comparison.dataset,
        seeds=settings.seeds,
        epochs=settings.epochs,
    )


def sweep_idea() -> str:
    """Say what a sweep is."""
    return tr(
        "Variants of the design at hand are trained on the same pictures, from the same "
        "seeds and for as long. On the best front are those that no other beats: every "
        "other one that is as accurate costs more."
    )


def sweep_in_short(sweep: DesignSweep) -> str:
    """Say how many variants a sweep has, and how long it takes."""
    count, settings = len(sweep.points), sweep.settings
    text = tr(
        "{count} {which} of {seeds}",
        count=count,
        which="variant" if count == 1 else "variants",
        seeds=_seeds(settings),
    )
    text += tr(", {length} each", length=_length(settings))
    if settings.seconds is None:
        return f"{text}."
    total = say_seconds(count * settings.seeds * settings.seconds)
    return tr("{text}: {total} in all.", text=text, total=total)


def sweep_settings(settings: DesignSettings, dataset: str) -> str:
    """Say how the variants of a sweep are trained.

    Args:
        settings: Those of the sweep, which may not be what the page has now.
        dataset: Name of its images, as Markdown.
    """
    return tr(
        "On {dataset}; {seeds} of each variant, {length} each.",
        dataset=dataset,
        seeds=_seeds(settings),
        length=_length(settings),
    )


def sweep_so_far(sweep: DesignSweep, dataset: str) -> str:
    """Say how many variants of a sweep are trained, and how.

    Args:
        sweep: The sweep.
        dataset: Name of its images, as Markdown.
    """
    count, trained = len(sweep.points), len(sweep.trained)
    what = tr(
        "{trained} of {count} {which} trained",
        trained=trained,
        count=count,
        which="variant" if count == 1 else "variants",
    )
    return f"{what}. {sweep_settings(sweep.settings, dataset)}"


def choose_again(dataset: str) -> str:
    """Say that a sweep needs its images again, which went with the page.

    Args:
        dataset: Their name, as Markdown.
    """
    return tr("To go on, choose the pictures of this sweep again: {dataset}.", dataset=dataset)


def sweep_points(places: Sequence[int], count: int) -> str:
    """Name the run of some variants.

    Args:
        places: Their numbers, from 0, in order.
        count: How many variants there are.
    """
    first, last = places[0] + 1, places[-1] + 1
    if first == last:
        return tr("Variant {first} of {count}", first=first, count=count)
    return tr("Variants {first} to {last} of {count}", first=first, last=last, count=count)


def front(sweep: DesignSweep, kind: Cost) -> str:
    """Say which variants nothing beats, and what the most accurate one gains over the cheapest."""
    best, trained = sweep.front(kind), sweep.trained
    cost = "parameters" if kind == "parameters" else "multiply–accumulates"
    cheapest, dearest = best[0], best[-1]
    text = tr(
        "{count} of {trained} trained variants are on the best front",
        count=len(best),
        trained=len(trained),
    )
    one = tr(
        "{name} with {cost} {cost_2} and {value} on average",
        name=cheapest.design.name,
        cost=grouped(cheapest.cost(kind)),
        cost_2=cost,
        value=percent(cheapest.accuracy or 0.0, 1),
    )
    if len(best) == 1:
        return f"{text}: {one}."
    return tr(
        "{text}, from {one} to {name} with {cost} and {value}. Points close to each "
        "other may change places with other seeds.",
        text=text,
        one=one,
        name=dearest.design.name,
        cost=grouped(dearest.cost(kind)),
        value=percent(dearest.accuracy or 0.0, 1),
    )
