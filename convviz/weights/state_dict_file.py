"""A network with a user's file of weights: a state dict, and whatever stands beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn

from convviz.errors import NetworkError, WeightsError
from convviz.language import tr, trn
from convviz.networks import registry
from convviz.networks.decoders import forget_heads
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.replaced_parts import ReplacedParts, network_with_parts
from convviz.structure.layers import check_classes
from convviz.weights import checkpoint, findings
from convviz.weights.part_shapes import places_in, replaced_parts
from convviz.weights.sent_file import WeightsFile, checksum, size_of
from convviz.weights.source import network_with

IMAGENET = "ImageNet-1k"
"""What torchvision trained its weights on."""


def title_of(file: WeightsFile) -> str:
    """Name a user's file of weights for people."""
    return tr("Your file {file}", file=file.name)


@dataclass(frozen=True, eq=False)
class Expected:
    """What a file has to hold for a network.

    Attributes:
        module: The network as it is built.
        tensors: Those that a file must have, by name.
        options: Arguments that it was built with.
        without: Dotted names of parts that are left out, whether a file has them or not.
    """

    module: nn.Module
    tensors: dict[str, Tensor]
    options: dict[str, object]
    without: tuple[str, ...]


def expected_of(spec: NetworkSpec, *, as_torchvision: bool) -> Expected:
    """Build a network, and list what a file of its weights has to hold.

    Args:
        spec: The network.
        as_torchvision: Whether torchvision has weights for it: it is then built as for those,
            without the auxiliary heads.

    Raises:
        NetworkError: It cannot be built.
    """
    options = dict(spec.imagenet_options) if as_torchvision else {}
    without = spec.auxiliary if as_torchvision else ()
    module = registry.build(spec, **options)
    prefixes = tuple(f"{part}." for part in without)
    tensors = {
        name: value for name, value in module.state_dict().items() if not name.startswith(prefixes)
    }
    return Expected(module, tensors, options, without)


def load_file(
    spec: NetworkSpec,
    file: WeightsFile,
    *,
    source: str,
    classes: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    is_torchvisions: bool = False,
    by_name: bool = False,
) -> Network:
    """Load a network with the weights of a user's file.

    A network whose `build` takes `num_classes`, as that of every built-in one does, gets as many
    classes as the file has, 1 to `checkpoint.MOST_CLASSES`. Where the file has another head, or a
    first convolution of one channel, the result is a network of its own.

    Args:
        spec: The network.
        file: The file.
        source: Name of the source.
        classes: Names of the classes of torchvision's weights for this network; () if it has none.
        names: Names of the file's classes, where the user gives them.
        is_torchvisions: Whether it is the file that torchvision itself has for the network.
        by_name: Whether the file was found by the network's name, so that it must be that network
            as it is listed.

    Raises:
        WeightsError: The file is damaged, holds no weights, or does not fit, or the network has
            another number of classes than there are names.
        NetworkError: The network cannot be built.
    """
    # Not mapped: the file may be overwritten.
    opened = checkpoint.open_file(file, mapped=False)
    own = registry.is_own(spec.name)
    expected = expected_of(spec, as_torchvision=bool(classes))
    changed = ""
    parts = None if is_torchvisions else _replaced(spec, opened, expected)
    if parts is not None:
        listed, spec = spec, network_with_parts(parts)
        if by_name:
            raise WeightsError(findings.open_by_hand(file.name, spec.title, listed.title))
        built = registry.build(spec)
        options = expected.options if parts.channels == len(listed.mean) else {}
        expected = Expected(built, built.state_dict(), options, expected.without)
        changed = findings.with_replaced_parts(parts, listed.title)
    module = expected.module
    state = opened.fitting(expected.tensors, expected.without)
    other_count = checkpoint.class_count(expected.tensors, state.tensors)
    if other_count is not None:
        if other_count > 0 and not registry.takes_classes(spec):
            raise WeightsError(
                tr(
                    "The file {file} is for {classes:,} classes, and {network} is built with "
                    "another number: let its build() take num_classes, or return a network with "
                    "as many.",
                    file=file.name,
                    classes=other_count,
                    network=spec.title,
                )
            )
        if not 1 <= other_count <= checkpoint.MOST_CLASSES:
            raise WeightsError(
                tr(
                    "The file {file} is for {classes:,} classes, and {network} can be built here "
                    "for 1 to {most:,}: choose the file of a network with as many.",
                    file=file.name,
                    classes=other_count,
                    network=spec.title,
                    most=checkpoint.MOST_CLASSES,
                )
            )
        module = registry.build(spec, **expected.options, num_classes=other_count)
    count = other_count or (parts and parts.scores) or len(classes) or None
    origin = tr("The file {file}", file=file.name)
    module = checkpoint.fill(
        module, state.tensors, title=spec.title, origin=origin, without=expected.without
    )
    if expected.without:
        forget_heads(module)  # as torchvision does
    own_names = spec.classes if other_count is None else ()
    if own and own_names:
        check_classes(spec, module)
    if names:
        _check_names(spec, module, count, names)
        shown, note = names, findings.named_by_visitor(file.name, len(names))
    elif is_torchvisions:
        shown, note = classes, findings.torchvisions_own(file.name)
    else:
        shown, note = _class_names(file.name, count, own_names, opened.classes, classes)
    if classes and not is_torchvisions:
        rescales = bool(expected.options.get("transform_input"))
        note = findings.both(note, findings.scaled_as_torchvisions(rescales=rescales))
    note = findings.both(note, changed)
    taken = findings.taken_from(file.name, state.key, state.prefix, state.left_out, state.as_well)
    return network_with(
        spec,
        module,
        source=source,
        title=title_of(file),
        training_set=IMAGENET if is_torchvisions else tr(findings.NOT_STATED),
        size=size_of(file),
        sha256=checksum(file),
        classes=shown,
        note=findings.both(note, taken),
    )


def _replaced(
    spec: NetworkSpec, opened: checkpoint.File, expected: Expected
) -> ReplacedParts | None:
    """Tell which parts of a network a file has replaced; None if it fits as the network is."""
    places = places_in(spec, expected.module)
    any_classes = registry.takes_classes(spec)
    if places is None or opened.fits(expected.tensors, expected.without, any_classes=any_classes):
        return None
    return replaced_parts(spec.name, places, opened, expected.tensors)


def _check_names(
    spec: NetworkSpec, module: nn.Module, count: int | None, names: tuple[str, ...]
) -> None:
    """Check that there is one name for each of the network's scores.

    Raises:
        WeightsError: There is not.
    """
    if count is None:  # a user's network, whose scores only a pass counts
        try:
            check_classes(replace(spec, classes=names), module)
        except NetworkError as error:
            raise WeightsError(
                tr("The names of the classes do not fit: {error}", error=error)
            ) from error
    elif count != len(names):
        raise WeightsError(
            trn(
                "There are {names:,} names of classes, but the network has {count:,} class: give "
                "one name for each, in the order of its scores.",
                "There are {names:,} names of classes, but the network has {count:,} classes: give "
                "one name for each, in the order of its scores.",
                count,
                names=len(names),
            )
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
    return tuple(f"class {n}" for n in range(count)), findings.numbered_classes(file, count)
