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

from convviz.formatting import decimals, percent, significant, times
from convviz.images.preprocess import to_pixels
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
)
from convviz.reconstruction.quality import PATCH, SsimBaselines, baselines, scaled, ssim
from convviz.reconstruction.reconstruct import Halfway, ReconstructionResult
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
        return "undefined"
    return significant(relative_error)


def error_meaning(relative_error: float | None, *, is_silent: bool = False) -> str:
    """Explain a relative error in one sentence."""
    if is_silent:
        return (
            "There is no relative error: it is a share of the length of x's feature maps, and all "
            "of these are 0."
        )
    if relative_error is None or not math.isfinite(relative_error):
        return "The relative error says how far the feature maps of y are from those of x."
    return (
        f"A relative error of {error_text(relative_error)} means: the feature maps of y and x "
        f"differ by {percent(relative_error)} of the length of those of x."
    )


def how_measured(run: ReconstructionProgress) -> str:
    """Say on what a result's numbers were measured, and after how much work."""
    result = run.result
    if result is None:
        return ""
    steps = f"{run.step:,} step{'' if run.step == 1 else 's'} in {run.seconds:.1f} seconds"
    # An earlier run that this one went on from may have had another precision.
    whole = run.step == result.steps
    if result.fast_steps in (0, result.steps):
        which = "bfloat16" if result.fast_steps else "float32"
        precision = f"{',' if whole else f'; the last {result.steps:,},'} all in {which}"
    else:
        of = " of them" if whole else ""
        precision = f"{',' if whole else f'; of the last {result.steps:,},'} "
        precision += f"{result.fast_steps:,}{of} in bfloat16 and the others in float32"
    return (
        "Measured in float32 on the image as it is saved, with 8 bits for each colour, after "
        f"{steps}{precision}."
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
        return "After a single step nothing can be said of how far the run is from done."
    changes = [
        f"the relative error {_went(half.relative_error, result.relative_error, error_text)}",
        f"SSIM {_went(half.ssim, result.ssim)}",
    ]
    for name, earlier, after in (
        ("layout", half.layout, result.layout),
        ("detail", half.detail, result.detail),
    ):
        if earlier is not None and after is not None:
            changes.append(f"the agreement of the {name} {_went(earlier, after)}")
    steps = f"From step {before + half.step:,} to step {before + result.steps:,}"
    return f"{steps} {_listed(changes)}. {_verdict(result, config, before)}"


def _verdict(result: ReconstructionResult, config: ReconstructionConfig, before: int) -> str:
    half = result.halfway
    if half is None or result.gave_up:
        return "The run ended before it was done."
    if is_settled(result, before=before):
        limits = _what_limits(config)
        if limits:
            return (
                f"The image hardly changes any more, but that may be due to {limits}: it does not "
                "show that the layer knows no more."
            )
        return (
            "The run has settled: what still looks different is what the layer hardly knows, and "
            "not for want of time."
        )
    falls = result.relative_error < half.relative_error * _FALLING ** _doublings(result, before)
    if _is_drifting(result, before):
        if result.relative_error > _FAR:
            return (
                "The feature maps come closer and the image does not, but with so large an error "
                "that says little about the layer."
            )
        return (
            "The feature maps come closer and the image does not: what the run changes now is what "
            "the layer leaves free, and more time would not bring the image closer."
        )
    if falls:
        return (
            "It is not done: more time would bring the image closer, so what still looks "
            "different is not all lost by the layer."
        )
    if result.relative_error > _MATCHED:
        return (
            "The error hardly falls any more although the feature maps are not matched: the "
            "optimisation is stuck with these settings, and what looks different says little "
            "about the layer."
        )
    return (
        "It is not done: the feature maps are nearly matched, but the image still changes, so "
        "what looks different is not all lost by the layer."
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


def _went(earlier: float, after: float, text: Callable[[float], str] = decimals) -> str:
    """Say how a number changed, as far as its text shows it."""
    if text(earlier) == text(after):
        return f"stayed at {text(after)}"
    return f"{'fell' if after < earlier else 'rose'} from {text(earlier)} to {text(after)}"


def _what_limits(config: ReconstructionConfig) -> str:
    """Name the settings that can make an image stand still before the layer does."""
    row = OPTIMIZERS[config.optimizer]
    limits = []
    if config.optimizer != DEFAULT:
        limits.append(row.title)
    if config.learning_rate is not None and config.learning_rate != row.rate:
        limits.append(f"the learning rate of {config.learning_rate:g}")
    if config.decay:
        limits.append("its decay")
    if config.tv:
        limits.append("the penalty on total variation")
    return " and ".join(limits)


def likeness_in_context(likeness: float, baseline: SsimBaselines | None) -> str:
    """Say what an SSIM is worth, beside that of images that show nothing of the original.

    Args:
        likeness: The reconstruction's SSIM.
        baseline: What SSIM is for a flat and for unrelated images.
    """
    if baseline is None:
        return ""
    others = _unrelated(baseline.unrelated)
    worst = max((baseline.grey, *baseline.unrelated))
    text = (
        "For comparison: a flat mid-grey image has an SSIM with the original of "
        f"{decimals(baseline.grey)}"
    )
    text += f", {others}." if others else "."
    if likeness <= worst:
        text += f" So an SSIM of {decimals(likeness)} alone is no sign of likeness."
    return text


def _unrelated(values: Sequence[float]) -> str:
    if not values:
        return ""
    if len(values) == 1:
        return f"another photograph {decimals(values[0])}"
    low, high = decimals(min(values)), decimals(max(values))
    return f"{len(values)} other photographs " + (low if low == high else f"{low} to {high}")


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
        return _joined("The image is too even to say what the deeper layers lose.", silent)
    numbers = (
        f"From {plain(first.subject.layer_title)} to {plain(last.subject.layer_title)} the "
        f"agreement with the original goes from {decimals(shallow.detail)} to "
        f"{decimals(deep.detail)} in the detail (what the pixels of a patch of {PATCH} × "
        f"{PATCH} add to its mean colour) and from "
        f"{decimals(shallow.layout)} to {decimals(deep.layout)} in the layout (the patches' mean "
        "colours); 1 is identical up to contrast."
    )
    layout, detail = shallow.layout - deep.layout, shallow.detail - deep.detail
    if max(layout, detail) < _NOTICEABLE:
        finding = "The image from the deepest of these layers is about as close as the first."
    elif detail > layout + _NOTICEABLE:
        finding = "What gets lost is the detail, more than what is where."
    elif layout > detail + _NOTICEABLE:
        finding = "The layout suffers more than the detail."
    else:
        finding = "Detail and layout get lost together."
    return _joined(numbers, finding, _how_sure(results), silent)


def what_differs(runs: Sequence[ReconstructionProgress]) -> str:
    """Say which network's layer keeps the most of the image, at the same number of pixels."""
    results, silent = _ended(runs)
    if len(results) < 2:
        return silent
    sizes = "; ".join(
        f"{plain(run.subject.layer_title)} of {plain(run.subject.network)} describes the image "
        f"with {run.subject.numbers:,} numbers (the image itself has {3 * run.subject.pixels**2:,})"
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
    compared = (
        f"Compared at {side} × {side} pixels, SSIM with the original: {values}; flat grey and "
        f"other photographs have {low} to {high}."
    )
    ranked = sorted(
        zip((value for value, _ in likenesses), results, strict=True), key=lambda pair: pair[0]
    )
    (least, (worst, _)), (most, (best, _)) = ranked[0], ranked[-1]
    if most <= max(unrelated):
        finding = "By SSIM, none is more like its original than images that show nothing of it."
    elif most - least < _NOTICEABLE:
        finding = "So they are about equally like their originals."
    else:
        finding = (
            f"So the reconstruction from {plain(best.subject.network)} is the most like its "
            f"original, that from {plain(worst.subject.network)} the least."
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
        f"For this image all features of {_listed(silent)} are 0: they say nothing about it, and "
        "are left out here."
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
    which = "the image of" if len(drifting) == 1 else "the images of"
    moved_away = (
        f"Over the second half of the steps {which} {_listed(drifting)} moved away from the "
        "original while the feature maps came closer: more time would not mend that."
        if drifting
        else ""
    )
    return _joined(moved_away, _how_open(open_runs, len(results), any_drifts=bool(drifting)))


def _how_open(open_runs: Sequence[str], count: int, *, any_drifts: bool) -> str:
    """Say which of several runs more time would change, by the titles of their layers."""
    if not open_runs and any_drifts:
        return ""
    if not open_runs:
        return (
            "All runs have settled: their feature maps are nearly those of the original, and over "
            "the second half of the steps the images hardly changed. So what still looks "
            "different is what the layers hardly know."
        )
    if 3 < len(open_runs) == count:
        return (
            f"None of the {count} images has settled: part of what looks different is not "
            "lost by the layers, but would come with more time or other settings."
        )
    names = (
        f"{_listed(open_runs)} "
        if len(open_runs) <= 3
        else f"{len(open_runs)} of the {count} images "
    )
    return (
        f"{names}{'has' if len(open_runs) == 1 else 'have'} not settled: there, part of what looks "
        "different is not lost by the layer, but would come with more time or other settings."
    )


def _too_far(results: Sequence[_Run]) -> str:
    largest = max(result.relative_error for _, result in results)
    return (
        f"With a relative error of up to {error_text(largest)} the images say more about the short "
        "optimisation than about the layers: give each more time, or other settings."
    )


def compared_layers(pairs: Sequence[tuple[Network, Layer]]) -> str:
    """Name the layers that several networks are compared at."""
    if not pairs:
        return "Choose at least one network."
    text = ", ".join(f"{plain(layer.title)} of {plain(network.title)}" for network, layer in pairs)
    return f"At about the same share of each encoder's depth as the layer in the sidebar: {text}."


def weights_missing(titles: Sequence[str]) -> str:
    """Say which networks cannot be compared before their weights are fetched."""
    which = "the network" if len(titles) == 1 else "each network"
    return (
        f"The weights of {_listed(titles)} are not here yet: choose {which} once in the sidebar to "
        "fetch them."
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
    text = (
        "A setting that you leave empty has the value that came closest when a few were tried with "
        f"the trained networks {known}"
    )
    if not guessed:
        return f"{text}, at the layer nearest in depth."
    names = _listed(list(dict.fromkeys(guessed)))
    return f"{text}. For {names} they are a guess from the layer's depth: nothing was measured."


def recorded_title(series: SeriesProgress) -> str:
    """Name a depth series that was made before."""
    first = series.subjects[0]
    return (
        f"Recorded: {plain(first.image)}, from {len(series.subjects)} layers of "
        f"{plain(first.network)}"
    )


def recorded_settings(recorded: RecordedSeries) -> str:
    """Say with which settings a recorded series was made, and how to make one here."""
    runs = recorded.series.runs
    subject, config = runs[0].subject, runs[0].config
    row = OPTIMIZERS[config.optimizer]
    rate = row.rate if config.learning_rate is None else config.learning_rate
    steps = _each([f"{run.step:,}" for run in runs])
    noise = _each([f"{run.config.noise:g}" for run in runs])
    kind = _each([_spectrum(run.config.spectrum) for run in runs])
    seconds = sum(run.seconds for run in runs)
    added = max(
        (
            run.result.relative_error - run.steps[-1].relative_error
            for run in runs
            if run.result and not run.is_silent
        ),
        default=0.0,
    )
    kept = f"Each is kept as a JPEG of quality {recorded.jpeg_quality} and measured on that"
    kept += (
        f", which adds up to {significant(added)} to the relative errors. " if added > 0 else ". "
    )
    return (
        f"Computed beforehand by convviz {recorded.version} with {steps} steps of {row.title} "
        f"(learning rate {rate:g}{_whole_image(config)}) in {config.precision}, from {kind} "
        f"noise of standard deviation {noise} (seed {config.seed}), total variation "
        f"{config.tv:g}, with the weights “{plain(subject.weights)}”, in {seconds:.0f} seconds on "
        f"{recorded.threads} thread{'' if recorded.threads == 1 else 's'}. {kept}"
        "Run it yourself here: Start does so for the layers chosen above, for as long as is set "
        "there."
    )


def _spectrum(power: float) -> str:
    """Name the spectrum of noise by p in its amplitudes, 1 / frequency^p."""
    if power == 0:
        return "white"
    return "1/frequency" if power == 1 else f"1/frequency^{power:g}"


def _whole_image(config: ReconstructionConfig) -> str:
    """Name the way of L-BFGS that was usual before each part of an image had its own scale."""
    is_one = config.optimizer == DEFAULT and not config.local_scale
    return ", one scale for the whole image" if is_one else ""


def what_time_buys(
    seconds: float, step_seconds: float, choices: Sequence[float], images: int = 1
) -> str:
    """Say how many steps fit into a time on this machine, and what so many are good for.

    Args:
        seconds: The time of one image.
        step_seconds: How long one step takes.
        choices: The times that can be chosen, in order; where the time is too short for a picture,
            the first of them that is long enough is named.
        images: How many images there are; of several, the step is that of the slowest.
    """
    steps = steps_within(seconds, step_seconds)
    text = f"About {_rounded(steps)} steps in {seconds:g} seconds on this machine"
    text += ": " if images == 1 else " for the picture that takes longest: "
    if steps >= PICTURE_STEPS:
        return f"{text}enough for a picture."
    text += "a blur" if steps < BLUR_STEPS else "a picture with little detail"
    longer = seconds_for_a_picture(step_seconds, choices)
    if longer is None:
        return f"{text}, and the longest time that can be chosen is too short for more."
    return f"{text}; {longer:g} seconds for a picture."


def _rounded(steps: int) -> str:
    """Write a number of steps that is only about right: two digits of it."""
    digits = 10 ** max(0, len(str(steps)) - 2)
    return f"{round(steps / digits) * digits:,}"


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
        return (
            f"Recorded depth series are of {known}, none of {plain(network.title)}: press Start to "
            "compute one here."
        )
    return (
        "Recorded depth series are of the sample photographs, not of your own picture: press Start "
        "to compute one here."
    )


def _listed(names: Sequence[str]) -> str:
    """Write names as a list: "a", "a and b", "a, b and c"."""
    safe = [plain(name) for name in names]
    return " and ".join(filter(None, (", ".join(safe[:-1]), safe[-1])))


def _joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def amplified(run: AmplifyProgress) -> str:
    """Say how much more a layer or a channel answers to the image that was made for it."""
    if run.start is None or run.score is None:
        return ""
    before, after = run.start, run.score
    what = _answer(run)
    if not run.changed:
        return (
            f"The {what} stayed at {before:.3g}: no pixel has an influence on it here, so the "
            "image is what it was. Choose another layer or channel."
        )
    numbers = f"{before:.3g} before, {after:.3g} after"
    if after <= before:
        return (
            f"The {what} did not rise: {numbers}. A smaller strength or more seconds may help, "
            "because each step then moves the image less."
        )
    if before > 0 and after < _PLAIN_FACTOR * before:
        return f"The {what} rose by {percent(after / before - 1)}: {numbers}."
    if before > 0:
        return f"The {what} is {times(after / before)} times as large: {numbers}."
    return f"The {what} rose by {after - before:.3g}: {numbers}."


def amplified_how(run: AmplifyProgress) -> str:
    """Say in how many octaves and steps an image was changed, and on what it was measured."""
    if not run.octaves:
        return ""
    steps = "1 step" if run.step == 1 else f"{run.step:,} steps"
    octaves = "one octave" if run.octaves == 1 else f"{run.octaves} octaves"
    sizes = f"{run.subject.pixels} pixels"
    if run.octaves > 1:
        sizes = f"{run.smallest_side} to {sizes}"
    text = (
        f"{steps} in {octaves}, {sizes} a side; strength {run.config.strength:g}. Both numbers are "
        f"measured on {run.subject.pixels} × {run.subject.pixels} pixels, as saved."
    )
    missing = run.config.octaves - run.octaves
    if missing:
        text += (
            f" {missing} of the {run.config.octaves} octaves would need a smaller image than "
            f"{plain(run.subject.network)} can take."
        )
    return text


def _answer(run: AmplifyProgress) -> str:
    """Name the number that is measured of a layer or a channel."""
    title = plain(run.subject.layer_title)
    if run.config.channel is not None:
        where = ", before its ReLU," if run.before_relu else ""
        return f"mean of channel {run.config.channel} of {title}{where}"
    where = ", after its ReLU," if run.rectified else ""
    return f"root mean square of {title}{where}"
