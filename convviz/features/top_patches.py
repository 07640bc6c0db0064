"""The image patches that each channel of a layer answers to most, over a set of images.

One pass over the set serves all channels of the layer. Each picture gives a channel at most one
patch, the one around its strongest activation; of all pictures the strongest few are kept, as in
Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014. Crops of one
photograph overlap, and so count as one picture, as copies of one file do. Only numbers are kept,
never maps or images, so memory does not grow with the set.

Activations are ranked as they come out of the layer's ReLU.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from PIL import Image
from torch import Tensor

from convviz.datasets.image_set import ImageSet, origins, seen_text
from convviz.datasets.zip_archive import LeftOut
from convviz.errors import SettingError
from convviz.features.activations import extremes, is_empty, judged, rectified, strength
from convviz.features.capture import check_images, input_batches, network_crop, observe
from convviz.features.effective_field import Box
from convviz.language import tr
from convviz.networks.network import Network
from convviz.structure.costs import receptive_field
from convviz.structure.layers import Layer, layer
from convviz.structure.receptive_field import ReceptiveField

TOP = 9  # patches of each channel that are kept


@dataclass(frozen=True)
class Patch:
    """The part of an image that a channel answered to.

    Attributes:
        score: The activation.
        picture: The image's index in the set.
        title: The image's title.
        row: Of the activation in the channel's map.
        column: Of the activation in the channel's map.
        box: What that position sees of the network's input; None where it cannot be followed.
    """

    score: float
    picture: int
    title: str
    row: int
    column: int
    box: Box | None


@dataclass(frozen=True, eq=False)
class TopPatches:
    """The strongest patches of every channel of a layer, over the images so far.

    Attributes:
        layer: The layer.
        seen: N, how many images were looked at.
        scores: The strongest activations, the strongest first, shape (C, 9); −∞ where there are
            fewer.
        pictures: Index in the set of the image that each belongs to, shape (C, 9).
        positions: Position of each in the map, row × width + column, shape (C, 9).
        maximum: The largest strength of each channel, shape (C,).
        titles: Title of each image of the set.
        origins: Number of the picture that each image of the set comes from, from 0, in the order
            in which pictures first appear.
        seen_images: How many images were looked at, and of how many pictures, in words: "83 crops
            of 5 photographs".
        spans: The first channel of each branch, with what the branch's positions see; a layer
            without branches counts as one.
    """

    layer: Layer
    seen: int
    scores: Tensor
    pictures: Tensor
    positions: Tensor
    maximum: Tensor
    titles: tuple[str, ...]
    origins: tuple[int, ...]
    seen_images: str
    spans: tuple[tuple[int, ReceptiveField | None], ...]

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""
        tensors = (self.scores, self.pictures, self.positions, self.maximum)
        return sum(tensor.nbytes for tensor in tensors) + 108 * len(self.titles)

    def dead(self) -> Tensor:
        """Tell which channels were empty for every image looked at, shape (C,), bool."""
        if not self.seen:
            return torch.zeros_like(self.maximum, dtype=torch.bool)
        return is_empty(self.maximum)

    def patches(self, channel: int) -> tuple[Patch, ...]:
        """List the strongest patches of one channel, the strongest first; none for a dead one."""
        width = (self.layer.shape[1:] or (1, 1))[1]
        field = [field for start, field in self.spans if start <= channel][-1]
        patches = []
        columns = (self.scores, self.pictures, self.positions)
        for score, image, position in zip(*(c[channel].tolist() for c in columns), strict=True):
            if score == -torch.inf:
                continue
            row, column = divmod(position, width)
            region = None if field is None else field.box(row, column)
            box = None if region is None else Box(*region)
            patches.append(Patch(score, image, self.titles[image], row, column, box))
        return tuple(patches)


@dataclass(frozen=True, eq=False)
class TopPatchesStep:
    """Where a pass over a set stands.

    Attributes:
        done: Images looked at or left out.
        total: Images in the set.
        stimuli: The top patches so far; the last step's are the result.
        left_out: Images that could not be read, and why.
    """

    done: int
    total: int
    stimuli: TopPatches
    left_out: tuple[LeftOut, ...]

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in 0…1."""
        return self.done / self.total

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""
        return self.stimuli.nbytes


