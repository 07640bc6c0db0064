"""What convviz accepts: inputs of every kind are tried, and a table says what became of each.

`python -m tests.accepted` writes docs/ACCEPTED.md; tests/test_accepted.py compares.
"""

from __future__ import annotations

import io
import pickle
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import numpy as np
import tifffile
import torch
from PIL import Image
from safetensors.torch import save
from torch import nn

from convviz.datasets.class_folders import from_folder, from_zip
from convviz.errors import ConvvizError
from convviz.images import heic
from convviz.images.decode import read
from convviz.images.findings import notes
from convviz.networks.network import NetworkSpec
from convviz.networks.registry import build, register
from convviz.plain_text import plain
from convviz.structure.layers import layers
from convviz.weights.fitting import networks_fitting
from convviz.weights.load import open_sent
from convviz.weights.sent_file import SentFile
from tests.class_folders import png, zipped
from tests.images.heic_files import PLAIN
from tests.images.test_avif import with_size
from tests.images.test_headers import webp
from tests.images.test_tiff import packed
from tests.weights.test_state_dict_file import Net, numbered, prefixed

FILE = Path(__file__).parents[1] / "docs" / "ACCEPTED.md"


@dataclass(frozen=True)
class Row:
    """One input and what became of it."""

    title: str
    is_taken: bool
    sentence: str


def tried(title: str, use: Callable[[], str]) -> Row:
    """Use an input, and tell the note or the refusal."""
    try:
        return Row(title, True, use())
    except ConvvizError as error:
        return Row(title, False, str(error))


# Networks, as a user's file builds them.


def failing() -> nn.Module:
    raise ValueError("no weights here")


def script(module: nn.Module) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch gives TorchScript up
        return torch.jit.trace(module.eval(), torch.zeros(1, 3, 16, 16))


NETWORKS: dict[str, Callable[[], Any]] = {
    "a `torch.nn.Module`": Net,
    "in half precision": lambda: Net().half(),
    "in double precision": lambda: Net().double(),
    "in DataParallel": lambda: nn.DataParallel(Net()),
    "TorchScript": lambda: script(Net()),
    "something else": lambda: "network",
    "a `build` that fails": failing,
}


def network(make: Callable[[], Any]) -> str:
    spec = NetworkSpec(name="net", title="Net", build=make, input_size=16)
    build(spec)
    layers(spec)
    return ""


# Weights.


def torch_file(content: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def script_file() -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(script(Net()), buffer)
    return buffer.getvalue()


class StartsPrograms:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("1",)


def arrays() -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in numbered().items()}


def array_file() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays())
    return buffer.getvalue()


WEIGHTS: dict[str, Callable[[], bytes]] = {
    "a state dict by `torch.save`": lambda: torch_file(numbered()),
    "the same, before torch 1.6": lambda: torch_file(
        numbered(), _use_new_zipfile_serialization=False
    ),
    "safetensors": lambda: save(numbered()),
    "a plain pickle": lambda: pickle.dumps(numbered()),
    "NumPy's arrays by name, in a pickle": lambda: pickle.dumps(arrays()),
    "in half precision": lambda: torch_file({n: v.half() for n, v in numbered().items()}),
    "names with a prefix (`module.`, `_orig_mod.`, `model.` …)": lambda: torch_file(
        prefixed("module._orig_mod.")
    ),
    "a checkpoint with its optimiser": lambda: torch_file(
        {"model": numbered(), "epoch": 3, "optimizer": {"state": {}, "param_groups": []}}
    ),
    "with an averaged copy": lambda: torch_file({"model": numbered(), "ema": numbered()}),
    "with tensors beside the network's": lambda: torch_file(
        prefixed("model.") | {"loss.weight": torch.ones(5)}
    ),
    "with counts of operations among them (`total_ops`)": lambda: torch_file(
        numbered() | {"conv.total_ops": torch.zeros(1), "conv.total_params": torch.zeros(1)}
    ),
    "in a list, with settings beside it": lambda: torch_file((numbered(), {"epochs": 3})),
    "numbers that are infinite": lambda: torch_file(
        numbered() | {"conv.bias": torch.full((4,), torch.inf)}
    ),
    "of a network that is not here": lambda: torch_file({"x.weight": torch.zeros(3)}),
    "a whole module": lambda: torch_file(Net()),
    "TorchScript": script_file,
    "`torch.export`": lambda: zipped(
        {"net/archive_format": b"pt2", "net/models/model.json": b"{}"}
    ),
    "ONNX": lambda: b"\x08\x07\x12\x07pytorch\x1a\x032.0",
    "Keras (HDF5)": lambda: b"\x89HDF\r\n\x1a\n",
    "NumPy (`.npz`)": array_file,
    "a pickle that starts programs": lambda: torch_file({"a": StartsPrograms()}),
    "sparse tensors": lambda: torch_file({n: v.to_sparse() for n, v in numbered().items()}),
    "a zip with a file of weights in it": lambda: zipped({"best.pth": torch_file(numbered())}),
    "a `.tar.gz`": lambda: b"\x1f\x8b\x08",
    "a web page, in place of a download": lambda: b"<!DOCTYPE html><html><title>Sign in</title>",
    "Git LFS's note on a file": lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:1",
    "nothing": lambda: b"",
    "text": lambda: b"words",
}


