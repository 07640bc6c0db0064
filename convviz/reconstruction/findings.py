"""Sentences about reconstructions, made from their numbers.

No sentence claims more than the numbers show. That what still looks different is what a layer does
not know is said of settled runs alone (`is_settled`): the optimisation takes the detail of an image
last, so a run that was cut short looks as if the layer had lost it.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence

from PIL import Image
from torch import Tensor

from convviz.formatting import decimals, grouped, percent, say_seconds, significant, times
from convviz.images.preprocess import to_pixels
from convviz.language import again, numeral, tr, trn, trp
from convviz.networks.catalogue import COURSE
from convviz.networks.network import Network
from convviz.networks.registry import spec
from convviz.plain_text import plain
from convviz.reconstruction.config import MEASURED, ReconstructionConfig, is_measured
from convviz.reconstruction.optimizers import DEFAULT, OPTIMIZERS
from convviz.reconstruction.progress import (
    AmplifyProgress,
    ReconstructionProgress,
    SeriesProgress,
    Subject,
)
from convviz.reconstruction.quality import PATCH, SsimBaselines, baselines, scaled, ssim
from convviz.reconstruction.reconstruct import LEAST_STEPS, Halfway, ReconstructionResult
from convviz.reconstruction.recorded import RecordedSeries
from convviz.reconstruction.step_time import (
    BLUR_STEPS,
    PICTURE_STEPS,
    seconds_for_a_picture,
    steps_within,
)
from convviz.structure.layers import Layer

_NOTICEABLE = 0.05  # of a correlation or an SSIM
_PLAIN_FACTOR = 1.5  # below it a rise is said in percent
_MATCHED = 0.1  # up to this relative error, feature maps are nearly the same
_FAR = 0.5  # above this one, an image says more about the optimisation than about the layer

# So much may an SSIM or a correlation still change while the number of steps doubles. The second
# half of a run tells what is still to come better than its last fifth or a few further steps, which
# can stand still, or turn round, while eight times the steps change an image noticeably.
_STEADY = 0.01
_FALLING = 0.97  # an error that falls to less than this share over a doubling still falls

_Run = tuple[ReconstructionProgress, ReconstructionResult]


def error_text(relative_error: float, *, is_silent: bool = False) -> str:
    """Write a relative error: "0.0349", or "undefined" where the layer is silent."""
    if is_silent or not math.isfinite(relative_error):
        return tr("undefined")
    return significant(relative_error)


def error_meaning(relative_error: float | None, *, is_silent: bool = False) -> str:
    """Explain a relative error in one sentence."""
    if is_silent:
        return tr(
            "There is no relative error: it is a share of the length of x's feature "
            "maps, and all of these are 0."
        )
    if relative_error is None or not math.isfinite(relative_error):
        return tr("The relative error says how far the feature maps of y are from those of x.")
    return tr(
        "A relative error of {error} means: the feature maps of y and x differ by {share} of "
        "the length of those of x.",
        error=error_text(relative_error),
        share=percent(relative_error),
    )


def how_measured(run: ReconstructionProgress) -> str:
    """Say on what a result's numbers were measured, and after how much work."""
    result = run.result
    if result is None:
        return ""
    steps = trn(
        "{count:,} step in {seconds:.1f} seconds",
        "{count:,} steps in {seconds:.1f} seconds",
        run.step,
        seconds=run.seconds,
    )
    # An earlier run that this one went on from may have had another precision.
    whole = run.step == result.steps
    precision = "bfloat16" if result.fast_steps else "float32"
    if result.fast_steps in (0, result.steps) and whole:
        return tr(
            "Measured in float32 on the image as it is saved, with 8 bits for each colour, "
            "after {steps}, all in {precision}.",
            steps=steps,
            precision=precision,
        )
    if result.fast_steps in (0, result.steps):
        return tr(
            "Measured in float32 on the image as it is saved, with 8 bits for each colour, "
            "after {steps}; the last {last:,}, all in {precision}.",
            steps=steps,
            last=result.steps,
            precision=precision,
        )
    if whole:
        return tr(
            "Measured in float32 on the image as it is saved, with 8 bits for each colour, "
            "after {steps}, {fast:,} of them in bfloat16 and the others in float32.",
            steps=steps,
            fast=result.fast_steps,
        )
    return tr(
        "Measured in float32 on the image as it is saved, with 8 bits for each colour, "
        "after {steps}; of the last {last:,}, {fast:,} in bfloat16 and the others in float32.",
        steps=steps,
        last=result.steps,
        fast=result.fast_steps,
    )


