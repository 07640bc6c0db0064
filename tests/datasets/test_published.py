"""Published sets: their archives, and CIFAR-10's bytes."""

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from convviz.datasets import published
from convviz.datasets.published import CIFAR10, IMAGENETTE, Cifar10, evenly, unpack
from convviz.errors import ImageError


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
    seen = []

    def check() -> None:
        seen.append(CIFAR10.is_here(tmp_path / "sets"))

    unpack(CIFAR10, archive, tmp_path / "sets", check)
    assert seen == [False] * 4
    found = {file.name: file.read_bytes() for file in (tmp_path / "sets").rglob("*.*")}
    assert found == {f"{k}.bin": bytes([k]) for k in range(3)}  # and no link, and no part


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


@pytest.mark.parametrize(
    "name", ["elsewhere/a", f"{CIFAR10.folder}/../../a", f"/{CIFAR10.folder}/a", "a"]
)
def test_files_that_lie_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    archive = packed(tmp_path / "a.tgz", {f"{CIFAR10.folder}/ok": b"x", name: b"x"})
    with pytest.raises(ImageError, match="not what it should be"):
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
    chosen = evenly(labels, 9, seed=1)
    assert sorted(labels[place] for place in chosen) == [0] * 3 + [1] * 3 + [2] * 3
    assert chosen == evenly(labels, 9, seed=1) != evenly(labels, 9, seed=2)
    assert len(evenly(labels, 15, seed=1)) == 15
    assert evenly(labels, 99, seed=1) == tuple(range(23))


def some_of_cifar(root: Path, batches: int = 2, each: int = 20) -> None:
    folder = root / CIFAR10.folder
    folder.mkdir(parents=True)
    for batch in range(1, batches + 1):
        records = np.zeros((each, 3073), np.uint8)
        records[:, 0] = np.arange(each) % 10
        records[:, 1:1025] = 10 * batch  # red
        records[:, 2049] = np.arange(each)  # blue, top left
        (folder / f"data_batch_{batch}.bin").write_bytes(records.tobytes())


def test_cifar_bytes_become_pictures(tmp_path: Path) -> None:
    some_of_cifar(tmp_path)
    every = Cifar10(tmp_path, count=100)
    assert len(every) == 40
    assert every.labels == tuple(k % 10 for k in range(20)) * 2
    assert every.titles[3] == "cat 3"
    picture = every.picture(23)
    assert (picture.size, picture.mode) == ((32, 32), "RGB")
    assert picture.getpixel((0, 0)) == (20, 0, 3)
    assert picture.getpixel((1, 0)) == (20, 0, 0)
    few = Cifar10(tmp_path, count=10)
    assert sorted(few.labels) == list(range(10))
    again = pickle.loads(pickle.dumps(few))
    assert again.picture(4).tobytes() == few.picture(4).tobytes()
    assert few.nbytes == 10 * 3073


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
