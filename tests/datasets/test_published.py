"""Published sets: fetched from a server on this machine, unpacked, and read."""

import hashlib
import io
import pickle
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convviz.datasets import published
from convviz.datasets import published as published_sets
from convviz.datasets.labelled_set import split
from convviz.datasets.published import (
    CIFAR10,
    IMAGENETTE,
    Cifar10,
    Imagenette,
    balanced_choice,
    unpack,
)
from convviz.errors import FetchCancelled, ImageError, SettingError, WeightsError
from convviz.learning.config import TrainingSettings
from convviz.learning.fit import fit
from convviz.learning.plan import plan
from convviz.networks.network import Network

NOISE = 600_000  # bytes that do not pack, so that there is something to fetch


@dataclass
class Server:
    url: str = ""
    stored: bytes = b""
    gated: bool = False
    go_on: threading.Event = field(default_factory=threading.Event)
    asked: int = 0


def archive(per_class: int = 4) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:

        def add(name: str, data: bytes) -> None:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        for number, colour in enumerate(("red", "blue")):
            for k in range(per_class):
                image = io.BytesIO()
                Image.new("RGB", (50 + k, 40), colour).save(image, "JPEG")
                folder = ("n01440764", "n03028079")[number]
                add(f"imagenette2-160/train/{folder}/{colour}{k}.JPEG", image.getvalue())
        add("imagenette2-160/noise", hashlib.shake_256(b"x").digest(NOISE))
    return file.getvalue()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    state = Server(stored=archive())

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            state.asked += 1
            half = len(state.stored) // 2
            with suppress(OSError):
                self.send_response(200)
                self.send_header("Content-Length", str(len(state.stored)))
                self.end_headers()
                self.wfile.write(state.stored[:half])
                if state.gated:
                    state.go_on.wait(30)
                self.wfile.write(state.stored[half:])

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        state.url = f"http://127.0.0.1:{running.server_port}/imagenette2-160.tgz"
        served = replace(
            IMAGENETTE,
            url=state.url,
            bytes=len(state.stored),
            sha256=hashlib.sha256(state.stored).hexdigest(),
        )
        monkeypatch.setitem(published.SETS, "imagenette", served)
        yield state
        state.go_on.set()
        running.shutdown()
        thread.join()


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def test_a_set_is_fetched_once_with_its_progress_and_can_be_learned(
    server: Server, tiny: Network
) -> None:
    with pytest.raises(SettingError, match="fetch it first"):
        published.published("imagenette", 8)
    server.gated = True
    ticket = published.start("imagenette")
    until(lambda: ticket.received)
    assert 0 < ticket.fraction < 1
    assert not published.is_here("imagenette")
    server.go_on.set()
    assert ticket.wait(20)
    assert published.is_here("imagenette")
    assert published.start("imagenette").wait(20)
    assert server.asked == 1
    assert not list(published.root().parent.glob("*.tgz*.part"))
    assert not (published.root().parent / "imagenette2-160.tgz").exists()
    dataset = published.published("imagenette", 8)
    assert dataset.classes == ("tench", "church")
    assert dataset.counts == (4, 4)
    assert dataset.name == "8 pictures of Imagenette"
    transfer = plan(tiny, "last-layer", dataset.classes)
    settings = TrainingSettings(epochs=1, size=32, batch=4)
    assert list(fit(transfer, dataset, split(dataset), settings))[-1].result is not None


def test_stop_ends_the_download_and_leaves_nothing(server: Server) -> None:
    server.gated = True
    ticket = published.start("imagenette")
    until(lambda: ticket.received)
    ticket.cancel()
    assert ticket.state == "cancelled"
    with pytest.raises(FetchCancelled):
        ticket.wait(5)
    ticket.settle(10)
    assert not published.is_here("imagenette")
    assert not [*published.root().parent.glob("imagenette*.part"), *published.root().glob("*")]


def test_another_file_in_its_place_is_refused(server: Server) -> None:
    server.stored = server.stored[:-1] + b"x"
    with pytest.raises(WeightsError, match="not the expected file"):
        published.start("imagenette").wait(20)
    assert not published.is_here("imagenette")