def is_settled(result: ReconstructionResult, *, before: int = 0) -> bool:
    """Whether a run is done: what still looks different will hardly come with more time.

    That is so where the relative error is small and the image agreed with the original as well at
    half of the steps as at the end.

    Args:
        result: The run's result.
        before: How many steps earlier runs had taken, which this one went on from.
    """
    if result.halfway is None or result.is_silent or result.gave_up:
        return False
    if not result.relative_error <= _MATCHED:
        return False
    doublings = _doublings(result, before)
    return all(
        abs(after - earlier) <= _STEADY * doublings
        for earlier, after in _likenesses(result.halfway, result)
    )


def how_far(result: ReconstructionResult, config: ReconstructionConfig, *, before: int = 0) -> str:
    """Say how far a run is from done, measured over the second half of its steps.

    Args:
        result: The run's result.
        config: Its settings.
        before: How many steps earlier runs had taken, which this one went on from.
    """
    if result.is_silent:
        return ""
    half = result.halfway
    if half is None:
        return tr("After a single step nothing can be said of how far the run is from done.")
    changes = [
        _went(tr("the relative error"), half.relative_error, result.relative_error, error_text),
        _went("SSIM", half.ssim, result.ssim),
    ]
    for measure, earlier, after in (
        (tr("the agreement of the layout"), half.layout, result.layout),
        (tr("the agreement of the detail"), half.detail, result.detail),
    ):
        if earlier is not None and after is not None:
            changes.append(_went(measure, earlier, after))
    went = tr(
        "From step {start:,} to step {end:,} {changes}.",
        start=before + half.step,
        end=before + result.steps,
        changes=_listed(changes),
    )
    return f"{went} {_verdict(result, config, before)}"


def _verdict(result: ReconstructionResult, config: ReconstructionConfig, before: int) -> str:
    half = result.halfway
    if half is None or result.gave_up:
        return tr("The run ended before it was done.")
    if is_settled(result, before=before):
        limits = _what_limits(config)
        if limits:
            return tr(
                "The image hardly changes any more, but that may be due to {limits}: it "
                "does not show that the layer knows no more.",
                limits=limits,
            )
        return tr(
            "The run has settled: what still looks different is what the layer hardly "
            "knows, and not for want of time."
        )
    falls = result.relative_error < half.relative_error * _FALLING ** _doublings(result, before)
    if _is_drifting(result, before):
        if result.relative_error > _FAR:
            return tr(
                "The feature maps come closer and the image does not, but with so large "
                "an error that says little about the layer."
            )
        return tr(
            "The feature maps come closer and the image does not: what the run changes "
            "now is what the layer leaves free, and more time would not bring the image "
            "closer."
        )
    if falls:
        return tr(
            "It is not done: more time would bring the image closer, so what still looks "
            "different is not all lost by the layer."
        )
    if result.relative_error > _MATCHED:
        return tr(
            "The error hardly falls any more although the feature maps are not matched: "
            "the optimisation is stuck with these settings, and what looks different "
            "says little about the layer."
        )
    return tr(
        "It is not done: the feature maps are nearly matched, but the image still "
        "changes, so what looks different is not all lost by the layer."
    )


