"""TIFFs that tifffile writes, against the arrays they were written from."""

import io
import logging
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from convviz.errors import ImageError
from convviz.images import headers
from convviz.images.decode import decode, is_transparent, read
from convviz.images.findings import notes
from tests.images.test_headers import DECODE, linux, tiff
from tests.peak_memory import use_each

RANDOM = np.random.default_rng(0)
SIDES = (37, 53)  # of no tile a multiple


def written(values: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, metadata=None, **options)
    return buffer.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(decode(data)).astype(int)


def full(dtype: Any, *shape: int) -> np.ndarray:
    """Random values over all of a type's range, its ends among them; floats in 0…1."""
    if np.dtype(dtype).kind == "f":
        values = RANDOM.random(shape).astype(dtype)
        values.flat[0], values.flat[1] = 0, 1
        return values
    info = np.iinfo(dtype)
    values = RANDOM.integers(info.min, info.max, shape, dtype, endpoint=True)
    values.flat[0], values.flat[1] = info.min, info.max
    return values


def eight_bits(values: np.ndarray) -> np.ndarray:
    """Map a type's range to 0…255, floats' 0…1, in exact arithmetic."""
    if values.dtype.kind == "f":
        return values.astype(np.float64) * 255
    info = np.iinfo(values.dtype)
    return (values.astype(np.float64) - info.min) / (float(info.max) - info.min) * 255


LAYOUTS: dict[str, dict[str, Any]] = {
    "stored": {},
    "strips": {"rowsperstrip": 5},
    "deflated": {"compression": "zlib"},
    "predicted": {"compression": "zlib", "predictor": 2},
    "tiles": {"tile": (16, 32)},
    "deflated tiles": {"tile": (32, 16), "compression": "zlib"},
    "big-endian": {"byteorder": ">"},
    "big-endian strips": {"byteorder": ">", "rowsperstrip": 7, "compression": "zlib"},
    "big": {"bigtiff": True},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["uint16", "uint32", "float32"])
def test_planes_are_colours(dtype: str, layout: str) -> None:
    if dtype == "float32" and "predictor" in LAYOUTS[layout]:
        return  # that predictor is for integers
    values = full(dtype, 3, *SIDES)
    data = written(values, photometric="rgb", planarconfig="separate", **LAYOUTS[layout])
    expected = eight_bits(np.moveaxis(values, 0, 2))
    assert np.abs(pixels(data) - expected).max() <= 0.51


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint32", "uint64", "int8"])
def test_colours_of_other_numbers(dtype: str, layout: str) -> None:
    if np.dtype(dtype).kind == "f" and "predictor" in LAYOUTS[layout]:
        return
    values = full(dtype, *SIDES, 3)
    data = written(values, photometric="rgb", planarconfig="contig", **LAYOUTS[layout])
    assert np.abs(pixels(data) - eight_bits(values)).max() <= 0.51


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize(
    "dtype",
    ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64"],
)
def test_grey_of_all_numbers(dtype: str, byteorder: Any) -> None:
    values = full(dtype, *SIDES)
    data = written(values, photometric="minisblack", byteorder=byteorder)
    assert np.abs(pixels(data)[..., 1] - eight_bits(values)).max() <= 0.51


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("planarconfig", ["contig", "separate"])
@pytest.mark.parametrize("photometric", ["rgb", "minisblack"])
def test_of_five_channels_the_first_three_are_colours(
    dtype: str, planarconfig: Any, photometric: Any
) -> None:
    values = full(dtype, *SIDES, 5)
    values[0, :2, 0] = values[0, 0, 0], values[0, 1, 0]
    shown = values[..., :3]
    shown[0, 0, 0], shown[0, 1, 0] = shown.min(), shown.max()
    stored = values if planarconfig == "contig" else np.moveaxis(values, 2, 0)
    more = {"extrasamples": (0, 0) if photometric == "rgb" else (0,) * 4}
    data = written(stored, photometric=photometric, planarconfig=planarconfig, **more)
    if dtype == "float32":
        shown = (shown - shown.min()) / (shown.max() - shown.min())
    assert np.abs(pixels(data) - eight_bits(shown)).max() <= 0.51
    assert "The file has 5 channels: the first three are shown as colours." in notes(read(data))


