"""What is said of weights from torchvision and from a user's file; the sentences alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from convviz.formatting import size_text
from convviz.language import later, tr, trn
from convviz.networks.replaced_parts import HeadLayer, ReplacedParts

NOT_STATED = later("not stated")
"""What weights were trained on, where nobody says."""

AS_BUILT = later("As your file builds it")
"""Title of the weights that a user's `build` sets."""

# Files of other programs, by how they begin and by what their names end in.
_BEGINNINGS = (
    # Its first fields: the version, then who wrote it, the graph, or the sets of operators.
    (re.compile(rb"(?s)\x08[\x01-\x20](\x12[\x00-\x7f][ -~]|[\x1a\x3a\x42])"), "ONNX"),
    (re.compile(rb"(?s)\x89HDF\r\n\x1a\n"), "Keras"),
    (re.compile(rb"(?s)PK\x03\x04.{26}(metadata\.json|config\.json|model\.weights\.h5)"), "Keras"),
    (re.compile(rb"(?s).{4}TFL3"), "TensorFlow"),
    (re.compile(rb"(?s)GGUF"), "GGUF"),
    (re.compile(rb"(?s)\x93NUMPY|PK\x03\x04.{26}[^/]*\.npy"), "NumPy"),
)
_ENDINGS = {
    **dict.fromkeys((".onnx", ".ort"), "ONNX"),
    **dict.fromkeys((".h5", ".hdf5", ".keras"), "Keras"),
    **dict.fromkeys((".pb", ".tflite"), "TensorFlow"),
    **{".gguf": "GGUF", ".mlmodel": "Core ML", ".npy": "NumPy", ".npz": "NumPy"},
    ".msgpack": "Flax",
}


# Files in which others are packed, by how they begin.
_PACKED = re.compile(
    rb"(?s)\x1f\x8b|BZh\d|\xfd7zXZ|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd|.{257}ustar"  # the last is tar
)


def stands_for_another(file: str, start: bytes) -> str:
    """Say that a file is not what was meant, but came in its place; nothing if it may be.

    Args:
        file: Its name.
        start: How it begins; some 300 bytes do.
    """
    if not start:
        return tr(
            "The file {file} cannot be read as weights: it is empty; save it or download it again.",
            file=file,
        )
    if start.startswith(b"version https://git-lfs."):
        return tr(
            "The file {file} is only Git LFS's note on a file that lies elsewhere: fetch "
            "that one with “git lfs pull”, or download it from its page.",
            file=file,
        )
    if re.match(rb"(?i)\s*<(!doctype html|html)", start):
        return tr(
            "The file {file} is a web page, which came in place of a download: open its "
            "link in a browser, and download the file itself.",
            file=file,
        )
    if re.match(rb"\s*\{\s*[\"}]", start) and b"\0" not in start[:16]:
        if file.lower().endswith(".index.json") or b'"weight_map"' in start:
            return tr(
                "The file {file} only lists which tensor lies in which of several files: read "
                "those in Python into one network, and save that with "
                "torch.save(network.state_dict(), …).",
                file=file,
            )
        return tr(
            "The file {file} is a text in JSON, which has no weights: take the file of weights "
            "that lies beside it, such as model.safetensors.",
            file=file,
        )
    if _PACKED.match(start):
        return tr(
            "The file {file} is packed: unpack it, and take the file of weights out of it.",
            file=file,
        )
    return ""


def other_format(file: str, start: bytes) -> str:
    """Say that a file is one of another program, and what to do; nothing if it may be PyTorch's.

    Args:
        file: Its name.
        start: How it begins; some 300 bytes do.
    """
    program = ""
    if start[8:9] != b"{":  # of safetensors, whose first bytes may be any
        found = (name for pattern, name in _BEGINNINGS if pattern.match(start))
        program = next(found, "")
        if not program and start[:2] != b"PK" and start[:1] != b"\x80":
            program = _ENDINGS.get(PurePath(file).suffix.lower(), "")
    if not program:
        return ""
    if program == "ONNX":
        return tr(
            "The file {file} is an ONNX file, which holds a network as a program and not as "
            "weights by their names: save the weights of the network in PyTorch, with "
            "torch.save(network.state_dict(), …).",
            file=file,
        )
    return tr(
        "The file {file} is a {program} file, which names and orders its numbers otherwise than "
        "PyTorch: save the weights of the network in PyTorch, with "
        "torch.save(network.state_dict(), …).",
        file=file,
        program=program,
    )