def _is_drifting(result: ReconstructionResult, before: int) -> bool:
    """Whether the error fell while the image moved away from the original, by every measure.

    Over the second half of the steps: no measure of likeness rose as far as its text shows it, and
    one of them fell noticeably.
    """
    half = result.halfway
    if half is None or result.gave_up or result.is_silent:
        return False
    doublings = _doublings(result, before)
    if not result.relative_error < half.relative_error * _FALLING**doublings:
        return False
    pairs = _likenesses(half, result)
    return any(earlier - after > _STEADY * doublings for earlier, after in pairs) and all(
        after <= earlier or decimals(after) == decimals(earlier) for earlier, after in pairs
    )


def _likenesses(half: Halfway, result: ReconstructionResult) -> list[tuple[float, float]]:
    """List each measure of likeness that is defined: at half of the run, and at its end."""
    pairs = (
        (half.ssim, result.ssim),
        (half.layout, result.layout),
        (half.detail, result.detail),
    )
    return [
        (earlier, after) for earlier, after in pairs if earlier is not None and after is not None
    ]


def _doublings(result: ReconstructionResult, before: int) -> float:
    """How many times the number of steps has doubled since half of the run."""
    half = result.halfway
    return math.log2((before + result.steps) / (before + half.step)) if half else 0.0


def _went(
    measure: str, earlier: float, after: float, text: Callable[[float], str] = decimals
) -> str:
    """Say how a number changed, as far as its text shows it.

    Args:
        measure: What the number is called, in the reader's language.
        earlier: What it was.
        after: What it became.
        text: Writes such a number.
    """
    before, now = text(earlier), text(after)
    if before == now:
        return tr("{measure} stayed at {now}", measure=measure, now=now)
    if after < earlier:
        return tr("{measure} fell from {before} to {now}", measure=measure, before=before, now=now)
    return tr("{measure} rose from {before} to {now}", measure=measure, before=before, now=now)


def _what_limits(config: ReconstructionConfig) -> str:
    """Name the settings that can make an image stand still before the layer does."""
    row = OPTIMIZERS[config.optimizer]
    limits = []
    if config.optimizer != DEFAULT:
        limits.append(row.title)
    if config.learning_rate is not None and config.learning_rate != row.rate:
        limits.append(tr("the learning rate of {rate:g}", rate=config.learning_rate))
    if config.decay:
        limits.append(tr("its decay"))
    if config.tv:
        limits.append(tr("the penalty on total variation"))
    return tr(" and ").join(limits)


def likeness_in_context(likeness: float, baseline: SsimBaselines | None) -> str:
    """Say what an SSIM is worth, beside that of images that show nothing of the original.

    Args:
        likeness: The reconstruction's SSIM.
        baseline: What SSIM is for a flat and for unrelated images.
    """
    if baseline is None:
        return ""
    worst = max((baseline.grey, *baseline.unrelated))
    meaning = ""
    if likeness <= worst:
        meaning = tr(
            "So an SSIM of {likeness} alone is no sign of likeness.", likeness=decimals(likeness)
        )
    return _joined(_baselines(decimals(baseline.grey), baseline.unrelated), meaning)


def _baselines(grey: str, unrelated: Sequence[float]) -> str:
    """Say what the SSIM of images is that show nothing of the original.

    Args:
        grey: That of a flat mid-grey image, written out.
        unrelated: Those of other photographs.
    """
    if not unrelated:
        return tr(
            "For comparison: a flat mid-grey image has an SSIM with the original of {grey}.",
            grey=grey,
        )
    low, high = decimals(min(unrelated)), decimals(max(unrelated))
    return trn(
        "For comparison: a flat mid-grey image has an SSIM with the original of {grey}, "
        "another photograph {others}.",
        "For comparison: a flat mid-grey image has an SSIM with the original of {grey}, "
        "{count} other photographs {others}.",
        len(unrelated),
        grey=grey,
        others=low if low == high else tr("{low} to {high}", low=low, high=high),
    )