def test_an_archive_that_the_user_has_needs_no_network(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(tmp_path))
    user_file = tmp_path / "imagenette2-160.tgz"
    user_file.write_bytes(server.stored[:-1])
    with pytest.raises(WeightsError, match=r"imagenette2-160\.tgz .* is damaged"):
        published.start("imagenette").wait(20)
    user_file.write_bytes(server.stored)
    assert published.start("imagenette").wait(20)
    assert server.asked == 0
    assert user_file.read_bytes() == server.stored


@pytest.mark.parametrize("key", ["imagenette", "cifar10"])
def test_without_a_network_a_sentence_says_so(key: str, network_attempts: list[str]) -> None:
    with pytest.raises(WeightsError, match="cannot be reached: check the network"):
        published.start(key).wait(20)
    network_attempts.clear()
    assert not published.is_here(key)


def packed(path: Path, files: dict[str, bytes], link: str = "") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        if link:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    return path


def nothing() -> None:
    pass


def test_an_archive_appears_when_it_is_complete(tmp_path: Path) -> None:
    files = {f"{CIFAR10.folder}/{k}.bin": bytes([k]) for k in range(3)}
    archive = packed(tmp_path / "a.tgz", files, link=f"{CIFAR10.folder}/link")
    complete = []

    def check() -> None:
        complete.append(CIFAR10.is_here(tmp_path / "sets"))

    unpack(CIFAR10, archive, tmp_path / "sets", check)
    assert complete == [False] * 4
    contents = {file.name: file.read_bytes() for file in (tmp_path / "sets").rglob("*.*")}
    assert contents == {f"{k}.bin": bytes([k]) for k in range(3)}  # and no link, and no part


def test_stopping_leaves_nothing_behind(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.tgz", {f"{CIFAR10.folder}/{k}": b"x" for k in range(9)})
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(CIFAR10, archive, tmp_path / "sets", check)
    assert not list((tmp_path / "sets").iterdir())


@pytest.mark.claims("convviz.datasets.published.unpack")
@pytest.mark.parametrize(
    "name", ["elsewhere/a", f"{CIFAR10.folder}/../../a", f"/{CIFAR10.folder}/a", "a"]
)
def test_files_that_lie_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    archive = packed(tmp_path / "a.tgz", {f"{CIFAR10.folder}/ok": b"x", name: b"x"})
    with pytest.raises(ImageError, match=f"archive of {CIFAR10.title} is not what it should be"):
        unpack(CIFAR10, archive, tmp_path / "sets", nothing)
    assert not list((tmp_path / "sets").iterdir())


@pytest.mark.parametrize("data", [b"", b"no archive", None])
def test_a_damaged_archive_is_refused(tmp_path: Path, data: bytes | None) -> None:
    archive = packed(tmp_path / "a.tgz", {f"{CIFAR10.folder}/ok": bytes(range(256)) * 900})
    archive.write_bytes(archive.read_bytes()[:-200] if data is None else data)
    with pytest.raises(ImageError, match="not what it should be"):
        unpack(CIFAR10, archive, tmp_path / "sets", nothing)


def test_choosing_takes_as_many_of_every_class() -> None:
    labels = [0] * 10 + [1] * 3 + [2] * 10
    indices = balanced_choice(labels, 9, seed=1)
    assert sorted(labels[index] for index in indices) == [0] * 3 + [1] * 3 + [2] * 3
    assert indices == balanced_choice(labels, 9, seed=1) != balanced_choice(labels, 9, seed=2)
    assert len(balanced_choice(labels, 15, seed=1)) == 15
    assert balanced_choice(labels, 99, seed=1) == tuple(range(23))


def some_of_cifar(root: Path, batches: int = 2, per_batch: int = 20) -> None:
    folder = root / CIFAR10.folder
    folder.mkdir(parents=True)
    for batch in range(1, batches + 1):
        records = np.zeros((per_batch, 3073), np.uint8)
        records[:, 0] = np.arange(per_batch) % 10
        records[:, 1:1025] = 10 * batch  # red
        records[:, 2049] = np.arange(per_batch)  # blue, top left
        (folder / f"data_batch_{batch}.bin").write_bytes(records.tobytes())


def test_cifar_bytes_become_pictures(tmp_path: Path) -> None:
    some_of_cifar(tmp_path)
    all_images = Cifar10(tmp_path, count=100)
    assert len(all_images) == 40
    assert all_images.labels == tuple(k % 10 for k in range(20)) * 2
    assert all_images.titles[3] == "cat 3"
    image = all_images.image(23)
    assert (image.size, image.mode) == ((32, 32), "RGB")
    assert image.getpixel((0, 0)) == (20, 0, 3)
    assert image.getpixel((1, 0)) == (20, 0, 0)
    selection = Cifar10(tmp_path, count=10)
    assert sorted(selection.labels) == list(range(10))
    unpickled = pickle.loads(pickle.dumps(selection))
    assert unpickled.image(4).tobytes() == selection.image(4).tobytes()
    assert selection.nbytes == 10 * 3073


def test_cifar_that_is_gone_or_cut_short_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="fetch it again"):
        len(Cifar10(tmp_path))
    some_of_cifar(tmp_path)
    (tmp_path / CIFAR10.folder / "data_batch_1.bin").write_bytes(bytes(3000))
    with pytest.raises(ImageError, match="fetch it again"):
        len(Cifar10(tmp_path))


