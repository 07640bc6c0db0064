"""Files that browsers send: counted, bounded, and let go with the visit that sent them."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import Runtime

from convviz import limits
from convviz.language import speaking, tr
from convviz.ui import language

_UPLOAD = re.compile(r".*/_stcore/upload_file/(?P<session>[^/]+)/(?P<file>[^/]+)/?")
_OVERHEAD_BYTES = 64_000  # of the form around a file


class Uploads:
    """Counts and bounds the files that browsers send.

    A visit may hold a number of bytes: its oldest files go to make room for a new one. The server
    may hold another number: beyond it a file is refused. What is on its way counts as well.

    Args:
        app: What takes the files.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._coming: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        match = _UPLOAD.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if match is None or scope["method"] not in ("PUT", "POST") or not Runtime.exists():
            await self._app(scope, receive, send)
            return
        session, coming = match["session"], 0

        def admit(size: int) -> str:
            """Count bytes that come, and make room for them; return why there is none."""
            nonlocal coming
            if size <= coming:
                return ""
            self._coming[session] += size - coming
            coming = size
            with speaking(language.of_request(scope)):
                return self._make_room(session, match["file"], size)

        try:
            refusal = admit(_content_length(scope))
            if refusal:
                await PlainTextResponse(refusal + "\n", status_code=413)(scope, receive, send)
                return
            arrived = 0

            async def counted() -> Message:
                nonlocal arrived
                message = await receive()
                arrived += len(message.get("body", b""))
                refusal = admit(arrived)
                if refusal:
                    raise HTTPException(status_code=413, detail=refusal)
                return message

            with suppress(ClientDisconnect):  # nobody is left to be told, and it is no fault
                await self._app(scope, counted, send)
        finally:
            self._coming[session] -= coming
            if not self._coming[session]:
                del self._coming[session]

    def _make_room(self, session: str, file: str, size: int) -> str:
        """Let a visit's oldest files go; return why a file cannot be taken, or nothing."""
        if size > limits.UPLOAD_MEGABYTES.value * 2**20 + _OVERHEAD_BYTES:
            return tr(
                "The file is larger than the {megabytes} MB allowed.",
                megabytes=limits.UPLOAD_MEGABYTES.value,
            )
        visitors, servers = limits.VISITOR_MEGABYTES.bytes, limits.SERVER_MEGABYTES.bytes
        if self._coming[session] > visitors + _OVERHEAD_BYTES:
            return tr(
                "A visitor may hold {megabytes} MB of files at a time.",
                megabytes=limits.VISITOR_MEGABYTES.value,
            )
        manager: Any = Runtime.instance().uploaded_file_mgr
        let_go_files_of_ended_visits()
        stored = _stored_bytes(manager)
        mine = dict(manager.file_storage.get(session, {}))
        held = sum(len(record.data) for record in mine.values())
        for file_id, record in mine.items():  # in the order in which they came
            if held + self._coming[session] <= visitors:
                break
            manager.remove_file(session, file_id)
            held -= len(record.data)
        if stored + sum(self._coming.values()) > servers + _OVERHEAD_BYTES:
            return tr("The server holds as many files as it may: try again in a few minutes.")
        return ""


def _content_length(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 15 else 0


def _stored_bytes(manager: Any) -> int:
    files = list(manager.file_storage.values())
    return sum(len(record.data) for storage in files for record in list(storage.values()))


def let_go_files_of_ended_visits() -> None:
    """Drop the files of visits that are over.

    Streamlit keeps a visit for two minutes after its connection is gone. It drops the files when
    Python happens to collect the visit's remains, which may be much later.
    """
    runtime = Runtime.instance()
    manager: Any = runtime.uploaded_file_mgr
    kept = {info.session.id for info in runtime._session_mgr.list_sessions()}
    for session in list(manager.file_storage):
        if session not in kept and not runtime.is_active_session(session):
            manager.remove_session_files(session)