def what_is_lost(runs: Sequence[ReconstructionProgress]) -> str:
    """Say what the deeper layers of one network lose, from the first and last run that ended.

    Args:
        runs: From shallow to deep.
    """
    results, silent = _ended(runs)
    if len(results) < 2:
        return silent
    (first, shallow), (last, deep) = results[0], results[-1]
    if max(shallow.relative_error, deep.relative_error) > _FAR:
        return _joined(_too_far(results), silent)
    if (
        shallow.layout is None
        or shallow.detail is None
        or deep.layout is None
        or deep.detail is None
    ):
        return _joined(tr("The image is too even to say what the deeper layers lose."), silent)
    numbers = tr(
        "From {shallow} to {deep} the agreement with the original goes from {first_detail} to "
        "{last_detail} in the detail (what the pixels of a patch of {patch} × {patch} add to "
        "its mean colour) and from {first_layout} to {last_layout} in the layout (the "
        "patches' mean colours); 1 is identical up to contrast.",
        shallow=plain(first.subject.layer_title),
        deep=plain(last.subject.layer_title),
        first_detail=decimals(shallow.detail),
        last_detail=decimals(deep.detail),
        patch=PATCH,
        first_layout=decimals(shallow.layout),
        last_layout=decimals(deep.layout),
    )
    layout, detail = shallow.layout - deep.layout, shallow.detail - deep.detail
    if max(layout, detail) < _NOTICEABLE:
        finding = tr("The image from the deepest of these layers is about as close as the first.")
    elif detail > layout + _NOTICEABLE:
        finding = tr("What gets lost is the detail, more than what is where.")
    elif layout > detail + _NOTICEABLE:
        finding = tr("The layout suffers more than the detail.")
    else:
        finding = tr("Detail and layout get lost together.")
    return _joined(numbers, finding, _how_sure(results), silent)


def what_differs(runs: Sequence[ReconstructionProgress]) -> str:
    """Say which network's layer keeps the most of the image, at the same number of pixels."""
    results, silent = _ended(runs)
    if len(results) < 2:
        return silent
    sizes = "; ".join(
        tr(
            "{layer} of {network} describes the image with {count:,} numbers (the image itself "
            "has {in_image:,})",
            layer=plain(run.subject.layer_title),
            network=plain(run.subject.network),
            count=run.subject.numbers,
            in_image=3 * run.subject.pixels**2,
        )
        for run, _ in results
    )
    if max(result.relative_error for _, result in results) > _FAR:
        return _joined(f"{sizes}.", _too_far(results), silent)
    side = min(run.subject.pixels for run, _ in results)
    likenesses = [_likeness(run, side) for run, _ in results]
    values = "; ".join(
        f"{plain(run.subject.network)} {decimals(value)}"
        for (run, _), (value, _) in zip(results, likenesses, strict=True)
    )
    unrelated = [
        other for _, baseline in likenesses for other in (baseline.grey, *baseline.unrelated)
    ]
    low, high = decimals(min(unrelated)), decimals(max(unrelated))
    compared = tr(
        "Compared at {side} × {side} pixels, SSIM with the original: {values}; flat grey and "
        "other photographs have {low} to {high}.",
        side=side,
        values=values,
        low=low,
        high=high,
    )
    ranked = sorted(
        zip((value for value, _ in likenesses), results, strict=True), key=lambda pair: pair[0]
    )
    (least, (worst, _)), (most, (best, _)) = ranked[0], ranked[-1]
    if most <= max(unrelated):
        finding = tr("By SSIM, none is more like its original than images that show nothing of it.")
    elif most - least < _NOTICEABLE:
        finding = tr("So they are about equally like their originals.")
    else:
        finding = tr(
            "So the reconstruction from {best} is the most like its original, that from "
            "{worst} the least.",
            best=plain(best.subject.network),
            worst=plain(worst.subject.network),
        )
    return _joined(f"{sizes}.", compared, finding, _how_sure(results), silent)


def _likeness(run: ReconstructionProgress, side: int) -> tuple[float, SsimBaselines]:
    """Measure a run's SSIM at a common size, and what it is for images that show nothing of it."""
    original = _pixels(run.original)
    value = ssim(scaled(_pixels(run.image), side), scaled(original, side))
    return value, baselines(original, resize=run.subject.resize, side=side)


