"""Zips of as many images as are allowed: decoded one by one, in little memory, and stoppable."""

import sys
import time
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.proto.Delta_pb2 import Delta

from tests.fault_table import largest, note
from tests.load.server import Server
from tests.load.visitor import Visitor, trigger
from tests.peak_memory import table, use_each

WARM = """
from convviz.datasets.image_set import Zipped
from convviz.datasets.class_folders import from_zip
from convviz.datasets.labelled_set import read
from convviz.datasets.zip_archive import open_archive
from convviz.images.samples import sample
from convviz.images.decode import decode
decode(sample("cat").read())
"""
PICTURES = f"""{WARM}
def use(path):
    images = Zipped(open_archive(path.read_bytes()))
    return sum(images.image(index).width > 0 for index in range(len(images)))
"""
CLASSES = f"""{WARM}
def use(path):
    return len(from_zip(path.read_bytes()))
"""
KINDS = [("TIFF", 180, 2_000), ("JPEG", 3_000, 35), ("JPEG", 4_990, 40), ("PNG", 180, 2_000)]


def packed(kind: str, side: int, count: int, path: Path) -> Path:
    """Pack files of one kind in three classes, no two the same; large ones compress."""
    generator = np.random.default_rng(0)
    grain = 1 if side < 1_000 else 20
    noise = generator.integers(0, 255, (side // grain, side // grain, 3), np.uint8)
    image = Image.fromarray(noise).resize((side, side))
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            image.putpixel((0, 0), (number % 256, number // 256, 0))
            buffer = BytesIO()
            image.save(buffer, kind)
            archive.writestr(f"c{number % 3}/{number}.{kind.lower()}", buffer.getvalue())
    return path


@pytest.mark.load
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "side", "count"), KINDS)
@pytest.mark.parametrize("setup", [PICTURES, CLASSES], ids=["pictures", "classes"])
def test_as_many_images_as_allowed_take_little_memory(
    setup: str, kind: str, side: int, count: int, tmp_path: Path
) -> None:
    path = packed(kind, side, count, tmp_path / f"{count} {kind} of {side}")
    (use,) = use_each(setup, [path], seconds=800)
    sys.stdout.write(f"{table([use])}\n")
    use_as = "pictures" if setup == PICTURES else "classes"
    what = f"A zip of {count:,} images as {use_as}: {kind}, {side:,} × {side:,} pixels"
    note(what, "≤ 300 MB beside the file", largest([use], tmp_path))
    assert use.outcome == str(count)
    # beside the archive, whose bytes the caller holds
    assert use.megabytes - path.stat().st_size / 1e6 < 300


class Impatient(Visitor):
    """A visitor who presses Stop as soon as a zip's bar has moved a few times."""

    def __init__(self, server: Server) -> None:
        super().__init__(server.address)
        self.server = server
        self.bars: list[str] = []
        self.megabytes: list[float] = []
        self.pressed = 0.0

    def _draw(self, path: tuple[int, ...], delta: Delta) -> None:
        super()._draw(path, delta)
        if delta.new_element.WhichOneof("type") != "progress" or self.pressed:
            return
        self.bars.append(delta.new_element.progress.text)
        self.megabytes.append(self.server.memory_bytes() / 1e6)
        if len(self.bars) > 10 and self.has("zip_stop"):
            self.pressed = time.monotonic()
            identity, _ = self._widget("zip_stop")
            message = self._request(lambda state: trigger(state, identity))
            self._socket.send(message.SerializeToString())


@pytest.mark.load
@pytest.mark.timeout(600)
def test_a_large_zip_shows_how_far_it_is_and_stops_at_once(tmp_path: Path) -> None:
    data = packed("JPEG", 4_990, 40, tmp_path / "large.zip").read_bytes()
    with Server(tmp_path, settings={"OMP_NUM_THREADS": "1"}) as server, Impatient(server) as one:
        one.open("Transfer_learning", data="zip")
        one.wait_for("training_zip")
        one.upload("training_zip", "large.zip", data)
        stopped = time.monotonic() - one.pressed
        assert len(set(one.bars)) > 5
        assert all("of 40" in text for text in one.bars)
        growth = max(one.megabytes) - one.megabytes[0]
        sys.stdout.write(f"stopped in {stopped:.2f} s, grew by {growth:.0f} MB\n")
        measured = f"stopped in {stopped:.1f} s, grew by {growth:.0f} MB"
        note("Stop while a zip of large JPEGs is read", "≤ 5 s, ≤ 300 MB", measured)
        assert stopped < 5  # one image takes half a second
        assert growth < 300
        assert any(text.startswith("Stopped after ") for text in one.texts())
        one.press("zip_go_on")
        assert not one.has("zip_go_on")
        assert any("c0: 14" in text for text in one.texts())
