"""Which classes a network, or each of its heads, predicts for an image."""

from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from convviz.errors import NetworkError
from convviz.features.activations import Activations, activations_in, activations_of_batch, needed
from convviz.features.capture import capture, copied, input_for, observe_each
from convviz.features.score_before_softmax import probabilities, scores_taken
from convviz.language import tr
from convviz.networks.clone import clone
from convviz.networks.network import Network
from convviz.structure.costs import heads as auxiliary_heads
from convviz.structure.layers import layer, layers


@dataclass(frozen=True)
class Prediction:
    """One class and the probability that the network gives it.

    Attributes:
        label: The class's first name, "goldfish".
        probability: By softmax over all classes, in 0…1; by a sigmoid where the network ends in
            one.
        index: The class's number.
        names: All its names as the weights list them, "goldfish, Carassius auratus".
    """

    label: str
    probability: float
    index: int
    names: str


def predict(network: Network, image: Image.Image, k: int = 5) -> tuple[Prediction, ...]:
    """Predict the k most probable classes of an image, the most probable first.

    Returns:
        k predictions, fewer if there are fewer classes; none if the weights have no decoder.

    Raises:
        NetworkError: The network's scores are no finite numbers.
    """
    return predict_batch(network, input_for(network, image), k)


def predict_batch(network: Network, batch: Tensor, k: int = 5) -> tuple[Prediction, ...]:
    """Predict the k most probable classes for a network input, normalised, shape (1, 3, S, S).

    For a decoder that was trained on smaller images the input is scaled down to their size.

    Raises:
        NetworkError: The network's scores are no finite numbers.
    """
    if not network.weights.has_decoder:
        return ()
    batch = for_decoder(network, batch)
    with torch.inference_mode(), scores_taken(network.module, batch) as scores_of:
        # On a clone, so that a network that stores something in its forward pass cannot mix up two
        # callers' images.
        scores = clone(network.module)(batch)
        if not isinstance(scores, Tensor) or scores.dim() != 2:
            return ()  # a user's network may put out something other than class scores
        scores = scores_of(scores)
    return best(network, scores[0], k)


def activations_and_predictions(
    network: Network, batch: Tensor, layer_name: str, k: int = 5
) -> tuple[Activations, tuple[Prediction, ...]]:
    """Measure a layer and predict the k most probable classes, in one pass where that is enough.

    It is not for a decoder that was trained on smaller images: that sees them in their own size.

    Args:
        network: The network.
        batch: Its input, as `capture.input_for` makes it, shape (1, 3, S, S).
        layer_name: Dotted name of the layer.
        k: How many classes at most.

    Raises:
        NetworkError: There is no such layer, or the scores are no finite numbers.
    """
    weights = network.weights
    if not weights.has_decoder or weights.decoder_size not in (None, batch.shape[-1]):
        activations = activations_of_batch(network, batch, (layer_name,))[layer_name]
        return activations, predict_batch(network, batch, k)
    target, gaps = layer(network, layer_name), dict[str, str]()
    names = needed(target)
    reducers = dict.fromkeys(("", *names), copied)
    outputs = observe_each(network.module, batch, reducers, gaps=gaps)
    for name in names:
        if name in gaps:
            raise NetworkError(gaps[name])
    scores = outputs.get("")  # a user's network may put out something other than class scores
    predictions = () if scores is None or scores.dim() != 2 else best(network, scores[0], k)
    return activations_in(target, outputs), predictions


def for_decoder(network: Network, batch: Tensor) -> Tensor:
    """Scale an input down where the decoder was trained on smaller images; or leave it as it is."""
    size = network.weights.decoder_size
    if size is None or size == batch.shape[-1]:
        return batch
    return interpolate(batch, (size, size), mode="bilinear", antialias=True, align_corners=False)


def best(network: Network, scores: Tensor, k: int = 5) -> tuple[Prediction, ...]:
    """Return the k most probable classes by their scores before softmax, shape (classes,).

    Raises:
        NetworkError: The scores are no finite numbers.
    """
    if not scores.isfinite().all():
        raise NetworkError(
            tr(
                "The scores of {network} for this image are no finite numbers, so it has no "
                "best guess: its weights are too large, or damaged; choose others.",
                network=network.title,
            )
        )
    shares = probabilities(network, scores)
    return tuple(
        _prediction(network.weights.classes, index, float(shares[index]))
        for index in ranked(scores)[:k]
    )


def ranked(scores: Tensor) -> tuple[int, ...]:
    """Order classes by their scores, shape (classes,), the best first; equals by their number."""
    return tuple(scores.argsort(descending=True, stable=True).tolist())


def class_name(classes: tuple[str, ...], index: int) -> str:
    """Return a class's first name; one without a name is called by its number."""
    names = _names(classes, index)
    return names.split(",")[0].strip() if index < len(classes) else names


def _names(classes: tuple[str, ...], index: int) -> str:
    if index >= len(classes):
        return tr("class {index}", index=index)
    return " ".join(classes[index].split())


def _prediction(classes: tuple[str, ...], index: int, probability: float) -> Prediction:
    names = _names(classes, index)
    return Prediction(class_name(classes, index), probability, index, names)


@dataclass(frozen=True)
class HeadPrediction:
    """What one head predicts for an image.

    Attributes:
        name: Dotted name of the head; "" for the network's main classifier.
        after: Dotted name of the layer whose output is its input.
        depth: Layers with kernels from the image to that output.
        predictions: The head's most probable classes, the most probable first.
    """

    name: str
    after: str
    depth: int
    predictions: tuple[Prediction, ...]


def head_predictions(
    network: Network, image: Image.Image, k: int = 3
) -> tuple[HeadPrediction, ...]:
    """Predict with a network's auxiliary heads, which do not run in eval mode, and its main one.

    Returns:
        One prediction per head from the shallowest to the main classifier; empty if the network has
        no auxiliary heads, or if its weights make no predictions.

    Raises:
        NetworkError: An auxiliary head does not read the output of one layer, or the scores are
            no finite numbers.
    """
    heads = auxiliary_heads(network)
    if not heads or not network.weights.has_decoder:
        return ()
    batch = input_for(network, image)
    maps = capture(network.module, batch, [head.after for head in heads])
    predictions = []
    for head in heads:
        # A head is a small network whose input is maps instead of an image.
        head_network = replace(network, module=network.module.get_submodule(head.name))
        ranked = predict_batch(head_network, maps[head.after], k)
        predictions.append(HeadPrediction(head.name, head.after, head.depth, ranked))
    main = predict_batch(network, batch, k)
    encoder = [layer for layer in layers(network) if layer.in_encoder]
    return (*predictions, HeadPrediction("", encoder[-1].name, heads[-1].encoder_depth, main))