def _pixels(file: bytes) -> Tensor:
    return to_pixels(Image.open(io.BytesIO(file)))


def _ended(runs: Sequence[ReconstructionProgress]) -> tuple[list[_Run], str]:
    """Return the runs that ended and can be compared, and a sentence about those that cannot."""
    ended = [(run, run.result) for run in runs if run.result]
    silent = [run.subject.layer_title for run, result in ended if result.is_silent]
    text = (
        tr(
            "For this image all features of {layers} are 0: they say nothing about it, and "
            "are left out here.",
            layers=_listed(silent),
        )
        if silent
        else ""
    )
    return [(run, result) for run, result in ended if not result.is_silent], text


def _how_sure(results: Sequence[_Run]) -> str:
    """Say which differences are due to the layer and which to the short optimisation."""
    unsettled = [
        (run, result)
        for run, result in results
        if not is_settled(result, before=run.step - result.steps) or _what_limits(run.config)
    ]
    drifting, open_runs = list[str](), list[str]()
    for run, result in unsettled:
        drifts = _is_drifting(result, run.step - result.steps)
        (drifting if drifts else open_runs).append(run.subject.layer_title)
    moved_away = (
        trn(
            "Over the second half of the steps the image of {layers} moved away from the "
            "original while the feature maps came closer: more time would not mend that.",
            "Over the second half of the steps the images of {layers} moved away from the "
            "original while the feature maps came closer: more time would not mend that.",
            len(drifting),
            layers=_listed(drifting),
        )
        if drifting
        else ""
    )
    return _joined(moved_away, _how_open(open_runs, len(results), any_drifts=bool(drifting)))


def _how_open(open_runs: Sequence[str], count: int, *, any_drifts: bool) -> str:
    """Say which of several runs more time would change, by the titles of their layers."""
    if not open_runs and any_drifts:
        return ""
    if not open_runs:
        return tr(
            "All runs have settled: their feature maps are nearly those of the original, "
            "and over the second half of the steps the images hardly changed. So what "
            "still looks different is what the layers hardly know."
        )
    if 3 < len(open_runs) == count:
        return tr(
            "None of the {count} images has settled: part of what looks different is not "
            "lost by the layers, but would come with more time or other settings.",
            count=count,
        )
    if len(open_runs) > 3:
        return tr(
            "{count} of the {total} images have not settled: there, part of what looks "
            "different is not lost by the layer, but would come with more time or other "
            "settings.",
            count=len(open_runs),
            total=count,
        )
    return trn(
        "{layers} has not settled: there, part of what looks different is not lost by the "
        "layer, but would come with more time or other settings.",
        "{layers} have not settled: there, part of what looks different is not lost by the "
        "layer, but would come with more time or other settings.",
        len(open_runs),
        layers=_listed(open_runs),
    )


def _too_far(results: Sequence[_Run]) -> str:
    largest = max(result.relative_error for _, result in results)
    return tr(
        "With a relative error of up to {error} the images say more about the short "
        "optimisation than about the layers: give each more time, or other settings.",
        error=error_text(largest),
    )


def compared_layers(pairs: Sequence[tuple[Network, Layer]]) -> str:
    """Name the layers that several networks are compared at."""
    if not pairs:
        return tr("Choose at least one network.")
    layers = ", ".join(
        tr("{layer} of {network}", layer=plain(layer.title), network=plain(network.title))
        for network, layer in pairs
    )
    return tr(
        "At about the same share of each encoder's depth as the layer in the sidebar: {layers}.",
        layers=layers,
    )


def weights_missing(titles: Sequence[str]) -> str:
    """Say which networks cannot be compared before their weights are fetched."""
    return trn(
        "The weights of {networks} are not here yet: choose the network once in the sidebar to "
        "fetch them.",
        "The weights of {networks} are not here yet: choose each network once in the sidebar "
        "to fetch them.",
        len(titles),
        networks=_listed(titles),
    )


