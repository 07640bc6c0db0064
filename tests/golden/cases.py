"""What the golden files record, and how two records are compared."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from tests.golden import adapter
from tests.golden.networks import (
    CATALOGUE_SIZES,
    TINY,
    TORCHVISION_SIZES,
    fill,
    from_torchvision,
    googlenet_of_a_user,
)

FOLDER = Path(__file__).parent
FILES = FOLDER / "files"
OWN_NETWORK = FOLDER / "own_network.py"

RELATIVE = 1e-4
"""How far floats may be apart: other processors round otherwise."""
LOOSE = 0.05
"""The same for what an optimisation of a few steps comes to."""

_LOOSE_KEYS = {"loss", "relative_error", "psnr", "ssim"}
_VOLATILE_KEYS = {
    "seconds",
    "seconds_per_step",
    "encoding_seconds",
    "epoch_seconds",
    "test_seconds",
}
_ONLY_KIND_KEYS = {
    *("val_accuracy", "test_accuracy", "train_accuracy", "test_interval"),
    *("best_epoch", "accuracy"),
}

# ---- commands ------------------------------------------------------------------------------------

_CATALOGUE = (
    *("alexnet", "vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn"),
    *("vgg19_bn", "googlenet"),
)
_TRAIN = "train {zip} --epochs 1 --size 32 --json - --out {out} "

COMMANDS: dict[str, str] = {
    **{f"layers {name}": f"layers {name} --json -" for name in _CATALOGUE},
    "layers, all": "layers googlenet --all --input-size 128 --json -",
    "layers, text": "layers googlenet",
    "layers, all, text": "layers vgg16_bn --all --input-size 64",
    "layers, own": "layers golden-small --json -",
    "layers, too small": "layers alexnet --input-size 20",
    "layers, no network": "layers alexnett",
    "costs": "costs alexnet vgg16 googlenet --json -",
    "costs, others": "costs vgg11 vgg13 vgg19 vgg11_bn vgg13_bn vgg16_bn vgg19_bn",
    "costs, size": "costs googlenet alexnet --input-size 128 --per-layer --json -",
    "costs, text": "costs alexnet vgg16 googlenet --per-layer",
    "costs, own": "costs golden-small --per-layer",
    "costs, too small": "costs googlenet --input-size 3",
    **{f"weights {name}": f"weights status {name} --json -" for name in _CATALOGUE},
    "weights, own": "weights status golden-small --json -",
    "weights, text": "weights status vgg11",
    "activations, bundled": "activations sample:cat --network googlenet --layer inception3a "
    "--json -",
    "activations, convolution": "activations sample:cat --network googlenet --layer "
    "inception4a.branch2.1.conv --weights bundled --threshold 0.1 --json -",
    "activations, fc": "activations sample:coffee --network googlenet --layer fc --json -",
    "activations, text": "activations sample:cat --network googlenet --layer conv2",
    "activations, alexnet": "activations sample:cat --network alexnet --weights random --layer "
    "conv2 --json -",
    "activations, vgg11": "activations sample:rocket --network vgg11 --weights random --layer "
    "relu2_1 --json -",
    "activations, own": "activations sample:cat --network golden-small --layer norm --json -",
    "activations, no layer": "activations sample:cat --network googlenet --layer inception3c",
    "activations, no image": "activations sample:dog --network googlenet --layer conv1",
    "activations, no weights": "activations sample:cat --network alexnet --layer conv1 --weights "
    "bundled",
    "reconstruct, lbfgs": "reconstruct sample:cat --network googlenet --layer inception3a --steps "
    "3 --image-size 64 --precision float32 --seed 1 --json -",
    "reconstruct, adam": "reconstruct sample:cat --network alexnet --weights random --layer "
    "features.2 --steps 3 --image-size 64 --optimizer adam --precision float32 --json -",
    "reconstruct, grey": "reconstruct sample:brick --network golden-small --layer conv --steps 2 "
    "--start grey --tv 0.1 --learning-rate 0.5 --precision float32 --json -",
    "reconstruct, no steps": "reconstruct sample:cat --network googlenet --layer conv1 --steps 0",
    "train, shapes": "train shapes --size 32 --epochs 1 --scenario last-layer --json -",
    "train, last layer": _TRAIN + "--scenario last-layer --only-trained",
    "train, recommended": _TRAIN,
    "train, several": _TRAIN + "--scenario several --only-trained",
    "train, fine-tune": _TRAIN + "--scenario fine-tune --only-trained",
    "train, scratch": _TRAIN + "--scenario scratch",
    "train, auxiliary": _TRAIN + "--scenario scratch --auxiliary",
    "train, own": _TRAIN + "--network golden-small --scenario fine-tune --only-trained",
    "train, own whole": _TRAIN + "--network golden-small --scenario last-layer",
    "train, no classes": "train nowhere.zip",
    **{
        f"opened, {name}": f"activations sample:cat --network {network} --layer {layer} "
        f"--weights {{files}}/{name}.safetensors --json -"
        for name, network, layer in (
            ("googlenet_decoder", "googlenet", "fc"),
            ("small_whole", "golden-small", "head"),
            ("small_decoder", "golden-small", "head"),
            ("small_fine_tuned", "golden-small", "norm"),
        )
    },
}
"""Command lines by name; what stands in braces is filled in."""

SAVED: dict[str, str] = {
    "googlenet_decoder": _TRAIN + "--scenario last-layer --only-trained",
    "small_whole": _TRAIN + "--network golden-small --scenario last-layer",
    "small_scratch": _TRAIN + "--network golden-small --scenario scratch",
    "small_decoder": _TRAIN + "--network golden-small --scenario last-layer --only-trained",
    "small_several": _TRAIN + "--network golden-small --scenario several",
    "small_fine_tuned": _TRAIN + "--network golden-small --scenario fine-tune --only-trained",
}
"""Saved networks and the command lines that made them; one more is made as the page makes it."""

PAGE_FILE = "alexnet_decoder"


def pack_images() -> bytes:
    """Make a small data set: a zip with two classes of four images, and a file that is broken."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("red", "blue"):
            for k in range(4):
                image = io.BytesIO()
                Image.new("RGB", (40 + k, 40), name).save(image, "PNG")
                archive.writestr(zipfile.ZipInfo(f"{name}/{k}.png"), image.getvalue())
        archive.writestr(zipfile.ZipInfo("red/broken.png"), b"broken")
    return file.getvalue()


