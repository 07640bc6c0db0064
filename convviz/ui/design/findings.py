"""Sentences of the page Design, made from numbers alone."""

from __future__ import annotations

from collections.abc import Sequence

from convviz.formatting import grouped, percent, say_seconds
from convviz.language import numeral, tr, trn
from convviz.learning.design_results import DesignComparison, DesignFilm, DesignSettings
from convviz.learning.design_sweep import Cost, DesignSweep
from convviz.learning.snapshots import Maps
from convviz.networks.design import Design
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
    counts = {"parameters": grouped(costs.parameters), "macs": grouped(costs.macs)}
    fields = [b.receptive_field for b in costs.blocks[1:] if len(b.output) == 3 and not b.auxiliary]
    side = max(costs.design.input.shape[1:])
    if not fields:
        return tr("{parameters} parameters, {macs} MACs; no line makes maps.", **counts)
    if fields[-1] > side:
        return tr(
            "{parameters} parameters, {macs} MACs; the receptive field of the last "
            "maps, {field} pixels, is larger than the image's {side}.",
            field=fields[-1],
            side=side,
            **counts,
        )
    return tr(
        "{parameters} parameters, {macs} MACs; each position of the last maps "
        "sees {field} pixels of {side}.",
        field=fields[-1],
        side=side,
        **counts,
    )


def sides_differ(first: Design, second: Design) -> str:
    """Warn that two designs take images of different sizes; empty where they do not."""
    if first.input.shape == second.input.shape:
        return ""
    return tr(
        "Design A takes images of {first}, design B of {second}: what differs in the results may "
        "come of that alone.",
        first="×".join(map(str, first.input.shape)),
        second="×".join(map(str, second.input.shape)),
    )


def in_short(settings: DesignSettings, dataset: str) -> str:
    """Say in one line how the designs are trained."""
    named = {"dataset": dataset, "seeds": _seeds(settings), "length": _length(settings)}
    if settings.seconds is None:
        return tr("{dataset}; {seeds} of each design, {length} each.", **named)
    return tr(
        "{dataset}; {seeds} of each design, {length} each: {total} in all.",
        total=say_seconds(2 * settings.seeds * settings.seconds),
        **named,
    )


def _seeds(settings: DesignSettings) -> str:
    return trn("{count} seed", "{count} seeds", settings.seeds)


def _length(settings: DesignSettings) -> str:
    """Say how long one training lasts."""
    if settings.seconds is not None:
        return numeral(f"{settings.seconds:g} s")
    return trn("{count} epoch", "{count} epochs", settings.epochs or 0)


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
    seconds = settings.seconds or 0.0
    return trn(
        "One design, {seeds} seeds and {seconds:g} s make {total:g} s, and a run may take "
        "{most} s here: choose fewer seeds or less time.",
        "{count} designs, {seeds} seeds and {seconds:g} s make {total:g} s, and a run may take "
        "{most} s here: choose fewer seeds or less time.",
        designs,
        seeds=settings.seeds,
        seconds=seconds,
        total=designs * settings.seeds * seconds,
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
        return tr("Measuring")
    run = running[0].runs[-1]
    named = {"name": running[0].name, "seed": run.seed + 1, "seeds": comparison.settings.seeds}
    if not run.points:
        return tr("Training {name}, seed {seed} of {seeds}", **named)
    return tr(
        "Training {name}, seed {seed} of {seeds}, {accuracy} of the validation pictures",
        accuracy=percent(run.points[-1].accuracy, 1),
        **named,
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
    counts = {"empty": maps.empty, "channels": maps.channels}
    if not maps.empty:
        return tr("Each channel on its own scale: {empty} of {channels} channels empty.", **counts)
    return tr(
        "Each channel on its own scale: {empty} of {channels} channels empty (crossed out).",
        **counts,
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
        dataset=tr(comparison.dataset),
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
    seeds, length = _seeds(settings), _length(settings)
    seconds = settings.most_seconds(count)
    if seconds is None:
        return trn(
            "{count} variant with {seeds}, {length} each.",
            "{count} variants with {seeds}, {length} each.",
            count,
            seeds=seeds,
            length=length,
        )
    return trn(
        "{count} variant with {seeds}, {length} each: {total} in all.",
        "{count} variants with {seeds}, {length} each: {total} in all.",
        count,
        seeds=seeds,
        length=length,
        total=say_seconds(seconds),
    )


def left_out(sweep: DesignSweep) -> str:
    """Say which variants cannot be trained here, and why the first one; empty if all can."""
    if not sweep.left_out:
        return ""
    first = sweep.left_out[0]
    return trn(
        "{count} variant cannot be trained here and is left out, {variant}: {reason}",
        "{count} variants cannot be trained here and are left out, such as {variant}: {reason}",
        len(sweep.left_out),
        variant=", ".join(f"{name} {value:g}" for name, value in first.values),
        reason=first.reason,
    )


def sweep_outputs(sweep: DesignSweep) -> str:
    """Say that all variants were given as many outputs as there are classes; empty if none was."""
    comparison = sweep.trained[0].comparison if sweep.trained else None
    written = comparison.results[0].written if comparison else None
    if comparison is None or written is None:
        return ""
    return tr(
        "Every variant has {classes} outputs, one for each class, in the place of {outputs}.",
        classes=len(comparison.classes),
        outputs=grouped(written.outputs),
    )


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
    text = trn(
        "{trained} of {count} variant trained.",
        "{trained} of {count} variants trained.",
        len(sweep.points),
        trained=len(sweep.trained),
    )
    return f"{text} {sweep_settings(sweep.settings, dataset)}"


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
    best = sweep.front(kind)
    cheapest, dearest = best[0], best[-1]
    named = {
        "count": len(best),
        "trained": len(sweep.trained),
        "cheapest": cheapest.design.name,
        "least": grouped(cheapest.cost(kind)),
        "what": tr("parameters") if kind == "parameters" else tr("MACs"),
        "accuracy": percent(cheapest.accuracy or 0.0, 1),
    }
    if len(best) == 1:
        return tr(
            "{count} of {trained} trained variants are on the best front: {cheapest} with "
            "{least} {what} and {accuracy} on average.",
            **named,
        )
    text = tr(
        "{count} of {trained} trained variants are on the best front, from {cheapest} with "
        "{least} {what} and {accuracy} on average to {dearest} with {most} and {highest}.",
        dearest=dearest.design.name,
        most=grouped(dearest.cost(kind)),
        highest=percent(dearest.accuracy or 0.0, 1),
        **named,
    )
    rest = tr("Points close to each other may change places with other seeds.")
    return f"{text} {rest}"
