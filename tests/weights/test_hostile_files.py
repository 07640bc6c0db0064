"""Files of weights and saved networks that mean harm: one sentence, little memory, nothing run."""

import io
import json
import pickle
import re
import struct
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

from convviz.errors import WeightsError
from convviz.networks.network import Network, NetworkSpec
from convviz.networks.registry import register
from convviz.weights import checkpoint, pickled, trained
from convviz.weights.load import load, open_saved, source_statuses
from convviz.weights.trained import TrainedInfo
from tests.fault_table import largest, note
from tests.peak_memory import use_each
from tests.weights.test_trained import CLASSES, Small, altered, learned

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
MEBI = 1 << 20


def saved(content: object, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of kinds of tensors that torch is giving up
        torch.save(content, buffer, **options)
    return buffer.getvalue()


def archive(
    program: bytes, method: int = zipfile.ZIP_STORED, more: tuple[tuple[str, bytes], ...] = ()
) -> bytes:
    """A file of torch.save with this pickle."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", method) as file:
        warnings.simplefilter("ignore")  # duplicate names
        files = (("x/data.pkl", program), ("x/version", b"3\n"), ("x/byteorder", b"little"), *more)
        for name, data in files:
            file.writestr(name, data)
    return buffer.getvalue()


def overlapping() -> bytes:
    """Hundreds of entries of the list that are one file's bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("x/data.pkl", pickle.dumps({}, 2))
        file.writestr("x/data/0", bytes(MEBI))
        for number in range(1, 300):
            file.writestr(f"x/data/{number}", b"")
            file.filelist[-1].header_offset = file.filelist[1].header_offset
            file.filelist[-1].file_size = file.filelist[-1].compress_size = MEBI
    return buffer.getvalue()


def call(module: str, name: str, arguments: bytes) -> bytes:
    """A pickle that calls a function; the arguments are a pickle's instructions."""
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + arguments + b"R."


def safetensors_header(text: bytes, size: int = 0) -> bytes:
    return struct.pack("<Q", len(text)) + text + bytes(size)


HOSTILE_PTH: dict[str, Callable[[], bytes]] = {
    "a pickle of 1 GB in 1 MB": lambda: archive(
        b"\x80\x02X" + struct.pack("<L", 1 << 30) + bytes(1 << 30) + b".", zipfile.ZIP_DEFLATED
    ),
    "storage of 1 GB in 1 MB": lambda: archive(
        pickle.dumps({}, 2), zipfile.ZIP_DEFLATED, (("x/data/0", bytes(1 << 30)),)
    ),
    "five million marks": lambda: archive(b"\x80\x02" + b"(" * 5_000_000 + b"}."),
    "five million marks of an old file": lambda: b"\x80\x02" + b"(" * 5_000_000 + b"}.",
    "five million empty lists": lambda: archive(b"\x80\x02" + b"]" * 5_000_000 + b"."),
    "a memo of two thousand million": lambda: archive(b"\x80\x02}r\xff\xff\xff\x7f."),
    "a text that claims 4 GB": lambda: archive(b"\x80\x02X\xff\xff\xff\xff."),
    "a number of a million digits": lambda: archive(b"\x80\x02L" + b"9" * 1_000_000 + b"L\n."),
    "bytes by the thousand million": lambda: archive(
        call("builtins", "bytearray", b"J\xff\xff\xff\x7f\x85")
    ),
    "a tensor by its size": lambda: archive(call("torch", "FloatTensor", b"J\xff\xff\xff\x7f\x85")),
    "a storage by its size": lambda: archive(
        call("torch", "FloatStorage", b"J\xff\xff\xff\x7f\x85")
    ),
    "a text encoded again and again": lambda: archive(
        b"\x80\x02X\x40\x42\x0f\0"
        + b"x" * 1_000_000
        + b"q\0"
        + b"("
        + b"c_codecs\nencode\nh\0X\5\0\0\0utf-8\x86R" * 2_000
        + b"t."
    ),
    "a dictionary copied again and again": lambda: archive(
        b"\x80\x02}q\0" + b"(" + b"ccollections\nOrderedDict\nh\0\x85R" * 2_000 + b"t."
    ),
    "a system call": lambda: archive(call("os", "system", b"X\4\0\0\0true\x85")),
    "a system call of an old file": lambda: call("os", "system", b"X\4\0\0\0true\x85"),
    "an evaluation": lambda: archive(call("builtins", "eval", b"X\3\0\0\0 1 \x85")),
    "an import in a dotted name": lambda: archive(call("torch", "hub.load", b"X\1\0\0\0x\x85")),
    "a function off the stack": lambda: archive(
        b"\x80\x04\x8c\2os\x8c\6system\x93\x8c\4true\x85R."
    ),
    "a build of something else": lambda: archive(b"\x80\x02cargparse\nNamespace\n)\x81}b."),
    "a nesting of 300,000": lambda: archive(b"\x80\x02" + b"(" * 300_000 + b"t" * 300_000 + b"."),
    "entries of one name": lambda: archive(
        pickle.dumps({}, 2), more=(("x/data.pkl", pickle.dumps({"a": 1}, 2)),)
    ),
    "entries that overlap": overlapping,
    "a list of contents of 100,000 entries": lambda: archive(
        pickle.dumps({}, 2), more=tuple((f"x/data/{k}", b"") for k in range(100_000))
    ),
    "an archive without a pickle": lambda: archive(b"")[:40] + bytes(4_000),
    "half a file": lambda: saved({"a": torch.zeros(90_000)})[:100_000],
    "less storage than it says": lambda: saved({"a": torch.zeros(4)}).replace(
        b"K\4t", b"M\xff\xfft"
    ),
    "sparse": lambda: saved({"a": torch.sparse_coo_tensor([[0]], [1.0], (2,))}),  # type: ignore
    "sparse of huge size": lambda: saved(
        {"a": torch.sparse_coo_tensor([[0]], [1.0], (1 << 40,))}  # type: ignore
    ),
    "compressed rows": lambda: saved({"a": torch.zeros(4, 4).to_sparse_csr()}),
    "quantised": lambda: saved(
        {"a": torch.quantize_per_tensor(torch.zeros(2), 1.0, 0, torch.qint8)}
    ),
    "complex": lambda: saved({"a": torch.zeros(2, dtype=torch.complex64)}),
    "nested": lambda: saved({"a": torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])}),
    "without values": lambda: saved({"a": torch.zeros(2, device="meta")}),
    "one number, repeated for ever": lambda: saved({"a": torch.zeros(1).expand(1 << 40)}),
    "half a number, repeated for ever": lambda: saved({"a": torch.zeros(1).half().expand(1 << 40)}),
    "one half tensor by a thousand names": lambda: saved(
        dict.fromkeys(map(str, range(1_000)), torch.zeros(MEBI).half())
    ),
    "numbers for names": lambda: saved({0: torch.zeros(2)}),
    "a lone surrogate for a name": lambda: saved({"a\ud800": torch.zeros(2)}),
    "a list": lambda: saved([torch.zeros(2)]),
    "a whole module": lambda: saved(nn.Linear(2, 2)),
    "a dictionary in a dictionary": lambda: saved({"state_dict": {"state_dict": {"a": 1}}}),
    "a number": lambda: saved(7),
    "an image": lambda: b"\x89PNG\r\n\x1a\n" + bytes(90),
    "nothing": lambda: b"",
}

