"""Which pixels speak for a class: gradients with respect to the network's input.

- gradient: how the score changes with each value (Simonyan, Vedaldi and Zisserman, "Deep Inside
  Convolutional Networks", ICLR workshop 2014);
- SmoothGrad: its mean over copies of the image with noise (Smilkov et al., "SmoothGrad: removing
  noise by adding noise", 2017);
- integrated gradients: its mean on the straight line from a plain grey image to this one, times
  the difference of the two (Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks",
  ICML 2017). These values add up to the difference of the two scores, which tells how exact they
  are: *completeness*;
- guided backpropagation: the gradient, of which each ReLU passes back only what is positive
  (Springenberg et al. 2015). It draws the image's edges more than it explains the class: Adebayo
  et al., "Sanity Checks for Saliency Maps", NeurIPS 2018.

Everything is measured on the normalised input. The plain image is 0 there, the network's mean
colour. `randomised` gives a network whose decoder has random weights: a picture that stays the same
there does not show why the trained network decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from PIL import Image
from torch import Tensor, nn

from convviz.errors import NetworkError, SettingError, at_least
from convviz.features.activations import rank_correlation
from convviz.features.capture import input_gradient, parameters_of
from convviz.features.class_target import (
    ClassTarget,
    check_scores,
    check_target,
    class_scores,
    decoder_input,
)
from convviz.language import tr
from convviz.networks.clone import clone
from convviz.networks.image_channels import image_channels
from convviz.networks.network import Network, is_within
from convviz.structure.layers import layers

SaliencyMethod = Literal["gradient", "smoothgrad", "integrated", "guided"]
SALIENCY_METHODS: tuple[SaliencyMethod, ...] = get_args(SaliencyMethod)

COMPLETE = 0.01  # integrated gradients are exact enough within this share of the difference

_BATCH = 4  # images that run at once: a run that is stopped ends within one batch
_FIRST_STEPS = 9  # equal parts of the line of integrated gradients; then the worst are halved
_ROUNDING = 1e-5  # of the difference: what a part misses less may be float32's rounding
_MOST_OPEN = 40  # of its parts that may still be halved, each with a gradient in memory
_NEAR_ZERO = 1e-3  # of the larger score: a smaller difference says nothing of completeness
_BLOCKS = 16  # along each side, in which two pictures are compared


@dataclass(frozen=True, eq=False)
class Saliency:
    """How much each value of the input speaks for a class.

    Attributes:
        method: How it was found.
        target: The class.
        score: The class's score, or the difference of two.
        attribution: For each value of the input, with its sign, shape (3, S, S).
        samples: How many gradients it is the mean of; of integrated gradients, over how many
            parts of the line.
        plain_score: The score of the plain image; None but for integrated gradients.
    """

    method: SaliencyMethod
    target: ClassTarget
    score: float
    attribution: Tensor
    samples: int = 1
    plain_score: float | None = None

    @property
    def map(self) -> Tensor:
        """One number for each pixel, none below 0, shape (S, S).

        The largest absolute value of the three colours, as Simonyan et al. draw it; of integrated
        gradients the positive part of their sum, which is the pixel's share of the difference.
        """
        if self.method == "integrated":
            return self.attribution.sum(0).clamp(min=0)
        return self.attribution.abs().amax(0)

    @property
    def difference(self) -> float | None:
        """By how much the score exceeds that of the plain image, which the values should add to."""
        return None if self.plain_score is None else self.score - self.plain_score

    @property
    def completeness_gap(self) -> float | None:
        """By what share of the difference the values miss it, 0 or more.

        None where it has no meaning: for other methods, and where the two scores are nearly equal.
        """
        difference = self.difference
        if difference is None or self.plain_score is None:
            return None
        if abs(difference) <= _NEAR_ZERO * max(abs(self.score), abs(self.plain_score)):
            return None
        return abs(float(self.attribution.double().sum()) - difference) / abs(difference)


@dataclass(frozen=True, eq=False)
class SaliencyStep:
    """Where a computation of saliency stands.

    Attributes:
        done: Gradients that are computed.
        total: How many there are at most.
        saliency: What they give so far; of integrated gradients what the last complete set of
            steps gave.
        is_last: Whether it is the result.
    """

    done: int
    total: int
    saliency: Saliency
    is_last: bool

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in 0…1."""
        return 1.0 if self.is_last else min(self.done / self.total, 0.99)

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""
        return self.saliency.attribution.nbytes


