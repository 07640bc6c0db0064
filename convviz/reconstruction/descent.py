"""One reconstruction under way: what it has, one step, and the measurements at its end.

The image is kept in the coordinates of a `Canvas`, in float32; only the network may run in
bfloat16. The last steps run in float32, and all do from the moment that bfloat16 is too coarse to
show any improvement.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from convviz.errors import ReconstructionError
from convviz.features.predictions import Prediction, predict_batch
from convviz.images.canvas import Canvas
from convviz.images.preprocess import normalise
from convviz.networks.device import best_device, resolve
from convviz.networks.network import Network
from convviz.reconstruction.budget import Budget
from convviz.reconstruction.config import ReconstructionConfig
from convviz.reconstruction.minimisers import Adam, Lbfgs, Minimiser
from convviz.reconstruction.objective import Evaluation, Objective
from convviz.reconstruction.quality import psnr, ssim
from convviz.reconstruction.result import ReconstructionResult, ReconstructionStep
from convviz.structure.layers import Layer

IMAGE_SECONDS = 0.4
"""Steps that carry the image are at least so far apart, but for the first and the last one."""

MOST_FAULTS = 5
"""So many non-finite steps in a row end a run."""

# In bfloat16 a step leads as far as in float32 only down to about 15 times the relative error that
# rounding alone causes. Where it is time that counts, cheaper steps that lead less far are still
# worth taking for a while.
_COARSE_BY_STEPS, _COARSE_BY_SECONDS = 15.0, 8.0
_SUSPECT = 40.0  # times the same; an optimiser that struggles farther away has other reasons
_RATES = {"lbfgs": (1.0, 0.0), "adam": (0.02, 1.0)}  # learning rate and decay


@dataclass(frozen=True, eq=False)
class Task:
    """What a run needs, checked.

    Attributes:
        network: The network.
        layer: The layer whose feature maps are matched.
        config: The settings.
        original: Pixels in 0…1, shape (1, 3, S, S).
        start: Pixels, shape (1, 3, S, S).
    """

    network: Network
    layer: Layer
    config: ReconstructionConfig
    original: Tensor
    start: Tensor


class Descent:
    """A run; everything it has belongs to it alone.

    Raises:
        ReconstructionError: The original's features are not finite.
    """

    def __init__(self, task: Task) -> None:
        self._task, config = task, task.config
        self._budget = Budget(config.steps, config.seconds)
        device = best_device()
        self._dtype = resolve(config.precision, device)
        spec = task.network.spec
        self._objective = Objective(
            task.network,
            task.layer,
            normalise(task.original, mean=spec.mean, std=spec.std),
            tv=config.tv,
            dtype=self._dtype,
            device=device,
        )
        self._canvas = Canvas(task.original.shape[-1], config.smoothness, device)
        self._start = self._canvas.coordinates(task.start.to(device))
        self._minimiser = self._new_minimiser()
        began = time.perf_counter()
        self._objective.relative_error(task.original.to(device))
        # A backward pass takes about twice as long as a forward pass.
        self._precise_seconds = 3 * (time.perf_counter() - began)
        self._opinion = self._predictions(task.original)
        # The measurements at the end repeat these, and compare the images.
        self._budget.closing_seconds = 1.2 * (time.perf_counter() - began)
        self._precise = self._dtype == torch.float32
        self._coarse = _COARSE_BY_SECONDS if config.steps is None else _COARSE_BY_STEPS
        self._good: Evaluation | None = None
        self._faults = self._fast_steps = 0
        self._losses: list[float] = []
        self._shown = -math.inf

    def step(self, stop: Callable[[], bool]) -> ReconstructionStep:
        """Take one step.

        Args:
            stop: Asked at the step's end whether it shall be the last.

        Raises:
            ReconstructionError: The features of every start are not finite, or the layer has no
                gradient.
        """
        budget, minimiser = self._budget, self._minimiser
        if not self._precise and budget.is_nearly_over(self._precise_seconds):
            self._go_precise()
        budget.begin_step()
        good = self._look()
        budget.end_step()
        self._losses.append(good.parts.total)
        if not self._precise and self._is_too_coarse(good.relative_error):
            self._go_precise()
        gave_up = self._faults == MOST_FAULTS
        result = None
        if gave_up or minimiser.stuck or budget.is_over or stop():
            result = self._result(self._note(gave_up))
        image = result.image if result else None
        if image is None and budget.elapsed - self._shown >= IMAGE_SECONDS:
            image = self._valid(minimiser.best)[0].cpu()
            self._shown = budget.elapsed
        return ReconstructionStep(
            index=budget.index,
            total=budget.index if result else budget.total,
            fraction=1.0 if result else min(budget.fraction, 0.999),
            loss=good.parts.total,
            parts=good.parts,
            relative_error=good.relative_error,
            seconds=budget.elapsed,
            seconds_left=0.0 if result else budget.seconds_left,
            image=image,
            result=result,
            note=result.note if result else "",
        )

    def _look(self) -> Evaluation:
        """Look once at where the optimiser wants to; return what was found where it then stands."""
        while True:
            pixels = self._canvas.pixels(self._minimiser.ask())
            found = self._objective.evaluate(pixels, precise=self._precise)
            self._fast_steps += not self._precise
            loss = found.parts.total if found.is_finite else math.inf
            gradient = self._canvas.gradient(found.gradient)
            kept = self._minimiser.tell(loss, gradient, self._rate())
            self._faults = 0 if found.is_finite else self._faults + 1
            if kept:
                self._good = found
            if self._good is not None:
                return self._good
            if self._faults == MOST_FAULTS:
                layer, network = self._task.layer.title, self._task.network.title
                raise ReconstructionError(
                    f"{layer} of {network} puts out values that are not finite for every start "
                    "that was tried; choose another layer or start."
                )
            self._start = self._start * 0.5  # nearer to grey
            self._minimiser = self._new_minimiser()

    def _new_minimiser(self) -> Minimiser:
        kind = Adam if self._task.config.optimizer == "adam" else Lbfgs
        return kind(self._start)

    def _rate(self) -> float:
        config = self._task.config
        rate, decay = _RATES[config.optimizer]
        rate = rate if config.learning_rate is None else config.learning_rate
        decay = decay if config.decay is None else config.decay
        return float(rate * (1 - self._budget.fraction) ** decay)

    def _is_too_coarse(self, error: float) -> bool:
        """Whether rounding in the fast precision hides what would be an improvement."""
        rounding = self._objective.rounding
        if self._minimiser.struggling and error < _SUSPECT * rounding:
            return True
        return self._minimiser.stuck or error < self._coarse * rounding

    def _go_precise(self) -> None:
        self._precise = True
        self._minimiser.renew()

    def _valid(self, coordinates: Tensor) -> Tensor:
        return self._canvas.pixels(coordinates).clamp_(0, 1)

    def _predictions(self, pixels: Tensor) -> tuple[Prediction, ...]:
        """Ask the network what pixels, shape (1, 3, S, S), show."""
        network = self._task.network
        spec = network.spec
        batch = normalise(pixels.cpu(), mean=spec.mean, std=spec.std)
        return predict_batch(network, batch)

    def _result(self, note: str) -> ReconstructionResult:
        """Do the measurements at the end."""
        image = self._valid(self._minimiser.best)
        error = self._objective.relative_error(image)
        config = self._task.config
        if not isinstance(config.start, str) and config.tv == 0:
            # Going on from an earlier image must not lose what it had.
            start = self._task.start.to(image.device)
            start_error = self._objective.relative_error(start)
            if start_error < error:
                image, error = start, start_error
        pixels, original = image.cpu(), self._task.original
        index = self._budget.index
        return ReconstructionResult(
            image=pixels[0],
            relative_error=error,
            psnr=psnr(pixels[0], original[0]),
            ssim=ssim(pixels[0], original[0]),
            steps=index,
            losses=tuple(self._losses),
            precision="bfloat16" if 2 * self._fast_steps > index else "float32",
            predictions=self._predictions(pixels),
            original_predictions=self._opinion,
            note=note,
            seconds=self._budget.elapsed,
        )

    def _note(self, gave_up: bool) -> str:
        layer = self._task.layer.title
        sentences = []
        if self._objective.is_silent:
            sentences.append(
                f"{layer} is silent for this image, so there is no relative error: the root mean "
                "square of the reconstruction's features stands in for it."
            )
        if gave_up:
            sentences.append(
                f"The optimisation ended because {MOST_FAULTS} steps in a row gave values that "
                "are not finite; this is the last good image. Try a smaller learning rate."
            )
        elif self._minimiser.stuck:
            sentences.append("The optimisation ended early: no step improves the image any more.")
        return " ".join(sentences)
