"""The server around the pages: hosts, headers, uploads and what it takes out of frames."""

import asyncio
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.backend_operation_handler import DeferredFileHandler
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from convviz.errors import SettingError
from convviz.plain_text import unlinked
from convviz.ui import exports, server, shell
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


def call(app: Any, scope: dict[str, Any], *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Send a request, or open a connection; return what is answered."""
    coming, sent = list(messages), []

    async def receive() -> Any:
        return coming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    # In a thread of its own: browser tests leave a running loop in the thread of the tests.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, app(scope, receive, send)).result()
    return sent


def http(method: str, path: str, **headers: str) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": path, "headers": pairs, "query_string": b""}


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


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> MemoryUploadedFileManager:
    """A runtime with two visits, a limit of 3 MB for each and 5 MB for all."""
    held = MemoryUploadedFileManager("/x")
    sessions = [SimpleNamespace(session=SimpleNamespace(id=name)) for name in ("one", "two")]
    runtime = SimpleNamespace(
        uploaded_file_mgr=held,
        is_active_session=lambda name: name in ("one", "two"),
        _session_mgr=SimpleNamespace(list_sessions=lambda: sessions),
    )
    fake = SimpleNamespace(exists=lambda: True, instance=lambda: runtime)
    monkeypatch.setattr(server, "Runtime", fake)
    monkeypatch.setenv("CONVVIZ_UPLOAD_MEGABYTES", "2")
    monkeypatch.setenv("CONVVIZ_VISITOR_MEGABYTES", "3")
    monkeypatch.setenv("CONVVIZ_SERVER_MEGABYTES", "5")
    return held


def put(manager: MemoryUploadedFileManager, session: str, file: str, size: int, **more: str) -> int:
    """Send a file in pieces, as a browser does; return the status."""

    async def keep(request: Request) -> PlainTextResponse:
        data = await request.body()
        manager.add_file(session, UploadedFileRec(file, "x", "y", data))
        return PlainTextResponse("", status_code=204)

    path = f"/_stcore/upload_file/{session}/{file}"
    inner = Starlette(routes=[Route(path, keep, methods=["PUT"])])
    piece = 250_000
    pieces = [{"type": "http.request", "body": bytes(piece), "more_body": True}] * (size // piece)
    last = {"type": "http.request", "body": b"", "more_body": False}
    return int(call(server.Uploads(inner), http("PUT", path, **more), *pieces, last)[0]["status"])


def stored(manager: MemoryUploadedFileManager, session: str) -> list[str]:
    return list(manager.file_storage.get(session, {}))


@pytest.mark.claims("convviz.ui.server.Uploads._make_room")
@pytest.mark.parametrize("says_length", [True, False], ids=["with its length", "chunked"])
def test_a_visitors_oldest_files_go_and_one_that_is_too_large_is_refused(
    manager: MemoryUploadedFileManager, says_length: bool
) -> None:
    def send(file: str, size: int) -> int:
        length = {"content_length": str(size)} if says_length else {}
        return put(manager, "one", file, size, **length)

    assert [send(name, 1_000_000) for name in "abc"] == [204, 204, 204]
    assert stored(manager, "one") == ["a", "b", "c"]
    assert send("d", 1_500_000) == 204
    assert stored(manager, "one") == ["c", "d"]
    assert send("e", 2_500_000) == 413
    assert "e" not in stored(manager, "one")


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


def test_the_server_as_a_whole_has_a_limit_and_ended_visits_count_for_nothing(
    manager: MemoryUploadedFileManager,
) -> None:
    manager.add_file("gone", UploadedFileRec("old", "x", "y", bytes(4_000_000)))
    assert [put(manager, "one", name, 1_500_000) for name in "ab"] == [204, 204]
    assert stored(manager, "gone") == []
    assert put(manager, "two", "c", 1_500_000) == 204
    assert put(manager, "two", "d", 1_500_000) == 413
    assert stored(manager, "two") == ["c"]


def test_a_false_length_and_a_broken_line_leave_nothing_counted(
    manager: MemoryUploadedFileManager,
) -> None:
    assert put(manager, "one", "a", 1_000_000, content_length="5") == 204
    assert put(manager, "one", "b", 2_500_000, content_length="5") == 413

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise HTTPException(400)

    uploads = server.Uploads(broken)
    with pytest.raises(HTTPException):
        call(uploads, http("PUT", "/_stcore/upload_file/one/c", content_length="1000000"),
             {"type": "http.request"})  # fmt: skip
    assert uploads._coming == {}


def test_a_line_cut_off_in_mid_upload_is_no_fault(manager: MemoryUploadedFileManager) -> None:
    async def cut_off(scope: Any, receive: Any, send: Any) -> None:
        await Request(scope, receive).body()

    uploads = server.Uploads(cut_off)
    sent = call(
        uploads,
        http("PUT", "/_stcore/upload_file/one/c", content_length="1000000"),
        {"type": "http.request", "body": b"begun", "more_body": True},
        {"type": "http.disconnect"},
    )
    assert sent == []
    assert uploads._coming == {}


def test_the_path_of_the_script_is_taken_out_of_the_first_frame() -> None:
    frame = ForwardMsg()
    frame.new_session.main_script_path = f"{server.shell.ROOT}/app.py"
    frame.new_session.initialize.session_id = "abc"
    session = server.SentFrames(None)._clean(frame, "")  # type: ignore[arg-type]
    assert (frame.new_session.main_script_path, session) == ("app.py", "abc")


def through(sent: list[bytes], received: Sequence[bytes] = ()) -> tuple[list[bytes], list[bytes]]:
    """Let a websocket's messages through; return what the browser gets and what Streamlit gets."""
    got: list[bytes] = []
    arrived: list[bytes] = []
    waiting: list[dict[str, Any]] = [{"type": "websocket.receive", "bytes": m} for m in received]

    async def streamlit(scope: Any, receive: Any, send: Any) -> None:
        for frame in sent:
            await send({"type": "websocket.send", "bytes": frame})
        while (message := await receive())["type"] != "websocket.disconnect":
            arrived.append(message.get("bytes") or message.get("text", "").encode())

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": "websocket.disconnect"}

    async def send(message: Any) -> None:
        got.append(message["bytes"])

    asyncio.run(server.SentFrames(streamlit)({"type": "websocket"}, receive, send))
    return got, arrived


def test_a_file_that_cannot_be_made_is_said_with_its_id_and_not_in_streamlits_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By Streamlit's own handler, whose words may change with a version of it."""

    def fail() -> bytes:
        raise RuntimeError("secret /home/u")

    class Files:
        def execute_deferred(self, file_id: str) -> str:
            exports._made(fail, "abc")
            return ""

    request = BackMsg().backend_operation_request
    request.request_id, request.deferred_file.file_id = "r", "f"
    handler = DeferredFileHandler(lambda: Files())  # type: ignore[arg-type,return-value]
    begun, failed = ForwardMsg(), ForwardMsg()
    begun.new_session.main_script_path = f"{server.shell.ROOT}/app.py"
    begun.new_session.initialize.session_id = "abc"
    failed.backend_operation_response.CopyFrom(asyncio.run(handler.handle(request, "abc")))
    _, got = through([begun.SerializeToString(), failed.SerializeToString()])[0]
    said = ForwardMsg.FromString(got).backend_operation_response.error_msg
    (record,) = [record for record in caplog.records if record.name == "convviz.ui.errors"]
    assert said.startswith("The file could not be made (error ")
    assert record.getMessage().removeprefix("error ") in said
    assert "secret" not in said


def test_what_browsers_may_ask_of_streamlit_writes_nothing_on_the_server() -> None:
    rerun = BackMsg()
    rerun.rerun_script.query_string = "a=b"
    asked = [rerun]
    for field in BackMsg().backend_operation_request.DESCRIPTOR.oneofs_by_name["payload"].fields:
        message = BackMsg()
        getattr(message.backend_operation_request, field.name).SetInParent()
        asked.append(message)
    assert {"install_skills", "dismiss_skills_nudge"} <= {
        message.backend_operation_request.WhichOneof("payload") for message in asked
    }
    _, arrived = through([], [*(message.SerializeToString() for message in asked), b"\xff", b""])
    kept = [BackMsg.FromString(data) for data in arrived[:-2]]
    assert kept[0] == rerun
    assert [each.backend_operation_request.WhichOneof("payload") for each in kept[1:]] == [
        "deferred_file",
        "dataframe_chunk",
    ]
    assert arrived[-2:] == [b"\xff", b""]  # Streamlit's to refuse


def test_links_in_texts_of_a_frame_are_broken_and_data_stay() -> None:
    frame = ForwardMsg()
    for element, field in (("markdown", "body"), ("alert", "body"), ("button", "label")):
        setattr(getattr(frame.delta.new_element, element), field, "**a** [b](https://c.example)")
        server.break_links(frame.delta)
        text = getattr(getattr(frame.delta.new_element, element), field)
        assert text == "**a** [b]\u2060(https:\u2060//c.example)"
    frame.delta.new_element.plotly_chart.spec = '{"x": "\\u003ca href=1\\u003e<b>"}'
    server.break_links(frame.delta)
    assert frame.delta.new_element.plotly_chart.spec == '{"x": "\\u003c\u2060a href=1\\u003e<b>"}'
    frame.delta.new_element.bidi_component.html_content = "https://www.w3.org/2000/svg"
    server.break_links(frame.delta)
    assert frame.delta.new_element.bidi_component.html_content == "https://www.w3.org/2000/svg"


@pytest.mark.parametrize("before", ["", "a ", "\u00fc", "(", "!", "a.b-c", "\u732b"])
@pytest.mark.parametrize(
    "link", ["me@example.org", "@example.org", "@\u00f6.example", "www.a.b", "a@b"]
)
def test_every_frame_with_a_link_is_looked_into(before: str, link: str) -> None:
    frame = ForwardMsg()
    frame.delta.new_element.markdown.body = before + link
    frames = server.SentFrames(None)  # type: ignore[arg-type]
    if unlinked(before + link) != before + link:
        assert frames._may_say_too_much(frame.SerializeToString())


def test_a_frame_without_a_link_passes_unread() -> None:
    frame = ForwardMsg()
    frame.delta.add_block.allow_empty = True
    frame.delta.new_element.markdown.body = "3 @ 5 and @"
    frames = server.SentFrames(None)  # type: ignore[arg-type]
    assert not frames._may_say_too_much(frame.SerializeToString())


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