def find_saliency(
    network: Network,
    image: Image.Image,
    target: ClassTarget,
    method: SaliencyMethod = "gradient",
    *,
    samples: int = 25,
    noise: float = 0.15,
    seed: int = 0,
    most_steps: int = 243,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[SaliencyStep]:
    """Find which pixels speak for a class.

    Args:
        network: The network; it is not touched.
        image: The image.
        target: The class, or the two classes that are compared.
        method: One of `SALIENCY_METHODS`.
        samples: Of SmoothGrad: how many copies with noise.
        noise: Of SmoothGrad: the noise's standard deviation, as a share of the input's range.
        seed: Of SmoothGrad: the noise's.
        most_steps: Of integrated gradients: gradients at most. The line is divided into 9 equal
            parts, then those parts whose gradient misses most of the score's change there are
            halved, until completeness is within 1 %.
        stop: Asked after every step whether to end.

    Yields:
        A step after every few gradients.

    Raises:
        NetworkError: The weights have no decoder, the scores are no finite numbers or cannot be
            differentiated, or guided backpropagation finds no ReLU.
        SettingError: There is no such class or method, or a number makes no sense.
    """
    if method not in SALIENCY_METHODS:
        raise SettingError(
            tr(
                "There is no method {method!r}; choose {methods}.",
                method=method,
                methods=", ".join(SALIENCY_METHODS),
            )
        )
    at_least(tr("number of samples"), samples, 1)
    at_least(tr("number of steps"), most_steps, _FIRST_STEPS)
    if not 0 < noise <= 1:
        raise SettingError(
            tr("Noise of {noise:g} times the range is not possible: choose 0 to 1.", noise=noise)
        )
    batch = decoder_input(network, image)
    check_target(network, target)
    if method == "smoothgrad":
        return _smooth(network, batch, target, samples, noise, seed, stop)
    if method == "integrated":
        return _integrate(network, batch, target, most_steps, stop)
    return _once(network, batch, target, method)


def saliency(
    network: Network, image: Image.Image, target: ClassTarget, method: SaliencyMethod = "gradient"
) -> Saliency:
    """Find which pixels speak for a class, with `find_saliency`'s usual settings.

    Raises:
        NetworkError: As `find_saliency`.
        SettingError: As `find_saliency`.
    """
    *_, last = find_saliency(network, image, target, method)
    return last.saliency


def _once(
    network: Network, batch: Tensor, target: ClassTarget, method: SaliencyMethod
) -> Iterator[SaliencyStep]:
    gradient, scores = input_gradient(
        network.module, batch, target.score, guided=method == "guided"
    )
    check_scores(network, scores, gradient)
    score = float(target.score(scores)[0])
    yield SaliencyStep(1, 1, Saliency(method, target, score, gradient[0]), is_last=True)


def _smooth(
    network: Network,
    batch: Tensor,
    target: ClassTarget,
    samples: int,
    noise: float,
    seed: int,
    stop: Callable[[], bool],
) -> Iterator[SaliencyStep]:
    generator = torch.Generator().manual_seed(seed)
    score = float(target.score(class_scores(network, batch))[0])
    deviation = noise * float(batch.max() - batch.min())
    total, done = torch.zeros_like(batch[0]), 0
    while done < samples:
        count = min(_BATCH, samples - done)
        copies = batch + deviation * torch.randn(
            (count, *batch.shape[1:]), generator=generator, dtype=batch.dtype
        )
        gradients, scores = input_gradient(network.module, copies, target.score)
        check_scores(network, scores, gradients)
        total = total + gradients.sum(0)
        done += count
        ended = done == samples or stop()
        found = Saliency("smoothgrad", target, score, total / done, done)
        yield SaliencyStep(done, samples, found, is_last=ended)
        if ended:
            return


def _integrate(
    network: Network,
    batch: Tensor,
    target: ClassTarget,
    most_steps: int,
    stop: Callable[[], bool],
) -> Iterator[SaliencyStep]:
    cuts = [index / _FIRST_STEPS for index in range(_FIRST_STEPS + 1)]
    at_cuts = _scores_on_line(network, batch, target, cuts)
    line = _Line(batch)
    found = Saliency(
        "integrated", target, at_cuts[-1], torch.zeros_like(batch[0]), 0, plain_score=at_cuts[0]
    )
    waiting = [
        (cuts[index], cuts[index + 1], at_cuts[index], at_cuts[index + 1])
        for index in range(_FIRST_STEPS)
    ]
    done = 0
    while True:
        for first in range(0, len(waiting), _BATCH):
            ends = waiting[first : first + _BATCH]
            middles = torch.tensor([(begin + end) / 2 for begin, end, *_ in ends])
            shares = middles.to(batch.dtype)[:, None, None, None]
            gradients, scores = input_gradient(network.module, shares * batch, target.score)
            check_scores(network, scores, gradients)
            for each, gradient, score in zip(
                ends, gradients, target.score(scores).tolist(), strict=True
            ):
                line.add(_Part(*each, score, gradient))
            done += len(ends)
            if first + _BATCH < len(waiting):
                yield SaliencyStep(done, most_steps, found, is_last=False)
                if stop():
                    return
        found = replace(found, attribution=line.attribution(), samples=line.parts)
        gap = found.completeness_gap
        is_complete = gap is not None and gap <= COMPLETE
        pairs = 0 if is_complete else min(_BATCH, most_steps - done) // 2
        worst = line.take_worst(pairs, _ROUNDING * abs(at_cuts[-1] - at_cuts[0]))
        ended = not worst or stop()
        yield SaliencyStep(done, most_steps, found, is_last=ended)
        if ended:
            return
        waiting = [half for part in worst for half in part.halves()]


def _scores_on_line(
    network: Network, batch: Tensor, target: ClassTarget, shares: Sequence[float]
) -> list[float]:
    """Return the scores of images on the line from the plain one to this one."""
    scores: list[float] = []
    for first in range(0, len(shares), _BATCH):
        some = torch.tensor(shares[first : first + _BATCH], dtype=batch.dtype)
        images = some[:, None, None, None] * batch
        scores += target.score(class_scores(network, images)).tolist()
    return scores


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of the line from the plain image to this one.

    Attributes:
        begin: Where it begins, from 0 at the plain image to 1.
        end: Where it ends.
        score_before: The score at its beginning.
        score_after: The score at its end.
        score_between: The score in its middle.
        gradient: The score's gradient in its middle, shape (3, S, S).
    """

    begin: float
    end: float
    score_before: float
    score_after: float
    score_between: float
    gradient: Tensor

    def halves(self) -> tuple[tuple[float, float, float, float], ...]:
        """Return beginning, end and the scores there of its two halves."""
        middle = (self.begin + self.end) / 2
        return (
            (self.begin, middle, self.score_before, self.score_between),
            (middle, self.end, self.score_between, self.score_after),
        )


class _Line:
    """The sum over the line, and what each part of it misses of the score's change there.

    A network of ReLUs is linear between its kinks: where a part has none, one gradient is exact.
    So the parts that miss most are halved, and no others.

    Args:
        batch: The input, shape (1, 3, S, S).
    """

    def __init__(self, batch: Tensor) -> None:
        self._batch = batch[0].double()
        self._sum = torch.zeros_like(self._batch)
        self._open: list[tuple[float, _Part]] = []  # what it misses, with its sign; and the part
        self.parts = 0

    def add(self, part: _Part) -> None:
        """Add a part; of those that miss least, too many are not kept for halving."""
        share = (part.end - part.begin) * part.gradient.double()
        self._sum += share
        missed = float((share * self._batch).sum()) - (part.score_after - part.score_before)
        self._open.append((missed, part))
        self._open.sort(key=lambda each: abs(each[0]), reverse=True)
        del self._open[_MOST_OPEN:]
        self.parts += 1

    def take_worst(self, count: int, least: float) -> list[_Part]:
        """Take out the parts that miss most, if that is more than `least`."""
        taken = [part for missed, part in self._open[:count] if abs(missed) > least]
        self._open = self._open[len(taken) :]
        for part in taken:
            self._sum -= (part.end - part.begin) * part.gradient.double()
        self.parts -= len(taken)
        return taken

    def attribution(self) -> Tensor:
        """Return the mean gradient times the input, shape (3, S, S)."""
        return (self._sum * self._batch).float()


def randomised(network: Network, seed: int = 0) -> Network:
    """Return the network with random weights in its decoder, each tensor as large as before.

    Every tensor that no layer of the encoder depends on is drawn from the normal distribution with
    the tensor's own mean and standard deviation. The network itself is not touched.

    Raises:
        NetworkError: The network cannot be run, or has no weights behind its encoder.
    """
    module = clone(network.module)
    encoder = [each.module for each in layers(network) if each.in_encoder]
    holders = {
        f"{name}.{key}".lstrip("."): part
        for name, part in module.named_modules()
        if not any(is_within(name, each) for each in encoder)
        for key, tensor in part._parameters.items()
        if tensor is not None and tensor.is_floating_point()
    }
    # Weights without a layer of their own, such as a position embedding, may be used anywhere.
    side = network.input_size
    batch = torch.zeros(1, image_channels(module, side), side, side)
    behind = holders.keys() - parameters_of(module, batch, encoder, tuple(holders))
    if not behind:
        raise NetworkError(
            tr(
                "{network} has no weights behind its encoder, so there is no decoder to randomise.",
                network=network.title,
            )
        )
    generator = torch.Generator().manual_seed(seed)
    for name in filter(behind.__contains__, holders):
        tensor = module.get_parameter(name)
        drawn = torch.randn(tensor.shape, generator=generator)
        values = (drawn * tensor.float().std(correction=0) + tensor.float().mean()).to(tensor)
        key = name.rpartition(".")[2]
        holders[name]._parameters[key] = nn.Parameter(values, requires_grad=False)
    return replace(network, module=module)


def similarity(first: Tensor, second: Tensor) -> float | None:
    """Compare two maps, shape (H, W), by the order of their values, in −1…1; 1 for the same order.

    Spearman's rank correlation of the means of 16 × 16 blocks, or of the values of smaller maps,
    as Adebayo et al. (2018) compare saliency maps. None where a map has no order, since all its
    values are equal.
    """
    blocks = [
        nn.functional.adaptive_avg_pool2d(
            each[None], (min(_BLOCKS, each.shape[0]), min(_BLOCKS, each.shape[1]))
        )
        for each in (first, second)
    ]
    if any(float(each.min()) == float(each.max()) for each in blocks):
        return None
    one, other = (each.flatten().tolist() for each in blocks)
    return rank_correlation(one, other)