def what_settings(networks: Sequence[Network]) -> str:
    """Say where the settings come from that are left empty.

    Args:
        networks: The networks that are to be reconstructed from.
    """
    known = ", ".join(spec(name).title for name in MEASURED)
    guessed = [
        network.title
        for network in networks
        if not is_measured(network.name, network.weights.source)
    ]
    if not guessed:
        return tr(
            "A setting that you leave empty has the value that came closest when a few were "
            "tried with the trained networks {known}, at the layer nearest in depth.",
            known=known,
        )
    return tr(
        "A setting that you leave empty has the value that came closest when a few were tried "
        "with the trained networks {known}. For {others} they are a guess from the layer's "
        "depth: nothing was measured.",
        known=known,
        others=_listed(list(dict.fromkeys(guessed))),
    )


def original_text(subject: Subject) -> str:
    """Name the original that stands beside a reconstruction, and what it is."""
    given = {"network": plain(subject.network), "side": subject.pixels}
    if not subject.image:
        return tr("**x**, as {network} sees it: {side} × {side} pixels", **given)
    return tr(
        "**x**, {image}, as {network} sees it: {side} × {side} pixels",
        image=plain(again(subject.image)),
        **given,
    )


def whose(shown: str, chosen: str) -> str:
    """Say whose pictures are shown where another image is chosen.

    Args:
        shown: Title of the image that they were made of.
        chosen: Title of the image that is chosen.
    """
    return tr(
        "These pictures belong to **{shown}**. The image chosen now is **{chosen}**.",
        shown=plain(shown),
        chosen=plain(chosen),
    )


def series_left(seconds: float | None) -> str:
    """Say how long all pictures of a series together will still take; "" where that is not known.

    Args:
        seconds: The estimate.
    """
    if seconds is None:
        return ""
    return tr("{time} left for all pictures", time=say_seconds(seconds))


def recorded_title(series: SeriesProgress) -> str:
    """Name a depth series that was made before."""
    first = series.subjects[0]
    return tr(
        "Recorded: {image}, from {count} layers of {network}",
        image=plain(tr(first.image)),  # a sample photograph
        count=len(series.subjects),
        network=plain(first.network),
    )


def recorded_settings(recorded: RecordedSeries) -> str:
    """Say with which settings a recorded series was made, and how to make one here."""
    runs = recorded.series.runs
    weights, config = tr(runs[0].subject.weights), runs[0].config
    row = OPTIMIZERS[config.optimizer]
    rate = row.rate if config.learning_rate is None else config.learning_rate
    steps = _each([grouped(run.step) for run in runs])
    noise = _each([numeral(f"{run.config.noise:g}") for run in runs])
    spectrum = _each([_spectrum(run.config.spectrum) for run in runs])
    seconds = sum(run.seconds for run in runs)
    added = max(
        (
            run.result.relative_error - run.steps[-1].relative_error
            for run in runs
            if run.result and not run.is_silent
        ),
        default=0.0,
    )
    computed = trn(
        "Computed beforehand by convviz {version} with {steps} steps of {optimiser} "
        "({learning_rate}) in {precision}, from {spectrum} noise of standard deviation "
        "{noise} (seed {seed}), total variation {tv:g}, with the weights “{weights}”, in "
        "{seconds:.0f} seconds on {count} thread.",
        "Computed beforehand by convviz {version} with {steps} steps of {optimiser} "
        "({learning_rate}) in {precision}, from {spectrum} noise of standard deviation "
        "{noise} (seed {seed}), total variation {tv:g}, with the weights “{weights}”, in "
        "{seconds:.0f} seconds on {count} threads.",
        recorded.threads,
        version=recorded.version,
        steps=steps,
        optimiser=row.title,
        learning_rate=_learning_rate(config, rate),
        precision=config.precision,
        spectrum=spectrum,
        noise=noise,
        seed=config.seed,
        tv=config.tv,
        weights=plain(weights),
        seconds=seconds,
    )
    if added > 0:
        kept = tr(
            "Each is kept as a JPEG of quality {quality} and measured on that, which adds up "
            "to {added} to the relative errors.",
            quality=recorded.jpeg_quality,
            added=significant(added),
        )
    else:
        kept = tr(
            "Each is kept as a JPEG of quality {quality} and measured on that.",
            quality=recorded.jpeg_quality,
        )
    here = tr(
        "Run it yourself here: Start does so for the layers chosen above, for as long as is "
        "set there."
    )
    return _joined(computed, kept, here)