def weights(make: Callable[[], bytes]) -> str:
    file = SentFile("net.pth", make())
    (name,) = networks_fitting(file)
    return open_sent(file, name).weights.note


# Images.

GREY = (np.arange(40 * 60).reshape(40, 60) * 27).astype(np.uint16)
PHOTOGRAPH = Image.fromarray(
    np.stack([GREY >> 8, GREY.T.reshape(40, 60) >> 8, GREY >> 9], axis=2).astype(np.uint8)
)


def image_file(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(values: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()


IMAGES: dict[str, Callable[[], bytes]] = {
    **{
        title: lambda kind=kind: image_file(PHOTOGRAPH, kind)
        for title, kind in (
            *(("JPEG", "JPEG"), ("PNG", "PNG"), ("WebP", "WEBP"), ("AVIF", "AVIF")),
            *(("GIF", "GIF"), ("BMP", "BMP"), ("TIFF", "TIFF")),
        )
    },
    "JPEG in CMYK": lambda: image_file(PHOTOGRAPH.convert("CMYK"), "JPEG"),
    "JPEG without its last bytes": lambda: image_file(PHOTOGRAPH, "JPEG")[:-40],
    "PNG with an alpha channel": lambda: image_file(PHOTOGRAPH.convert("RGBA"), "PNG"),
    "PNG of 16 bits": lambda: image_file(Image.fromarray(GREY), "PNG"),
    "PNG of 12 bits in 16": lambda: image_file(Image.fromarray(GREY // 16), "PNG"),
    "animated PNG (its first picture)": lambda: image_file(
        PHOTOGRAPH, "PNG", save_all=True, append_images=[PHOTOGRAPH.convert("L")]
    ),
    "TIFF of 12 bits in 16": lambda: tiff(GREY // 16),
    "TIFF of 12 bits in 16, with two hot pixels": lambda: tiff(
        np.where((GREY == 0) | (GREY == 27), 65_535, GREY // 16).astype(np.uint16)
    ),
    "TIFF of 12 packed bits": lambda: packed(GREY[:, :, None] // 256, 12),
    "TIFF of 10 packed bits": lambda: packed(GREY[:, :, None] // 256, 10),
    "TIFF of labels in 32 bits": lambda: tiff(GREY.astype(np.int32) % 6),
    "TIFF of five channels": lambda: tiff(
        np.stack([GREY] * 5), photometric="minisblack", planarconfig="separate"
    ),
    "TIFF of a stack (its first picture)": lambda: tiff(
        np.stack([GREY] * 3), photometric="minisblack"
    ),
    "TIFF of floats": lambda: tiff(GREY.astype(np.float32) / 100),
    "TIFF of 16-bit planes": lambda: tiff(
        np.stack([GREY] * 3), photometric="rgb", planarconfig="separate"
    ),
    "animated AVIF": lambda: image_file(
        PHOTOGRAPH, "AVIF", save_all=True, append_images=[PHOTOGRAPH.convert("L").convert("RGB")]
    ),
    "HEIC, where pi-heif is installed": lambda: PLAIN,
    "HEIC elsewhere": lambda: PLAIN,
    "a camera's raw file": lambda: b"FUJIFILMCCD-RAW 0201",
    "SVG": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "PDF": lambda: b"%PDF-2.0",
    "a film": lambda: b"\0\0\0\x18ftypmp42\0\0\0\0isommp42",
    "26 million pixels": lambda: image_file(Image.new("1", (5200, 5000)), "PNG"),
    "26 million pixels, JPEG": lambda: image_file(Image.new("L", (5200, 5000)), "JPEG"),
    "51 million pixels, JPEG": lambda: image_file(Image.new("L", (10_200, 5000)), "JPEG"),
    "24 million pixels, progressive JPEG of halved colours": lambda: image_file(
        Image.new("RGB", (6000, 4000)), "JPEG", progressive=True
    ),
    "24 million pixels, progressive JPEG of full colours": lambda: image_file(
        Image.new("RGB", (6000, 4000)), "JPEG", progressive=True, subsampling=0
    ),
    "13 million pixels, WebP": lambda: webp("canvas", 4000, 3250),
    "13 million pixels, AVIF": lambda: with_size(image_file(PHOTOGRAPH, "AVIF"), 4000, 3250),
    "21 times as long as wide": lambda: image_file(Image.new("L", (210, 10)), "PNG"),
}


def image(make: Callable[[], bytes]) -> str:
    return " ".join(notes(read(make())))


def without_heic(make: Callable[[], bytes]) -> str:
    with mock.patch.object(heic, "is_available", return_value=False):
        return image(make)


# Zips and folders.

TWO = {
    f"{name}/{k}.png": png(name, 40 + k + 4 * (name == "red"))
    for name in ("red", "blue")
    for k in range(3)
}


def divided(*parts: str) -> dict[str, bytes]:
    return {
        f"{part}/{path}": data
        for number, part in enumerate(parts)
        for path, data in list(TWO.items())[number % 2 :]
    }


FILES: dict[str, dict[str, bytes]] = {
    "class folders": TWO,
    "class folders in an outer one": {f"pets/{path}": data for path, data in TWO.items()},
    "`train/` and `val/` above them": divided("train", "val"),
    "`train/`, `valid/` and `test/` above them": divided("train", "valid", "test"),
    "`training_set/` and `test_set/` above them": divided("training_set", "test_set"),
    "a picture beside the class folders": TWO | {"preview.png": png("green")},
    "a damaged picture": TWO | {"red/bad.png": b"\x89PNG\r\n\x1a\n"},
    "a file that is no picture": TWO | {"red/notes.txt": b"words"},
    "what macOS adds": TWO | {"__MACOSX/red/._0.png": b"x", ".DS_Store": b"x"},
    "one class": {path: data for path, data in TWO.items() if path.startswith("red")},
    "no folders": {path.replace("/", "-"): data for path, data in TWO.items()},
    "folders in folders": TWO | {"red/more/9.png": png("red", 60)},
}


def zip_archive(files: dict[str, bytes]) -> str:
    dataset = from_zip(zipped(files))
    left_out = " ".join(f"{each.title} is left out: {each.reason}" for each in dataset.left_out)
    parts = sorted({*dataset.given})
    given = f"Its division is used ({', '.join(parts)})." if parts else ""
    return f"{given} {left_out}".strip()


def folder(files: dict[str, bytes]) -> str:
    with TemporaryDirectory() as root:
        for path, data in files.items():
            file = Path(root, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return f"{len(from_folder(Path(root)))} pictures"


def table() -> str:
    """Try every input, and write the page. Registers a network called net."""
    register(NetworkSpec(name="net", title="Net", build=Net, input_size=16))
    sections = {
        "Networks (`CONVVIZ_NETWORKS`)": [
            tried(title, lambda make=make: network(make)) for title, make in NETWORKS.items()
        ],
        "Weights (the sidebar, `--weights FILE`, `CONVVIZ_WEIGHTS`)": [
            tried(title, lambda make=make: weights(make)) for title, make in WEIGHTS.items()
        ],
        "Images": [
            tried(
                title,
                lambda make=make, title=title: (
                    without_heic(make) if title == "HEIC elsewhere" else image(make)
                ),
            )
            for title, make in IMAGES.items()
        ],
        "Zips of class folders": [
            *(
                tried(title, lambda files=files: zip_archive(files))
                for title, files in FILES.items()
            ),
            tried("no zip", lambda: str(from_zip(b"words"))),
            tried("a folder on this machine (command line)", lambda: folder(TWO)),
        ],
    }
    lines = [
        "# What convviz accepts",
        "",
        "Each line is an input that was tried; the last column has what convviz says of it, if "
        "anything. `python -m tests.accepted` writes this page, and a test compares it.",
    ]
    for heading, rows in sections.items():
        lines += ["", f"## {heading}", "", "| what | taken | convviz says |", "| --- | --- | --- |"]
        for row in rows:
            # A sentence is text: a pipe in it must not end its cell.
            sentence = plain(row.sentence).replace("|", "\\|")
            sentence = re.sub(r"none of the [\d,]+ networks", "none of the networks", sentence)
            lines.append(f"| {row.title} | {'yes' if row.is_taken else 'no'} | {sentence} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(table(), encoding="utf-8")
