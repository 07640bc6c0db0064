"""How a linear layer behind averaged maps makes the score of a class: class activation mapping.

The score is a weighted sum of the means of the maps, so each map and each position adds its share,
as in Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016.
"""

from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor, nn

from convviz.errors import NetworkError
from convviz.features.capture import capture, input_for
from convviz.features.class_target import (
    ClassTarget,
    check_target,
    class_scores,
    decoder_input,
)
from convviz.features.predictions import Prediction, predict_batch
from convviz.language import tr
from convviz.networks.network import Network
from convviz.structure.layers import Layer, layers
from convviz.structure.ops import weight_of

_NOTHING = 1e-3  # up to this, two scores are the same


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


@dataclass(frozen=True, eq=False)
class ClassActivationMap:
    """Class activation mapping: Σ weight · map, where averages and one linear layer follow.

    There it is Grad-CAM but for a factor: the gradient of a mean of H·W values is 1/(H·W) of the
    weight at each of them.

    Attributes:
        layer: The encoder's last layer.
        target: The class.
        weights: The linear layer's weight of each channel, of two classes their difference, (C,).
        maps: The layer's output, shape (C, H, W).
        bias: The linear layer's bias for the class.
    """

    layer: Layer
    target: ClassTarget
    weights: Tensor
    maps: Tensor
    bias: float

    @property
    def evidence(self) -> Tensor:
        """For the class above 0 and against it below, shape (H, W); its mean + bias = score."""
        return (self.weights[:, None, None] * self.maps).sum(0)

    @property
    def map(self) -> Tensor:
        """What speaks for the class: the positive part of `evidence`, shape (H, W)."""
        return self.evidence.clamp(min=0)

    @property
    def positions(self) -> int:
        """Number of places H·W: how many times as large as Grad-CAM's values these are."""
        return self.maps.shape[1] * self.maps.shape[2]


def class_activation_map(
    network: Network, image: Image.Image, target: ClassTarget
) -> ClassActivationMap | None:
    """Map the evidence for a class where only averages and one linear layer follow the maps.

    Whether that is so is seen from the numbers: the linear layer, put on the means of the last
    maps, must return the network's scores.

    Returns:
        The map; None where more follows, or something else, and where the linear layer makes
        nothing of the means, which would show nothing.

    Raises:
        NetworkError: The weights have no decoder, or the scores are no finite numbers.
        SettingError: There is no such class.
    """
    batch = decoder_input(network, image)
    check_target(network, target)
    scores, last = class_scores(network, batch), last_maps(network)
    maps = capture(network.module, batch, [last.name])[last.name][0]
    for part in network.module.modules():
        if not isinstance(part, nn.Linear) or part.in_features != len(maps):
            continue
        weight = part.weight.detach().float()
        bias = torch.zeros(len(weight)) if part.bias is None else part.bias.detach().float()
        shares = weight @ maps.mean((1, 2))
        # Where the maps add nothing, such as with weights of 0, the scores are the bias whatever
        # comes between, and tell nothing of what does.
        if not (shares.abs() > _NOTHING).any():
            continue
        again = shares + bias
        if again.shape == scores[0].shape and torch.allclose(
            again, scores[0], rtol=1e-3, atol=_NOTHING
        ):
            return ClassActivationMap(
                last,
                target,
                target.score(weight.T),
                maps,
                float(target.score(bias[None])[0]),
            )
    return None


def average_maps(network: Network, image: Image.Image) -> AveragedMaps:
    """Average each of the encoder's last maps over an image.

    Raises:
        NetworkError: The network has no maps, or their means are no finite numbers.
    """
    last = last_maps(network)
    maps = capture(network.module, input_for(network, image), [last.name])[last.name][0]
    means = maps.mean((1, 2))
    if not means.isfinite().all():
        raise NetworkError(
            tr(
                "The activations of {layer} for this image are no finite numbers, so no average "
                "can be taken: the network's weights are too large, or damaged; choose others.",
                layer=last.title,
            )
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


def last_maps(network: Network) -> Layer:
    """Return the last layer of a network's encoder that puts out maps.

    Raises:
        NetworkError: There is none.
    """
    maps = [layer for layer in layers(network) if layer.in_encoder and len(layer.shape) == 3]
    if not maps:
        raise NetworkError(tr("{network} has no maps: choose a ConvNet.", network=network.title))
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
