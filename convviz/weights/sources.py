"""Where a network's weights can come from, and which of them are here already.

Full ImageNet weights may lie in the user's own folder (CONVVIZ_WEIGHTS), in convviz's cache, or
where PyTorch keeps what `torch.hub` downloaded. A file counts as here only if its checksum is
right, which is computed once as long as the file stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import torch
import torchvision

from convviz.downloads import cache
from convviz.networks import registry
from convviz.networks.network import NetworkSpec
from convviz.weights import bundled, small_decoders, trained
from convviz.weights import encoder as encoder_source
from convviz.weights.source import SourceStatus

_MIB = 1 << 20


_PLACES = {
    "folder": "in your CONVVIZ_WEIGHTS folder",
    "cache": "in convviz's cache",
    "hub": "in PyTorch's cache",
}


@dataclass(frozen=True)
class TorchvisionFile:
    """One of torchvision's files of ImageNet weights.

    Attributes:
        url: Where it is downloaded from.
        name: File name, "vgg16-397923af.pth".
        sha256_prefix: How its sha256 begins; torchvision writes it into the file name.
        bytes: Size, to the nearest kilobyte that torchvision states.
        classes: Name of each class, in the order of the network's outputs.
    """

    url: str
    name: str
    sha256_prefix: str
    bytes: int
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """A file with full weights that is here.

    Attributes:
        path: Where.
        place: "folder" (the user's), "cache" (convviz's) or "hub" (PyTorch's).
        own_name: Whether it is called after the network, as the user's own files are, rather than
            as torchvision calls it; then nothing is known of its checksum.
    """

    path: Path
    place: str
    own_name: bool = False


def torchvision_file(spec: NetworkSpec) -> TorchvisionFile | None:
    """Describe the file that torchvision would download; None if it has none for the network."""
    if spec.torchvision_weights is None:
        return None
    weights = torchvision.models.get_weight(spec.torchvision_weights)
    name = Path(urlsplit(weights.url).path).name
    return TorchvisionFile(
        url=weights.url,
        name=name,
        sha256_prefix=name.rsplit(".", 1)[0].rsplit("-", 1)[-1],
        bytes=round(weights.meta["_file_size"] * _MIB),
        classes=tuple(weights.meta["categories"]),
    )


def is_whole(path: Path, file: TorchvisionFile) -> bool:
    """Whether a file's checksum is the one that its name states."""
    try:
        return cache.sha256(path).startswith(file.sha256_prefix)
    except OSError:
        return False


def full_weights(spec: NetworkSpec) -> tuple[Found, ...]:
    """Find files with full weights that are here, damaged or not, in the order of preference."""
    folder, file = cache.user_folder(), torchvision_file(spec)
    candidates = []
    if folder is not None:
        if file is not None:
            candidates.append(Found(folder / file.name, "folder"))
        endings = (".pth", ".pt", ".safetensors")
        candidates += [Found(folder / f"{spec.name}{end}", "folder", True) for end in endings]
    if file is not None:
        candidates.append(Found(cache.folder() / file.name, "cache"))
        candidates.append(Found(Path(torch.hub.get_dir()) / "checkpoints" / file.name, "hub"))
    return tuple(
        found
        for found in candidates
        if found.path.is_file() and not (found.own_name and trained.about_file(found.path))
    )


def usable_weights(spec: NetworkSpec) -> Found | None:
    """Find the file with full weights to use: the first that is not damaged.

    A file in the user's own folder is used or refused, but never passed over.
    """
    file = torchvision_file(spec)
    for found in full_weights(spec):
        if found.place == "folder" or (file is not None and is_whole(found.path, file)):
            return found
    return None


def own_weights(spec: NetworkSpec) -> Path | None:
    """Find a file for a user's own network, for which torchvision has none."""
    found = usable_weights(spec)
    return found.path if found and torchvision_file(spec) is None else None


def status(name: str) -> tuple[SourceStatus, ...]:
    """Say where a network's weights can come from, and what of it is here.

    Args:
        name: A network's name.

    Returns:
        The sources that this network has, in the order of `weights.SOURCES`, then files that a
        training has saved into the user's own folder; untrained weights come last.

    Raises:
        NetworkError: There is no such network.
    """
    spec = registry.spec(name)
    places = (_imagenet(spec), _bundled(spec), _encoder(spec), _own(spec))
    random = SourceStatus("random", "Untrained", True, note="random numbers, drawn when asked for")
    return (*(place for place in places if place is not None), *_saved(name), random)


def _saved(name: str) -> tuple[SourceStatus, ...]:
    return tuple(
        SourceStatus(
            source,
            f"{about.title} ({path.name})",
            True,
            path.stat().st_size,
            note=_PLACES["folder"],
            path=path,
        )
        for path, source, about in trained.in_folder(name)
    )


def _imagenet(spec: NetworkSpec) -> SourceStatus | None:
    file, found = torchvision_file(spec), usable_weights(spec)
    if file is None:
        return None
    title = "ImageNet, full network"
    if found is None:
        note = "from torchvision"
        return SourceStatus("imagenet", title, False, fetch_bytes=file.bytes, note=note)
    path, note = found.path, _PLACES[found.place]
    return SourceStatus("imagenet", title, True, path.stat().st_size, note=note, path=path)


def _bundled(spec: NetworkSpec) -> SourceStatus | None:
    if spec.name != bundled.NETWORK:
        return None
    path = bundled.path()
    title = f"{bundled.about().training_set}, full network"
    return SourceStatus(
        "bundled", title, True, path.stat().st_size, note="comes with convviz", path=path
    )


def _encoder(spec: NetworkSpec) -> SourceStatus | None:
    if spec.name not in encoder_source.ENCODERS:
        return None
    path, title = encoder_source.path(spec.name), small_decoders.title(spec.name)
    size = path.stat().st_size
    return SourceStatus("encoder", title, True, size, note="comes with convviz", path=path)


def _own(spec: NetworkSpec) -> SourceStatus | None:
    if not registry.is_own(spec.name):
        return None
    path = own_weights(spec)
    if path is None:
        return SourceStatus("own", "As your file builds it", True, note="from your Python file")
    size = path.stat().st_size
    return SourceStatus(
        "own", f"Your file {path.name}", True, size, note=_PLACES["folder"], path=path
    )
