"""The server around the pages: hosts, addresses, headers, style, and its start."""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from convviz.errors import SettingError
from convviz.ui import server, shell
from tests.asgi import call, http
from tests.conftest import ROOT

LOCAL = {"localhost", "127.0.0.1", "::1"}


@pytest.mark.parametrize(
    ("setting", "address", "hosts"),
    [
        ("", "localhost", LOCAL),
        ("", "", LOCAL),
        ("", "127.0.0.1", LOCAL),
        ("", "0.0.0.0", LOCAL | {"0.0.0.0"}),
        ("0.0.0.0", "0.0.0.0", LOCAL | {"0.0.0.0"}),
        ("[::]", "::", LOCAL | {"0.0.0.0"}),
        ("Lab.Example.EDU., 10.0.0.7", "0.0.0.0", LOCAL | {"lab.example.edu", "10.0.0.7"}),
        ("*", "0.0.0.0", LOCAL | {"*"}),
        ("*.example.edu", "", LOCAL | {"*.example.edu"}),
    ],
)
def test_address_and_names_open_together(setting: str, address: str, hosts: set[str]) -> None:
    assert server.open_hosts(setting, address) == hosts


@pytest.mark.parametrize("setting", ["https://lab", "lab/x", "a b;c", "-x", "lab:8501:x", "<b>"])
def test_what_is_no_host_is_refused_with_a_sentence(setting: str) -> None:
    with pytest.raises(SettingError, match="CONVVIZ_HOSTS names"):
        server.open_hosts(setting, "")


@pytest.mark.parametrize(
    ("host", "local", "everybody"),
    [
        ("localhost:8501", True, True),
        ("LOCALHOST.:8501", True, True),
        ("127.0.0.1", True, True),
        ("[::1]:8501", True, True),
        ("192.168.1.20:8501", False, True),
        ("[fe80::1]:8501", False, True),
        ("evil.example", False, False),
        ("evil.example:8501", False, False),
        ("localhost.evil.example", False, False),
        ("127.0.0.1.evil.example", False, False),
        ("localhost@evil.example", False, False),
        ("evil.example/localhost", False, False),
        ("", False, False),
        (None, False, False),
    ],
)
def test_a_foreign_name_is_refused_even_where_every_address_is_let_in(
    host: str | None, local: bool, everybody: bool
) -> None:
    assert server.is_open_to(host, LOCAL) is local
    assert server.is_open_to(host, LOCAL | {"0.0.0.0"}) is everybody
    assert server.is_open_to(host, {"*"}) is (host not in (None, "", "localhost@evil.example",
                                                           "evil.example/localhost"))  # fmt: skip


def test_a_connection_under_a_foreign_name_is_closed_and_a_request_gets_a_sentence() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("let in")

    guard = server.Hosts(app, set(LOCAL))
    foreign = {"type": "websocket", "path": "/_stcore/stream", "headers": [(b"host", b"evil.x")]}
    assert call(guard, foreign, {"type": "websocket.connect"}) == [
        {"type": "websocket.close", "code": 1008}
    ]
    begin, body = call(guard, http("GET", "/", host="evil.x"), {"type": "http.request"})
    assert begin["status"] == 421
    assert b"CONVVIZ_HOSTS" in body["body"]


def test_a_refusal_is_in_the_browsers_language(bracketed: None) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("let in")

    for accept, first in (("da-DK,en;q=0.5", "⟦"), ("en,da;q=0.5", "T"), ("sv", "T")):
        request = http("GET", "/", host="evil.x", accept_language=accept)
        _, body = call(server.Hosts(app, set(LOCAL)), request, {"type": "http.request"})
        assert body["body"].decode()[0] == first


