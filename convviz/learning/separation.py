"""How classes separate with depth: what each stage of an encoder tells about the class of an image.

Every image runs once through the trained encoder and once through the same one untrained. Of each
stage (`convviz.structure.trunk.stages`, the encoder's) the maps after the ReLU are averaged over
their positions, one number for each channel. Two plain classifiers then tell how well these numbers
separate the classes (`convviz.learning.probe`), in stratified folds that keep copies of an image
together.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from convviz.datasets.labelled_set import Dataset, stratified_folds
from convviz.errors import NetworkError
from convviz.features.activations import judged, rectified
from convviz.features.capture import copied, observe_each
from convviz.images.preprocess import to_tensor
from convviz.language import tr
from convviz.learning.image_side import side_for
from convviz.learning.plan import untrained_copy
from convviz.learning.probe import cross_validated, linear_probe, nearest_class_mean
from convviz.learning.significance import PairedComparison, compare_paired
from convviz.networks.image_channels import check_channels, fitted
from convviz.networks.network import Network
from convviz.networks.registry import is_own
from convviz.structure.costs import count
from convviz.structure.layers import Layer, layers
from convviz.structure.trunk import stages

MOST_IMAGES = 600
"""Of a larger set so many are drawn at random, of each class about the same share."""

_BATCH = 8
_PROBE_MACS = 15e6  # of a pass, in whose time a stage is probed in one fold, for each image


@dataclass(frozen=True)
class ProbeAnswers:
    """Which images the two classifiers name right, in the order of the rows.

    Attributes:
        mean: By the nearest class mean.
        linear: By the linear probe.
    """

    mean: tuple[bool, ...]
    linear: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class StageSeparation:
    """What one stage tells about the classes.

    Attributes:
        layer: The layer that stands for the stage.
        features: Of the trained encoder, (N, C).
        answers: By these.
        untrained_features: Of the untrained encoder, (N, C); None without a comparison.
        untrained: By these.
    """

    layer: Layer
    features: Tensor
    answers: ProbeAnswers
    untrained_features: Tensor | None = None
    untrained: ProbeAnswers | None = None


@dataclass(frozen=True, eq=False)
class Separation:
    """How the classes of a set separate in an encoder.

    Attributes:
        network: Name of the network.
        title: Its title.
        source: Of the trained weights.
        dataset: The set.
        indices: Its images that were looked at; the rows of everything else.
        folds: The rows of each fold.
        side: Of the images that the encoder saw, in pixels.
        stages: From the image on.
        gaps: Stages that cannot be shown, and why.
    """

    network: str
    title: str
    source: str
    dataset: Dataset
    indices: tuple[int, ...]
    folds: tuple[tuple[int, ...], ...]
    side: int
    stages: tuple[StageSeparation, ...]
    gaps: tuple[tuple[str, str], ...] = ()

    @property
    def labels(self) -> tuple[int, ...]:
        """Number of each row's class."""
        return tuple(self.dataset.labels[index] for index in self.indices)

    @property
    def different(self) -> tuple[int, ...]:
        """The rows that are no copies of another one."""
        rows = {index: row for row, index in enumerate(self.indices)}
        return tuple(rows[index] for index in self.dataset.different(self.indices))

    @property
    def guessing(self) -> float:
        """Accuracy of always naming the largest class."""
        return self.dataset.guessing(self.indices)

    def compared(self, stage: StageSeparation) -> PairedComparison | None:
        """Compare the linear probes on the two encoders at a stage, over the different images."""
        if stage.untrained is None:
            return None
        rows = self.different
        return compare_paired(
            [stage.answers.linear[row] for row in rows],
            [stage.untrained.linear[row] for row in rows],
        )

    @property
    def nbytes(self) -> int:
        """Memory that its features take, in bytes."""
        tensors = [
            each for stage in self.stages for each in (stage.features, stage.untrained_features)
        ]
        return sum(tensor.nbytes for tensor in tensors if tensor is not None)


@dataclass(frozen=True, eq=False)
class SeparationStep:
    """Where the work stands.

    Attributes:
        fraction: Share of the work that is done, in 0…1.
        doing: What is done: "40 of 600 pictures", "conv3".
        separation: The result; None before the last step.
    """

    fraction: float
    doing: str
    separation: Separation | None = None

    @property
    def nbytes(self) -> int:
        """Memory that it holds, in bytes."""
        return 0 if self.separation is None else self.separation.nbytes


