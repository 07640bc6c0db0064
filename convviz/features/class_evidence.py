"""How a linear layer behind averaged maps makes the score of a class: class activation mapping.

The score is a weighted sum of the means of the maps, so each map and each position adds its share,
as in Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016.
"""

from dataclasses import dataclass

from PIL import Image
from torch import Tensor, nn

from convviz.errors import NetworkError
from convviz.features.capture import capture, input_for
from convviz.features.predictions import Prediction, predict_batch
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layers
from convviz.structure.ops import weight_of


@dataclass(frozen=True, eq=False)
class AveragedMaps:
    """The encoder's last maps, each averaged to one number.

    Attributes:
        layer: The encoder's last layer.
        maps: Its output, shape (C, H, W).
        means: Mean of each map, shape (C,).
    """

    layer: Layer
    maps: Tensor
    means: Tensor


@dataclass(frozen=True, eq=False)
class ClassEvidence:
    """How averaged maps become the score of one class: score = Σ weight · mean + bias.

    Attributes:
        prediction: The class.
        weights: The linear layer's weight for each channel, shape (C,).
        contributions: weight · mean of each channel, shape (C,).
        bias: The linear layer's bias for the class.
        evidence: Σ weight · map, shape (H, W); its mean and the bias make up the score.
    """

    prediction: Prediction
    weights: Tensor
    contributions: Tensor
    bias: float
    evidence: Tensor

    @property
    def score(self) -> float:
        """The class's score before softmax."""
        return float(self.contributions.sum()) + self.bias

    def strongest(self, k: int) -> tuple[int, ...]:
        """Return the k channels that add most to the score, the largest contribution first."""
        count = min(k, len(self.contributions))
        return tuple(self.contributions.topk(count).indices.tolist())


def average_maps(network: Network, image: Image.Image) -> AveragedMaps:
    """Average each of the encoder's last maps over an image.

    Raises:
        NetworkError: The network has no maps, or their means are no finite numbers.
    """
    last = _last_maps(network)
    maps = capture(network.module, input_for(network, image), [last.name])[last.name][0]
    means = maps.mean((1, 2))
    if not means.isfinite().all():
        raise NetworkError(
            f"The activations of {last.title} for this image are no finite numbers, so no average "
            "can be taken: the network's weights are too large, or damaged; choose others."
        )
    return AveragedMaps(last, maps, means)


def class_evidence(
    network: Network, averaged: AveragedMaps, image: Image.Image, k: int = 5
) -> tuple[ClassEvidence, ...]:
    """Split the scores of the most probable classes into the contributions of the channels.

    Args:
        network: The network.
        averaged: Its `average_maps` for the image.
        image: The image.
        k: How many classes.

    Returns:
        One for each of the k most probable classes; empty if the network does not put one trained
        linear layer behind averaged maps.

    Raises:
        NetworkError: The network's scores are no finite numbers.
    """
    linear = _classifier(network, averaged)
    if linear is None or not network.weights.has_decoder:
        return ()
    weight, bias = weight_of(linear).float().cpu(), linear.bias
    evidence = []
    for prediction in predict_batch(network, input_for(network, image), k):
        weights = weight[prediction.index]
        evidence.append(
            ClassEvidence(
                prediction=prediction,
                weights=weights,
                contributions=weights * averaged.means,
                bias=0.0 if bias is None else float(bias[prediction.index]),
                evidence=(weights[:, None, None] * averaged.maps).sum(0),
            )
        )
    return tuple(evidence)


def _last_maps(network: Network) -> Layer:
    maps = [layer for layer in layers(network) if layer.in_encoder and len(layer.shape) == 3]
    if not maps:
        raise NetworkError(f"{network.title} has no maps to average: choose a ConvNet.")
    return maps[-1]


def _classifier(network: Network, averaged: AveragedMaps) -> nn.Linear | None:
    """Return the one linear layer behind the averaged maps, if that is all the decoder does."""
    decoder = [layer for layer in layers(network) if not layer.in_encoder]
    linear = [layer for layer in decoder if layer.kind == "linear"]
    if len(linear) != 1 or any("ReLU" in layer.kind for layer in decoder):
        return None
    module = network.module.get_submodule(linear[0].name)
    fits = isinstance(module, nn.Linear) and module.in_features == len(averaged.means)
    return module if fits and isinstance(module, nn.Linear) else None
