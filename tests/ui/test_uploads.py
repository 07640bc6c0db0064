"""A visit's files and the server's have their bounds, whatever a browser says of their sizes."""

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from convviz.ui import uploads
from tests.asgi import call, http


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
    monkeypatch.setattr(uploads, "Runtime", fake)
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
    return int(call(uploads.Uploads(inner), http("PUT", path, **more), *pieces, last)[0]["status"])


def stored(manager: MemoryUploadedFileManager, session: str) -> list[str]:
    return list(manager.file_storage.get(session, {}))


@pytest.mark.claims("convviz.ui.uploads.Uploads._make_room")
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

    guard = uploads.Uploads(broken)
    with pytest.raises(HTTPException):
        call(guard, http("PUT", "/_stcore/upload_file/one/c", content_length="1000000"),
             {"type": "http.request"})  # fmt: skip
    assert guard._coming == {}


def test_a_line_cut_off_in_mid_upload_is_no_fault(manager: MemoryUploadedFileManager) -> None:
    async def cut_off(scope: Any, receive: Any, send: Any) -> None:
        await Request(scope, receive).body()

    guard = uploads.Uploads(cut_off)
    sent = call(
        guard,
        http("PUT", "/_stcore/upload_file/one/c", content_length="1000000"),
        {"type": "http.request", "body": b"begun", "more_body": True},
        {"type": "http.disconnect"},
    )
    assert sent == []
    assert guard._coming == {}
