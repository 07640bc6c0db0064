"""Where the server knows an identity provider, nobody sees a page before logging in."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from convviz.errors import SettingError
from convviz.ui import login

ROOT = Path(__file__).parents[2]
DEFAULT = {"client_id": "c", "client_secret": "s", "server_metadata_url": "https://id.example/m"}
SHARED = {"redirect_uri": "http://localhost:8501/oauth2callback", "cookie_secret": "x" * 32}


def opened(auth: dict[str, Any] | None, page: str = "pages/6_Training.py") -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.switch_page(page)
    if auth is not None:
        app.secrets["auth"] = auth
    return app.run()


def buttons(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


@pytest.mark.parametrize("page", ["app.py", "pages/1_Activations.py", "pages/6_Training.py"])
def test_whoever_has_not_logged_in_sees_a_button_and_nothing_else(page: str) -> None:
    app = opened(SHARED | DEFAULT, page)
    assert buttons(app) == ["Log in"]
    assert not app.selectbox
    assert not app.sidebar.children
    assert not app.exception


def test_named_providers_have_a_button_each() -> None:
    app = opened(SHARED | {"campus": DEFAULT, "other_school": DEFAULT})
    assert buttons(app) == ["Log in with campus", "Log in with other school"]
    app = opened(SHARED | DEFAULT | {"campus": DEFAULT})
    assert buttons(app) == ["Log in", "Log in with campus"]


def test_without_an_identity_provider_everybody_is_let_in() -> None:
    app = opened(None)
    assert "Log in" not in buttons(app)
    assert "Log out" not in buttons(app)
    assert "Forget my data" in buttons(app)


def test_a_missing_package_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "_section", lambda: SHARED | DEFAULT)
    login.check()
    monkeypatch.setattr(login.util, "find_spec", lambda _: None)
    with pytest.raises(SettingError, match=r"streamlit\[auth\]"):
        login.check()
    monkeypatch.setattr(login, "_section", lambda: None)
    login.check()
