"""What the sidebar says about the image, the network and the layer; the sentences alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convviz.formatting import size_text
from convviz.language import later, tr, trn
from convviz.plain_text import plain, plain_name, quoted

if TYPE_CHECKING:
    from convviz.networks.network import Network
    from convviz.weights.source import SourceStatus
    from convviz.weights.unused import UnusedFile

_LISTED = 12  # files that are not used


def no_such_image(asked: str, names: Sequence[str]) -> str:
    """Say that a link asks for an image that is not among the samples.

    Args:
        asked: What the link asks for.
        names: The samples' names.
    """
    return tr(
        "The link asks for the image “{name}”, which is not among the samples ({names}); here is "
        "another one instead.",
        name=quoted(asked),
        names=", ".join(names),
    )


def network_label(title: str, *, here: bool) -> str:
    """Name a network in the list of networks: "VGG19 · to be fetched".

    Args:
        title: The network's title.
        here: Whether trained weights of it are on this machine.
    """
    return title if here else tr("{network} · to be fetched", network=title)


def too_large(bytes: int, megabytes: int) -> str:
    """Say that a file is too large for an image.

    Args:
        bytes: Its size.
        megabytes: The limit.
    """
    return tr(
        "The file has {size}; a picture may have at most {megabytes} MB: choose a smaller one.",
        size=size_text(bytes),
        megabytes=megabytes,
    )


def refused(reason: str) -> str:
    """Say why a file was not taken over."""
    return tr("{reason} The image in use has not changed.", reason=plain(reason))


def what_may_come(formats: str, megapixels: int) -> str:
    """Say which files are taken over."""
    return tr(
        "{formats}, at most {megapixels} million pixels, a JPEG twice as many. It stays "
        "in this visit: it is neither stored nor passed on.",
        formats=formats,
        megapixels=megapixels,
    )


def hint(formats: str, megabytes: int) -> str:
    """Say in a box for images what may be put into it.

    Args:
        formats: The formats' names.
        megabytes: The most that a file may have.
    """
    return tr("{formats}, {megabytes} MB at most", formats=formats, megabytes=megabytes)


def whole(title: str, width: int, height: int, credit: str, *, is_transparent: bool = False) -> str:
    """Describe the whole image.

    Args:
        title: Its title or the file's name.
        width: In pixels.
        height: In pixels.
        credit: Whom to thank; empty for an image of the visitor's.
        is_transparent: Whether parts of it are transparent.
    """
    sentences = [
        tr(
            "{image}, {width} × {height} pixels. The network sees the part inside the frame.",
            image=plain_name(title),
            width=width,
            height=height,
        )
    ]
    if is_transparent:
        sentences.append(
            tr("What is transparent in the file lies on mid-grey, here and for the network.")
        )
    if credit:
        sentences.append(tr("Photograph: {credit}.", credit=credit))
    return " ".join(sentences)


def crop(size: int, resize: int, image_size: tuple[int, int] | None = None) -> str:
    """Say how the crop that goes into the network is made.

    Args:
        size: Its side in pixels.
        resize: What the image's shorter side is scaled to before.
        image_size: Width and height of the image; None for one that is larger than that.
    """
    shorter = min(image_size) if image_size else resize + 1
    is_square = image_size is not None and image_size[0] == image_size[1]
    is_whole = is_square and size == resize
    if shorter > resize:
        how = tr(_SCALED if is_whole else _SCALED_AND_CUT, size=size, resize=resize)
        return " ".join((how, tr("Finer detail is lost to the network.")))
    if shorter == resize:
        return tr(_KEPT if is_whole else _CUT, size=size, resize=resize)
    if is_whole:
        how = trn(
            "{size} × {size} pixels: the shorter side, {count} pixel, is enlarged to {resize}.",
            "{size} × {size} pixels: the shorter side, {count} pixels, is enlarged to {resize}.",
            shorter,
            size=size,
            resize=resize,
        )
    else:
        how = trn(
            "{size} × {size} pixels: the shorter side, {count} pixel, is enlarged to {resize}, "
            "then the middle is cut out.",
            "{size} × {size} pixels: the shorter side, {count} pixels, is enlarged to {resize}, "
            "then the middle is cut out.",
            shorter,
            size=size,
            resize=resize,
        )
    return " ".join((how, tr("Enlarging loses no detail and adds none.")))


_SCALED = later("{size} × {size} pixels: the shorter side is scaled to {resize}.")
_SCALED_AND_CUT = later(
    "{size} × {size} pixels: the shorter side is scaled to {resize}, then the middle is cut out."
)
_KEPT = later(
    "{size} × {size} pixels: the shorter side has {resize} pixels already, so nothing is scaled."
)
_CUT = later(
    "{size} × {size} pixels: the shorter side has {resize} pixels already, so nothing is scaled, "
    "then the middle is cut out."
)


def no_such_layer(network: str, asked: str, instead: str) -> str:
    """Say that a link asks for a layer that the network does not have.

    Args:
        network: The network's title.
        asked: What the link asks for.
        instead: The title of the layer that is shown.
    """
    return tr(
        "{network} has no layer called “{name}”, as the link asks; here is {instead} instead.",
        network=plain(network),
        name=quoted(asked),
        instead=plain(instead),
    )


def step_help(by: int, *, has_parts: bool) -> str:
    """Say what a step to the next layer does, and which key does the same.

    Args:
        by: −1 towards the image, 1 towards the classes.
        has_parts: Whether some layers are parts of modules.
    """
    if not has_parts:
        if by < 0:
            return tr("One layer towards the image. The key [ does the same.")
        return tr("One layer towards the classes. The key ] does the same.")
    step = (
        tr("One layer, or one module, towards the image. The key [ does the same.")
        if by < 0
        else tr("One layer, or one module, towards the classes. The key ] does the same.")
    )
    return f"{step} {tr('With Shift, or the keys { and }, by the parts of a module.')}"


def no_such_weights(network: str, asked: str, instead: str) -> str:
    """Say that a link asks for weights that the network does not have.

    Args:
        network: The network's title.
        asked: What the link asks for.
        instead: The title of the weights that are used.
    """
    return tr(
        "{network} has no weights called “{name}”, as the link asks; here are others instead "
        "({instead}).",
        network=plain(network),
        name=quoted(asked),
        instead=plain(instead),
    )


def what_may_be_opened(megabytes: int) -> str:
    """Say which files of weights may be sent, and what to do with larger ones.

    Args:
        megabytes: The most that a file may have.
    """
    return tr(
        "At most {megabytes} MB. Larger files go into the folder that CONVVIZ_WEIGHTS "
        "names when convviz is started. The network is found by the names and shapes of "
        "the weights.",
        megabytes=megabytes,
    )


def several_fit(count: int) -> str:
    """Say that several networks have the names and shapes of a file's weights.

    Args:
        count: How many.
    """
    return tr("These weights fit {count} networks. Which is it?", count=count)


def unopened(sentence: str) -> str:
    """Return what is said of a file that could not be opened, after the reason."""
    return tr("{sentence} The weights in use have not changed.", sentence=sentence)


def opened(name: str, network: Network) -> str:
    """Return the sentence on a file that was opened.

    Args:
        name: The file's name, safe to show.
        network: The network in it.
    """
    count, title = len(network.weights.classes), plain(network.title)
    if not count:
        return tr("{file} is in use: {network}.", file=name, network=title)
    return trn(
        "{file} is in use: {network} with {count} class.",
        "{file} is in use: {network} with {count} classes.",
        count,
        file=name,
        network=title,
    )


def no_longer_here(network: str) -> str:
    """Return the sentence on a trained network that is gone from memory.

    Args:
        network: Title of the network, safe to show.
    """
    return tr(
        "The trained {network} is no longer in the server's memory: open its file, if "
        "you saved one, or train it again.",
        network=network,
    )


def details(bytes: int, sha256: str, note: str) -> str:
    """Give what identifies the weights in use: their note, size and checksum.

    Args:
        bytes: Their size.
        sha256: Of them.
        note: What is said about them; may come from a file.
    """
    facts = tr(
        "They take {size}. Their fingerprint (sha256) is `{sha256}`.",
        size=size_text(bytes),
        sha256=sha256,
    )
    return " ".join(filter(None, (plain(note), facts)))


def unused(files: Sequence[UnusedFile]) -> str:
    """List what lies in the server's folder of weights and is not used.

    Args:
        files: Those files; at least one.
    """
    lines = [f"- {plain_name(file.name)} {plain(file.reason)}" for file in files[:_LISTED]]
    if len(files) > _LISTED:
        lines.append(tr("- and {count:,} more", count=len(files) - _LISTED))
    return "\n".join((tr("In the folder of weights, and not used:"), "", *lines))


def use_full_weights(status: SourceStatus) -> str:
    """Return the label of the button that takes the full weights; of a fetch with its size."""
    if status.here:
        return tr("Use the full ImageNet weights")
    size = size_text(status.fetch_bytes)
    return tr("Use the full ImageNet weights (fetch {size})", size=size)
