"""Results on disk: what comes back, what damage does, and how much is kept."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from convviz.jobs import result_file
from convviz.jobs.identity import digest
from convviz.jobs.result_file import Codec
from convviz.jobs.result_store import ResultStore
from convviz.language import Told, again, speaking, trn

KEYS = [character * 64 for character in "abcdef"]


@dataclass(frozen=True)
class Point:
    x: float
    name: str = ""
    more: Any = None


@dataclass(frozen=True)
class Stranger:
    x: float


class Grid:
    """Stands for a tensor."""

    def __init__(self, side: int, data: bytes) -> None:
        self.side, self.data = side, data


CODECS = {"grid": Codec(Grid, lambda grid: (grid.side, grid.data), Grid)}


def write(value: Any) -> bytes:
    return result_file.write(value, (Point,), CODECS)


def read(data: bytes) -> Any:
    return result_file.read(data, (Point,), CODECS)


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, 0.1, float("inf"), "ø\n", b"\x00\xff", (), (1, (b"a", b"b"), "c")),
        Point(1.5, "p", (Point(2.0), b"image", None)),
    ],
)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    again = read(write(value))
    assert again == value
    assert type(again) is type(value)


def test_a_text_comes_back_with_what_it_was_told_from() -> None:
    text = trn("{count:,} image of {name}", "{count:,} images of {name}", 1200, name="Anna")
    back = result_file.read(result_file.write((text, "1,200"), (), {}), (), {})
    assert back == (text, "1,200")
    assert [isinstance(each, Told) for each in back] == [True, False]
    with speaking("da"):
        assert again(back[0]).startswith("1.200")


def test_what_a_codec_writes_comes_back() -> None:
    grid = read(write((1, Grid(2, b"abcd"))))[1]
    assert (type(grid), grid.side, grid.data) == (Grid, 2, b"abcd")


@pytest.mark.parametrize("value", [Stranger(1.0), [1], {1: 2}, object(), {1}])
def test_what_is_not_on_the_list_is_not_written(value: Any) -> None:
    with pytest.raises(ValueError, match="cannot be kept"):
        write((1, value))


def test_every_damaged_byte_and_every_shortened_file_is_noticed() -> None:
    data = write(Point(1.5, "p", b"image"))
    for place in range(len(data)):
        with pytest.raises(ValueError, match="damaged"):
            read(data[:place])
        with pytest.raises(ValueError, match="damaged"):
            read(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


def test_a_file_of_another_version_is_refused() -> None:
    data = write(Point(1.0))
    with pytest.raises(ValueError, match="another version"):
        result_file.read(data, (Stranger,), CODECS)


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., ResultStore]:
    def make(most: int = 10**6) -> ResultStore:
        return ResultStore(lambda: tmp_path / "results", lambda: most, write, read)

    return make


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name[:1] for path in (tmp_path / "results").iterdir())


def test_a_result_is_there_for_another_process(store: Callable[..., ResultStore]) -> None:
    store().put(KEYS[0], Point(1.0))
    assert store().get(KEYS[0]) == Point(1.0)
    assert store().get(KEYS[1]) is None


def test_a_damaged_file_is_dropped_and_computed_again(
    store: Callable[..., ResultStore], tmp_path: Path
) -> None:
    store().put(KEYS[0], Point(1.0))
    (path,) = (tmp_path / "results").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert store().get(KEYS[0]) is None
    assert not path.exists()


def test_those_used_last_stay(store: Callable[..., ResultStore], tmp_path: Path) -> None:
    size = len(write(b"x" * 1000))
    kept = store(3 * size)
    for number, key in enumerate(KEYS[:3]):
        kept.put(key, b"x" * 1000)
        os.utime(tmp_path / "results" / f"{key}.result", (number, number))
    assert kept.get(KEYS[0]) is not None  # now it is the one used last
    kept.put(KEYS[3], b"x" * 1000)
    assert files(tmp_path) == ["a", "c", "d"]


def test_nothing_is_kept_of_what_is_too_large_or_where_nothing_may_be(
    store: Callable[..., ResultStore], tmp_path: Path
) -> None:
    store(100).put(KEYS[0], b"x" * 1000)
    store(0).put(KEYS[0], 1)
    store().put(KEYS[0], object())
    assert not (tmp_path / "results").exists()


def test_what_an_ended_process_left_is_deleted(
    store: Callable[..., ResultStore], tmp_path: Path
) -> None:
    store().put(KEYS[0], 1)
    old, new = (tmp_path / "results" / f"{name}.part" for name in ("old", "new"))
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (1, 1))
    store().put(KEYS[1], 2)
    assert files(tmp_path) == ["a", "b", "n"]


def test_a_folder_that_cannot_be_made_loses_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "results").write_bytes(b"a file is in the way")
    store = ResultStore(lambda: tmp_path / "results", lambda: 10**6, write, read)
    store.put(KEYS[0], 1)
    assert store.get(KEYS[0]) is None


@pytest.mark.parametrize("key", ["", "../x", "A" * 64, "a" * 63])
def test_a_key_is_a_digest_and_no_path(store: Callable[..., ResultStore], key: str) -> None:
    with pytest.raises(ValueError, match="64"):
        store().get(key)


def test_many_who_read_write_and_delete_at_once_see_whole_results_or_none(
    store: Callable[..., ResultStore], tmp_path: Path
) -> None:
    seen: set[Any] = set()

    def work(number: int) -> None:
        mine = store(4000)
        for turn in range(30):
            key = KEYS[(number + turn) % 4]
            mine.put(key, key * 20)
            result = mine.get(key)
            seen.add(None if result is None else result == key * 20)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen <= {None, True}
    assert True in seen
    assert not list((tmp_path / "results").glob("*.part"))


def work(*, stop: Callable[[], bool]) -> Any: ...


def other(*, stop: Callable[[], bool]) -> Any: ...


DESCRIBE = {Grid: lambda grid: (grid.side, grid.data)}


def name(arguments: dict[str, Any], **options: Any) -> str:
    return digest(options.pop("work", work), arguments, DESCRIBE, **options)


def test_equal_contents_have_equal_digests_whatever_object_holds_them() -> None:
    first = {"point": Point(1.0, "p", Grid(2, b"ab")), "n": (1, None, True), "d": {"a": 1, "b": 2}}
    again = {"d": {"b": 2, "a": 1}, "n": (1, None, True), "point": Point(1.0, "p", Grid(2, b"ab"))}
    assert len(name(first)) == 64
    assert name(first) == name(again)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1, 1.0),
        (1, True),
        ("1", 1),
        (b"a", "a"),
        ((1, 2), (12,)),
        (("a", "bc"), ("ab", "c")),
        ((), None),
        (Point(1.0), Point(1.5)),
        (Point(1.0), Stranger(1.0)),
        (Grid(2, b"ab"), Grid(2, b"ac")),
        (0.1, 0.1 + 1e-16),
    ],
)
def test_what_differs_has_another_digest(first: Any, second: Any) -> None:
    same = first == second and type(first) is type(second)
    assert (name({"x": first}) == name({"x": second})) == same


def test_the_work_and_what_stands_beside_it_count() -> None:
    assert name({}) != name({}, work=other)
    assert name({}) != name({}, beside=("image",))


@pytest.mark.parametrize("value", [object(), {1}, lambda: None, iter(())])
def test_what_cannot_be_told_by_its_content_makes_no_digest(value: Any) -> None:
    assert name({"x": (1, value)}) == ""
