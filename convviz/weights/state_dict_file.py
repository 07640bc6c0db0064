"""A network with a user's file of weights: a state dict, and whatever stands beside it."""

from __future__ import annotations

from pathlib import Path

from convviz.downloads import cache
from convviz.networks import registry
from convviz.networks.decoders import forget_heads
from convviz.networks.network import Network, NetworkSpec
from convviz.structure.layers import check_classes
from convviz.weights import checkpoint, findings
from convviz.weights.source import network_with


def title_of(path: Path) -> str:
    """Name a user's file of weights for people."""
    return f"Your file {path.name}"


def load_file(
    spec: NetworkSpec, path: Path, *, source: str, classes: tuple[str, ...] = ()
) -> Network:
    """Load a network with the weights of a user's file.

    A built-in network gets as many classes as the file has.

    Args:
        spec: The network.
        path: The file.
        source: Name of the source.
        classes: Names of the classes of torchvision's weights for this network; () if it has none.

    Raises:
        WeightsError: The file is damaged, holds no weights, or does not fit.
        NetworkError: The network cannot be built.
    """
    # Not mapped: the file may be overwritten.
    file = checkpoint.open_file(path, mapped=False)
    own = registry.is_own(spec.name)
    options = dict(spec.imagenet_options) if classes else {}
    without = spec.auxiliary if classes else ()
    module = registry.build(spec, **options)
    expected = {
        name: value
        for name, value in module.state_dict().items()
        if not name.startswith(tuple(f"{part}." for part in without))
    }
    state = file.fitting(expected, without)
    other_count = None if own else checkpoint.class_count(expected, state.tensors)
    if other_count is not None:
        module = registry.build(spec, **options, num_classes=other_count)
    count = other_count or len(classes) or None
    origin = f"The file {path.name}"
    module = checkpoint.fill(
        module, state.tensors, title=spec.title, origin=origin, without=without
    )
    if without:
        forget_heads(module)  # as torchvision does
    if own:
        check_classes(spec, module)
    names, note = _class_names(path.name, count, spec.classes, file.classes, classes)
    taken = findings.taken_from(path.name, state.key, state.prefix, state.left_out, state.as_well)
    return network_with(
        spec,
        module,
        source=source,
        title=title_of(path),
        training_set="not stated",
        size=path.stat().st_size,
        sha256=cache.sha256(path),
        classes=names,
        note=f"{note} {taken}".strip(),
    )


def _class_names(
    file: str,
    count: int | None,
    own_names: tuple[str, ...],
    in_file: tuple[str, ...],
    imagenet: tuple[str, ...],
) -> tuple[tuple[str, ...], str]:
    """Name the classes, and say where the names are from.

    Args:
        file: Name of the file.
        count: How many classes there are; None if only the user knows.
        own_names: Those of the user's network.
        in_file: The names that the file has.
        imagenet: Those of torchvision's weights.
    """
    if own_names:
        return own_names, findings.says_nothing(file)
    if in_file and count in (None, len(in_file)):
        return in_file, findings.named_classes(file, len(in_file))
    if count is None:
        return (), findings.says_nothing(file)
    if count == len(imagenet):
        return imagenet, findings.taken_for_imagenet(file, count)
    return tuple(map(str, range(count))), findings.numbered_classes(file, count)
