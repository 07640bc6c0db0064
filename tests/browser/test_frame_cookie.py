"""The visitor's cookie is kept and sent in another site's frame, where runs would else be lost."""

import pytest
from playwright.sync_api import Browser, Route

from convviz.ui import visitor

pytestmark = pytest.mark.browser

SCRIPT = visitor._JS.replace("export default function", "window.visitor = function")
SECRET = "s" * 43
PAGE = f"""<!doctype html><body><script>{SCRIPT}
visitor({{ data: {{ cookie: "convviz_visitor", secret: "{SECRET}", seconds: 60 }},
  setStateValue() {{}} }});</script></body>"""


@pytest.mark.parametrize("is_framed", [True, False])
def test_the_cookie_comes_back_with_the_next_request(browser: Browser, is_framed: bool) -> None:
    cookies: list[str] = []

    def answer(route: Route) -> None:
        if "convviz.example" in route.request.url:
            cookies.append(route.request.all_headers().get("cookie", ""))
            route.fulfill(content_type="text/html", body=PAGE)
        else:
            frame = '<iframe src="https://convviz.example/"></iframe>'
            route.fulfill(content_type="text/html", body=f"<!doctype html><body>{frame}</body>")

    context = browser.new_context()
    page = context.new_page()
    page.route("**/*", answer)
    address = "https://moodle.example/" if is_framed else "https://convviz.example/"
    page.goto(address)
    frame = page.frames[-1]
    assert frame.evaluate("document.cookie") == f"convviz_visitor={SECRET}"
    (kept,) = (each for each in context.cookies() if each["name"] == "convviz_visitor")
    assert (kept["sameSite"], kept["secure"]) == (("None" if is_framed else "Lax"), True)
    context.close()
