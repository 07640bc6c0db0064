"""Where in a layer's maps the evidence for a class lies: Grad-CAM and two of its relatives.

All three multiply a layer's maps with the gradient of the class's score and add the channels up;
what is negative is set to 0. They differ in what they make of the gradient first:

- Grad-CAM takes its mean over each channel's map (Selvaraju et al., "Grad-CAM: Visual Explanations
  from Deep Networks via Gradient-based Localization", ICCV 2017);
- HiRes-CAM takes it as it is, place by place (Draelos and Carin, "Use HiResCAM instead of Grad-CAM
  for faithful explanations of convolutional neural networks", 2020);
- Layer-CAM takes its positive part, place by place (Jiang et al., "LayerCAM: Exploring Hierarchical
  Class Activation Maps for Localization", IEEE Transactions on Image Processing 2021).

The maps are those that the layer puts out, before a ReLU that follows. A map of evidence has the
layer's own grid and is not scaled, so that maps can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

from PIL import Image
from torch import Tensor

from convviz.errors import NetworkError, SettingError
from convviz.features.capture import layer_gradient
from convviz.features.class_target import (
    ClassTarget,
    check_scores,
    check_target,
    decoder_input,
)
from convviz.language import tr
from convviz.networks.network import Network
from convviz.structure.costs import receptive_field
from convviz.structure.layers import Layer, layer, layers
from convviz.structure.trunk import stepping_stones, trunk

CamMethod = Literal["gradcam", "hirescam", "layercam"]
_TRIED = 6  # layers, for one that a gradient reaches

CAM_METHODS: tuple[CamMethod, ...] = get_args(CamMethod)


@dataclass(frozen=True, eq=False)
class ClassMap:
    """The evidence for a class in one layer's maps.

    Attributes:
        method: How it was found.
        layer: The layer.
        target: The class.
        score: The class's score, or the difference of two.
        maps: The layer's output, shape (C, H, W).
        gradients: The gradient of the score with respect to it, shape (C, H, W).
    """

    method: CamMethod
    layer: Layer
    target: ClassTarget
    score: float
    maps: Tensor
    gradients: Tensor

    @cached_property
    def weights(self) -> Tensor:
        """Grad-CAM's weight of each channel, its mean gradient, shape (C,)."""
        return self.gradients.mean((1, 2))

    def of_channel(self, channel: int) -> Tensor:
        """Return what a channel adds at each place, with its sign, shape (H, W)."""
        values, gradient = self.maps[channel], self.gradients[channel]
        if self.method == "gradcam":
            return self.weights[channel] * values
        return (gradient.clamp(min=0) if self.method == "layercam" else gradient) * values

    @cached_property
    def evidence(self) -> Tensor:
        """For the class above 0 and against it below, shape (H, W)."""
        if self.method == "gradcam":
            return (self.weights[:, None, None] * self.maps).sum(0)
        gradients = self.gradients.clamp(min=0) if self.method == "layercam" else self.gradients
        return (gradients * self.maps).sum(0)

    @property
    def map(self) -> Tensor:
        """What speaks for the class: the positive part of `evidence`, shape (H, W)."""
        return self.evidence.clamp(min=0)

    @cached_property
    def contributions(self) -> Tensor:
        """An estimate of each channel's share in the score, in the score's unit, shape (C,).

        It is Grad-CAM's weight times the mean activation, once for each place of the map. Where
        averages and one linear layer follow, these shares and the bias add up to the score; in
        other places they say how the score would change if it went on as it begins to.
        """
        return self.gradients.sum((1, 2)) * self.maps.mean((1, 2))

    @property
    def is_reached(self) -> bool:
        """Whether the gradient is other than 0 anywhere: else the layer has no say."""
        return bool(self.gradients.any())

    def strongest(self, k: int) -> tuple[int, ...]:
        """Return the k channels that add most to the score, the largest contribution first."""
        count = min(k, len(self.contributions))
        return tuple(self.contributions.topk(count).indices.tolist())


def grad_cam(
    network: Network,
    image: Image.Image,
    layer_name: str,
    target: ClassTarget,
    method: CamMethod = "gradcam",
) -> ClassMap:
    """Find where in a layer's maps the evidence for a class lies.

    Args:
        network: The network; it is not touched.
        image: The image.
        layer_name: Dotted name of a layer whose output is maps.
        target: The class, or the two classes that are compared.
        method: One of `CAM_METHODS`.

    Returns:
        The evidence. Where no gradient reaches the layer it is 0 everywhere; see `check_reached`.

    Raises:
        NetworkError: There is no such layer, it has no maps, the weights have no decoder, or the
            scores are no finite numbers.
        SettingError: There is no such class or method.
    """
    return grad_cam_of(network, decoder_input(network, image), layer_name, target, method)


