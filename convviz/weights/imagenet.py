"""Full ImageNet weights: torchvision's file, or a file of the user's for the same network.

A file may be in the user's folder (CONVVIZ_WEIGHTS), in convviz's cache, or in the cache of
`torch.hub`. torchvision's files have the beginning of their checksum in their name;
a file whose checksum differs is damaged and is not used.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import torch
import torchvision

from convviz.downloads import cache, http
from convviz.downloads.tickets import Download
from convviz.errors import WeightsError, WeightsNotHere
from convviz.formatting import size_text
from convviz.language import later, tr
from convviz.networks import registry
from convviz.networks.decoders import forget_heads
from convviz.networks.network import Network, NetworkSpec
from convviz.weights import checkpoint, findings, own, state_dict_file
from convviz.weights.source import IN_USERS_FOLDER, Source, SourceStatus, network_with

_TITLE = later("ImageNet, full network")
_MIB = 1 << 20
_NOTES = {
    "folder": IN_USERS_FOLDER,
    "cache": later("in convviz's cache"),
    "hub": later("in PyTorch's cache"),
}


@dataclass(frozen=True)
class TorchvisionFile:
    """One of torchvision's files of ImageNet weights.

    Attributes:
        url: Its address.
        name: File name, "vgg16-397923af.pth".
        sha256_prefix: The beginning of its sha256.
        bytes: Size, rounded as torchvision states it.
        classes: Name of each class, in the order of the network's outputs.
        licence: Address of the licence that the weights have of their own; empty if torchvision
            states none.
    """

    url: str
    name: str
    sha256_prefix: str
    bytes: int
    classes: tuple[str, ...]
    licence: str = ""

    def is_intact(self, path: Path) -> bool:
        """Whether a file's checksum is the one that torchvision states."""
        try:
            return self.is_sum(cache.sha256(path))
        except OSError:
            return False

    def is_sum(self, sha256: str) -> bool:
        """Whether a checksum is the one that torchvision states."""
        return sha256.startswith(self.sha256_prefix)


@dataclass(frozen=True)
class LocalFile:
    """A file with full weights on this machine, damaged or not.

    Attributes:
        path: The file.
        location: "folder" (the user's), "cache" (convviz's) or "hub" (PyTorch's).
        checked: Whether it is named as torchvision names it, so that its checksum is known.
    """

    path: Path
    location: str
    checked: bool = True


def torchvision_file(spec: NetworkSpec) -> TorchvisionFile | None:
    """Describe the file that torchvision would download; None if it has none for the network."""
    return None if spec.torchvision_weights is None else _entry(spec.torchvision_weights)


@functools.cache  # looking an entry up goes over everything in torchvision's models
def _entry(name: str) -> TorchvisionFile:
    weights = torchvision.models.get_weight(name)
    name = Path(urlsplit(weights.url).path).name
    return TorchvisionFile(
        url=weights.url,
        name=name,
        sha256_prefix=name.rsplit(".", 1)[0].rsplit("-", 1)[-1],
        bytes=round(weights.meta["_file_size"] * _MIB),
        classes=tuple(weights.meta["categories"]),
        licence=weights.meta.get("license", ""),
    )


def local_files(spec: NetworkSpec) -> tuple[LocalFile, ...]:
    """Find the files with full weights, damaged or not, in the order of preference."""
    file, folder = torchvision_file(spec), cache.user_folder()
    if file is None:
        return ()
    hub = Path(torch.hub.get_dir()) / "checkpoints"
    files = [
        *([LocalFile(folder / file.name, "folder")] if folder else []),
        *(LocalFile(path, "folder", checked=False) for path in own.files_named_after(spec)),
        LocalFile(cache.folder() / file.name, "cache"),
        LocalFile(hub / file.name, "hub"),
    ]
    return tuple(local for local in files if local.path.is_file())


def usable_file(spec: NetworkSpec) -> LocalFile | None:
    """Find the file to use: the first that is not damaged.

    A file in the user's folder is used or refused, but never skipped.
    """
    file = torchvision_file(spec)
    for local in local_files(spec):
        if local.location == "folder" or (file is not None and file.is_intact(local.path)):
            return local
    return None


