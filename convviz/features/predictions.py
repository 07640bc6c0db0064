"""What a network takes an image for."""

from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from convviz.features.capture import input_for
from convviz.networks import Network
from convviz.networks.clone import clone


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
    size = network.weights.decoder_size
    with torch.inference_mode():
        if size is not None and size != batch.shape[-1]:
            batch = interpolate(
                batch, (size, size), mode="bilinear", antialias=True, align_corners=False
            )
        # On a clone, lest a network that keeps notes in its forward mixes up two callers' images.
        scores = clone(network.module)(batch)
    if not isinstance(scores, Tensor) or scores.dim() != 2:
        return ()  # a network of one's own may put out something other than class scores
    probabilities = scores[0].float().softmax(0)
    best = probabilities.topk(min(k, len(probabilities)))
    return tuple(
        _prediction(network.weights.classes, index, probability)
        for probability, index in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    )


def _prediction(classes: tuple[str, ...], index: int, probability: float) -> Prediction:
    names = " ".join(classes[index].split()) if index < len(classes) else f"class {index}"
    return Prediction(names.split(",")[0].strip(), probability, index, names)