def from_torchvision(licence: str) -> str:
    """Say in a few words where weights are fetched from, and their own licence if they have one.

    Args:
        licence: Address of that licence; empty if torchvision states none.
    """
    if licence:
        return tr("from torchvision, under a licence of their own: {licence}", licence=licence)
    return tr("from torchvision")


def licence(licence: str) -> str:
    """Say under which licence torchvision's weights are, before they are fetched.

    Args:
        licence: Address of the licence that they have of their own; empty if torchvision states
            none.
    """
    if licence:
        return tr(
            "torchvision gives these weights under a licence of their own: {licence}",
            licence=licence,
        )
    return tr(
        "torchvision, whose code is under the BSD 3-clause licence, states no other "
        "licence for these weights; it trained them on ImageNet-1k, whose images are for "
        "research and teaching."
    )


def before_fetching(file: str, bytes: int, licence_address: str) -> str:
    """Say what is about to be fetched from torchvision: its size and its licence.

    Args:
        file: Its name.
        bytes: Its size.
        licence_address: As `licence` takes it.
    """
    return tr(
        "To fetch: {file}, {size}. {licence}",
        file=file,
        size=size_text(bytes),
        licence=licence(licence_address),
    )


def says_nothing(file: str) -> str:
    """Say that nothing is known of how a file's weights were trained.

    Args:
        file: Its name.
    """
    return tr("The file {file} says nothing of its training.", file=file)


def taken_for_imagenet(file: str, classes: int) -> str:
    """Say that a file's classes are taken for those of ImageNet.

    Args:
        file: Its name.
        classes: How many there are.
    """
    return tr(
        "The file {file} is not torchvision's; convviz takes its {classes:,} classes for "
        "those of ImageNet.",
        file=file,
        classes=classes,
    )


def torchvisions_own(file: str) -> str:
    """Say that a file is the one that torchvision has for its network.

    Args:
        file: Its name.
    """
    return tr("The file {file} is torchvision's own.", file=file)


def scaled_as_torchvisions(*, rescales: bool) -> str:
    """Say how images are scaled for a file of weights that says nothing of it.

    Args:
        rescales: Whether torchvision's network scales them once more itself.
    """
    if rescales:
        return tr(
            "Images are scaled for it as for torchvision's weights, with transform_input=True: if "
            "it was trained without, or on images scaled otherwise, describe it in "
            "CONVVIZ_NETWORKS, with its own mean and std."
        )
    return tr(
        "Images are scaled for it as for torchvision's weights: if it was trained on images scaled "
        "otherwise, describe it in CONVVIZ_NETWORKS, with its own mean and std."
    )


def numbered_classes(file: str, classes: int) -> str:
    """Say that a file does not name its classes.

    Args:
        file: Its name.
        classes: How many there are.
    """
    return trn(
        "The file {file} has {count:,} class, and does not name it: it is numbered from 0.",
        "The file {file} has {count:,} classes, and names none: they are numbered from 0.",
        classes,
        file=file,
    )


def named_by_visitor(file: str, classes: int) -> str:
    """Say that the names of the classes come from a file of names.

    Args:
        file: Name of the file of weights.
        classes: How many there are.
    """
    return trn(
        "The name of the one class of {file} are those that were given with it.",
        "The names of the {count:,} classes of {file} are those that were given with it.",
        classes,
        file=file,
    )


def named_classes(file: str, classes: int) -> str:
    """Say that the names of the classes are a file's own.

    Args:
        file: Its name.
        classes: How many there are.
    """
    return trn(
        "The name of its class comes from the file {file}.",
        "The names of its {count:,} classes come from the file {file}.",
        classes,
        file=file,
    )


def taken_from(
    file: str, key: str, prefix: str, left_out: Sequence[str], as_well: Sequence[str]
) -> str:
    """Say which part of a file was taken, where that is not all of it; else nothing.

    Args:
        file: Its name.
        key: The key under which the tensors lie in the file.
        prefix: What was taken off their names.
        left_out: Names of tensors beside them that are not the network's.
        as_well: Where in the file other tensors lie that fit as well.
    """
    fitting = beside = ""
    if as_well:
        taken = ".".join(filter(None, (key, prefix.rstrip(".")))) or tr("what stands outside")
        fitting = trn(
            "Several parts of the file {file} fit: {taken} is in use, {others} is not.",
            "Several parts of the file {file} fit: {taken} is in use, {others} are not.",
            len(as_well),
            file=file,
            taken=taken,
            others=", ".join(as_well),
        )
    if left_out:
        beside = tr(
            "The file {file} also has tensors that are not the network's, which are left out: "
            "{tensors}.",
            file=file,
            tensors=_first_of(left_out),
        )
    return both(fitting, beside)