def _spectrum(power: float) -> str:
    """Name the spectrum of noise by p in its amplitudes, 1 / frequency^p."""
    if power == 0:
        return trp("spectrum of noise", "white")
    if power == 1:
        return trp("spectrum of noise", "1/frequency")
    return trp("spectrum of noise", "1/frequency^{power:g}", power=power)


def _learning_rate(config: ReconstructionConfig, rate: float) -> str:
    """Name the learning rate, and the way of L-BFGS that was usual before it had local scales."""
    if config.optimizer == DEFAULT and not config.local_scale:
        return tr("learning rate {rate:g}, one scale for the whole image", rate=rate)
    return tr("learning rate {rate:g}", rate=rate)


def what_time_buys(
    seconds: float,
    step_seconds: float,
    choices: Sequence[float],
    images: int = 1,
    *,
    deep: bool = True,
    most: float = math.inf,
) -> str:
    """Say how many steps fit into a time on this machine, and what so many are good for.

    Args:
        seconds: The time of one image.
        step_seconds: How long one step takes.
        choices: The times that can be chosen, in order; where the time is too short for a picture,
            the first of them that is long enough is named.
        images: How many images there are; of several, the step is that of the slowest.
        deep: Whether the layers lie so deep that it is known what so many steps are good for.
        most: How long a run may take, even if it has not come to its fewest steps by then.
    """
    if LEAST_STEPS * step_seconds > most:
        return tr(
            "On this machine {steps} steps, the fewest of a run, take {time}, and a run may take "
            "{most:g} seconds at most: choose an earlier layer or a smaller network.",
            steps=LEAST_STEPS,
            time=say_seconds(LEAST_STEPS * step_seconds),
            most=most,
        )
    steps = steps_within(seconds, step_seconds)
    about = _steps_in_time(steps, seconds, step_seconds, images)
    if not deep:
        return f"{about}."
    if steps >= PICTURE_STEPS:
        return tr("{about}: enough for a picture.", about=about)
    longer = seconds_for_a_picture(step_seconds, choices)
    if longer is None and steps < BLUR_STEPS:
        return tr(
            "{about}: a blur, and the longest time that can be chosen is too short for more.",
            about=about,
        )
    if longer is None:
        return tr(
            "{about}: a picture with little detail, and the longest time that can be chosen is "
            "too short for more.",
            about=about,
        )
    if steps < BLUR_STEPS:
        return tr("{about}: a blur; {longer:g} seconds for a picture.", about=about, longer=longer)
    return tr(
        "{about}: a picture with little detail; {longer:g} seconds for a picture.",
        about=about,
        longer=longer,
    )


def _steps_in_time(steps: int, seconds: float, step_seconds: float, images: int) -> str:
    if steps * step_seconds > seconds:
        time = say_seconds(steps * step_seconds)
        if images == 1:
            return tr(
                "{steps} steps, the fewest of a run, in {time} on this machine",
                steps=steps,
                time=time,
            )
        return tr(
            "{steps} steps, the fewest of a run, in {time} on this machine for the picture that "
            "takes longest",
            steps=steps,
            time=time,
        )
    if images == 1:
        return tr(
            "About {steps} steps in {seconds:g} seconds on this machine",
            steps=_rounded(steps),
            seconds=seconds,
        )
    return tr(
        "About {steps} steps in {seconds:g} seconds on this machine for the picture that takes "
        "longest",
        steps=_rounded(steps),
        seconds=seconds,
    )


def _rounded(steps: int) -> str:
    """Write a number of steps that is only about right: two digits of it."""
    digits = 10 ** max(0, len(str(steps)) - 2)
    return grouped(round(steps / digits) * digits)


