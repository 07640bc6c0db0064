"""Find the image whose feature maps at a layer are those of a given image.

The image is kept as the coefficients of a `FourierImage`, in float32; only the network may run in
bfloat16. The last steps run in float32, and so do all steps from where bfloat16 is too coarse to
show any improvement.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from convviz import work_clock
from convviz.errors import MemoryShort, NetworkError, ReconstructionError, is_about_memory
from convviz.features.predictions import Prediction, predict_batch
from convviz.images.fourier import GREY, FourierImage
from convviz.images.preprocess import (
    as_saved,
    crop,
    in_grey,
    normalise,
    to_pixels,
    without_colour,
)
from convviz.language import tr
from convviz.networks.device import best_device, memory_short, resolve
from convviz.networks.network import Network
from convviz.reconstruction.config import DEFAULT_SECONDS, ReconstructionConfig, check
from convviz.reconstruction.objective import LossParts, Objective, ObjectiveValue
from convviz.reconstruction.optimizers import OPTIMIZERS, AskTell
from convviz.reconstruction.quality import SsimBaselines, agreement, baselines, psnr, ssim
from convviz.structure.layers import Layer, layer

IMAGE_SECONDS = 0.4
"""Steps that carry the image are at least so far apart, except for the first and the last."""

MOST_FAULTS = 5
"""So many steps in a row that are not finite end a run."""

# In bfloat16 a step leads as far as in float32 only down to about 15 times the relative error that
# rounding alone causes. Where the time is limited, cheaper steps that lead less far are still worth
# taking for a while.
_COARSE_BY_STEPS, _COARSE_BY_SECONDS = 15.0, 8.0

# Times the same relative error: above it, an optimizer that struggles has other reasons.
_SUSPECT = 40.0

_PRECISE_SHARE = 0.05  # of the run, at its end

# A run limited by time takes at least so many steps: on a server where thirty students begin at
# once, preparation alone can take as long as the whole run should.
LEAST_STEPS = 10

_SMALL_SIDE = 64  # pixels: no smaller image is suggested where memory is short


@dataclass(frozen=True)
class Halfway:
    """A run at about half of its steps, measured as its result is: how far is it from done?

    Attributes:
        step: After which step.
        relative_error: As in the result, like the next three.
        ssim: Structural similarity to the original.
        layout: Correlation with the original's layout.
        detail: Correlation with the original's detail.
    """

    step: int
    relative_error: float
    ssim: float
    layout: float | None
    detail: float | None


@dataclass(frozen=True, eq=False)
class ReconstructionResult:
    """A finished reconstruction; all measures are those of `image`, in float32.

    Attributes:
        image: Pixels in 0…1, shape (3, S, S), float32, rounded to the 8 bits for each colour that
            a saved image has.
        unrounded: The same image before that; to go on, pass it as the start.
        relative_error: At the layer. Where the layer is silent for the original there is none: the
            root mean square of the reconstruction's features stands in for it.
        psnr: Peak signal-to-noise ratio against the original, in dB; infinite if they are equal.
        ssim: Structural similarity to the original; 1 if they are equal.
        layout: Correlation with the original's layout (see `quality.agreement`); None if either
            image is flat.
        detail: Correlation with the original's detail; None if either image has none.
        seconds: How long everything took.
        steps: How many steps were taken.
        losses: The loss after each step, of the image before it is clamped and rounded.
        precision: "float32", or "bfloat16" if most of the steps ran in that.
        predictions: The network's best guesses for the reconstruction; empty without a decoder.
        original_predictions: Its best guesses for the original.
        note: A sentence or two about how it went, where there is something to say; who shows it
            tells it `again`.
        fast_steps: How many of the steps ran in bfloat16.
        is_silent: Whether the layer's features are all zero for the original.
        baselines: What SSIM is for images that show nothing of the original.
        halfway: How the same measures stood at half of the steps; None after a single step.
        gave_up: Whether the run ended because its values were not finite.
    """

    image: Tensor = field(repr=False)
    unrounded: Tensor = field(repr=False)
    relative_error: float
    psnr: float
    ssim: float
    layout: float | None
    detail: float | None
    seconds: float
    steps: int
    losses: tuple[float, ...] = field(repr=False)
    precision: str
    predictions: tuple[Prediction, ...] = ()
    original_predictions: tuple[Prediction, ...] = ()
    note: str = ""
    fast_steps: int = 0
    is_silent: bool = False
    baselines: SsimBaselines | None = None
    halfway: Halfway | None = None
    gave_up: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class ReconstructionStep:
    """One step: one forward and one backward pass.

    A step that made things worse is taken back: its numbers are those of the image that is kept.

    Attributes:
        index: Number of the step, from 1.
        total: How many steps are planned, or will about fit into the time; None if not yet known.
        fraction: Share of the run that is done, in 0…1; 1 exactly at the last step.
        parts: The parts of the loss, which is minimised.
        relative_error: At the layer, in the precision of the step, before invalid pixels are
            clamped; the result's is the one to quote.
        seconds: Since the start.
        seconds_left: About how long it will still take; None if not yet known.
        image: Pixels in 0…1, shape (3, S, S), float32; from time to time, else None.
        result: At the last step, and only there.
        note: One sentence about how it went, where there is something to say.
        is_silent: Whether the layer is silent for the original: there is no relative error then.
    """

    index: int
    total: int | None
    fraction: float
    parts: LossParts
    relative_error: float
    seconds: float
    seconds_left: float | None
    image: Tensor | None = field(default=None, repr=False)
    result: ReconstructionResult | None = None
    note: str = ""
    is_silent: bool = False

    @property
    def loss(self) -> float:
        """What is minimised."""
        return self.parts.total


def reconstruct(
    network: Network,
    image: Image.Image,
    config: ReconstructionConfig,
    *,
    stop: Callable[[], bool] = lambda: False,
    cropped: bool = False,
) -> Iterator[ReconstructionStep]:
    """Find an image whose feature maps at a layer are those of a given image.

    Nothing stays open between two steps: to end without a result, drop the iterator.

    Args:
        network: The network; it is not changed.
        image: The original; it is resized and cropped as the weights require.
        config: The settings.
        stop: Asked after each step whether to end early, with a result.
        cropped: Whether the image is exactly what the network sees already.

    Returns:
        One item per step, at least one; the last one carries the result.

    Raises:
        SettingError: A setting makes no sense (at the call).
        NetworkError: There is no such layer, or the network cannot take images of this size (at
            the call).
        MemoryShort: The device has not enough memory (at any step).
        ReconstructionError: The features of the original or of every start are not finite, or the
            layer has no gradient (at the first step).
    """
    check(config)
    name = layer(network, config.layer).name
    side = config.image_size or network.input_size
    target = layer(network, name, side)
    resize = max(side, round(side * network.weights.resize / network.input_size))
    how = network.spec.interpolation
    seen = image if cropped else crop(image, size=side, resize=resize, interpolation=how)
    if len(network.spec.mean) == 1:
        seen = in_grey(seen)
    original = to_pixels(seen).unsqueeze(0)
    start = _start(config, side, resize)
    steps = _steps(partial(_Descent, network, target, config, original, start, resize), stop)
    return _where_memory_suffices(steps, side)


def _where_memory_suffices(
    steps: Iterator[ReconstructionStep], side: int
) -> Iterator[ReconstructionStep]:
    """Turn what a device says that runs out of memory into a sentence."""
    try:
        yield from steps
    except Exception as error:
        if not is_about_memory(error):
            raise
        raise MemoryShort(memory_short(best_device(), side, _SMALL_SIDE)) from error


def _start(config: ReconstructionConfig, side: int, resize: int) -> Tensor:
    """Return the pixels to start from, shape (1, 3, side, side)."""
    if isinstance(config.start, Image.Image):
        fits = config.start.size == (side, side)
        start = config.start if fits else crop(config.start, size=side, resize=resize)
        return to_pixels(start).unsqueeze(0)
    if isinstance(config.start, Tensor):
        pixels = config.start.detach().to("cpu", torch.float32)
        pixels = pixels.reshape(1, *pixels.shape[-3:]).clamp(0, 1)
        if pixels.shape[-2:] == (side, side):
            return pixels
        return functional.interpolate(pixels, (side, side), mode="bilinear", antialias=True)
    grey = torch.full((1, 3, side, side), GREY)
    if config.start == "grey":
        return grey
    return grey + _noise(config, side)


def _noise(config: ReconstructionConfig, side: int) -> Tensor:
    """Return the noise to start from, shape (1, 3, side, side)."""
    # On the CPU, whatever the device: the same seed is the same noise everywhere.
    generator = torch.Generator().manual_seed(config.seed)
    if config.spectrum == 0:
        return config.noise * torch.randn((1, 3, side, side), generator=generator)
    canvas = FourierImage(side, decay=config.spectrum)
    coefficients = torch.randn(canvas.shape, generator=generator)
    coefficients[:, 0, 0] = 0  # its mean is grey
    noise = canvas.contrast(coefficients)
    deviation = float(noise.square().mean().sqrt())
    return noise * (config.noise / deviation) if deviation else noise  # none in a single pixel


def _steps(begin: Callable[[], _Descent], stop: Callable[[], bool]) -> Iterator[ReconstructionStep]:
    descent = begin()
    while True:
        step = descent.step(stop)
        yield step
        if step.result is not None:
            return


class _Descent:
    """The state of one run.

    Args:
        network: The network; it is not changed.
        layer: The layer whose feature maps are matched.
        config: The settings, checked.
        original: Pixels in 0…1, shape (1, 3, S, S).
        start: Pixels, shape (1, 3, S, S).
        resize: What the shorter side of an image is scaled to before it is cropped.

    Raises:
        ReconstructionError: The original's features are not finite.
    """

    def __init__(
        self,
        network: Network,
        layer: Layer,
        config: ReconstructionConfig,
        original: Tensor,
        start: Tensor,
        resize: int,
    ) -> None:
        self._network, self._layer, self._config = network, layer, config
        self._original, self._start = original, start
        self._budget = _Budget(config.steps, config.seconds)
        device = best_device()
        dtype = resolve(config.precision, device)
        self._objective = Objective(
            network,
            layer,
            normalise(original, mean=network.spec.mean, std=network.spec.std),
            tv=config.tv,
            dtype=dtype,
            device=device,
        )
        self._image = FourierImage(original.shape[-1], decay=config.smoothness, device=device)
        self._coefficients = self._image.coefficients(start.to(device))
        self._places = Squares(self._image) if config.local_scale else None
        self._optimizer = self._new_optimizer()
        began = work_clock.seconds()
        self._objective.relative_error(original.to(device))
        # A backward pass takes about twice as long as a forward pass.
        self._precise_seconds = 3 * (work_clock.seconds() - began)
        self._original_predictions = self._predictions(original)
        self._baselines = baselines(original[0], resize=resize)
        # At the end two images are measured: as many passes, and fewer comparisons of images.
        self._budget.closing_seconds = 1.2 * (work_clock.seconds() - began)
        self._precise = dtype == torch.float32
        self._coarse = _COARSE_BY_SECONDS if config.steps is None else _COARSE_BY_STEPS
        self._kept: ObjectiveValue | None = None  # of the newest step that was not taken back
        self._faults = self._fast_steps = 0
        self._losses: list[float] = []
        self._trail = _Trail()
        self._last_image = -math.inf  # when a step last carried the image, in seconds

    def step(self, stop: Callable[[], bool]) -> ReconstructionStep:
        """Take one step.

        Args:
            stop: Asked at the step's end whether it shall be the last.

        Raises:
            ReconstructionError: The features of every start are not finite, or the layer has no
                gradient.
        """
        budget = self._budget
        if not self._precise and budget.is_nearly_over(self._precise_seconds):
            self._go_precise()
        budget.begin_step()
        self._fast_steps += not self._precise
        evaluation = self._evaluate()
        budget.end_step()
        self._losses.append(evaluation.parts.total)
        self._trail.add(budget.index, self._optimizer.best)
        if not self._precise and self._is_too_coarse(evaluation.relative_error):
            self._go_precise()
        gave_up = self._faults == MOST_FAULTS
        result = None
        if gave_up or self._optimizer.stuck or budget.is_over or stop():
            result = self._result(gave_up)
        image = result.image if result else None
        if image is None and budget.elapsed - self._last_image >= IMAGE_SECONDS:
            image = self._valid(self._optimizer.best)[0].cpu()
            self._last_image = budget.elapsed
        return ReconstructionStep(
            index=budget.index,
            total=budget.index if result else budget.total,
            fraction=1.0 if result else min(budget.fraction, 0.999),
            parts=evaluation.parts,
            relative_error=evaluation.relative_error,
            seconds=budget.elapsed,
            seconds_left=0.0 if result else budget.seconds_left,
            image=image,
            result=result,
            note=result.note if result else "",
            is_silent=self._objective.is_silent,
        )

    def _evaluate(self) -> ObjectiveValue:
        """Evaluate what the optimizer asks for; return the evaluation of what it keeps."""
        while True:
            pixels = self._image.pixels(self._optimizer.ask())
            evaluation = self._objective.evaluate(pixels, precise=self._precise)
            finite = evaluation.is_finite
            loss = evaluation.parts.total if finite else math.inf
            gradient = self._image.transpose(evaluation.gradient)
            kept = self._optimizer.tell(loss, gradient, self._rate())
            self._faults = 0 if finite else self._faults + 1
            if kept:
                self._kept = evaluation
            if self._kept is not None:
                return self._kept
            if self._faults == MOST_FAULTS:
                raise ReconstructionError(
                    tr(
                        "{layer} of {network} puts out values that are not finite for every "
                        "start that was tried; choose another layer or start.",
                        layer=self._layer.title,
                        network=self._network.title,
                    )
                )
            self._coefficients = self._coefficients * 0.5  # nearer to grey
            self._optimizer = self._new_optimizer()

    def _new_optimizer(self) -> AskTell:
        return OPTIMIZERS[self._config.optimizer].make(self._coefficients, self._places)

    def _rate(self) -> float:
        config, usual = self._config, OPTIMIZERS[self._config.optimizer]
        rate = usual.rate if config.learning_rate is None else config.learning_rate
        decay = usual.decay if config.decay is None else config.decay
        return float(rate * (1 - self._budget.fraction) ** decay)

    def _is_too_coarse(self, error: float) -> bool:
        """Whether rounding in the fast precision hides improvements."""
        rounding = self._objective.rounding
        if self._optimizer.struggling and error < _SUSPECT * rounding:
            return True
        return self._optimizer.stuck or error < self._coarse * rounding

    def _go_precise(self) -> None:
        self._precise = True
        self._optimizer.renew()

    def _valid(self, coefficients: Tensor) -> Tensor:
        pixels = self._image.pixels(coefficients).clamp_(0, 1)
        return without_colour(pixels) if len(self._network.spec.mean) == 1 else pixels

    def _predictions(self, pixels: Tensor) -> tuple[Prediction, ...]:
        """Return the network's predictions for pixels, shape (1, 3, S, S); none if it has none."""
        spec = self._network.spec
        batch = normalise(pixels.cpu(), mean=spec.mean, std=spec.std)
        try:
            return predict_batch(self._network, batch)
        except NetworkError:  # its scores are no numbers; the reconstruction needs none of them
            return ()

    def _result(self, gave_up: bool) -> ReconstructionResult:
        """Measure the final image, and that of half of the steps."""
        unrounded = self._valid(self._optimizer.best)
        image, error = self._saved(unrounded)
        if not isinstance(self._config.start, str) and self._config.tv == 0:
            # Going on from an earlier image must not lose what it had.
            start, start_error = self._saved(self._start)
            if start_error < error:
                unrounded, image, error = self._start, start, start_error
        original = self._original[0]
        layout, detail = agreement(image, original)
        steps = self._budget.index
        return ReconstructionResult(
            image=image,
            unrounded=unrounded[0].cpu(),
            relative_error=error,
            psnr=psnr(image, original),
            ssim=ssim(image, original),
            layout=layout,
            detail=detail,
            steps=steps,
            losses=tuple(self._losses),
            precision="bfloat16" if 2 * self._fast_steps > steps else "float32",
            predictions=self._predictions(image[None]),
            original_predictions=self._original_predictions,
            note=self._note(gave_up),
            fast_steps=self._fast_steps,
            is_silent=self._objective.is_silent,
            baselines=self._baselines,
            halfway=self._halfway(),
            gave_up=gave_up,
            seconds=self._budget.elapsed,
        )

    def _saved(self, pixels: Tensor) -> tuple[Tensor, float]:
        """Round pixels, shape (1, 3, S, S), as a file does; return them and their error."""
        image = as_saved(pixels)
        device = self._coefficients.device
        return image, self._objective.relative_error(image[None].to(device))

    def _halfway(self) -> Halfway | None:
        half = self._trail.at_half(self._budget.index)
        if half is None:
            return None
        step, coefficients = half
        image, error = self._saved(self._valid(coefficients))
        original = self._original[0]
        return Halfway(step, error, ssim(image, original), *agreement(image, original))

    def _note(self, gave_up: bool) -> str:
        silent = ended = ""
        if self._objective.is_silent:
            silent = tr(
                "{layer} is silent for this image: all of its features are 0, so there is no "
                "relative error, and nothing of the image can come back.",
                layer=self._layer.title,
            )
        if gave_up:
            ended = tr(
                "The optimisation ended because {count} steps in a row gave values that are "
                "not finite; this is the last good image. Try a smaller learning rate.",
                count=MOST_FAULTS,
            )
        elif self._optimizer.stuck:
            ended = tr("The optimisation ended early: no step improves the image any more.")
        # A message of its own, because a text that was joined cannot be told again.
        return (
            tr("{silent} {ended}", silent=silent, ended=ended)
            if silent and ended
            else (silent or ended)
        )