def with_replaced_parts(parts: ReplacedParts, network: str) -> str:
    """Say which parts of a network a file has replaced, and what is assumed of them.

    Args:
        parts: What was replaced.
        network: Title of the network.
    """
    first = head = assumed = ""
    if parts.first and parts.channels == 1:
        first = tr(
            "Its first convolution, {layer}, takes grey images; that it moves and pads as that of "
            "{network} is assumed, as a file does not say it.",
            layer=parts.first,
            network=network,
        )
    elif parts.first:
        first = tr(
            "Its first convolution, {layer}, has a bias, which that of {network} has not; that it "
            "moves and pads alike is assumed.",
            layer=parts.first,
            network=network,
        )
    if parts.head:
        head = tr(
            "Its head, {layer}, is not that of {network} but, by the names and shapes in the file, "
            "{layers}.",
            layer=parts.head,
            network=network,
            layers=", ".join(map(_layer_text, parts.layers)),
        )
    if any(layer.kind == "relu" for layer in parts.layers):
        assumed = tr(
            "A ReLU between fully connected layers is assumed where the numbers of their names "
            "leave room for one, as what has no weights is in no file."
        )
    return both(both(first, head), assumed)


def _layer_text(layer: HeadLayer) -> str:
    if layer.kind == "linear":
        return tr("{inputs:,} → {outputs:,}", inputs=layer.inputs, outputs=layer.outputs)
    return tr("batch norm") if layer.kind == "norm" else tr("ReLU")


def open_by_hand(file: str, network: str, listed: str) -> str:
    """Say that a file in CONVVIZ_WEIGHTS is that of a changed network, and what to do.

    Args:
        file: Its name.
        network: Title of the changed network.
        listed: That of the network whose name it bears.
    """
    return tr(
        "The file {file} holds {network}, which is not {listed} as it is listed: open it under "
        "“Open a saved network”, or give it to a command with --weights.",
        file=file,
        network=network,
        listed=listed,
    )


def not_finite(names: Sequence[str]) -> str:
    """Warn of weights that are infinite or not a number; nothing without any.

    Args:
        names: Dotted names of the tensors that hold them.
    """
    if not names:
        return ""
    return trn(
        "{tensors} holds numbers that are infinite or not a number: whatever depends on them, "
        "maps and predictions alike, means nothing.",
        "{tensors} hold numbers that are infinite or not a number: whatever depends on them, maps "
        "and predictions alike, means nothing.",
        len(names),
        tensors=_first_of(names),
    )


def both(first: str, second: str) -> str:
    """Join two texts of whole sentences, of which either may be empty."""
    if not (first and second):
        return first or second
    return tr("{first} {second}", first=first, second=second)


def _first_of(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    more = len(names) - 1
    return trn("{name} and {count:,} more", "{name} and {count:,} more", more, name=names[0])


A_FOLDER = later("is a folder; only files that lie in CONVVIZ_WEIGHTS itself are looked at")
OTHER_PROGRAMS = later("is a file of another program than PyTorch, such as ONNX or Keras")
NOT_BY_ITS_NAME = later(
    "is no file of weights by its name, which would end in .pth, .pt, .ckpt, .bin, "
    ".safetensors, .tar, .pkl or the like"
)
DAMAGED = later("is the damaged file of a network that was trained with convviz")


def trained_elsewhere(network: str) -> str:
    """Say that a trained network's file is of a network that is not here.

    Args:
        network: Name of that network, as the file has it.
    """
    return tr("is of a trained network called {network}, which is not here", network=network)


def second_to(file: str) -> str:
    """Say that another file for the same network comes before a file.

    Args:
        file: Name of the other one.
    """
    return tr("is for the same network as {file}, which is used", file=file)


def named_after_none(suffix: str) -> str:
    """Say that a file bears no network's name.

    Args:
        suffix: What its name ends in.
    """
    return tr(
        "bears no network's name; rename it to that of its network, such as vgg16{suffix}",
        suffix=suffix,
    )