def test_two_channels_are_grey_and_something_else() -> None:
    values = full("uint16", *SIDES, 2)
    values[0, :2, 0] = 0, 65535
    data = written(values, photometric="minisblack", planarconfig="contig", extrasamples=(0,))
    assert np.abs(pixels(data)[..., 2] - eight_bits(values[..., 0])).max() <= 0.51
    assert "2 channels: the first is shown" in notes(read(data))[0]


@pytest.mark.parametrize("planarconfig", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_transparent_parts_lie_on_grey(dtype: str, planarconfig: Any) -> None:
    values = full(dtype, *SIDES, 4)
    white = 1 if dtype == "float32" else 65535
    values[..., 3] = 0
    values[:9, :, 3] = white
    stored = values if planarconfig == "contig" else np.moveaxis(values, 2, 0)
    data = written(
        stored, photometric="rgb", planarconfig=planarconfig, extrasamples=("unassalpha",)
    )
    found = pixels(data)
    assert (found[9:] == 128).all()
    assert np.abs(found[:9] - eight_bits(values[:9, :, :3])).max() <= 1
    assert is_transparent(data)


def test_white_may_be_zero() -> None:
    values = full("uint16", *SIDES)
    data = written(values, photometric="miniswhite", byteorder=">")
    assert np.abs(pixels(data)[..., 0] - (255 - eight_bits(values))).max() <= 0.51


@pytest.mark.parametrize("orientation", range(1, 9))
def test_planes_are_turned_upright(orientation: int) -> None:
    upright = full("uint16", 4, 6, 3)
    lay = {
        1: lambda v: v,
        2: lambda v: v[:, ::-1],
        3: lambda v: v[::-1, ::-1],
        4: lambda v: v[::-1],
        5: lambda v: v.swapaxes(0, 1),
        6: lambda v: np.rot90(v),  # the camera was turned
        7: lambda v: v[::-1, ::-1].swapaxes(0, 1),
        8: lambda v: np.rot90(v, -1),
    }[orientation]
    stored = np.ascontiguousarray(np.moveaxis(lay(upright), 2, 0))
    data = written(
        stored,
        photometric="rgb",
        planarconfig="separate",
        extratags=[(274, "H", 1, orientation, True)],
    )
    assert np.abs(pixels(data) - eight_bits(upright)).max() <= 0.51


def test_gaps_and_infinities_in_floats_are_grey_black_and_white() -> None:
    values = np.array([[[-2.0] * 3, [0.0] * 3, [2.0] * 3, [np.nan] * 3, [np.inf, -np.inf, 0.0]]])
    data = written(values, photometric="rgb")
    assert pixels(data)[0].tolist() == [[0] * 3, [128] * 3, [255] * 3, [128] * 3, [255, 0, 128]]


@pytest.mark.parametrize("compression", ["lzw", "packbits", "jpeg"])
def test_other_packings_of_rare_kinds_get_a_sentence(compression: str) -> None:
    """The same file as a deflated one, whose tag names another packing."""
    values = full("uint16", 3, *SIDES)
    data = bytearray(
        written(values, photometric="rgb", planarconfig="separate", compression="zlib")
    )
    place = bytes(data).find(struct.pack("<HHI", 259, 3, 1)) + 8
    struct.pack_into("<H", data, place, {"lzw": 5, "packbits": 32773, "jpeg": 7}[compression])
    name = {"lzw": "LZW", "packbits": "PackBits", "jpeg": "JPEG"}[compression]
    with pytest.raises(
        ImageError, match=f"packed with {name}, which convviz unpacks only"
    ) as caught:
        decode(bytes(data))
    assert "damaged" not in str(caught.value)
    assert str(caught.value).count(". ") == 0


def test_kinds_that_are_not_read_get_a_sentence() -> None:
    complex_ = RANDOM.random(SIDES).astype(np.complex64)
    colours = full("uint16", 4, *SIDES)
    for data in (
        written(complex_, photometric="minisblack"),
        written(colours, photometric="separated", planarconfig="separate"),
    ):
        with pytest.raises(ImageError, match="of a kind that convviz does not read"):
            decode(data)


def packed(values: np.ndarray, bits: int, *, deflated: bool = False) -> bytes:
    """A TIFF of numbers of so many bits, one behind the other; each row begins with a byte."""
    height, width, samples = values.shape
    rows = []
    for row in values.reshape(height, -1):
        text = "".join(f"{number:0{bits}b}" for number in row)
        text += "0" * (-len(text) % 8)
        rows.append(int(text, 2).to_bytes(len(text) // 8, "big"))
    body = b"".join(rows)
    body = zlib.compress(body) if deflated else body
    tags = {256: (width,), 257: (height,), 258: (bits,) * samples}
    tags |= {259: (8 if deflated else 1,), 262: (2 if samples == 3 else 1,), 273: (8,)}
    tags |= {277: (samples,), 278: (height,), 279: (len(body),), 284: (1,)}
    return tiff([(tag, 3, value) for tag, value in sorted(tags.items())], body)


@pytest.mark.parametrize("deflated", [False, True])
@pytest.mark.parametrize(("bits", "samples"), [(10, 1), (14, 1), (10, 3), (12, 3), (14, 3)])
def test_packed_numbers_that_are_not_read_are_not_called_damaged(
    bits: int, samples: int, deflated: bool
) -> None:
    values = RANDOM.integers(0, 2**bits, (9, 8, samples))
    with pytest.raises(ImageError, match="numbers are of a kind that convviz does not read"):
        decode(packed(values, bits, deflated=deflated))


@pytest.mark.parametrize(
    ("most", "words"), [(300, "from 0 to 300, 7.3 % of what 12 bits"), (4095, "")]
)
def test_packed_grey_of_twelve_bits(most: int, words: str) -> None:
    values = RANDOM.integers(0, most, (9, 8, 1), endpoint=True)
    values.flat[:2] = 0, most
    data = packed(values, 12)
    assert np.abs(pixels(data)[..., 1] - values[..., 0] / most * 255).max() <= 0.51
    assert words in " ".join(notes(read(data)))
    assert bool(notes(read(data))) == bool(words)


def test_labels_in_wide_numbers_are_told_apart() -> None:
    values = np.arange(SIDES[0] * SIDES[1], dtype=np.int32).reshape(SIDES) % 6
    data = written(values, photometric="minisblack")
    assert np.unique(pixels(data)).tolist() == [0, 51, 102, 153, 204, 255]
    (note,) = notes(read(data))
    assert note.startswith("The file's values go from 0 to 5: they are stretched")


@pytest.mark.parametrize("dtype", ["uint32", "int32"])
def test_wide_numbers_state_no_range(dtype: str) -> None:
    values = (np.arange(SIDES[0] * SIDES[1]).reshape(SIDES) * 2).astype(dtype)
    (note,) = notes(read(written(values, photometric="minisblack")))
    assert note.startswith("The file's values go from 0 to 3,920: they are stretched")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("colours", [1, 3])
def test_hot_pixels_leave_the_picture_visible(colours: int, layout: str) -> None:
    values = RANDOM.integers(100, 900, (60, 40, colours), np.uint16, endpoint=True)
    values[0, 0], values[0, 1] = 100, 900
    values[30, 7] = values[59, 39] = 65_535
    if colours == 1:
        data = written(values[..., 0], photometric="minisblack", **LAYOUTS[layout])
    else:
        data = written(values, photometric="rgb", planarconfig="contig", **LAYOUTS[layout])
    expected = ((values.astype(float) - 100) / 800 * 255).clip(0, 255)
    assert np.abs(pixels(data) - expected).max() <= 0.51
    (note,) = notes(read(data))
    assert note.startswith(
        f"All but {2 * colours} of the file's values lie from 100 to 900, 1.2 % of what 16 bits"
    )


@pytest.mark.parametrize("layout", ["stored", "strips", "deflated", "deflated tiles"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_truncated_files_are_damaged(layout: str, share: float) -> None:
    values = full("uint16", 3, *SIDES)
    data = written(values, photometric="rgb", planarconfig="separate", **LAYOUTS[layout])
    with pytest.raises(ImageError, match="damaged"):
        decode(data[: int(share * len(data))])


def test_raw_files_of_cameras_get_a_sentence() -> None:
    preview = [(256, 3, (8,)), (257, 3, (8,)), (258, 3, (8,)), (259, 3, (1,)), (262, 3, (1,))]
    preview += [(273, 4, (8,)), (277, 3, (1,)), (278, 3, (8,)), (279, 4, (64,))]
    assert decode(tiff(preview)).size == (8, 8)
    nikon = tiff([*preview, (254, 4, (1,)), (271, 3, (78, 0)), (330, 4, (8,))])
    digital_negative = tiff([*preview, (50706, 4, (0x01040000,))])
    canon = b"II*\0\x10\0\0\0CR\2\0" + bytes(100)
    for data in (
        nikon,
        digital_negative,
        canon,
        b"IIRO\x08\0\0\0" + bytes(80),
        b"IIU\0\x18\0\0\0" + bytes(80),
        b"FUJIFILMCCD-RAW 0201" + bytes(80),
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    ):
        with pytest.raises(ImageError, match="camera's raw file, which convviz does not develop"):
            decode(data)


def test_nothing_is_said_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(written(full("float64", *SIDES)))
    place = bytes(data).find(struct.pack("<HHI", 305, 2, 12))  # the software's name
    struct.pack_into("<H", data, place + 2, 99)  # of a type that does not exist
    assert decode(bytes(data)).size == SIDES[::-1]
    assert logging.getLogger("tifffile").handlers
    assert capfd.readouterr() == ("", "")


def bomb(*, planes: int = 3, claimed: int = 16, unpacked: int = 200_000_000) -> bytes:
    """Planes of 16 bits whose blocks unpack to far more than they should."""
    packer = zlib.compressobj(9)
    piece = bytes(1 << 20)
    body = b"".join(packer.compress(piece) for _ in range(unpacked >> 20)) + packer.flush()
    tags = {256: (claimed,), 257: (claimed,), 258: (16,) * planes, 259: (8,), 262: (2,)}
    tags |= {273: (8,) * planes, 277: (planes,), 278: (claimed,), 279: (len(body),) * planes}
    tags |= {284: (2,)}
    return tiff([(tag, 4 if max(v) > 65535 else 3, v) for tag, v in tags.items()], body)


def planes(side: int) -> bytes:
    values = full("uint16", 3, side, side)
    return written(values, photometric="rgb", planarconfig="separate")


HOSTILE = {
    "blocks that unpack to more": (bomb, "damaged"),
    "large planes of too little": (lambda: bomb(claimed=4_900, unpacked=2 << 20), "damaged"),
    "blocks outside the file": (
        lambda: written(full("uint16", 3, 64, 64), photometric="rgb", planarconfig="separate")[
            :9_000
        ],
        "damaged",
    ),
}


@linux
def test_hostile_planes_take_no_memory(tmp_path: Path) -> None:
    paths = []
    for name, (make, _) in HOSTILE.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(make())
    honest = tmp_path / "honest"
    honest.write_bytes(planes(30))
    _, *uses = use_each(DECODE, [honest, *paths])
    for use in uses:
        assert use.kind == "ImageError", use
        assert HOSTILE[use.name][1] in use.outcome
        assert use.megabytes < 3 * (tmp_path / use.name).stat().st_size / 1e6 + 15, use


@pytest.mark.parametrize("big", [False, True])
def test_the_planes_of_a_stack_are_counted(big: bool) -> None:
    planes = np.arange(7 * 40 * 60, dtype=np.uint16).reshape(7, 40, 60)
    file = io.BytesIO()
    tifffile.imwrite(file, planes, bigtiff=big)
    assert read(file.getvalue()).pages == 7
    cut = file.getvalue()[: len(file.getvalue()) // 2]
    assert headers.tiff_pages(cut) <= 7


def test_smaller_copies_and_masks_are_no_pictures_and_loops_end() -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for kind, side in ((0, 40), (1, 20), (4, 40), (2, 40)):
            writer.write(np.zeros((side, side), bool), subfiletype=kind)
    assert headers.tiff_pages(file.getvalue()) == 2  # the first, and one page of several
    data = bytearray(
        b"II*\0\x08\0\0\0" + b"\0\0" + b"\x08\0\0\0"
    )  # a directory that follows itself
    assert headers.tiff_pages(bytes(data)) == 1
    assert headers.tiff_pages(b"II*\0") == 1
