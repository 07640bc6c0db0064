"""What Streamlit sends to browsers: its texts as visitors shall get them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from convviz.formatting import unbroken
from convviz.plain_text import unlinked
from convviz.ui import exports, language, shell
from convviz.ui.sent_words import SentWords

_CANNOT_MAKE = b"Failed to generate file for download"
_OF_LINKS = (b"](", b"://", b"www.", b"WWW.", b"<a", b"\\u003ca")
_UNIT = re.compile(rb"\d (?:%|[pkMGmsd])")
_ADDRESS = re.compile(rb"@(?<=[!-~\x80-\xff]@)[0-9A-Za-z\x80-\xff]")  # every second frame has an @
_TEXTS = {"label", "help", "body", "text", "caption", "captions", "content", "title", "spec"}
_TEXTS |= {"message", "default_tab_label"}
# What is no text of a page, or comes back from the browser as the value of a choice.
_NO_TEXTS = {"bidi_component", "component_instance", "html", "iframe", "arrow_data", "json"}
_NO_TEXTS |= {"options", "text_input", "text_area", "code", "data"}
_LONGEST_TEXT = 10_000  # bytes of a frame that may hold a sentence with words of the glossary


class SentFrames:
    """Replaces in what Streamlit sends what no visitor shall get, and writes its texts as they go.

    They are kept together with their units where they are numbers, and marked where they are words
    of the glossary (`sent_words`).

    The former is the path of its script, its own words about a file that could not be made, and
    links: no page has one that leads elsewhere, so one that is there was written by somebody else,
    into the name of a layer perhaps. What browsers ask of Streamlit beside the pages goes through
    where it is for a file to save or for rows of a table; the rest writes into the folder of the
    app.

    Args:
        app: What sends the frames.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._folder = str(shell.ROOT).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        session, words = "", SentWords()

        async def cleaned(message: Message) -> None:
            nonlocal session
            data = message.get("bytes") or b""
            is_unclean = self._is_to_be_changed(data)
            if is_unclean or 0 < len(data) <= _LONGEST_TEXT:
                frame = ForwardMsg()
                frame.ParseFromString(data)
                if is_unclean:
                    session = self._clean(frame, session)
                if words.mark(frame, language.spoken_in(session)) or is_unclean:
                    message = {**message, "bytes": frame.SerializeToString()}
            await send(message)

        async def sifted() -> Message:
            while True:
                message = await receive()
                if not _asks_to_write(message.get("bytes") or b""):
                    return message

        await self._app(scope, sifted, cleaned)

    def _is_to_be_changed(self, data: bytes) -> bool:
        if any(sign in data for sign in (self._folder, _CANNOT_MAKE, *_OF_LINKS)):
            return True
        return bool(_UNIT.search(data) or _ADDRESS.search(data))

    def _clean(self, frame: ForwardMsg, session: str) -> str:
        """Replace the texts in a frame; return the id of the session that it belongs to."""
        kind = frame.WhichOneof("type")
        if kind == "new_session":
            path = Path(frame.new_session.main_script_path)
            frame.new_session.main_script_path = path.name
            return frame.new_session.initialize.session_id or session
        if kind == "backend_operation_response":
            response = frame.backend_operation_response
            if response.error_msg == _CANNOT_MAKE.decode():
                response.error_msg = exports.why_not_made(session)
        elif kind == "delta":
            write_texts(frame.delta)
        return session


def _asks_to_write(data: bytes) -> bool:
    """Tell whether a message from a browser may ask Streamlit to write files on the server.

    Streamlit does so for whoever connects from this machine, as everybody seems to who comes
    through a proxy on it.
    """
    message = BackMsg()
    try:
        message.ParseFromString(data)
    except Exception:  # noqa: BLE001 - protobuf has no types; what is none is Streamlit's to refuse
        return False
    if message.WhichOneof("type") != "backend_operation_request":
        return False
    asked = message.backend_operation_request.WhichOneof("payload")
    return asked not in ("deferred_file", "dataframe_chunk")


def write_texts(message: Any) -> None:
    """Write the texts of one of Streamlit's messages, and of those inside it, as they are sent."""
    for field, value in message.ListFields():
        if field.name in _NO_TEXTS:
            continue
        if field.type == field.TYPE_MESSAGE:
            for part in value if _is_repeated(value) else (value,):
                if hasattr(part, "ListFields"):
                    write_texts(part)
        elif field.type == field.TYPE_STRING and field.name in _TEXTS:
            if _is_repeated(value):
                value[:] = [unbroken(unlinked(text)) for text in value]
            else:
                setattr(message, field.name, unbroken(unlinked(value)))


def _is_repeated(value: Any) -> bool:
    return not isinstance(value, str) and not hasattr(value, "ListFields")
