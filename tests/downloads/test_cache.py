import hashlib
import os
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from convviz.downloads import cache


def put(name: str, content: bytes = b"content") -> Path:
    path = cache.prepare() / name
    path.write_bytes(content)
    cache.record(path, hashlib.sha256(content).hexdigest())
    return path


def test_the_folder_is_the_one_the_user_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONVVIZ_CACHE", str(tmp_path / "mine"))
    assert cache.folder() == tmp_path / "mine"
    monkeypatch.setenv("CONVVIZ_CACHE", "mine")
    assert cache.folder() == Path.cwd() / "mine"


@pytest.mark.parametrize(
    ("platform", "xdg", "expected"),
    [
        ("linux", "", "home/.cache/convviz"),
        ("linux", "relative", "home/.cache/convviz"),
        ("linux", "/x/caches", "/x/caches/convviz"),
        ("darwin", "/x/caches", "home/Library/Caches/convviz"),
    ],
)
def test_else_it_is_where_the_platform_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, platform: str, xdg: str, expected: str
) -> None:
    monkeypatch.delenv("CONVVIZ_CACHE")
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", "home")
    monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    assert cache.folder() == Path(expected)


def test_on_windows_it_is_in_the_local_application_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONVVIZ_CACHE")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "local")
    assert cache.folder() == Path("local/convviz/Cache")
    monkeypatch.delenv("LOCALAPPDATA")
    monkeypatch.setenv("HOME", "home")
    assert cache.folder() == Path("home/AppData/Local/convviz/Cache")


def test_without_a_home_there_still_is_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("CONVVIZ_CACHE")
    monkeypatch.setattr(Path, "home", homeless)
    assert cache.folder().name == "convviz"


def test_a_file_is_intact_until_a_byte_of_it_changes() -> None:
    path = put("weights.pth")
    assert cache.intact(path)
    path.write_bytes(b"cOntent")
    assert not cache.intact(path)


def test_a_file_without_a_checksum_is_not_trusted() -> None:
    path = put("weights.pth")
    path.with_name("weights.pth.sha256").unlink()
    assert not cache.intact(path)
    assert not cache.intact(path.with_name("none.pth"))


def test_a_file_is_read_once_as_long_as_it_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    path = put("weights.pth")
    first = cache.sha256(path)
    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", None)
        assert cache.sha256(path) == first
    path.write_bytes(b"other content")
    assert cache.sha256(path) == hashlib.sha256(b"other content").hexdigest()


def test_the_checksum_beside_a_file_can_be_checked_by_other_tools() -> None:
    path = put("weights.pth")
    beside = path.with_name("weights.pth.sha256").read_text()
    assert beside == f"{hashlib.sha256(b'content').hexdigest()}  weights.pth\n"


def test_clear_removes_what_convviz_put_there_and_nothing_else() -> None:
    put("one.pth", b"12345")
    put("two.safetensors", b"123")
    folder = cache.folder()
    (folder / "thesis.txt").write_text("the user's own")
    (folder / "alexnet.pth").write_text("the user's own too")
    (folder / "one.pth.lock").touch()
    (folder / "one.pth.99-ab.part").write_bytes(b"1234")
    half = folder / "one.pth.98-cd.part"
    half.mkdir()
    (half / "archive").write_bytes(b"12")
    assert cache.clear() == cache.Cleared(files=2, bytes=8 + 4 + 2)
    left = {path.name for path in folder.iterdir() if path.suffix != ".lock"}
    assert left == {"thesis.txt", "alexnet.pth"}


def test_clear_removes_kept_results_too() -> None:
    results = cache.folder() / cache.RESULTS
    results.mkdir(parents=True)
    (results / f"{'a' * 64}.result").write_bytes(b"12345")
    (results / "notes.txt").write_bytes(b"mine")
    assert cache.clear() == cache.Cleared(files=1, bytes=5)
    assert [path.name for path in results.iterdir()] == ["notes.txt"]


def test_clear_leaves_a_running_download_alone() -> None:
    folder = cache.prepare()
    part = folder / "one.pth.1-ab.part"
    part.write_bytes(b"1234")
    with FileLock(folder / "one.pth.lock"):
        assert cache.clear() == cache.Cleared(files=0, bytes=0, kept=("one.pth",))
    assert part.exists()


def test_an_empty_or_missing_cache_can_be_cleared() -> None:
    assert not cache.folder().exists()
    assert cache.clear() == cache.Cleared(files=0, bytes=0)


def test_the_users_folder_is_the_one_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache.user_folder() is None
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(tmp_path))
    assert cache.user_folder() == tmp_path
    monkeypatch.setenv("CONVVIZ_WEIGHTS", os.path.join("~", "weights"))
    assert cache.user_folder() == Path.home() / "weights"
