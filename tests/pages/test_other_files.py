"""A file of another kind in a box for files: one sentence, and what was there stays."""

import io
from collections.abc import Callable

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from convviz.ui.keys import Entry

OpenPage = Callable[..., AppTest]


def png() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (90, 60), "teal").save(data, "PNG")
    return data.getvalue()


FILES = {
    "a.png": png(),
    "a.zip": b"PK\x03\x04" + bytes(60),
    "a.pt": b"\x80\x02}q\x00.",
    "a.txt": b"words",
    "a": b"",
}


@pytest.mark.parametrize("name", list(FILES))
def test_in_the_box_for_saved_networks(name: str, open_page: OpenPage) -> None:
    app = open_page(network="googlenet")
    app.file_uploader(key="sidebar_saved_upload").upload(
        name, FILES[name], "application/octet-stream"
    ).run()
    assert not app.exception
    (error,) = app.error
    assert "The weights in use have not changed." in error.value
    assert "(error " not in error.value
    assert app.selectbox(key="weights").value == "bundled"


@pytest.mark.parametrize("name", [name for name in FILES if name != "a.png"])
def test_in_the_box_for_images(name: str, open_page: OpenPage) -> None:
    app = open_page()
    app.file_uploader(key="home_upload").upload(name, FILES[name], "application/octet-stream").run()
    assert not app.exception
    (error,) = app.error
    assert "(error " not in error.value
    assert app.session_state[Entry.VISIT].own_image is None
