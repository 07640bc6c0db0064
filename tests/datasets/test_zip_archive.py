"""The zip door: what comes in, what is left out, what is refused."""

import re
import stat
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Mapping
from io import BytesIO

import pytest
from PIL import Image

from convviz.datasets import zip_archive
from convviz.datasets.zip_archive import open_archive
from convviz.errors import ImageError
from convviz.images.formats import FILE_SUFFIXES


def _png() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (5, 4), "green").save(buffer, "PNG")
    return buffer.getvalue()


PNG = _png()


def _zip(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_pictures_come_with_their_folder_and_bytes() -> None:
    archive = open_archive(_zip({"cats/a.png": PNG, "b.JPG": PNG + b"1", "x\\y\\c.png": PNG}))
    assert [(e.folder, e.name) for e in archive.entries] == [
        ("cats", "a.png"),
        ("", "b.JPG"),
        ("x/y", "c.png"),
    ]
    assert archive.read(archive.entries[1]) == PNG + b"1"
    assert archive.left_out == ()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_files_are_read_without_reading_the_list_again(
    method: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"a/{k}.png": PNG + bytes([k]) * k * 50 for k in range(30)}
    archive = open_archive(_zip(files, method))
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert {entry.path: archive.read(entry) for entry in archive.entries} == files


def test_what_systems_add_is_ignored() -> None:
    archive = open_archive(
        _zip(
            {
                "a.png": PNG,
                "__MACOSX/._a.png": b"x",
                "pets/.DS_Store": b"x",
                ".hidden/b.png": PNG,
                "pets/Thumbs.db": b"x",
                "pets/": b"",
            }
        )
    )
    assert [entry.path for entry in archive.entries] == ["a.png"]
    assert archive.left_out == ()


def test_what_is_of_no_use_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_archive, "MAX_FILE_BYTES", 1000)
    data = _zip({"a.png": PNG, "notes.txt": b"hello", "big.png": b"x" * 1001, "none.png": b""})
    archive = open_archive(data)
    assert [entry.path for entry in archive.entries] == ["a.png"]
    assert [file.title for file in archive.left_out] == ["notes.txt", "big.png", "none.png"]
    assert "not a picture" in archive.left_out[0].reason


