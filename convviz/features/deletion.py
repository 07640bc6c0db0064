"""Is a map of evidence true? Take its pixels away in its order, and put them back.

Deletion sets the most important pixels to the network's mean colour first, and insertion gives a
blurred image its most important pixels back first (Petsiuk, Das and Saenko, "RISE: Randomized Input
Sampling for Explanation of Black-box Models", BMVC 2018). Where a map is right, the class's
probability falls quickly in deletion, so that the area under its curve is small, and rises quickly
in insertion. The same map with its values shuffled tells how much of that any map would do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import conv2d, grid_sample, pad

from convviz.errors import SettingError, at_least
from convviz.features.class_target import (
    ClassTarget,
    check_target,
    class_scores,
    decoder_input,
)
from convviz.language import tr
from convviz.networks.network import Network

NOTHING = 1e-6
"""A difference of probabilities, or of areas under them, that float32 may make by itself."""

_BATCH = 4  # images that run at once: a run that is stopped ends within one batch
_BLUR = 5 / 128  # standard deviation of the blur that insertion begins with, of the image's side


@dataclass(frozen=True)
class Curve:
    """How the probability of a class changes while pixels are deleted or inserted.

    Attributes:
        shares: Share of the pixels that were changed, from 0 to 1, evenly spaced.
        probabilities: The class's probability then, each in 0…1.
    """

    shares: tuple[float, ...]
    probabilities: tuple[float, ...]

    @property
    def area(self) -> float:
        """Area under the curve by the trapezoidal rule, in 0…1."""
        points = list(zip(self.shares, self.probabilities, strict=True))
        return sum((x - w) * (y + z) / 2 for (w, z), (x, y) in pairwise(points))


@dataclass(frozen=True)
class DeletionStep:
    """Where the two curves of a map, and those of shuffled maps, stand.

    Attributes:
        target: The class.
        done: Images that were scored so far.
        total: How many there are.
        deletion: The map's curve of deletion; None until it is complete.
        insertion: Its curve of insertion.
        random_deletions: The curves of deletion of the shuffled maps.
        random_insertions: Their curves of insertion.
    """

    target: ClassTarget
    done: int
    total: int
    deletion: Curve | None = None
    insertion: Curve | None = None
    random_deletions: tuple[Curve, ...] = field(default=())
    random_insertions: tuple[Curve, ...] = field(default=())

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in 0…1."""
        return self.done / self.total

    @property
    def is_complete(self) -> bool:
        """Whether all curves are there."""
        return self.done == self.total

    @property
    def is_flat(self) -> bool:
        """Whether the probability is the same whatever is deleted or inserted, by any map."""
        curves = (self.deletion, self.insertion, *self.random_deletions, *self.random_insertions)
        found = [each for curve in curves if curve is not None for each in curve.probabilities]
        return not found or max(found) - min(found) <= NOTHING

    @property
    def random_deletion_area(self) -> float:
        """Mean area under the shuffled maps' curves of deletion."""
        return _mean_area(self.random_deletions)

    @property
    def random_insertion_area(self) -> float:
        """Mean area under the shuffled maps' curves of insertion."""
        return _mean_area(self.random_insertions)

    @property
    def beats_random_in_deletion(self) -> bool:
        """Whether the map's area is smaller than that of every shuffled map, not by rounding."""
        return self.deletion is not None and all(
            self.deletion.area < curve.area - NOTHING for curve in self.random_deletions
        )

    @property
    def beats_random_in_insertion(self) -> bool:
        """Whether the map's area is larger than that of every shuffled map, not by rounding."""
        return self.insertion is not None and all(
            self.insertion.area > curve.area + NOTHING for curve in self.random_insertions
        )