def separate(
    network: Network,
    dataset: Dataset,
    *,
    compare: bool = True,
    seed: int = 0,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[SeparationStep]:
    """Find how well each stage of an encoder separates the classes of a set.

    Args:
        network: The network, trained.
        dataset: Images with their classes.
        compare: Whether to do the same with the untrained encoder.
        seed: Of the choice of images, of the folds and of the untrained weights.
        stop: Asked between steps whether to end.

    Yields:
        A step after every few images and after every stage; the last one has the result.

    Raises:
        NetworkError: The network has no stage with maps, or takes no such images.
        SettingError: The pictures are too few for folds.
        ImageError: An image cannot be read.
    """
    check_channels(network.spec, network.module)
    targets = encoder_stages(network)
    indices = chosen(dataset, MOST_IMAGES, seed)
    folds = stratified_folds(dataset, indices, seed)
    networks = [network] + ([untrained_copy(network, seed)] if compare else [])
    return _separate(networks, dataset, indices, folds, targets, stop)


def encoder_stages(network: Network) -> tuple[Layer, ...]:
    """List the layers that stand for a network's encoder, from the image on.

    Raises:
        NetworkError: There is none.
    """
    found = tuple(layer for layer in stages(layers(network)) if layer.in_encoder)
    if not found:
        raise NetworkError(
            tr(
                "{title} has no layer with maps before its scores, so there is no depth to "
                "go through: choose another network.",
                title=network.title,
            )
        )
    return found


def encoding_share(network: Network, side: int, stage_count: int, fold_count: int) -> float:
    """Estimate which share of the time the passes through the encoder take, in 0…1.

    The rest goes to the probes. With 480 images the passes took 0.36 of it for GoogLeNet, whose
    twelve stages are many for so cheap a pass.

    Args:
        network: The network.
        side: Of the images, in pixels.
        stage_count: How many stages are probed.
        fold_count: In how many folds.
    """
    macs = count(network, side).macs
    return macs / (macs + _PROBE_MACS * stage_count * fold_count)


def chosen(dataset: Dataset, most: int, seed: int = 0) -> tuple[int, ...]:
    """Choose images: all, or some at random, of every class in turn; copies go with their image."""
    if len(dataset) <= most:
        return tuple(range(len(dataset)))
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(dataset.members), generator=generator).tolist()
    queues: dict[int, list[tuple[int, ...]]] = {}
    for group in (dataset.members[k] for k in order):
        queues.setdefault(dataset.labels[group[0]], []).append(group)
    # The k-th of n images of a class comes at the share (k + 1/2) / n: so all classes keep theirs.
    ranked = sorted(
        ((k + 0.5) / len(groups), label, group)
        for label, groups in queues.items()
        for k, group in enumerate(groups)
    )
    taken: list[int] = []
    for _, _, group in ranked:
        if len(taken) + len(group) <= most:
            taken += group
    return tuple(sorted(taken))


def image_input(network: Network, image: Image.Image, side: int) -> Tensor:
    """Turn an image's middle square into a network's input, (1, 3, side, side)."""
    spec = fitted(network.spec, network.module)
    return to_tensor(
        image,
        size=side,
        resize=side,
        mean=spec.mean,
        std=spec.std,
        interpolation=spec.interpolation,
    )


def pooled_features(
    network: Network,
    inputs: Tensor,
    targets: Sequence[Layer],
    gaps: dict[str, str] | None = None,
) -> dict[str, Tensor]:
    """Average each channel of some layers over its positions, after the ReLU.

    Args:
        network: The network.
        inputs: Normalised images, (N, 3, S, S).
        targets: The layers, each judged by another one's output at most.
        gaps: Takes up the layers that cannot be shown, with the reason. None: it is raised.

    Returns:
        For each layer's name (N, C), float32.
    """
    if not is_own(network.name):  # a user's may lay its numbers out in a way of its own
        # GoogLeNet takes three fifths of the time so, since its pooling is much faster.
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    missing: dict[str, str] | None = None if gaps is None else {}
    reducers = {judged(target): partial(_pooled, target) for target in targets}
    outputs = observe_each(network.module, inputs, reducers, gaps=missing)
    if gaps is not None and missing:
        gaps |= {each.name: missing[judged(each)] for each in targets if judged(each) in missing}
    return {each.name: outputs[judged(each)] for each in targets if judged(each) in outputs}