def run(line: str, folder: Path) -> tuple[dict[str, Any], Path]:
    """Run one command line; returns what it said, and the file that it may have written."""
    data, out = folder / "colours.zip", folder / "out.safetensors"
    data.write_bytes(pack_images())
    out.unlink(missing_ok=True)
    words = [word.format(zip=data, out=out, files=FILES) for word in line.split()]
    with adapter.users_file(OWN_NETWORK):
        return adapter.run_command(words), out


def command(name: str, folder: Path) -> dict[str, Any]:
    """Record a command: its exit status and its output, as JSON where it is that."""
    outcome, out = run(COMMANDS[name], folder)
    record: dict[str, Any] = {
        "status": outcome["status"],
        "stderr": outcome["stderr"].splitlines(),
    }
    if "--json -" in COMMANDS[name] and outcome["status"] == 0:
        record["json"] = json.loads(outcome["stdout"])
    else:
        record["text"] = outcome["stdout"].splitlines()
    if out.exists():
        record["file"] = header(out.read_bytes())
    return stable(record)


def header(data: bytes) -> dict[str, Any]:
    """Read the header of a safetensors file: what convviz says of it, and its tensors."""
    (length,) = struct.unpack("<Q", data[:8])
    tensors = json.loads(data[8 : 8 + length])
    about = json.loads(tensors.pop("__metadata__")["convviz"])
    listed = {name: [each["dtype"], each["shape"]] for name, each in tensors.items()}
    return {"about": about, "tensors": listed}