def _each(values: Sequence[str]) -> str:
    """Write a value for each image: once where all are equal."""
    return values[0] if len(set(values)) == 1 else _listed(values)


def no_record(network: Network, *, is_sample: bool) -> str:
    """Say why no series is recorded of an image and a network.

    Args:
        network: The network.
        is_sample: Whether the image is one of the sample photographs.
    """
    known = _listed([spec(name).title for name in COURSE])
    if is_sample:
        return tr(
            "Recorded depth series are of {known}, none of {network}: press Start to compute "
            "one here.",
            known=known,
            network=plain(network.title),
        )
    return tr(
        "Recorded depth series are of the photographs that Home offers, not of your own picture: "
        "press Start to compute one here."
    )


def _listed(names: Sequence[str]) -> str:
    """Write names as a list: "a", "a and b", "a, b and c"."""
    safe = [plain(name) for name in names]
    return tr(" and ").join(filter(None, (", ".join(safe[:-1]), safe[-1])))


def _joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def amplified(run: AmplifyProgress) -> str:
    """Say how much more a layer or a channel answers to the image that was made for it."""
    if run.start is None or run.score is None:
        return ""
    before, after = run.start, run.score
    answer = _answer(run)
    if not run.changed:
        return tr(
            "{answer} stayed at {before:.3g}: no pixel has an influence on it here, so the "
            "image is what it was. Choose another layer or channel.",
            answer=answer,
            before=before,
        )
    numbers = tr("{before:.3g} before, {after:.3g} after", before=before, after=after)
    if after <= before:
        return tr(
            "{answer} did not rise: {numbers}. A smaller strength or more seconds may help, "
            "because each step then moves the image less.",
            answer=answer,
            numbers=numbers,
        )
    if before > 0 and after < _PLAIN_FACTOR * before:
        return tr(
            "{answer} rose by {share}: {numbers}.",
            answer=answer,
            share=percent(after / before - 1),
            numbers=numbers,
        )
    if before > 0:
        return tr(
            "{answer} is {factor} times as large: {numbers}.",
            answer=answer,
            factor=times(after / before),
            numbers=numbers,
        )
    return tr(
        "{answer} rose by {difference:.3g}: {numbers}.",
        answer=answer,
        difference=after - before,
        numbers=numbers,
    )


def amplified_how(run: AmplifyProgress) -> str:
    """Say in how many octaves and steps an image was changed, and on what it was measured."""
    if not run.octaves:
        return ""
    text = trn(
        "{steps} in one octave, {side} pixels a side; strength {strength:g}. Both numbers are "
        "measured on {side} × {side} pixels, as saved.",
        "{steps} in {count} octaves, {smallest} to {side} pixels a side; strength "
        "{strength:g}. Both numbers are measured on {side} × {side} pixels, as saved.",
        run.octaves,
        steps=trn("{count:,} step", "{count:,} steps", run.step),
        smallest=run.smallest_side,
        side=run.subject.pixels,
        strength=run.config.strength,
    )
    missing = run.config.octaves - run.octaves
    too_small = ""
    if missing:
        too_small = tr(
            "{missing} of the {octaves} octaves would need a smaller image than {network} can "
            "take.",
            missing=missing,
            octaves=run.config.octaves,
            network=plain(run.subject.network),
        )
    return _joined(text, too_small)


def _answer(run: AmplifyProgress) -> str:
    """Name the number that is measured of a layer or a channel, as the beginning of a sentence."""
    layer, channel = plain(run.subject.layer_title), run.config.channel
    if channel is None and run.rectified:
        return tr("The root mean square of {layer}, after its ReLU,", layer=layer)
    if channel is None:
        return tr("The root mean square of {layer}", layer=layer)
    if run.before_relu:
        return tr(
            "The mean of channel {channel} of {layer}, before its ReLU,",
            channel=channel,
            layer=layer,
        )
    return tr("The mean of channel {channel} of {layer}", channel=channel, layer=layer)