class Squares:
    """Tells squares of an image apart, of about 16 × 16 pixels; the `Places` of an optimizer.

    Args:
        image: Maps the coordinates to the image.
    """

    _side = 16

    def __init__(self, image: FourierImage) -> None:
        self._image = image
        self._count = max(1, round(image.side / self._side))

    def products(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the scalar product of two sets of coefficients in each square, shape (N, N)."""
        planes = self._image.unweighted(first) * self._image.unweighted(second)
        means = functional.adaptive_avg_pool2d(planes.sum(0)[None, None], self._count)
        return means[0, 0] * (self._image.side / self._count) ** 2

    def scaled(self, coordinates: Tensor, scales: Tensor) -> Tensor:
        """Scale coefficients by numbers of shape (N, N), blended between the squares' middles."""
        size = (self._image.side, self._image.side)
        blended = functional.interpolate(scales[None, None], size, mode="bilinear")[0]
        return self._image.of_unweighted(self._image.unweighted(coordinates) * blended)


class _Trail:
    """Keeps a few of the coordinates on the way, those at half of the steps among them.

    Where a run will end is not known before: it may be stopped, or limited by time. So coordinates
    are kept at steps of which each is 15 % further than the one before, and forgotten once they lie
    before the half.
    """

    _further = 1.15

    def __init__(self) -> None:
        self._kept: deque[tuple[int, Tensor]] = deque()

    def add(self, step: int, coordinates: Tensor) -> None:
        """Add the best coordinates after a step; steps count up from 1."""
        if not self._kept or step >= self._further * self._kept[-1][0]:
            self._kept.append((step, coordinates))
        while len(self._kept) > 1 and 2 * self._kept[1][0] <= step:
            self._kept.popleft()

    def at_half(self, step: int) -> tuple[int, Tensor] | None:
        """Return the last kept step in the first half of so many, and its coordinates."""
        first = self._kept[0]
        return first if 2 * first[0] <= step else None


class _Budget:
    """Counts steps and seconds.

    Args:
        steps: How many at most.
        seconds: How long, for ten steps at least; with neither of the two, the default.

    Attributes:
        index: Number of the step, from 1; 0 before the first.
        closing_seconds: How long the measurements at the end will take.
    """

    def __init__(self, steps: int | None, seconds: float | None) -> None:
        self._started = self._step_started = work_clock.seconds()
        self._steps = steps
        self._seconds = DEFAULT_SECONDS if steps is None and seconds is None else seconds
        self._step_seconds = 0.0
        self.index = 0
        self.closing_seconds = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return work_clock.seconds() - self._started

    def begin_step(self) -> None:
        """Start a step."""
        self.index += 1
        self._step_started = work_clock.seconds()

    def end_step(self) -> None:
        """End a step: the next one will take about as long."""
        self._step_seconds = work_clock.seconds() - self._step_started

    @property
    def fraction(self) -> float:
        """Share of the run that is done, in 0…1."""
        shares = [0.0]
        if self._steps is not None:
            shares.append(self.index / self._steps)
        if self._seconds is not None:
            working = self._seconds - self.closing_seconds
            shares.append(self.elapsed / working if working > 0 else 1.0)
        return min(1.0, max(shares))

    @property
    def is_over(self) -> bool:
        """Whether no further step fits in."""
        if self._steps is not None and self.index >= self._steps:
            return True
        if self._seconds is None or self.index < LEAST_STEPS:
            return False
        return self._working_seconds_left < self._step_seconds

    def is_nearly_over(self, precise_seconds: float) -> bool:
        """Whether the next step is one of the last, which run in float32.

        Args:
            precise_seconds: How long such a step takes.
        """
        if self._steps is not None:
            tail = max(1, round(_PRECISE_SHARE * self._steps))
            if self._steps - self.index <= tail:
                return True
        if self._seconds is None or self.index < LEAST_STEPS - 2:
            return False
        tail_seconds = max(_PRECISE_SHARE * self._seconds, 2 * precise_seconds)
        return self._working_seconds_left < tail_seconds

    @property
    def seconds_left(self) -> float | None:
        """About how long the run will still take; None before the first step has ended."""
        limits = [] if self._seconds is None else [max(0.0, self._seconds - self.elapsed)]
        if self._steps is not None and self.index:
            per_step = self.elapsed / self.index
            limits.append(per_step * (self._steps - self.index) + self.closing_seconds)
        return min(limits) if limits else None

    @property
    def total(self) -> int | None:
        """How many steps there will be, about; None before the first step has ended."""
        totals = [] if self._steps is None else [self._steps]
        if self._seconds is not None and self._step_seconds > 0:
            more = max(0.0, self._working_seconds_left) / self._step_seconds
            totals.append(max(LEAST_STEPS, self.index + int(more)))
        return min(totals) if totals else None

    @property
    def _working_seconds_left(self) -> float:
        return (self._seconds or 0.0) - self.closing_seconds - self.elapsed
