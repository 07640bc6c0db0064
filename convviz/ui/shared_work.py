"""Which work visitors share, and which of its results are kept on disk.

Work is shared if all that it is given is the same: the file of the image, the network, its weights
and every setting. Only what is made from samples, or from no image at all, with a network that
comes with convviz or with torchvision's weights, is kept on disk: what is a visitor's stays in
memory.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from convviz import __version__, limits
from convviz.downloads import cache as files
from convviz.jobs import result_file
from convviz.jobs.identity import Describe, digest
from convviz.jobs.job import Work
from convviz.jobs.result_file import Codec
from convviz.jobs.result_store import ResultStore
from convviz.ui.choice import ChosenImage

_PUBLIC_WEIGHTS = ("bundled", "encoder", "imagenet", "random")


@dataclass(frozen=True)
class Sharing:
    """How work may be shared.

    Attributes:
        same: Identifies what is computed; empty if nobody else can have the result.
        is_public: Whether the result may be kept on disk.
    """

    same: str = ""
    is_public: bool = False


def sharing(
    work: Work,
    arguments: Mapping[str, Any],
    images: Sequence[ChosenImage] | None,
    *,
    own: bool = False,
) -> Sharing:
    """Tell how work may be shared.

    Args:
        work: The work function.
        arguments: Its arguments.
        images: The images of the sidebar that it is made from; None for work that is its
            visitor's alone.
        own: Whether its arguments hold something else that a visitor has brought.
    """
    if images is None:
        return Sharing()
    beside = (__version__, *(image.sha256 for image in images))
    same = digest(work, arguments, _describe(), beside=beside)
    own = own or any(image.origin != "sample" for image in images)
    return Sharing(same, bool(same) and not own and all(map(_is_public, _networks(arguments))))


def store() -> ResultStore:
    """Return the results that are kept on disk, below the cache folder."""
    classes, codecs = _classes(), _codecs()
    return ResultStore(
        lambda: files.folder() / files.RESULTS,
        lambda: limits.STORED_MEGABYTES.bytes,
        lambda result: result_file.write(result, classes, codecs),
        lambda data: result_file.read(data, classes, codecs),
    )


def _networks(value: Any) -> list[Any]:
    """Find the networks in the arguments of a work, also in its plans."""
    from convviz.networks.network import Network

    if isinstance(value, Network):
        return [value]
    if isinstance(value, Mapping):
        return [network for each in value.values() for network in _networks(each)]
    if isinstance(value, tuple | list):
        return [network for each in value for network in _networks(each)]
    return _networks(value.network) if hasattr(value, "network") else []


def _is_public(network: Any) -> bool:
    """Tell whether a network is the same for everybody who has this version of convviz."""
    from convviz.networks import registry

    is_listed = not (registry.is_own(network.name) or registry.is_unlisted(network.name))
    return is_listed and network.weights.source in _PUBLIC_WEIGHTS


@cache
def _describe() -> Mapping[type, Describe]:
    from PIL import Image
    from torch import Tensor

    from convviz.networks.network import Network

    def image(value: Any) -> tuple[Any, ...]:
        return value.mode, value.size, hashlib.sha256(value.tobytes()).hexdigest()

    def tensor(value: Any) -> tuple[Any, ...]:
        return str(value.dtype), tuple(value.shape), value.detach().cpu().numpy().tobytes()

    def network(value: Any) -> tuple[Any, ...]:
        spec, weights = value.spec, value.weights
        return (
            *(value.name, weights.source, weights.sha256, weights.input_size, weights.resize),
            *(spec.mean, spec.std, spec.interpolation, str(value.module)),
        )

    return {Image.Image: image, Tensor: tensor, Network: network}


@cache
def _classes() -> tuple[type, ...]:
    """List what the results consist of that may be kept."""
    from convviz.datasets.zip_archive import LeftOut
    from convviz.features.class_target import ClassTarget
    from convviz.features.dead import DeadStep, LayerDead
    from convviz.features.deletion import Curve, DeletionStep
    from convviz.features.occlusion import OcclusionStep, ScoreOcclusionStep
    from convviz.features.predictions import Prediction
    from convviz.features.saliency import Saliency, SaliencyStep
    from convviz.features.synthesis import SynthesisStep
    from convviz.features.top_patches import TopPatches, TopPatchesStep
    from convviz.reconstruction import progress
    from convviz.reconstruction.amplify import AmplifyConfig
    from convviz.reconstruction.config import ReconstructionConfig
    from convviz.reconstruction.objective import LossParts
    from convviz.reconstruction.quality import SsimBaselines
    from convviz.reconstruction.reconstruct import (
        Halfway,
        ReconstructionResult,
        ReconstructionStep,
    )
    from convviz.structure.axis import Axis
    from convviz.structure.layers import Branch, Layer
    from convviz.structure.layout import Layout
    from convviz.structure.receptive_field import ReceptiveField
    from convviz.structure.soft_activation import SoftActivation

    return (
        *(progress.SeriesProgress, progress.ReconstructionProgress, progress.Subject),
        *(progress.Frame, progress.AmplifyProgress, progress.AmplifyFrame, AmplifyConfig),
        *(ReconstructionConfig, ReconstructionResult, ReconstructionStep, Halfway, LossParts),
        *(SsimBaselines, Prediction, SynthesisStep),
        *(DeadStep, LayerDead, LeftOut, TopPatchesStep, TopPatches),
        *(OcclusionStep, ScoreOcclusionStep, SaliencyStep, Saliency, DeletionStep, Curve),
        *(ClassTarget, Layer, Branch, Layout, SoftActivation, ReceptiveField, Axis),
    )


@cache
def _codecs() -> Mapping[str, Codec]:
    import numpy as np
    import torch
    from PIL import Image

    from convviz.images.encode import png

    def array(tensor: Any) -> tuple[Any, ...]:
        numbers = tensor.detach().cpu().numpy()
        return numbers.dtype.str, tuple(numbers.shape), numbers.tobytes()

    def tensor(dtype: str, shape: tuple[int, ...], data: bytes) -> Any:
        return torch.from_numpy(np.frombuffer(data, np.dtype(dtype)).reshape(shape).copy())

    def image(data: bytes) -> Any:
        decoded = Image.open(io.BytesIO(data))
        decoded.load()
        return decoded

    return {
        "tensor": Codec(torch.Tensor, array, tensor),
        "image": Codec(Image.Image, lambda value: (png(value),), image),
        "fraction": Codec(Fraction, Fraction.as_integer_ratio, Fraction),
    }