def delete_and_insert(
    network: Network,
    image: Image.Image,
    target: ClassTarget,
    map_: Tensor,
    *,
    box: tuple[float, float, float, float] | None = None,
    steps: int = 16,
    shuffles: int = 3,
    seed: int = 0,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[DeletionStep]:
    """Delete and insert an image's pixels in the order of a map, and of the map shuffled.

    Args:
        network: The network; it is not touched.
        image: The image.
        target: The class, or the two classes that are compared.
        map_: The evidence, shape (H, W), on a layer's grid or that of the pixels.
        box: Where it lies on the input, as `grad_cam.evidence_box` returns it; None stretches it
            over the whole input.
        steps: In how many equal parts the pixels are changed.
        shuffles: How many shuffled maps.
        seed: Of their order.
        stop: Asked after every step whether to end.

    Yields:
        A step after every few images.

    Raises:
        NetworkError: The weights have no decoder, or the scores are no finite numbers.
        SettingError: There is no such class, a number makes no sense, or the map is the same
            everywhere.
    """
    at_least(tr("number of parts"), steps, 2)
    at_least(tr("number of shuffled maps"), shuffles, 1)
    batch = decoder_input(network, image)
    check_target(network, target)
    if map_.dim() != 2 or not map_.isfinite().all():
        raise SettingError(
            tr("A map must have rows and columns of finite numbers: choose another.")
        )
    if float(map_.max()) == float(map_.min()):
        raise SettingError(
            tr(
                "The map is the same everywhere, so it says of no pixel that it matters more "
                "than others: choose another layer or method."
            )
        )
    generator = torch.Generator().manual_seed(seed)
    maps = [map_.float()]
    for _ in range(shuffles):
        order = torch.randperm(map_.numel(), generator=generator)
        maps.append(map_.float().flatten()[order].reshape(map_.shape))
    orders = [_order(spread(each, batch.shape[-1], box), generator) for each in maps]
    return _delete_and_insert(network, batch, target, orders, steps, stop)


def _delete_and_insert(
    network: Network,
    batch: Tensor,
    target: ClassTarget,
    orders: list[Tensor],
    steps: int,
    stop: Callable[[], bool],
) -> Iterator[DeletionStep]:
    plain, blurred = torch.zeros_like(batch[0]), blur(batch)[0]
    shares = tuple(step / steps for step in range(steps + 1))
    total, done = 2 * len(orders) * len(shares), 0
    curves: dict[bool, list[Curve]] = {True: [], False: []}
    for order in orders:
        for is_deletion in (True, False):
            before, after = (batch[0], plain) if is_deletion else (blurred, batch[0])
            probabilities: list[float] = []
            for start in range(0, len(shares), _BATCH):
                counts = [round(share * len(order)) for share in shares[start : start + _BATCH]]
                images = torch.stack([_changed(before, after, order[:count]) for count in counts])
                found = target.probability(network, class_scores(network, images))
                probabilities += found.tolist()
                done += len(counts)
                if len(probabilities) == len(shares):
                    curves[is_deletion].append(Curve(shares, tuple(probabilities)))
                yield _step(target, done, total, curves)
                if stop():
                    return


def _step(
    target: ClassTarget, done: int, total: int, curves: dict[bool, list[Curve]]
) -> DeletionStep:
    deletions, insertions = curves[True], curves[False]
    return DeletionStep(
        target,
        done,
        total,
        deletions[0] if deletions else None,
        insertions[0] if insertions else None,
        tuple(deletions[1:]),
        tuple(insertions[1:]),
    )


def spread(map_: Tensor, side: int, box: tuple[float, float, float, float] | None = None) -> Tensor:
    """Interpolate a map, shape (H, W), over the input's pixels, shape (side, side), bilinearly.

    Args:
        map_: The map.
        side: Side of the input.
        box: Where the map lies on it, (top, left, bottom, right) in pixels; None for all of it.
            Beside it the values are 0.
    """
    if tuple(map_.shape) == (side, side) and box is None:
        return map_
    top, left, bottom, right = box or (0.0, 0.0, float(side), float(side))
    middles = torch.arange(side) + 0.5
    rows = 2 * (middles - top) / (bottom - top) - 1  # -1 and 1 are the map's edges
    columns = 2 * (middles - left) / (right - left) - 1
    grid = torch.stack((columns[None].expand(side, side), rows[:, None].expand(side, side)), dim=2)
    values = grid_sample(
        map_[None, None].float(), grid[None], padding_mode="border", align_corners=False
    )[0, 0]
    inside = (rows.abs() <= 1)[:, None] & (columns.abs() <= 1)[None]
    return torch.where(inside, values, torch.zeros_like(values))


def blur(batch: Tensor) -> Tensor:
    """Blur inputs, shape (N, 3, S, S), with a Gaussian, edges repeated."""
    deviation = _BLUR * batch.shape[-1]
    reach = min(round(3 * deviation), batch.shape[-1] - 1)
    distances = torch.arange(-reach, reach + 1, dtype=batch.dtype)
    kernel = torch.exp(-(distances**2) / (2 * deviation**2))
    kernel = (kernel / kernel.sum()).expand(batch.shape[1], 1, -1)
    padded = pad(batch, (reach, reach, reach, reach), mode="replicate")
    groups = batch.shape[1]
    return conv2d(
        conv2d(padded, kernel[:, :, :, None], groups=groups), kernel[:, :, None], groups=groups
    )


def _order(values: Tensor, generator: torch.Generator) -> Tensor:
    """Order pixels by a map, the largest value first; equals by chance, shape (S·S,)."""
    flat = values.flatten()
    mixed = torch.randperm(len(flat), generator=generator)
    return mixed[flat[mixed].argsort(descending=True, stable=True)]


def _changed(before: Tensor, after: Tensor, pixels: Tensor) -> Tensor:
    """Take some pixels, by their index, from another image, shape (3, S, S)."""
    image = before.flatten(1).clone()
    image[:, pixels] = after.flatten(1)[:, pixels]
    return image.reshape(before.shape)


def _mean_area(curves: tuple[Curve, ...]) -> float:
    return sum(curve.area for curve in curves) / max(1, len(curves))
