"""Images as points: in a plane, so that one sees how they lie, and by which are nearest.

The plane is that of the two principal components (Pearson 1901), or t-SNE's (van der Maaten and
Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008), which keeps neighbours together and says
nothing by the distances between groups. Both look at standardised features. Neighbours are told by
the cosine distance of the features as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize

from convviz.errors import SettingError
from convviz.features.activations import activations
from convviz.features.capture import input_for
from convviz.language import tr
from convviz.learning.probe import scale
from convviz.networks.network import Network

_COMPONENTS = 50  # that t-SNE looks at, as its authors do
_PERPLEXITY = 30.0


@dataclass(frozen=True, eq=False)
class Plane:
    """Images as points of a plane.

    Attributes:
        points: (N, 2), float64.
        shares: Share of the variance along each axis, in 0…1; None where axes mean nothing.
    """

    points: Tensor
    shares: tuple[float, float] | None


def pca(features: Tensor, others: Tensor | None = None) -> Plane:
    """Project images onto the two directions along which their standardised features vary most.

    Args:
        features: Of the images that decide the directions, (N, D).
        others: Of images that are projected too, (M, D).

    Returns:
        N + M points.
    """
    mean, deviation = scale(features.double())
    standard = (features.double() - mean) / deviation
    _, values, directions = torch.linalg.svd(standard, full_matrices=False)
    axes = torch.zeros(2, features.shape[1], dtype=torch.float64)
    axes[: len(directions)] = directions[:2]
    # Of the two signs of a direction the one whose largest part is positive.
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    axes = torch.where(largest < 0, -axes, axes)
    if others is not None:
        standard = torch.cat((standard, (others.double() - mean) / deviation))
    variance = values.square()
    total = float(variance.sum())
    first, second = (
        float(variance[k]) / total if total and k < len(variance) else 0.0 for k in (0, 1)
    )
    return Plane(standard @ axes.T, (first, second))


def has_tsne() -> bool:
    """Whether scikit-learn, which computes t-SNE, is installed."""
    return find_spec("sklearn") is not None


def tsne(features: Tensor, others: Tensor | None = None, seed: int = 0) -> Plane:
    """Lay images out so that those with like features are neighbours.

    Args:
        features: (N, D).
        others: Of images that are laid out with them, (M, D).
        seed: Of the random choice.

    Raises:
        SettingError: scikit-learn is not installed, or there are fewer than four images.
    """
    if not has_tsne():
        raise SettingError(
            tr(
                "t-SNE needs scikit-learn, which is not installed here: run pip install "
                '"convviz[tsne]", or choose the principal components.'
            )
        )
    mean, deviation = scale(features.double())
    together = features if others is None else torch.cat((features, others))
    count = len(together)
    if count < 4:
        raise SettingError(
            tr("t-SNE needs at least four pictures; choose the principal components.")
        )
    standard = (together.double() - mean) / deviation
    _, _, directions = torch.linalg.svd(standard - standard.mean(0), full_matrices=False)

    from sklearn.manifold import TSNE

    method = TSNE(
        perplexity=min(_PERPLEXITY, (count - 1) / 3), init="pca", random_state=seed, n_jobs=1
    )
    points = method.fit_transform((standard @ directions[:_COMPONENTS].T).numpy())
    return Plane(torch.from_numpy(points).double(), None)


def nearest(features: Tensor, query: Tensor, count: int) -> tuple[tuple[int, float], ...]:
    """Find the images whose features point most nearly in the direction of an image's.

    Args:
        features: (N, D).
        query: Of the image, (D,).
        count: How many are wanted.

    Returns:
        The row of each and its cosine distance, 1 − cos, in 0…2, the nearest first. Features that
        are all 0 have distance 1 from everything.
    """
    cosines = normalize(features.double(), dim=1) @ normalize(query.double(), dim=0)
    distances = (1 - cosines).clamp(0, 2)
    order = torch.sort(distances, stable=True).indices[:count]
    return tuple((int(row), float(distances[row])) for row in order)


@dataclass(frozen=True, eq=False)
class ImageVectors:
    """An image in two forms that can be compared with those of other images.

    Attributes:
        means: Mean of each of a layer's channels, shape (C,).
        pixels: What the network is given of it, shape (D,).
    """

    means: Tensor
    pixels: Tensor


def image_vectors(network: Network, layer_name: str, image: Image.Image) -> ImageVectors:
    """Measure an image by a layer's channels and by its pixels.

    Raises:
        NetworkError: There is no such layer, or it cannot be shown.
    """
    means = activations(network, image, layer_name).mean
    return ImageVectors(means, input_for(network, image).flatten())


def most_alike(image: ImageVectors, others: Sequence[ImageVectors]) -> tuple[int, int]:
    """Find which of some images is most like an image, both measured as `nearest` does.

    Args:
        image: The image.
        others: The images that it is compared with, at least one, from the same network and layer.

    Returns:
        Which one is nearest by the means of the layer's channels, and which by the pixels.
    """
    by_maps = nearest(torch.stack([other.means for other in others]), image.means, 1)
    by_pixels = nearest(torch.stack([other.pixels for other in others]), image.pixels, 1)
    return by_maps[0][0], by_pixels[0][0]