def _tar(compression: str) -> bytes:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{compression}") as archive:
        info = tarfile.TarInfo("a/1.png")
        info.size = len(PNG)
        archive.addfile(info, BytesIO(PNG))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_tar(""), "packed with tar, not a zip archive: unpack it"),
        (_tar("gz"), "packed with gzip, not a zip archive: unpack it"),
        (_tar("bz2"), "packed with bzip2, not a zip archive: unpack it"),
        (_tar("xz"), "packed with xz, not a zip archive: unpack it"),
        (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(99), "packed with 7-Zip, not a zip archive"),
        (b"Rar!\x1a\7\1\0" + bytes(99), "packed with RAR, not a zip archive"),
        (PNG, "is a picture, not a zip archive: put the pictures of each class into a folder"),
        (b"", "is empty"),
        (_zip({"a.png": PNG})[:-30], "no zip archive, or is incomplete"),
    ],
)
@pytest.mark.claims("convviz.datasets.zip_archive._no_zip")
def test_what_is_no_zip_is_named_and_what_to_do(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        open_archive(data)


def test_an_archive_within_an_archive_says_so() -> None:
    inner = _zip({"a.png": PNG})
    archive = open_archive(_zip({"a.png": PNG, "b.zip": inner, "c.tar.gz": _tar("gz")}))
    for file in archive.left_out:
        assert file.reason.startswith("It is an archive itself: unpack it")
    with pytest.raises(ImageError, match=r"b\.zip: It is an archive itself"):
        open_archive(_zip({"b.zip": inner}))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_whose_name_says_nothing_is_told_by_its_first_bytes(method: int) -> None:
    pictures = {}
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"):
        buffer = BytesIO()
        Image.new("RGB", (50, 40), "green").save(buffer, kind)
        pictures |= {f"a/{kind}": buffer.getvalue(), f"a/{kind}.dat": buffer.getvalue()}
    texts = {"a/BMW": b"BMW is a company of Munich", "a/b.doc": b"\xd0\xcf\x11\xe0" + bytes(60)}
    texts |= {"a/RIFF": b"RIFF\0\0\0\0WAVEfmt ", "a/short": b"B", "a/c.svg": b"<svg/>"}
    archive = open_archive(_zip(pictures | texts, method))
    assert [entry.path for entry in archive.entries] == list(pictures)
    assert [file.title for file in archive.left_out] == list(texts)
    assert {entry.path: archive.read(entry) for entry in archive.entries} == pictures


def test_a_damaged_file_without_a_suffix_is_left_out() -> None:
    data = bytearray(_zip({"a.png": PNG, "b": PNG * 9}))
    body = data.find(b"PK\x03\x04", 4) + 30 + len("b")  # a header has 30 bytes, then the name
    data[body : body + 8] = b"\xff" * 8
    archive = open_archive(bytes(data))
    assert [file.title for file in archive.left_out] == ["b"]


@pytest.mark.parametrize("suffix", ["jfif", "JFIF", "jpe", "jpeg", "JPG", "tif"])
def test_what_browsers_and_old_programs_call_a_picture_is_one(suffix: str) -> None:
    archive = open_archive(_zip({f"a.{suffix}": PNG}))
    assert [entry.name for entry in archive.entries] == [f"a.{suffix}"]


def _unmarked(names: Mapping[bytes, bytes]) -> bytes:
    """A zip whose names are these bytes, not marked as UTF-8: what macOS writes."""
    data = _zip({f"{k:0{len(name)}}": body for k, (name, body) in enumerate(names.items())})
    changed = bytearray(data)
    for k, name in enumerate(names):
        for signature, field in ((b"PK\x03\x04", 30), (b"PK\x01\x02", 46)):
            place = -1
            for _ in range(k + 1):
                place = data.index(signature, place + 1)
            changed[place + field : place + field + len(name)] = name
    return bytes(changed)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Äpfel/ß.png".encode(), "Äpfel/ß.png"),
        ("A\u0308pfel/1.png".encode(), "Äpfel/1.png"),  # macOS takes letters apart
        ("猫/1.png".encode(), "猫/1.png"),
        ("Привет/1.png".encode(), "Привет/1.png"),
        (b"\x8epfel/1.png", "Äpfel/1.png"),  # code page 437
        (b"caf\x82/1.png", "café/1.png"),
        (b"plain/1.png", "plain/1.png"),
    ],
)
def test_names_are_utf_8_where_they_can_be_and_code_page_437_else(raw: bytes, shown: str) -> None:
    archive = open_archive(_unmarked({b"0/a.png": PNG, raw: PNG}))
    assert [entry.path for entry in archive.entries] == ["0/a.png", shown]
    assert archive.read(archive.entries[1]) == PNG


def test_names_that_are_marked_as_utf_8_stay_what_they_are() -> None:
    archive = open_archive(_zip({"Äpfel/1.png": PNG, "猫/1.png": PNG, "├ä/1.png": PNG}))
    assert [entry.folder for entry in archive.entries] == ["Äpfel", "猫", "├ä"]


def test_an_archive_without_pictures_is_refused() -> None:
    with pytest.raises(ImageError, match=r"no picture.*notes\.txt"):
        open_archive(_zip({"notes.txt": b"hello"}))


@pytest.mark.parametrize("data", [b"", b"PK", b"hello" * 100, _zip({"a.png": PNG})[:-8]])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(ImageError, match="zip archive"):
        open_archive(data)


@pytest.mark.parametrize("name", ["../a.png", "x/../../a.png", "/a.png", "C:\\a.png", "..\\a.png"])
def test_paths_that_leave_their_folder_are_refused(name: str) -> None:
    with pytest.raises(ImageError, match="leaves its folder"):
        open_archive(_zip({"ok.png": PNG, name: PNG}))


