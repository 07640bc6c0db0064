"""What stimulates the channels of a layer: the strongest patches over a set of images.

One pass over the set serves all channels of the layer. Of each picture a channel may show one
patch, the one around its strongest activation; of all pictures the strongest few are kept, as in
Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014. Only numbers
are kept, never maps or pictures, so memory does not grow with the set.

What is ranked is what comes out of the layer's ReLU, as everywhere here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from convviz.datasets.image_set import ImageSet
from convviz.datasets.zip_archive import LeftOut
from convviz.errors import ImageError, SettingError
from convviz.features.capture import input_for, observe
from convviz.features.effective_field import Box
from convviz.images.preprocess import crop
from convviz.networks.network import Network
from convviz.structure.costs import receptive_field
from convviz.structure.layers import Layer, layer
from convviz.structure.receptive_field import ReceptiveField

TOP = 9


_BATCH = 4  # pictures: a stopped pass ends within one of these


@dataclass(frozen=True)
class Patch:
    """The part of a picture that a channel answered to.

    Attributes:
        score: The activation.
        picture: The picture's place in the set.
        title: The picture's title.
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
    """The strongest patches of every channel of a layer, over the pictures looked at so far.

    Attributes:
        layer: The layer.
        seen: N, how many pictures were looked at.
        scores: The strongest activations, the strongest first, shape (C, 9); −∞ where there are
            fewer.
        pictures: The places in the set of the pictures they were found in, shape (C, 9).
        positions: Where in the map they were found, row × width + column, shape (C, 9).
        maximum: The largest absolute activation of each channel, shape (C,).
        titles: Title of each picture of the set.
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
    spans: tuple[tuple[int, ReceptiveField | None], ...]

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""
        held = (self.scores, self.pictures, self.positions, self.maximum)
        return sum(tensor.nbytes for tensor in held) + 100 * len(self.titles)

    def dead(self) -> Tensor:
        """Tell which channels were empty for every picture looked at, shape (C,), bool."""
        if not self.seen:
            return torch.zeros_like(self.maximum, dtype=torch.bool)
        return self.maximum == 0

    def patches(self, channel: int) -> tuple[Patch, ...]:
        """List the strongest patches of one channel, the strongest first; silent ones are none."""
        width = (self.layer.shape[1:] or (1, 1))[1]
        field = [field for start, field in self.spans if start <= channel][-1]
        found = []
        columns = (self.scores, self.pictures, self.positions)
        for score, picture, position in zip(*(c[channel].tolist() for c in columns), strict=True):
            if score in (0.0, -torch.inf):
                continue
            row, column = divmod(position, width)
            seen = None if field is None else field.box(row, column)
            place = None if seen is None else Box(*seen)
            found.append(Patch(score, picture, self.titles[picture], row, column, place))
        return tuple(found)


@dataclass(frozen=True, eq=False)
class TopPatchesStep:
    """Where a pass over a set stands.

    Attributes:
        done: Pictures looked at or left out.
        total: Pictures in the set.
        stimuli: What has been found so far; the last step's is the result.
        left_out: Pictures that could not be read, and why.
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
        pictures: The set. Of equally strong activations the earlier picture, and in it the earlier
            position, counts.
        after: Where an earlier pass over the same set and layer ended; None to begin at the start.
        stop: Asked after every step whether to end.

    Yields:
        A step after every few pictures; the last one has seen all.

    Raises:
        NetworkError: There is no such layer.
        SettingError: The set is empty, or the earlier pass was about something else.
        ImageError: Not one picture of the set can be read.
    """
    found = layer(network, layer_name)
    if not len(pictures):
        raise SettingError("There is no picture to look at: choose a set with at least one.")
    if after is not None and (
        after.stimuli.layer.name != found.name or after.stimuli.titles != pictures.titles
    ):
        raise SettingError("The earlier pass was over another layer or another set: begin anew.")
    return _find(network, found, pictures, after, stop)


def patch_picture(network: Network, pictures: ImageSet, patch: Patch) -> Image.Image:
    """Cut a patch out of what the network saw of its picture; all of it if it has no box.

    Raises:
        ImageError: The picture cannot be read any more.
    """
    weights = network.weights
    picture = crop(pictures.picture(patch.picture), size=weights.input_size, resize=weights.resize)
    if patch.box is None:
        return picture
    return picture.crop((patch.box.left, patch.box.top, patch.box.right, patch.box.bottom))


def _find(
    network: Network,
    found: Layer,
    pictures: ImageSet,
    after: TopPatchesStep | None,
    stop: Callable[[], bool],
) -> Iterator[TopPatchesStep]:
    channels, total = found.shape[0], len(pictures)
    starts = [branch.start for branch in found.branches] or [0]
    spans = tuple((start, receptive_field(network, found.name, start)) for start in starts)
    scores = torch.full((channels, TOP), -torch.inf)
    places = torch.full((channels, TOP), -1)
    positions = torch.full((channels, TOP), -1)
    maximum = torch.zeros(channels)
    left_out: list[LeftOut] = []
    begin = 0
    if after is not None:
        known = after.stimuli
        scores, places, positions = known.scores, known.pictures, known.positions
        maximum, left_out, begin = known.maximum, [*after.left_out], after.done
    for start in range(begin, total, _BATCH):
        batch, members = [], []
        for place in range(start, min(start + _BATCH, total)):
            try:
                batch.append(input_for(network, pictures.picture(place)))
            except ImageError as error:
                left_out.append(LeftOut(pictures.titles[place], str(error)))
            else:
                members.append(place)
        if batch:
            name = found.pre_relu or found.name
            reduce = _positive_peaks if found.pre_relu else _peaks
            peaks = observe(network.module, torch.cat(batch), [name], reduce)[name]
            values, where, strength = peaks[0], peaks[1].long(), peaks[2]
            maximum = torch.maximum(maximum, strength.float().amax(0))
            # Stable, and what was found before comes first: of equals the earlier one stays.
            scores, order = torch.sort(
                torch.cat((scores, values.float().T), 1), dim=1, descending=True, stable=True
            )
            here = torch.tensor(members).expand(channels, -1)
            scores, order = scores[:, :TOP].clone(), order[:, :TOP]
            places = torch.cat((places, here), 1).gather(1, order)
            positions = torch.cat((positions, where.T), 1).gather(1, order)
        done = min(start + _BATCH, total)
        if done == total and len(left_out) == total:
            raise ImageError(
                "Not one picture of the set can be read; the first: "
                f"{left_out[0].title}: {left_out[0].reason}"
            )
        seen = done - len(left_out)
        held = (scores, places, positions, maximum)
        stimuli = TopPatches(found, seen, *held, pictures.titles, spans)
        yield TopPatchesStep(done, total, stimuli, tuple(left_out))
        if stop():
            return


def _peaks(output: Tensor) -> Tensor:
    """Reduce (N, C, H, W) to each map's maximum, its place and its largest magnitude, (3, N, C)."""
    maps = output.reshape(*output.shape[:2], -1)
    largest, where = maps.max(2)
    # A place is below 2²⁴ and so exact as a float32.
    return torch.stack((largest.float(), where.float(), maps.abs().amax(2).float()))


def _positive_peaks(output: Tensor) -> Tensor:
    return _peaks(output.clamp(min=0))
