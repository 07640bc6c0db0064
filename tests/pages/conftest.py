"""The real app, run without a browser."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]

OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page() -> OpenPage:
    """Open a page as a new visitor: `open_page("pages/1_Activations.py", network="alexnet")`."""

    def opened(file: str = "app.py", **link: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        if file != "app.py":
            app.switch_page(file)
        for key, value in link.items():
            app.query_params[key] = value
        return app.run()

    return opened