def test_every_answer_carries_the_headers() -> None:
    app = server.SecurityHeaders(PlainTextResponse("x"), "'none'")
    begin, _ = call(app, http("GET", "/", host="localhost:8501"), {"type": "http.request"})
    headers = {name.decode(): value.decode() for name, value in begin["headers"]}
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "camera=(self)" in headers["permissions-policy"]
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["object-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy["script-src"]
    assert "*" not in headers["content-security-policy"]
    assert "ws://localhost:8501" in policy["connect-src"]


def test_the_style_of_all_pages_is_part_of_the_first_answer() -> None:
    page = HTMLResponse("<html><body>å</body></html>", headers={"etag": "x"})
    begin, body = call(server.Styles(page), http("GET", "/Filters"), {"type": "http.request"})
    text = body["body"].decode()
    assert text.startswith("<html><body>å<style>")
    assert text.endswith("</style></body></html>")
    assert ".st-key-navigation" in text
    assert ".st-key-sidebar_layer" in text
    headers = dict(begin["headers"])
    assert int(headers[b"content-length"]) == len(body["body"])
    assert b"etag" not in headers  # or a browser would keep the style of an older version


@pytest.mark.parametrize("path", ["/static/index.js", "/_stcore/health"])
def test_other_answers_stay_as_they_are(path: str) -> None:
    app = server.Styles(PlainTextResponse("</body>"))
    assert call(app, http("GET", path), {"type": "http.request"})[1]["body"] == b"</body>"


def test_a_hosts_header_cannot_write_into_the_policy() -> None:
    app = server.SecurityHeaders(PlainTextResponse("x"), "'none'")
    begin, _ = call(app, http("GET", "/", host="a; script-src *"), {"type": "http.request"})
    assert b"script-src *" not in dict(begin["headers"])[b"content-security-policy"]


def test_course_platforms_may_embed_where_that_is_set() -> None:
    ancestors = server.frame_ancestors("https://moodle.example.edu, https://*.lms.example:8443")
    assert ancestors == "'self' https://moodle.example.edu https://*.lms.example:8443"
    headers = server.security_headers("h", ancestors)
    assert "X-Frame-Options" not in headers
    assert f"frame-ancestors {ancestors}" in headers["Content-Security-Policy"]
    for bad in ("moodle.example.edu", "https://x/y", "https://x;script-src", "javascript://x"):
        with pytest.raises(SettingError, match="CONVVIZ_EMBED names"):
            server.frame_ancestors(bad)


@pytest.mark.claims("convviz.ui.findings.no_such_page")
@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/", None),
        ("/Activations", None),
        ("/Transfer_learning", None),
        ("/activations", ("Activations", "")),
        ("/TRANSFER_LEARNING", ("Transfer_learning", "")),
        ("/Nothing", ("./", "Nothing")),
        ("/Home", ("./", "Home")),
        ("/Activations/more", ("../", "Activations/more")),
        ("/a/b/c", ("../../", "a/b/c")),
        ("/static/none.js", None),
        ("/" + "a" * 500, ("./", "a" * 60)),
    ],
)
def test_an_address_that_is_no_pages_leads_to_one(
    path: str, leads_to: tuple[str, str] | None
) -> None:
    assert server.other_address(path) == leads_to


def test_behind_a_path_of_its_own_the_app_finds_its_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.config, "get_option", lambda name: "/course/convviz/")
    assert server.other_address("/course/convviz") is None
    assert server.other_address("/course/convviz/Filters") is None
    assert server.other_address("/course/convviz/filters") == ("Filters", "")
    assert server.other_address("/course/convviz/none") == ("./", "none")
    assert server.other_address("/course/convviz-other") is None


@pytest.mark.parametrize(
    ("path", "answer", "status", "location"),
    [
        ("/Nothing", HTMLResponse("page"), 307, "./?image=cat&tau=0.1&asked=Nothing"),
        ("/filters", HTMLResponse("page"), 307, "Filters?image=cat&tau=0.1"),
        ("/Filters", HTMLResponse("page"), 200, None),
        ("/_stcore/health", PlainTextResponse("ok"), 200, None),
        ("/media/none", PlainTextResponse("none", status_code=404), 404, None),
    ],
)
def test_only_streamlits_own_page_leads_elsewhere(
    path: str, answer: Response, status: int, location: str | None
) -> None:
    scope = http("GET", path) | {"query_string": b"image=cat&tau=0.1"}
    begin, body = call(server.Addresses(answer), scope, {"type": "http.request"})
    assert begin["status"] == status
    headers = {name.decode(): value.decode() for name, value in begin["headers"]}
    assert headers.get("location") == location
    assert (body["body"] == b"") is (location is not None)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library's heap")
def test_memory_that_is_free_between_what_is_used_goes_back_to_the_system() -> None:
    """A process of its own, so that its heap holds what is said here."""
    script = """
import os
from pathlib import Path
from convviz.ui.server import return_free_memory

def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

blocks = [bytearray(2_000) for _ in range(100_000)]
kept = blocks[::50]
del blocks
before = megabytes()
return_free_memory()
print(before - megabytes(), len(kept))
"""
    printed = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    returned, kept = map(float, printed.split())
    assert kept == 2_000
    assert 120 < returned < 250  # 196 MB were let go


@pytest.mark.parametrize(("visitors", "threads"), [(0, 8), (1, 8), (2, 4), (3, 2), (8, 1), (30, 1)])
def test_a_pass_has_its_visitors_share_of_the_cores(
    monkeypatch: pytest.MonkeyPatch, visitors: int, threads: int
) -> None:
    monkeypatch.setattr(shell, "_count_visitors", lambda: visitors)
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    before = torch.get_num_threads()
    try:
        shell._share_cores()
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_threads_sleep_while_they_wait_unless_somebody_said_how(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in server.WAITING:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    server._let_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "active"
    assert "GOMP_SPINCOUNT" not in os.environ
    monkeypatch.delenv("OMP_WAIT_POLICY")
    server._let_threads_sleep()
    assert {name: os.environ[name] for name in server.WAITING} == server.WAITING


def test_pytorch_is_not_loaded_before_its_threads_know_how_to_wait() -> None:
    code = (
        "import sys, os; from convviz.ui import server; server.options();"
        "assert 'torch' not in sys.modules and os.environ['OMP_WAIT_POLICY'] == 'passive'"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)


def test_a_folder_of_weights_that_is_none_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONVVIZ_WEIGHTS", str(tmp_path / "gone"))
    with pytest.raises(SystemExit) as ended:
        server.options()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(
        "CONVVIZ_WEIGHTS names 'gone', but there is no such folder: set it to the folder"
    )