HOSTILE_SAFETENSORS: dict[str, Callable[[], bytes]] = {
    "a header of 90 MB": lambda: safetensors_header(b"{" + b" " * 90_000_000 + b"}"),
    "a header that claims 2⁶³": lambda: struct.pack("<Q", 2**63) + b"{}",
    "a header of many tensors": lambda: safetensors_header(
        json.dumps(
            {f"t{k}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for k in range(99_000)}
        ).encode()
    ),
    "offsets that overlap": lambda: safetensors_header(
        json.dumps(
            {n: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for n in "ab"}
        ).encode(),
        8,
    ),
    "offsets beyond the end": lambda: safetensors_header(
        json.dumps(
            {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}
        ).encode()
    ),
    "offsets that run backwards": lambda: safetensors_header(
        json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}).encode(), 8
    ),
    "a shape that overflows": lambda: safetensors_header(
        json.dumps(
            {"a": {"dtype": "F32", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 0]}}
        ).encode()
    ),
    "an unknown type": lambda: safetensors_header(
        json.dumps({"a": {"dtype": "X9", "shape": [1], "data_offsets": [0, 4]}}).encode(), 4
    ),
    "a name with a lone surrogate": lambda: safetensors_header(
        b'{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4
    ),
    "a nesting of 90,000": lambda: safetensors_header(
        b'{"a":' + b"[" * 90_000 + b"]" * 90_000 + b"}"
    ),
    "a picture": lambda: b"\x89PNG\r\n\x1a\n" + bytes(90),
}