def grad_cam_of(
    network: Network,
    batch: Tensor,
    layer_name: str,
    target: ClassTarget,
    method: CamMethod = "gradcam",
) -> ClassMap:
    """Do as `grad_cam` for an input as `class_target.decoder_input` makes it, (1, 3, S, S)."""
    if method not in CAM_METHODS:
        raise SettingError(
            tr(
                "There is no method {method!r}; choose {methods}.",
                method=method,
                methods=", ".join(CAM_METHODS),
            )
        )
    check_target(network, target)
    found = layer(network, layer_name)
    output, gradient, scores = layer_gradient(network.module, batch, found.name, target.score)
    check_scores(network, scores, gradient)
    if output.dim() != 4:
        raise NetworkError(
            tr(
                "{layer} puts out no maps but {size} numbers, which have no place in the "
                "image: choose {other} or another layer with maps.",
                layer=found.title,
                size=" × ".join(map(str, output.shape[1:])),
                other=last_with_maps(network).title,
            )
        )
    score = float(target.score(scores)[0])
    return ClassMap(method, found, target, score, output[0], gradient[0])


def with_method(class_map: ClassMap, method: CamMethod) -> ClassMap:
    """Return the same maps and gradients, put together by another method."""
    return replace(class_map, method=method)


def check_reached(network: Network, image: Image.Image, class_map: ClassMap) -> None:
    """Check that a gradient of the score reaches the layer's maps.

    Raises:
        NetworkError: None does; the sentence names an earlier layer that one reaches.
    """
    if class_map.is_reached:
        return
    before = reached_before(network, image, class_map)
    if before is None:
        raise NetworkError(
            tr(
                "No gradient of the score reaches {layer}: what comes after it passes nothing of "
                "it on to the class, so it shows no evidence; choose another layer.",
                layer=class_map.layer.title,
            )
        )
    raise NetworkError(
        tr(
            "No gradient of the score reaches {layer}: what comes after it passes nothing of "
            "it on to the class, so it shows no evidence; choose {earlier} ({name}), which is "
            "before.",
            layer=class_map.layer.title,
            earlier=before.title,
            name=before.name,
        )
    )


def layers_with_grids(network: Network) -> tuple[Layer, ...]:
    """List the layers that pickers show and whose maps have several places, in order."""
    return tuple(
        each
        for each in layers(network)
        if not each.detail and each.kind != "dropout" and is_grid(each.shape)
    )


def is_grid(shape: Sequence[int]) -> bool:
    """Tell whether an output of this shape, (C, H, W), has more than one place."""
    return len(shape) == 3 and shape[1] * shape[2] > 1


def reached_before(network: Network, image: Image.Image, class_map: ClassMap) -> Layer | None:
    """Find the last layer, by module, before one without gradient that the gradient does reach.

    Behind the last attention of a transformer, for instance, only the class token goes on to the
    classes, so no gradient reaches the places of the image there.

    Returns:
        The layer; None where it is not among the few that are tried.
    """
    batch = decoder_input(network, image)
    stones = stepping_stones(network.module, layers_with_grids(network))
    earlier = [each for each in stones if each.index < class_map.layer.index]
    for each in reversed(earlier[-_TRIED:]):
        if grad_cam_of(network, batch, each.name, class_map.target).is_reached:
            return each
    return None


def last_with_maps(network: Network) -> Layer:
    """Return the layer that Grad-CAM usually looks at: the last one of the trunk with maps.

    Raises:
        NetworkError: The network has no maps of more than one place.
    """
    with_grid = [each for each in trunk(layers(network)) if is_grid(each.shape)]
    if not with_grid:
        raise NetworkError(
            tr(
                "{network} has no layer whose maps have several places: choose a ConvNet.",
                network=network.title,
            )
        )
    return with_grid[-1]


def evidence_box(
    network: Network, layer_name: str
) -> tuple[tuple[float, float, float, float] | None, int]:
    """Find where a map of evidence lies on the input that the predictions are made of.

    Returns:
        (top, left, bottom, right) in its pixels, None where it cannot be followed; and its side.

    Raises:
        NetworkError: There is no such layer.
    """
    seen = as_decoder_sees(network)
    field = receptive_field(seen, layer_name)
    return (None if field is None else field.map_box), seen.input_size


def as_decoder_sees(network: Network) -> Network:
    """Return the same network with the side of the input that its predictions are made of."""
    size = network.weights.decoder_size
    if size is None:
        return network
    return replace(network, weights=replace(network.weights, input_size=size))
