"""Hand on the result that a page shows, and open it as somebody else."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from streamlit.testing.v1 import AppTest


def share(app: AppTest) -> dict[str, str]:
    """Press the button that shares; return what the link carries."""
    app.button(key="handed_on_share").click().run()
    assert not app.exception
    links = [parse_qs(urlsplit(str(each.value)).query) for each in app.code]
    (link,) = (each for each in links if "shared" in each)
    return {key: value for key, (value,) in link.items()}


def open_as_guest(open_page: Any, page: str, link: dict[str, str]) -> AppTest:
    """Open a link as a new visitor, who is told that they can look and save."""
    guest: AppTest = open_page(page, **link)
    assert not guest.exception
    assert not guest.error
    (told,) = [each for each in guest.info if "Somebody shared this result" in each.value]
    assert "change nothing" in told.value
    keys = {str(each.key) for each in guest.button}
    assert not any(key.startswith(("handed_on_share", "handed_on_stop")) for key in keys)
    return guest


def end_sharing(open_page: Any, page: str, app: AppTest, link: dict[str, str]) -> None:
    """Press Stop sharing; whoever opens the link after that gets one sentence."""
    app.button(key=f"handed_on_stop:{link['shared']}").click().run()
    assert "handed_on_share" in {str(each.key) for each in app.button}
    late = open_page(page, **link)
    assert not late.exception
    assert sum("is not shared, or no longer" in each.value for each in late.info) == 1
