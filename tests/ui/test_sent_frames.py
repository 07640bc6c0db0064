"""No frame says where the server is, or holds a link that somebody else wrote."""

from collections.abc import Sequence
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.backend_operation_handler import DeferredFileHandler

from convviz.plain_text import unlinked
from convviz.ui import exports, sent_frames, shell
from tests import asgi


def test_the_path_of_the_script_is_taken_out_of_the_first_frame() -> None:
    frame = ForwardMsg()
    frame.new_session.main_script_path = f"{shell.ROOT}/app.py"
    frame.new_session.initialize.session_id = "abc"
    session = sent_frames.SentFrames(None)._clean(frame, "")  # type: ignore[arg-type]
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

    asgi.run(sent_frames.SentFrames(streamlit)({"type": "websocket"}, receive, send))
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
    begun.new_session.main_script_path = f"{shell.ROOT}/app.py"
    begun.new_session.initialize.session_id = "abc"
    failed.backend_operation_response.CopyFrom(asgi.run(handler.handle(request, "abc")))
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
        sent_frames.write_texts(frame.delta)
        text = getattr(getattr(frame.delta.new_element, element), field)
        assert text == "**a** [b]\u2060(https:\u2060//c.example)"
    frame.delta.new_element.plotly_chart.spec = '{"x": "\\u003ca href=1\\u003e<b>"}'
    sent_frames.write_texts(frame.delta)
    assert frame.delta.new_element.plotly_chart.spec == '{"x": "\\u003c\u2060a href=1\\u003e<b>"}'
    frame.delta.new_element.bidi_component.html_content = "https://www.w3.org/2000/svg"
    sent_frames.write_texts(frame.delta)
    assert frame.delta.new_element.bidi_component.html_content == "https://www.w3.org/2000/svg"


@pytest.mark.parametrize("before", ["", "a ", "\u00fc", "(", "!", "a.b-c", "\u732b"])
@pytest.mark.parametrize(
    "link", ["me@example.org", "@example.org", "@\u00f6.example", "www.a.b", "a@b"]
)
def test_every_frame_with_a_link_is_looked_into(before: str, link: str) -> None:
    frame = ForwardMsg()
    frame.delta.new_element.markdown.body = before + link
    frames = sent_frames.SentFrames(None)  # type: ignore[arg-type]
    if unlinked(before + link) != before + link:
        assert frames._is_to_be_changed(frame.SerializeToString())


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("47 % of 3 maps", "47\u00a0% of 3 maps"),
        ("12 px, 3.5 MB in 2 s", "12\u00a0px, 3.5\u00a0MB in 2\u00a0s"),
        ("5 samples, a % sign", "5 samples, a % sign"),
    ],
)
def test_a_number_is_sent_on_one_line_with_its_unit(text: str, sent: str) -> None:
    frame = ForwardMsg()
    frame.delta.new_element.markdown.body = text
    begun = ForwardMsg()
    begun.new_session.initialize.session_id = "abc"
    got, _ = through([begun.SerializeToString(), frame.SerializeToString()])
    assert ForwardMsg.FromString(got[1]).delta.new_element.markdown.body == sent


def test_a_frame_without_a_link_passes_unread() -> None:
    frame = ForwardMsg()
    frame.delta.add_block.allow_empty = True
    frame.delta.new_element.markdown.body = "3 @ 5 and @"
    frames = sent_frames.SentFrames(None)  # type: ignore[arg-type]
    assert not frames._is_to_be_changed(frame.SerializeToString())
