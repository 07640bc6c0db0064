"""The gallery's small images: files made once, which Streamlit passes on as they are."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFile
from streamlit.testing.v1 import AppTest

from convviz.images.samples import gallery
from convviz.ui.sidebar import image as sidebar_image

ROOT = Path(__file__).parents[2]


def test_a_thumbnail_is_one_sharp_file() -> None:
    photograph = sidebar_image.of_sample("cat")
    data = sidebar_image.thumbnail(photograph)
    assert sidebar_image.thumbnail(photograph) is data
    opened = Image.open(io.BytesIO(data))
    assert (opened.format, opened.size) == ("JPEG", (192, 192))


def test_a_second_run_of_a_page_encodes_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=90)
    app.switch_page("pages/6_Training.py").run()
    app.session_state["sidebar_change_image"] = True  # the menu is open
    app.run()
    assert len(app.sidebar.get("image")) == len(gallery()) + 1
    encoded: list[Any] = []
    save = ImageFile._save

    def counted(image: Image.Image, *arguments: Any, **options: Any) -> None:
        encoded.append(image.size)
        save(image, *arguments, **options)

    for module in ("JpegImagePlugin", "PngImagePlugin"):
        monkeypatch.setattr(f"PIL.{module}.ImageFile._save", counted)
    app.run()
    assert not app.exception
    # The icon of the browser's tab is the only one that Streamlit takes as pixels alone.
    assert set(encoded) <= {(64, 64)}