def stable(value: Any) -> Any:
    """Leave out what is different in every run, or on other machines."""
    if isinstance(value, list):
        return [stable(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept: dict[str, Any] = {}
    for key, each in value.items():
        if key in _VOLATILE_KEYS:
            kept[key] = "left out"
        elif key in _ONLY_KIND_KEYS:
            kept[key] = type(each).__name__
        elif key == "path":
            kept[key] = each and "left out"
        elif key == "predictions":
            kept[key] = [{name: type(v).__name__ for name, v in row.items()} for row in each]
        elif key == "note" and isinstance(each, str):
            number = (
                r"(less than |more than )?[\d.]+ %" if each.startswith("Trained here") else r"\d+%"
            )
            kept[key] = re.sub(number, "N%", each)
        else:
            kept[key] = stable(each)
    if value.get("source") == "random" and "sha256" in value:
        kept["sha256"] = "left out"
    return kept


# ---- traces --------------------------------------------------------------------------------------


def trace_names() -> list[str]:
    """Name every network and size whose trace is recorded."""
    sized = {
        **CATALOGUE_SIZES,
        **{f"torchvision.{name}": sizes for name, sizes in TORCHVISION_SIZES.items()},
        "torchvision.googlenet": (224,),
        "torchvision.googlenet_with_heads": (224,),
        **{f"tiny.{name}": tiny.sizes for name, tiny in TINY.items()},
    }
    return [f"{name}@{size}" for name, sizes in sized.items() for size in sizes]


def trace(name: str) -> dict[str, Any]:
    """Record all that one pass of a network says."""
    network, _, text = name.partition("@")
    size, (group, _, own) = int(text), network.partition(".")
    heads: Any = None
    if group == "tiny":
        tiny = TINY[own]
        module = tiny.make().eval()
        spec = adapter.own_spec(own, module, tiny.sizes[0], tiny.encoder_end)
    elif own.startswith("googlenet"):
        module = googlenet_of_a_user(own.endswith("heads"))
        spec = adapter.own_spec(own, module, 224)
    elif group == "torchvision":
        module = from_torchvision(own)
        spec = adapter.own_spec(own, module, TORCHVISION_SIZES[own][-1])
    else:
        spec = adapter.spec(network)
        module = adapter.built(spec)
        if size in (64, 224):
            heads = adapter.auxiliary_heads(spec, size)
    record = {
        "layers": adapter.or_sentence(lambda: adapter.layers(spec, size)),
        "costs": adapter.or_sentence(lambda: adapter.count(spec, size)),
        "fields": adapter.or_sentence(lambda: adapter.fields_of_layers(spec, module, size)),
        "heads": heads,
    }
    if group in ("alexnet", "tiny") or own == "resnet18":
        record["module"] = adapter.or_sentence(lambda: adapter.count_module(module, size))
    if "sentence" not in record["layers"]:
        record["calls"] = adapter.call_counts(module, size)
        record["pairs"] = adapter.norm_pairs(module, size)
        if group == "tiny" and own != "returns":
            record["folded"] = adapter.folded_norms(module, size)
    return json.loads(json.dumps(record))


# ---- saved networks ------------------------------------------------------------------------------


def opened(name: str) -> dict[str, Any]:
    """Record what opening a saved network gives: what is known of it, and what it puts out."""
    data = (FILES / f"{name}.safetensors").read_bytes()
    with adapter.users_file(OWN_NETWORK):
        base = adapter.alexnet_encoder(fill) if name == PAGE_FILE else None
        network = adapter.open_saved(data, base)
        record = {
            "header": header(data),
            "network": adapter.described(network),
            "scores": adapter.scores(network),
        }
        if base is not None:
            record["alone"] = adapter.or_sentence(
                lambda: adapter.described(adapter.open_saved(data))
            )
    return json.loads(json.dumps(record))


# ---- files ---------------------------------------------------------------------------------------


def write(name: str, records: dict[str, Any]) -> None:
    """Write records to a golden file, a line for each."""
    lines = [
        f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}"
        for key, value in records.items()
    ]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (FILES / name).write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def read(name: str) -> dict[str, Any]:
    """Read the records of a golden file; none where there is no file yet."""
    path = FILES / name
    return json.loads(gzip.decompress(path.read_bytes())) if path.exists() else {}


def differences(golden: Any, now: Any, where: str = "", scale: float = 0.0) -> Iterator[str]:
    """Say where two records differ.

    Args:
        golden: The value recorded.
        now: The value of today.
        where: The way to both.
        scale: The largest number of the list that they stand in.
    """
    if isinstance(golden, dict) and isinstance(now, dict):
        if golden.keys() != now.keys():
            yield f"{where}: keys {sorted(golden.keys() ^ now.keys())} are in one of them only"
        for key in golden.keys() & now.keys():
            yield from differences(golden[key], now[key], f"{where}/{key}")
    elif isinstance(golden, list) and isinstance(now, list):
        if len(golden) != len(now):
            yield f"{where}: {len(golden)} items, now {len(now)}"
        largest = max((abs(each) for each in golden if isinstance(each, float)), default=0.0)
        for number, (one, other) in enumerate(zip(golden, now, strict=False)):
            yield from differences(one, other, f"{where}/{number}", largest)
    elif isinstance(golden, float) and isinstance(now, float):
        tolerance = LOOSE if _LOOSE_KEYS & set(where.split("/")) else RELATIVE
        if not abs(golden - now) <= tolerance * max(abs(golden), 0.1 * scale):
            yield f"{where}: {golden!r}, now {now!r}"
    elif type(golden) is not type(now) or golden != now:
        yield f"{where}: {golden!r}, now {now!r}"