def test_links_are_refused() -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("link.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ImageError, match="no plain file"):
        open_archive(buffer.getvalue())


def test_encrypted_files_are_left_out() -> None:
    data = bytearray(_zip({"a.png": PNG, "b.png": PNG}))
    central = data.find(b"PK\x01\x02")
    data[central + 8] |= 1
    archive = open_archive(bytes(data))
    assert [entry.path for entry in archive.entries] == ["b.png"]
    assert "encrypted" in archive.left_out[0].reason


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_archive, "MAX_FILES", 3)
    open_archive(_zip({f"{i}.png": PNG for i in range(3)}))
    with pytest.raises(ImageError, match="4 files, more than the 3"):
        open_archive(_zip({f"{i}.png": PNG for i in range(4)}))


def test_a_long_list_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_archive, "_MAX_ENTRIES", 3)
    data = _zip({f"{i}.png": PNG for i in range(4)})
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(ImageError, match="more than the"):
        open_archive(data)


def test_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_archive, "MAX_BYTES", 3 * len(PNG) - 1)
    with pytest.raises(ImageError, match="unpacked"):
        open_archive(_zip({f"{i}.png": PNG for i in range(3)}))


def test_bombs_are_refused() -> None:
    bomb = _zip({"zeros.png": bytes(15_000_000)})
    assert len(bomb) < 20_000
    with pytest.raises(ImageError, match="100 times"):
        open_archive(bomb)


def test_entries_that_share_bytes_are_refused() -> None:
    """Two entries of the list point to one file's bytes, as in a bomb of the better kind."""
    buffer = BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.png", PNG)
        archive.writestr("b.png", PNG)
        archive.filelist[1].header_offset = archive.filelist[0].header_offset
        archive.filelist[1].filename = "b.png"
    with pytest.raises(ImageError, match="overlap"):
        open_archive(buffer.getvalue())


def test_an_offset_that_points_nowhere_is_refused() -> None:
    data = bytearray(_zip({"a.png": PNG}))
    central = data.find(b"PK\x01\x02")
    struct.pack_into("<L", data, central + 42, 7)
    with pytest.raises(ImageError, match=r"overlap|damaged"):
        open_archive(bytes(data))


@pytest.mark.parametrize("size", [3, 10_000])
def test_a_file_that_lies_about_its_size_is_refused_when_it_is_read(size: int) -> None:
    data = bytearray(_zip({"a.png": PNG}))
    central = data.find(b"PK\x01\x02")
    struct.pack_into("<L", data, central + 24, size)
    archive = open_archive(bytes(data))
    with pytest.raises(ImageError, match=r"a\.png is damaged"):
        archive.read(archive.entries[0])


def test_damaged_bytes_are_noticed() -> None:
    data = bytearray(_zip({"a.png": PNG}, zipfile.ZIP_STORED))
    index = data.find(PNG) + 20
    data[index] ^= 0xFF
    archive = open_archive(bytes(data))
    with pytest.raises(ImageError, match="damaged"):
        archive.read(archive.entries[0])


def test_names_are_shown_without_letters_that_move_the_cursor() -> None:
    archive = open_archive(_zip({"a\u202egnp.png": PNG}))
    assert archive.entries[0].name == "agnp.png"


@pytest.mark.claims(
    "convviz.datasets.zip_archive._too_many",
    "convviz.datasets.zip_archive.unusable",
    "convviz.datasets.zip_archive.ZipArchive.read",
)
def test_sentences_on_files_give_their_numbers() -> None:
    assert zip_archive._too_many(2_001).startswith("The zip archive has 2,001 files, more than the")
    assert zip_archive._too_many(None).startswith("The zip archive has more than the 2,000 files")
    for size, text in ((20_000_000, ""), (20_000_001, "It has 20 MB; "), (123_456_789, "123 MB")):
        said = zip_archive.unusable("a.png", size, bytes)
        assert text in said
        assert bool(text) is bool(said)
    said = zip_archive.unusable("a.PDF", 5, lambda: b"%PDF-")
    assert re.findall(r"\.(\w+)", said) == list(FILE_SUFFIXES)
    data = bytearray(_zip({"x/ü.png": PNG}, zipfile.ZIP_STORED))
    data[data.find(PNG) + 9] ^= 1
    archive = open_archive(bytes(data))
    with pytest.raises(ImageError) as caught:
        archive.read(archive.entries[0])
    assert str(caught.value) == "x/ü.png is damaged in the archive; pack it again."
