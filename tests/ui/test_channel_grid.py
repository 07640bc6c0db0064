import json
from dataclasses import replace

import pytest

from convviz.sprites.grid import Section, TileGrid
from convviz.ui.components.channel_grid import Picture, drawing

PICTURE = Picture(
    tiles=TileGrid(png=b"\x89PNG...", columns=2, tile=4, gap=2, count=2),
    empty=[False, True],
    maximum=["1.5", "0"],
    active=["50 %", "0 %"],
)


def unpack(message: bytes) -> tuple[dict[str, object], bytes]:
    length = int.from_bytes(message[:4], "little")
    return json.loads(message[4 : 4 + length]), message[4 + length :]


def test_marks_name_the_channels_and_leave_the_picture_as_it_is() -> None:
    assert PICTURE.marks() == {"empty": [1], "dead": [], "dead_over": ""}
    other = replace(PICTURE, empty=[True, True], dead=(0,), dead_over="5 photographs")
    assert other.marks() == {"empty": [0, 1], "dead": [0], "dead_over": "5 photographs"}
    assert other.message == PICTURE.message


def test_the_message_holds_the_picture_and_what_to_say_of_each_channel() -> None:
    token, message = PICTURE.message
    header, png = unpack(message)
    assert png == PICTURE.tiles.png
    assert header["token"] == token
    assert header["count"] == 2
    assert header["maximum"] == ["1.5", "0"]
    assert "png" not in header
    assert [header[name] for name in ("width", "height", "columns", "rows")] == [10, 4, 2, 1]
    assert [header[name] for name in ("tile", "gap")] == [4, 2]


def test_the_token_names_picture_and_words() -> None:
    token, message = PICTURE.message
    assert PICTURE.message == (token, message)
    assert replace(PICTURE, tiles=replace(PICTURE.tiles, png=b"other")).message[0] != token
    assert replace(PICTURE, maximum=["1.6", "0"]).message[0] != token


@pytest.mark.claims("convviz.ui.components.channel_grid._all")
@pytest.mark.parametrize(
    ("channels", "listed", "text"),
    [
        (1200, (500, 700), "All 1,200 channels"),
        (64, (63,), "All 63 of these channels"),
        (1, (1,), "The one channel"),
        (64, (1, 0), "The one of these channels"),
    ],
)
def test_the_button_for_the_rest_counts_what_the_grid_holds(
    channels: int, listed: tuple[int, ...], text: str
) -> None:
    picture = replace(PICTURE, empty=[False] * channels)
    sections = [Section("", tuple(range(count))) for count in listed]
    assert drawing(picture, sections, 0, "")["all"] == text