def features_of(
    network: Network, image: Image.Image, separation: Separation, stage: StageSeparation
) -> Tensor:
    """Return the features of one more image at a stage, (C,), seen as the images of the set are.

    Args:
        network: The trained or the untrained one.
        image: The image.
        separation: What it is put beside.
        stage: The stage.
    """
    inputs = image_input(network, image, separation.side)
    return pooled_features(network, inputs, [stage.layer])[stage.layer.name][0]


def archive(separation: Separation) -> bytes:
    """Write features as a NumPy archive, so that others can probe them.

    It holds `names`, `labels`, `classes`, `fold` (in which each image was tested), and for each
    stage `trained:LAYER` and `untrained:LAYER`, shape (N, C).
    """
    dataset, folds = separation.dataset, np.empty(len(separation.indices), dtype=np.int64)
    for number, rows in enumerate(separation.folds):
        folds[list(rows)] = number
    arrays: dict[str, Any] = {
        "names": np.array([dataset.images.titles[index] for index in separation.indices]),
        "labels": np.array(separation.labels),
        "classes": np.array(dataset.classes),
        "fold": folds,
    }
    for stage in separation.stages:
        arrays[f"trained:{stage.layer.name}"] = stage.features.numpy()
        if stage.untrained_features is not None:
            arrays[f"untrained:{stage.layer.name}"] = stage.untrained_features.numpy()
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _pooled(layer: Layer, output: Tensor) -> Tensor:
    values = rectified(layer, output.reshape(*output.shape[:2], -1))
    return copied(values.float().mean(2))


def _separate(
    networks: Sequence[Network],
    dataset: Dataset,
    indices: tuple[int, ...],
    folds: Sequence[tuple[int, ...]],
    targets: Sequence[Layer],
    stop: Callable[[], bool],
) -> Iterator[SeparationStep]:
    trained, total = networks[0], len(indices)
    side = side_for(trained)
    encoding = encoding_share(trained, side, len(targets), len(folds))
    gaps: dict[str, str] = {}
    pieces: list[dict[str, list[Tensor]]] = [{} for _ in networks]
    for start in range(0, total, _BATCH):
        images = [dataset.images.image(index) for index in indices[start : start + _BATCH]]
        inputs = torch.cat([image_input(trained, image, side) for image in images])
        for network, parts in zip(networks, pieces, strict=True):
            left = [target for target in targets if target.name not in gaps]
            for name, values in pooled_features(network, inputs, left, gaps).items():
                parts.setdefault(name, []).append(values)
        done = start + len(images)
        yield SeparationStep(
            encoding * done / total, tr("{done:,} of {total:,} pictures", done=done, total=total)
        )
        if stop():
            return
    rows = {index: row for row, index in enumerate(indices)}
    row_folds = tuple(tuple(rows[index] for index in fold) for fold in folds)
    labels = torch.tensor([dataset.labels[index] for index in indices])
    results: list[StageSeparation] = []
    for number, target in enumerate(targets, 1):
        features = [torch.cat(p[target.name]) for p in pieces if target.name not in gaps]
        if not all(bool(each.isfinite().all()) for each in features):
            gaps[target.name] = tr("Some of its numbers are infinite or none at all.")
        if target.name in gaps:
            continue
        answers = [_answers(each, labels, row_folds) for each in features]
        compared = len(features) > 1
        results.append(
            StageSeparation(
                target,
                features[0],
                answers[0],
                features[1] if compared else None,
                answers[1] if compared else None,
            )
        )
        fraction = encoding + (1 - encoding) * number / len(targets)
        if number < len(targets):
            yield SeparationStep(fraction, tr("classifying by {title}", title=target.title))
            if stop():
                return
    if not results:
        raise NetworkError(
            tr(
                "No stage of {title} can be shown; the first: {reason}",
                title=trained.title,
                reason=next(iter(gaps.values())),
            )
        )
    yield SeparationStep(
        1.0,
        tr("done"),
        Separation(
            trained.name,
            trained.title,
            trained.weights.source,
            dataset,
            indices,
            row_folds,
            side,
            tuple(results),
            tuple(gaps.items()),
        ),
    )


def _answers(features: Tensor, labels: Tensor, folds: Sequence[Sequence[int]]) -> ProbeAnswers:
    return ProbeAnswers(
        cross_validated(features, labels, folds, nearest_class_mean),
        cross_validated(features, labels, folds, linear_probe),
    )
