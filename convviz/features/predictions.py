"""What a network takes an image for."""

from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from convviz.features.capture import capture, input_for
from convviz.networks.clone import clone
from convviz.networks.network import Network
from convviz.structure.costs import heads as auxiliary_heads
from convviz.structure.layers import layers


@dataclass(frozen=True)
class Prediction:
    """One class and the probability that the network gives it.

    Attributes:
        label: The class's first name, "goldfish".
        probability: By softmax over all classes, in 0…1.
        index: The class's number.
        names: All its names as the weights list them, "goldfish, Carassius auratus".
    """

    label: str
    probability: float
    index: int
    names: str


def predict(network: Network, image: Image.Image, k: int = 5) -> tuple[Prediction, ...]:
    """Give the k most probable classes of a picture, the most probable first.

    Returns:
        k predictions, fewer if there are fewer classes; none if the weights have no decoder.
    """
    return predict_batch(network, input_for(network, image), k)


def predict_batch(network: Network, batch: Tensor, k: int = 5) -> tuple[Prediction, ...]:
    """Do as `predict` does, for an input that is normalised already, shape (1, 3, S, S).

    A decoder that was trained on smaller images is asked with the input scaled down to those.
    """
    if not network.weights.has_decoder:
        return ()
    with torch.inference_mode():
        # On a clone, lest a network that keeps notes in its forward mixes up two callers' images.
        scores = clone(network.module)(for_decoder(network, batch))
    if not isinstance(scores, Tensor) or scores.dim() != 2:
        return ()  # a network of one's own may put out something other than class scores
    return best(network, scores[0], k)


def for_decoder(network: Network, batch: Tensor) -> Tensor:
    """Scale an input down where the decoder was trained on smaller images; or leave it as it is."""
    size = network.weights.decoder_size
    if size is None or size == batch.shape[-1]:
        return batch
    return interpolate(batch, (size, size), mode="bilinear", antialias=True, align_corners=False)


def best(network: Network, scores: Tensor, k: int = 5) -> tuple[Prediction, ...]:
    """Give the k most probable classes by their scores, shape (classes,), as logits."""
    probabilities = scores.float().softmax(0)
    most = probabilities.topk(min(k, len(probabilities)))
    return tuple(
        _prediction(network.weights.classes, index, probability)
        for probability, index in zip(most.values.tolist(), most.indices.tolist(), strict=True)
    )


def _prediction(classes: tuple[str, ...], index: int, probability: float) -> Prediction:
    names = " ".join(classes[index].split()) if index < len(classes) else f"class {index}"
    return Prediction(names.split(",")[0].strip(), probability, index, names)


@dataclass(frozen=True)
class HeadPrediction:
    """What one head says of an image.

    Attributes:
        name: Dotted name of the head; "" for the network's main classifier.
        after: Dotted name of the layer whose output it reads.
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
    """Ask a network's auxiliary heads, which it leaves out when it classifies, and its main one.

    Returns:
        One opinion per head from the shallowest to the main classifier; empty if the network has
        no auxiliary heads, or if its weights make no predictions.

    Raises:
        NetworkError: An auxiliary head does not read the output of one layer.
    """
    heads = auxiliary_heads(network)
    if not heads or not network.weights.has_decoder:
        return ()
    batch = input_for(network, image)
    maps = capture(network.module, batch, [head.after for head in heads])
    found = []
    for head in heads:
        # A head is a little network of its own, whose picture is the maps it reads.
        alone = replace(network, module=network.module.get_submodule(head.name))
        ranked = predict_batch(alone, maps[head.after], k)
        found.append(HeadPrediction(head.name, head.after, head.depth, ranked))
    main = predict_batch(network, batch, k)
    encoder = [layer for layer in layers(network) if layer.in_encoder]
    return (*found, HeadPrediction("", encoder[-1].name, heads[-1].network_depth, main))