def find_top_patches(
    network: Network,
    layer_name: str,
    pictures: ImageSet,
    after: TopPatchesStep | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[TopPatchesStep]:
    """Find the strongest patches of every channel of a layer over a set of images.

    Args:
        network: The network.
        layer_name: Dotted name of the layer.
        pictures: The set. Of images of one picture the one with the strongest activation counts;
            of equally strong activations the earlier image, and in it the earlier position.
        after: Where an earlier pass over the same set and layer ended; None to begin at the start.
        stop: Asked after every step whether to end.

    Yields:
        A step after every few images; the last one has seen all.

    Raises:
        NetworkError: There is no such layer.
        SettingError: The set is empty, or the earlier pass was about something else.
        ImageError: Not one image of the set can be read.
    """
    target = layer(network, layer_name)
    check_images(pictures)
    if after is not None and (
        after.stimuli.layer.name != target.name or after.stimuli.titles != pictures.titles
    ):
        raise SettingError(
            tr("The earlier pass was over another layer or another set: begin anew.")
        )
    return _find(network, target, pictures, after, stop)


def patch_picture(network: Network, pictures: ImageSet, patch: Patch) -> Image.Image:
    """Cut a patch out of what the network saw of its image; all of it if it has no box.

    Raises:
        ImageError: The image cannot be read any more.
    """
    image = network_crop(network, pictures.image(patch.picture))
    if patch.box is None:
        return image
    return image.crop((patch.box.left, patch.box.top, patch.box.right, patch.box.bottom))


def _find(
    network: Network,
    layer: Layer,
    images: ImageSet,
    after: TopPatchesStep | None,
    stop: Callable[[], bool],
) -> Iterator[TopPatchesStep]:
    if after is None:
        after = TopPatchesStep(0, len(images), _nothing(network, layer, images), ())
    best, name = after.stimuli, judged(layer)
    for batch in input_batches(network, images, after.done, after.left_out):
        if batch.indices:
            reduce = partial(_peaks, layer)
            peaks = observe(network.module, batch.inputs, [name], reduce)[name]
            best = _merged(best, peaks, batch.indices)
        best = replace(best, seen=batch.seen, seen_images=batch.seen_images)
        yield TopPatchesStep(batch.done, len(images), best, batch.left_out)
        if stop():
            return


def _nothing(network: Network, layer: Layer, images: ImageSet) -> TopPatches:
    """Make the top patches of a layer before any image was looked at."""
    channels = layer.shape[0]
    starts = [branch.start for branch in layer.branches] or [0]
    numbers: dict[Hashable, int] = {}
    for origin in origins(images):
        numbers.setdefault(origin, len(numbers))
    return TopPatches(
        layer=layer,
        seen=0,
        scores=torch.full((channels, TOP), -torch.inf),
        pictures=torch.full((channels, TOP), -1),
        positions=torch.full((channels, TOP), -1),
        maximum=torch.zeros(channels),
        titles=images.titles,
        origins=tuple(numbers[origin] for origin in origins(images)),
        seen_images=seen_text(images, 0, 0),
        spans=tuple((start, receptive_field(network, layer.name, start)) for start in starts),
    )


def _merged(best: TopPatches, peaks: Tensor, indices: Sequence[int]) -> TopPatches:
    """Put the patches of a batch, as `_peaks` finds them, among the best so far."""
    scores, positions, strength = peaks[0], peaks[1].long(), peaks[2]
    images = torch.tensor(indices).expand(len(best.scores), -1)
    images = torch.cat((best.pictures, images), 1)
    positions = torch.cat((best.positions, positions.T), 1)
    # Stable, and the earlier patches come first: of equals the earlier one stays.
    scores, order = torch.sort(
        torch.cat((best.scores, scores.T), 1), dim=1, descending=True, stable=True
    )
    # Of each picture the strongest patch stays: a later one of the same picture goes to the end.
    numbers = torch.tensor(best.origins)[images.gather(1, order)]
    repeats = (numbers[:, :, None] == numbers[:, None, :]).tril(-1).any(2)
    scores, kept = torch.sort(
        scores.masked_fill(repeats, -torch.inf), dim=1, descending=True, stable=True
    )
    order = order.gather(1, kept)[:, :TOP]
    return replace(
        best,
        scores=scores[:, :TOP].clone(),
        pictures=images.gather(1, order),
        positions=positions.gather(1, order),
        maximum=torch.maximum(best.maximum, strength.amax(0)),
    )


def _peaks(layer: Layer, output: Tensor) -> Tensor:
    """Reduce (N, C, H, W) to each map's maximum, its position and its strength, (3, N, C).

    The maximum is −∞ where the channel is empty for the image. What is infinite or not a number
    has no rank, so only finite numbers count for it.
    """
    maps = rectified(layer, output.reshape(*output.shape[:2], -1)).float()
    scores, positions = maps.masked_fill(~maps.isfinite(), -torch.inf).max(2)
    strengths = strength(layer, extremes(output))
    scores = scores.masked_fill(is_empty(strengths), -torch.inf)
    # A position is below 2²⁴ and so exact as a float32.
    return torch.stack((scores, positions.float(), strengths))
