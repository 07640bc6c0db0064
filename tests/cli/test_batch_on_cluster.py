"""A folder at once, on a real cluster: a scheduler and two workers in processes of their own."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from distributed import Client
from PIL import Image

from convviz.cli import main
from convviz.features import in_parts
from tests.jobs.cluster import Cluster

OPTIONS = ["--network", "googlenet", "--layer", "conv1", "--top", "2"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as made:
        made.start_scheduler()
        made.start_worker()
        made.start_worker()
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nine pictures of noise in two classes, an empty one and a damaged one among them."""
    root = tmp_path / "set"
    for number in range(9):
        label = root / ("even", "odd")[number % 2]
        label.mkdir(parents=True, exist_ok=True)
        generator = torch.Generator().manual_seed(number)
        pixels = torch.randint(0, 256, (40, 50, 3), generator=generator, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(label / f"{number}.png")
    (root / "even" / "4.png").write_bytes(b"")
    (root / "odd" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    return root


def loaded(dask_worker: Any) -> bool:
    """Tell, in a worker's process, whether it has had a part of the work."""
    import sys

    return "convviz.features.image_features" in sys.modules


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_cluster_says_of_each_picture_what_one_machine_says_in_the_same_order(
    cluster: Cluster, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    assert main(["batch", str(folder), *OPTIONS, "--out", str(here)]) == 0
    capsys.readouterr()
    monkeypatch.setattr(in_parts, "FILES_OF_PART", 2)
    monkeypatch.setattr("convviz.cli.batch._SENT_PICTURES", 5)  # so that some are sent later
    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(2)
        on_it = ["--cluster", cluster.address]
        assert main(["batch", str(folder), *OPTIONS, "--out", str(there), *on_it]) == 0
        assert capsys.readouterr().out == f"{there}: 9 pictures, of which 2 could not be read\n"
        assert list(client.run(loaded).values()) == [True, True]
    alone, spread = rows(here), rows(there)
    files = [f"even/{n}.png" for n in (0, 2, 4, 6, 8)] + [f"odd/{n}.png" for n in (1, 3, 5, 7)]
    assert [row["file"] for row in spread] == files
    assert [bool(row["reason"]) for row in spread] == [n in (2, 6) for n in range(9)]
    for one, other in zip(alone, spread, strict=True):
        for name, value in one.items():
            if name.split("_")[0] in ("probability", "empty", "max") and value:
                assert float(other[name]) == pytest.approx(float(value), rel=1e-3), name
            else:
                assert other[name] == value, name

    archive = tmp_path / "there.npz"
    assert main(["batch", str(folder), *OPTIONS, "--out", str(archive), *on_it]) == 0
    with np.load(archive) as arrays:
        assert arrays["names"].tolist() == files
        assert arrays["labels"].tolist() == ["even"] * 5 + ["odd"] * 4
        assert np.isnan(arrays["features"]).all(1).tolist() == [n in (2, 6) for n in range(9)]
        largest = [float(row["max:conv1"]) for n, row in enumerate(alone) if n not in (2, 6)]
        # conv1's own ReLU runs inside it, so its maxima are those after it.
        assert np.delete(arrays["maxima"].max(1), (2, 6)) == pytest.approx(largest, rel=1e-3)


def test_a_folder_of_which_nothing_can_be_read_is_one_sentence(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n no more")
    assert main(["batch", str(tmp_path), *OPTIONS]) == 2
    here = capsys.readouterr().err
    assert here.startswith("convviz: Not one picture of the set can be read; the first: a.png: ")
    assert main(["batch", str(tmp_path), *OPTIONS, "--cluster", cluster.address]) == 2
    assert capsys.readouterr().err == here


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "--cluster names no scheduler: write its address, such as tls://"),
        ("somewhere", "--cluster is set to 'somewhere', which is no scheduler's address"),
        ("tcp://192.0.2.7:8786", "a connection to another machine without encryption"),
        ("tls://192.0.2.7:8786", "--cluster begins with tls://, so CONVVIZ_CLUSTER_CA"),
        ("tcp://127.0.0.1:9", "The cluster that does long work cannot be reached"),
    ],
)
def test_an_address_that_cannot_work_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], address: str, sentence: str
) -> None:
    assert main(["batch", str(folder), *OPTIONS, "--cluster", address]) == 2
    streams = capsys.readouterr()
    assert streams.err.startswith("convviz: ")
    assert sentence in streams.err
    assert streams.out == ""