READ = """
import warnings
warnings.simplefilter("ignore")
import torch
from convviz.weights import checkpoint
def use(path):
    return checkpoint.read(path, mapped=path.stat().st_size % 2 == 0).keys()
"""


LONG = re.compile("1 GB|five million|90 MB|100,000|many tensors|copied|encoded")


@linux
@pytest.mark.parametrize("long", [False, pytest.param(True, marks=pytest.mark.load)])
@pytest.mark.timeout(400)
def test_hostile_files_of_weights_get_a_sentence_in_little_memory(
    tmp_path: Path, long: bool
) -> None:
    paths = []
    for suffix, files in ((".pth", HOSTILE_PTH), (".safetensors", HOSTILE_SAFETENSORS)):
        for name, make in files.items():
            if bool(LONG.search(name)) is long:
                paths.append(tmp_path / f"{name}{suffix}")
                paths[-1].write_bytes(make())
    good = tmp_path / "good.pth"
    good.write_bytes(saved({"a": torch.zeros(2)}))
    *uses, last = use_each(READ, [*paths, good], seconds=380)
    assert last.kind == "result"
    if long:
        note("Hostile files of weights get a sentence", "≤ 5 s, ≤ 500 MB", largest(uses))
    for use in uses:
        assert use.kind == "WeightsError", use
        assert use.megabytes < 500, use
        assert use.outcome.startswith(f"The file {use.name} "), use
        assert str(tmp_path) not in use.outcome
        assert use.outcome.count(". ") - use.name.count(". ") == 0, use


def test_a_pickle_is_read_and_never_run(tmp_path: Path) -> None:
    """The check alone, which comes before PyTorch's own, leaves the program where it is."""
    made = tmp_path / "made"
    program = call(
        "os", "mkdir", b"X" + struct.pack("<L", len(str(made))) + str(made).encode() + b"\x85"
    )
    for number, data in enumerate((archive(program), program)):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(data)
        with pytest.raises(pickled.ForeignFileError, match="names os mkdir"):
            pickled.read(path)
        with pytest.raises(WeightsError):
            checkpoint.read(path, mapped=False)
    assert not made.exists()


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_honest_files_pass(tmp_path: Path, dtype: torch.dtype, old: bool) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)).to(dtype)
    state = module.state_dict()
    contents: list[object] = [
        state,
        dict(module.named_parameters()),
        {"epoch": 3, "loss": 0.5, "names": ["a", None, True], "state_dict": state},
    ]
    for content in contents:
        path = tmp_path / "honest.pth"
        torch.save(content, path, _use_new_zipfile_serialization=not old)
        pickled.read(path)
        assert "0.weight" in checkpoint.read(path, mapped=False)


