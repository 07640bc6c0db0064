"""What a network makes of each image of a set, in a few numbers: predictions, empty shares, maxima.

One pass serves all layers and the scores, except where the decoder was trained on smaller images
than the encoder gets (`convviz.features.predictions`). Each batch has the same size, the last ones
filled up, so that what is said of an image does not depend on the images around it. Only numbers
are kept, never maps, so memory does not grow with the size of the maps.

The global average and maximum of a channel are those of the layer's own output, before the ReLU
where one still follows. Empty channels and the largest activation are what comes out of that ReLU,
as everywhere (`convviz.features.activations`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from convviz.datasets.image_set import ImageSet
from convviz.errors import NetworkError
from convviz.features.activations import (
    check_threshold,
    extremes,
    is_empty,
    judged,
    needed,
    rectified,
    strength,
)
from convviz.features.capture import check_images, copied, input_batches, observe_each
from convviz.features.predictions import Prediction, best, for_decoder
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layer

_SCORES = ""  # the name of the network as a whole
_BATCH = 4  # as large as the batches of a set


@dataclass(frozen=True, eq=False)
class LayerFeatures:
    """One layer's answer to one image, in numbers.

    Attributes:
        mean: Global average of each channel of the layer's output, shape (C,).
        maximum: Largest value of each channel of the layer's output, shape (C,).
        empty: How many channels are empty.
        largest: The largest activation after the ReLU.
        largest_channel: The channel that it is in, the first of equals.
    """

    mean: Tensor
    maximum: Tensor
    empty: int
    largest: float
    largest_channel: int

    @property
    def empty_share(self) -> float:
        """Share of the channels that are empty, in 0…1."""
        return self.empty / len(self.mean)


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """What a network makes of one image of a set.

    Attributes:
        index: The image's index in the set.
        title: Its title.
        predictions: The most probable classes, the most probable first; () without a decoder.
        layers: Dotted name of each layer to its numbers; empty for an image that cannot be read.
        reason: Why there are no numbers, or no predictions; "" where nothing is missing.
        is_broken: Whether the image cannot be read.
    """

    index: int
    title: str
    predictions: tuple[Prediction, ...]
    layers: Mapping[str, LayerFeatures]
    reason: str = ""
    is_broken: bool = False


@dataclass(frozen=True, eq=False)
class ImageFeaturesStep:
    """Where a pass over a part of a set stands.

    Attributes:
        done: How many images were looked at.
        total: How many there are.
        rows: Their results, at the end of the pass or where it was stopped; () before.
    """

    done: int
    total: int
    rows: tuple[ImageFeatures, ...] = ()

    @property
    def fraction(self) -> float:
        """Share of the work that is done, in 0…1."""
        return self.done / self.total

    @property
    def nbytes(self) -> int:
        """Memory that it holds, about."""
        return sum(
            400 + sum(layer.mean.nbytes + layer.maximum.nbytes for layer in row.layers.values())
            for row in self.rows
        )


def image_features(
    network: Network,
    images: ImageSet,
    layer_names: Sequence[str],
    *,
    k: int = 5,
    threshold: float = 0.0,
) -> Iterator[ImageFeatures]:
    """Measure layers, and predict classes, for every image of a set.

    Args:
        network: The network.
        images: The set.
        layer_names: Dotted names of the layers; there may be none.
        k: How many classes are predicted.
        threshold: τ, up to which a channel counts as empty.

    Yields:
        One result for each image in the order of the set, those that cannot be read among them.

    Raises:
        NetworkError: There is no such layer, or it cannot be shown.
        SettingError: The set is empty, or the threshold lies outside 0…1.
        ImageError: Not one image of the set can be read; raised by the first step that knows.
    """
    check_threshold(threshold)
    check_images(images)
    targets = [layer(network, name) for name in dict.fromkeys(layer_names)]
    return _measured(network, images, targets, k, threshold)


def measure_images(
    network: Network,
    pictures: ImageSet,
    layer_names: Sequence[str],
    *,
    k: int,
    threshold: float,
    stop: Callable[[], bool],
) -> Iterator[ImageFeaturesStep]:
    """Do what `image_features` does as the work of a job, whose last item has all results.

    Args:
        network: The network.
        pictures: The set.
        layer_names: Dotted names of the layers; there may be none.
        k: How many classes are predicted.
        threshold: τ, up to which a channel counts as empty.
        stop: Asked after every image whether to end.

    Raises:
        ConvvizError: As `image_features` does.
    """
    rows: list[ImageFeatures] = []
    total = len(pictures)
    for row in image_features(network, pictures, layer_names, k=k, threshold=threshold):
        rows.append(row)
        if stop():
            break
        if len(rows) % _BATCH == 0:
            yield ImageFeaturesStep(len(rows), total)
    yield ImageFeaturesStep(len(rows), total, tuple(rows))


def _measured(
    network: Network, images: ImageSet, targets: Sequence[Layer], k: int, threshold: float
) -> Iterator[ImageFeatures]:
    begin = 0
    reasons: list[str] = []
    for batch in input_batches(network, images):
        rows = iter(_rows(network, batch.inputs, targets, k, threshold))
        new = iter(batch.left_out[len(reasons) :])
        for index in range(begin, batch.done):
            title = images.titles[index]
            if index in batch.indices:
                predictions, layers, reason = next(rows)
                yield ImageFeatures(index, title, predictions, layers, reason)
            else:
                reasons.append(next(new).reason)
                yield ImageFeatures(index, title, (), {}, reasons[-1], is_broken=True)
        begin = batch.done


def _rows(
    network: Network, inputs: Tensor, targets: Sequence[Layer], k: int, threshold: float
) -> list[tuple[tuple[Prediction, ...], dict[str, LayerFeatures], str]]:
    """Run the network on some images; N may be 0."""
    count = len(inputs)
    if not count:
        return []
    filled = torch.cat((inputs, inputs[-1:].expand(_BATCH - count, -1, -1, -1)))
    reducers = dict.fromkeys((name for target in targets for name in needed(target)), _reduced)
    for_scores = for_decoder(network, filled)
    is_one_pass = for_scores is filled and network.weights.has_decoder
    outputs = observe_each(
        network.module, filled, reducers | ({_SCORES: copied} if is_one_pass else {})
    )
    if network.weights.has_decoder and not is_one_pass:
        outputs |= observe_each(network.module, for_scores, {_SCORES: copied})
    scores = outputs.get(_SCORES)
    rows = []
    for row in range(count):
        layers = {target.name: _features(target, outputs, row, threshold) for target in targets}
        predictions: tuple[Prediction, ...] = ()
        reason = ""
        if scores is not None and scores.dim() == 2:  # else a user's network has no class scores
            try:
                predictions = best(network, scores[row], k)
            except NetworkError as error:  # no finite numbers for this image; others may have some
                reason = str(error)
        rows.append((predictions, layers, reason))
    return rows


def _reduced(output: Tensor) -> Tensor:
    """Reduce (N, C, H, W) or (N, C) to each channel's least, largest and mean value, (N, C, 3)."""
    mean = output.reshape(*output.shape[:2], -1).float().mean(2, keepdim=True)
    return copied(torch.cat((extremes(output).float(), mean), 2))


def _features(
    layer: Layer, outputs: Mapping[str, Tensor], row: int, threshold: float
) -> LayerFeatures:
    own, ends = outputs[layer.name][row], outputs[judged(layer)][row : row + 1, :, :2]
    largest = rectified(layer, ends)[0, :, 1].nan_to_num(nan=-torch.inf, posinf=torch.inf)
    channel = int(largest.argmax())
    return LayerFeatures(
        mean=own[:, 2].clone(),
        maximum=own[:, 1].clone(),
        empty=int(is_empty(strength(layer, ends), threshold).sum()),
        largest=float(largest[channel]),
        largest_channel=channel,
    )