class ImageNet(Source):
    """Full weights, trained on ImageNet-1k."""

    name = "imagenet"

    def status(self, spec: NetworkSpec) -> SourceStatus | None:
        """See `Source.status`."""
        file, local = torchvision_file(spec), usable_file(spec)
        if file is None:
            return None
        if local is None:
            note = findings.from_torchvision(file.licence)
            return SourceStatus(self.name, tr(_TITLE), False, fetch_bytes=file.bytes, note=note)
        size, note = local.path.stat().st_size, tr(_NOTES[local.location])
        return SourceStatus(self.name, tr(_TITLE), True, size, note=note, path=local.path)

    def load(self, spec: NetworkSpec, *, seed: int = 0) -> Network:
        """See `Source.load`."""
        file, local = torchvision_file(spec), usable_file(spec)
        if file is None:
            raise WeightsError(
                tr(
                    "There are no ImageNet weights for {network}: choose own or untrained weights.",
                    network=spec.title,
                )
            )
        if local is None:
            raise not_here(spec, file)
        path = local.path
        if local.checked and not file.is_intact(path):
            raise WeightsError(
                tr(
                    "The file {file} in your CONVVIZ_WEIGHTS folder is damaged: its checksum is "
                    "not the one in its name; copy it again.",
                    file=path.name,
                )
            )
        if not file.is_intact(path):
            return state_dict_file.load_file(
                spec, path, source=self.name, classes=file.classes, by_name=True
            )
        module = checkpoint.fill(
            registry.build(spec, **dict(spec.imagenet_options)),
            # Not mapped from the user's folder: the file may be overwritten.
            checkpoint.with_todays_names(checkpoint.read(path, mapped=local.location != "folder")),
            title=spec.title,
            origin=tr("The file {file}", file=path.name),
            without=spec.auxiliary,  # torchvision did not train GoogLeNet's
        )
        if spec.auxiliary:
            forget_heads(module)  # as torchvision does
        return network_with(
            spec,
            module,
            source=self.name,
            title=tr(_TITLE),
            training_set=state_dict_file.IMAGENET,
            size=path.stat().st_size,
            sha256=cache.sha256(path),
            classes=file.classes,
            note=findings.licence(file.licence) if file.licence else "",
        )

    def download(self, spec: NetworkSpec) -> Download | None:
        """See `Source.download`."""
        file = torchvision_file(spec)
        if file is None:
            return None
        return Download(
            key=file.name,
            total=file.bytes,
            room=file.bytes + file.bytes // 50,
            here=lambda folder: file.is_intact(folder / file.name),
            fetch=lambda folder, progress: http.download(
                file.url, folder / file.name, file.sha256_prefix, progress
            ),
            about=findings.before_fetching(file.name, file.bytes, file.licence),
        )


def not_here(spec: NetworkSpec, file: TorchvisionFile) -> WeightsNotHere:
    """Make the error that says how much would have to be fetched, and the alternatives."""
    names = ", ".join(dict.fromkeys(local.path.name for local in local_files(spec)))
    damaged = tr(" ({names} is there, but damaged)", names=names) if names else ""
    licence = tr(" under the licence {licence}", licence=file.licence) if file.licence else ""
    return WeightsNotHere(
        tr(
            "{network}'s weights are not on this machine{damaged}: fetch {weights} "
            "({size}){licence}, {alternatives}.",
            network=spec.title,
            damaged=damaged,
            weights=tr(_TITLE),
            size=size_text(file.bytes),
            licence=licence,
            alternatives=_alternatives(spec),
        )
    )


def not_fetched(spec: NetworkSpec, error: WeightsError) -> WeightsNotHere:
    """Make the error for weights that could not be fetched: the reason and the alternatives.

    Only the command line, which is English, waits for a fetch; on pages its ticket says why.

    Args:
        spec: The network.
        error: The reason. Its sentence says what is wrong, then a colon, then what to do about it.
    """
    reason = str(error).partition(":")[0].rstrip(".")
    if reason.split(" ")[0] in {"The", "This", "What", "There"}:  # any other is a name
        reason = reason[:1].lower() + reason[1:]
    return WeightsNotHere(
        tr(
            "{network}'s weights are not on this machine, and {reason}: try again when that is "
            "mended, {alternatives}.",
            network=spec.title,
            reason=reason,
            alternatives=_alternatives(spec),
        )
    )


def _alternatives(spec: NetworkSpec) -> str:
    file, folder = torchvision_file(spec), cache.user_folder()
    own_name = f"{spec.name}.pth"
    names = tr("{name} or {other}", name=file.name, other=own_name) if file else own_name
    if folder is None:
        return tr(
            "put {names} into a folder and name it in CONVVIZ_WEIGHTS, or choose untrained weights",
            names=names,
        )
    if folder.is_dir():
        return tr(
            "put {names} into your CONVVIZ_WEIGHTS folder, or choose untrained weights", names=names
        )
    return tr(
        "put {names} into a folder that CONVVIZ_WEIGHTS names (now it names none), or choose "
        "untrained weights",
        names=names,
    )