@pytest.mark.claims("convviz.weights.checkpoint._difference")
def test_whole_numbers_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "whole.pth"
    torch.save({"weight": torch.zeros(2, 2, dtype=torch.int32), "bias": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match="weight holds whole numbers"):
        checkpoint.fill(
            nn.Linear(2, 2, device="meta"),
            checkpoint.read(path, mapped=False),
            title="Tiny",
            origin="The file",
        )


# Saved networks: headers that say the impossible.


@pytest.fixture
def small(fresh_registry: None) -> Network:
    register(NetworkSpec(name="small", title="Small", build=Small, input_size=32))
    return load("small", "random")


@pytest.fixture
def whole(small: Network) -> bytes:
    """The file of a trained network, which tests alter."""
    form = trained.Form("head", 4, CLASSES)
    info = TrainedInfo("small", form, 64, "pets", "A note.", 0.75)
    return trained.write(learned(small, form), info)


SURROGATE = "a\ud800"
IMPOSSIBLE: list[dict[str, Any]] = [
    *({"input_size": value} for value in (float("inf"), float("nan"), -1, 1e300, "x", None, [])),
    *({"accuracy": value} for value in (float("inf"), float("nan"), -0.1, 1e999, "x", None)),
    *({"form.inputs": value} for value in (float("inf"), float("nan"), 0, -4, 10**30)),
    *({"form.hidden": [value]} for value in (float("inf"), float("nan"), 0, -1, 10**30)),
    *({key: SURROGATE} for key in ("network", "training_set", "note", "form.decoder")),
    *({key: 7} for key in ("network", "training_set", "note", "form.decoder")),
    {"form.classes": ["cat", "dog", SURROGATE]},
    {"form.classes": ["cat", "dog", {"a": 1}]},
    {"form.classes": 3},
    {"options": [SURROGATE]},
    {"options": 3},
    {"form.pooled": True, "form.inputs": 10**18, "form.hidden": [10**18]},
    {"base": {"source": SURROGATE, "title": "x", "sha256": "x"}, "parts": ["head"]},
    {"base": {"source": "x", "title": "x", "sha256": "x"}, "parts": [SURROGATE]},
    {"base": 7, "parts": []},
]


def changed(data: bytes, change: dict[str, Any]) -> bytes:
    def apply(info: dict[str, Any]) -> None:
        for key, value in change.items():
            group, _, leaf = key.rpartition(".")
            (info[group] if group else info)[leaf] = value

    return altered(data, apply)


@pytest.mark.parametrize(
    "change", IMPOSSIBLE, ids=lambda change: str(change).encode("ascii", "replace").decode()[:60]
)
def test_a_header_that_says_the_impossible_gets_a_sentence(
    whole: bytes, change: dict[str, Any]
) -> None:
    with pytest.raises(WeightsError, match="damaged"):
        open_saved(changed(whole, change))


def test_such_files_in_the_users_folder_break_no_list(
    whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files from before headers were checked: they are left out, and the others stay."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(folder))
    for number, change in enumerate(IMPOSSIBLE):
        (folder / f"{number}.safetensors").write_bytes(changed(whole, change))
    (folder / "small.safetensors").write_bytes(changed(whole, IMPOSSIBLE[0]))
    (folder / "good.safetensors").write_bytes(whole)
    titles = [s.title for s in source_statuses("small") if s.source.startswith(trained.PREFIX)]
    assert titles == ["Yours: pets, 75 % (good.safetensors)"]


@pytest.mark.parametrize(
    "data",
    [b"\x89PNG\r\n\x1a\n" + bytes(99), b"\xff\xd8\xff\xe0" + bytes(99), b"GIF89a" + bytes(9)],
)
def test_an_image_is_no_saved_network(data: bytes) -> None:
    with pytest.raises(WeightsError, match="not saved by convviz"):
        open_saved(data)


OPEN = """
from convviz.weights.load import open_saved
def use(path):
    return open_saved(path.read_bytes()).weights.title
"""


@linux
@pytest.mark.load
def test_hostile_saved_networks_get_a_sentence_in_little_memory(tmp_path: Path) -> None:
    tensors = {"a": torch.zeros(1 << 20)}
    about = {"convviz": json.dumps({"network": "alexnet", "input_size": float("inf")})}
    contents = {
        "infinity": save(tensors, about),
        "many tensors": safetensors_header(
            b'{"__metadata__":{"convviz":"{}"},'
            + b",".join(
                f'"{k}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'.encode()
                for k in range(15_000)
            )
            + b"}"
        ),
        "deep": safetensors_header(b'{"a":' + b"[" * 400_000 + b"]" * 400_000 + b"}"),
        "long number": safetensors_header(b'{"a":' + b"9" * 900_000 + b"}"),
        **{f"pth {name}": HOSTILE_PTH[name]() for name in ("five million marks", "sparse")},
        **{name: make() for name, make in HOSTILE_SAFETENSORS.items()},
    }
    paths = []
    for name, data in contents.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    uses = use_each(OPEN, paths)
    note("Hostile saved networks get a sentence", "≤ 5 s, ≤ 500 MB", largest(uses))
    for use in uses:
        assert use.kind == "WeightsError", use
        assert use.megabytes < 500, use


def test_numbers_that_are_none_are_found_wherever_they_are(small: Network) -> None:
    form = trained.Form("head", 4, CLASSES)
    info = TrainedInfo("small", form, 64, "pets", "A note.", 0.75)
    for name in ("conv.weight", "norm.running_var", "head.bias"):
        for value in (float("nan"), float("inf"), -float("inf")):
            for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
                module = learned(small, form)
                state = {key: v.clone().to(dtype) for key, v in module.state_dict().items()}
                state[name].view(-1)[-1] = value
                text = trained.write(module, info)
                length = int.from_bytes(text[:8], "little")
                metadata = json.loads(text[8 : 8 + length])["__metadata__"]
                with pytest.raises(WeightsError, match="infinite or none"):
                    open_saved(save(state, metadata))


def test_a_header_that_is_as_long_as_allowed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "many.safetensors"
    save_file({f"layer{k}.weight": torch.zeros(1) for k in range(20_000)}, path)
    assert len(checkpoint.read(path, mapped=False)) == 20_000