def test_what_torchvision_says_of_the_archives() -> None:
    from torchvision import datasets

    assert IMAGENETTE.url == datasets.Imagenette._ARCHIVES["160px"][0]
    assert set(datasets.Imagenette._WNID_TO_CLASS) == set(published._NAMES)
    assert CIFAR10.url.rpartition("/")[0] == datasets.CIFAR10.url.rpartition("/")[0]


def _some(root: Path, count: int) -> None:
    for index in range(count):
        folder = root / "imagenette2-160" / "train" / f"n{index % 3:08}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (5, 4), (index, 0, 0)).save(folder / f"picture{index:03}.JPEG")


def test_some_of_its_pictures_the_same_for_the_same_seed(tmp_path: Path) -> None:
    assert not IMAGENETTE.is_here(tmp_path)
    _some(tmp_path, 30)
    assert IMAGENETTE.is_here(tmp_path)
    images = Imagenette(tmp_path, count=10)
    assert len(images) == len(set(images.titles)) == 10
    assert images.titles == Imagenette(tmp_path, count=10).titles
    assert images.titles != Imagenette(tmp_path, count=10, seed=1).titles
    assert images.image(3).size == (5, 4)
    assert sorted(images.labels.count(k) for k in range(3)) == [3, 3, 4]
    assert len(Imagenette(tmp_path, count=50)) == 30


def test_a_file_that_is_gone_is_a_picture_that_cannot_be_read(tmp_path: Path) -> None:
    _some(tmp_path, 3)
    images = Imagenette(tmp_path)
    assert images.titles
    for file in tmp_path.rglob("*.JPEG"):
        file.unlink()
    with pytest.raises(ImageError, match="gone"):
        images.image(0)


def test_every_set_has_a_class_that_reads_it() -> None:
    assert set(published_sets._READERS) == set(published_sets.SETS)


@pytest.mark.claims("convviz.datasets.published.unpack")
@pytest.mark.parametrize("images", [IMAGENETTE, CIFAR10])
def test_an_archive_that_is_something_else_is_named(
    images: published.PublishedSet, tmp_path: Path
) -> None:
    for number, data in enumerate((b"", b"junk", bytes(2_000))):
        archive = tmp_path / f"{number}.tgz"
        archive.write_bytes(data)
        with pytest.raises(ImageError) as caught:
            unpack(images, archive, tmp_path / "root", lambda: None)
        assert str(caught.value) == (
            f"The archive of {images.title} is not what it should be: fetch it again."
        )
    assert list((tmp_path / "root").iterdir()) == []
