"""Networks that somebody trained with convviz: their files, and those trained just now.

A file is safetensors: all weights, and in its header what convviz needs to put the network
together again, with the names of its classes. `keep` makes a network one more source of weights for
`load`, as long as the program runs.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import asdict, dataclass

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save

from convviz.errors import ConvvizError, WeightsError
from convviz.networks import registry
from convviz.networks.checkpoints import fill
from convviz.networks.decoders import Form, in_form
from convviz.networks.registry import Network
from convviz.networks.weights import Weights

PREFIX = "trained-"
"""How the source of weights begins that stands for a network trained here."""

_KEY = "convviz"
_HEADER_BYTES = 1_000_000
_MOST_BYTES = 800_000_000
_KEPT, _KEPT_BYTES = 24, 600_000_000
_FOREIGN = (
    "The file was not written by convviz's training, or is damaged: save the trained network again."
)


@dataclass(frozen=True)
class About:
    """What a file of trained weights says of itself.

    Attributes:
        network: Name of the network it was made from.
        form: How it is put together.
        input_size: Side of the pictures it was trained on, in pixels.
        training_set: What it was trained on.
        note: One sentence on how well it does.
    """

    network: str
    form: Form
    input_size: int
    training_set: str
    note: str


def write(module: torch.nn.Module, about: About) -> bytes:
    """Write a trained network to the bytes of a safetensors file."""
    state = {name: value.contiguous() for name, value in module.state_dict().items()}
    return save(state, {_KEY: json.dumps(asdict(about), ensure_ascii=False)})


def read(data: bytes) -> Network:
    """Read a trained network from the bytes of its file.

    Raises:
        WeightsError: The file was not written by convviz, is damaged, or is of a network that is
            not known here.
    """
    about = _about(data)
    try:
        spec = registry.spec(about.network)
        with torch.device("meta"):
            module = in_form(registry.build(spec), about.form, spec.auxiliary)
        state = load_tensors(data)
    except ConvvizError as error:
        raise WeightsError(f"The trained network cannot be used here: {error}") from error
    except Exception as error:  # a header may name parts that the network has not
        raise WeightsError(_FOREIGN) from error
    fill(module, state, title=spec.title, origin="The file of trained weights")
    return describe(module, about, data)


def describe(module: torch.nn.Module, about: About, data: bytes) -> Network:
    """Put a trained network together with what is known of it."""
    spec, checksum = registry.spec(about.network), hashlib.sha256(data).hexdigest()
    weights = Weights(
        source=f"{PREFIX}{checksum[:12]}",
        title=f"Yours: {about.training_set}",
        training_set=about.training_set,
        has_decoder=True,
        bytes=len(data),
        sha256=checksum,
        classes=about.form.classes,
        input_size=about.input_size,
        resize=about.input_size,
        note=about.note,
    )
    return Network(spec, module, weights)


def keep(network: Network) -> str:
    """Remember a trained network, so that `load` finds it; returns the source of its weights.

    Only so many are remembered, and the one that was asked for longest ago goes first.
    """
    source = network.weights.source
    with _lock:
        _kept[source] = network
        _kept.move_to_end(source)
        while len(_kept) > _KEPT or sum(n.weights.bytes for n in _kept.values()) > _KEPT_BYTES:
            if len(_kept) == 1:
                break
            _kept.popitem(last=False)
    return source


def find(source: str) -> Network | None:
    """Return a network that was kept; None if it was never here or has been let go."""
    with _lock:
        found = _kept.get(source)
        if found is not None:
            _kept.move_to_end(source)
    return found


_kept: OrderedDict[str, Network] = OrderedDict()
_lock = threading.Lock()


def _about(data: bytes) -> About:
    """Read the header, which safetensors begins with: its length in 8 bytes, then JSON."""
    length = int.from_bytes(data[:8], "little")
    if len(data) > _MOST_BYTES or not 2 <= length <= min(_HEADER_BYTES, len(data) - 8):
        raise WeightsError(_FOREIGN)
    try:
        said = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_KEY])
        form = said["form"]
        classes = tuple(str(name)[:200] for name in form["classes"])
        hidden = tuple(int(size) for size in form["hidden"])
        shape = Form(
            str(form["decoder"]), int(form["inputs"]), classes, hidden, bool(form["pooled"])
        )
        size = int(said["input_size"])
        if not (32 <= size <= 512 and 2 <= len(classes) <= 1000):
            raise ValueError("out of range")
        return About(
            str(said["network"]), shape, size, str(said["training_set"])[:200], str(said["note"])
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WeightsError(_FOREIGN) from error
