"""What guards a server that runs: its hosts and headers, uploads, paths, sockets, and its jobs."""

import http.client
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import connect

from tests.fault_table import note
from tests.load.server import ROOT, Server
from tests.load.simulation import image_of
from tests.load.visitor import Visitor, trigger

HEADERS = ("Content-Security-Policy", "X-Frame-Options", "Referrer-Policy", "Permissions-Policy")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("guards"), settings={"OMP_NUM_THREADS": "1"}) as running:
        yield running


def get(address: str, path: str, host: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.request("GET", path, headers={"Host": host} if host else {})
    response = connection.getresponse()
    response.read()
    return response


def test_every_kind_of_answer_carries_the_headers(server: Server) -> None:
    for path in ("/", "/_stcore/health", "/favicon.png", "/static/none.js"):
        response = get(server.address, path)
        assert response.headers["X-Content-Type-Options"] == "nosniff", path
        assert all(response.headers[name] for name in HEADERS), path


def test_a_foreign_host_is_refused(server: Server) -> None:
    assert get(server.address, "/", "elsewhere.example").status == 421
    with pytest.raises(WebSocketException):
        connect(
            f"ws://{server.address}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            additional_headers={"Host": "elsewhere.example"},
            origin="http://elsewhere.example",  # type: ignore[arg-type]
            proxy=None,
        ).close()


def test_caches_that_a_visitor_clears_leave_a_run_alone(server: Server, tmp_path: Path) -> None:
    with Visitor(server.address) as one, Visitor(server.address) as other:
        one.open("Training", watch="live", live_seconds="30")
        one.wait_for("start")
        one.press("start")
        job = one.query
        assert "job=" in job
        other.open()
        clear = BackMsg(clear_cache=True)
        other._socket.send(clear.SerializeToString())
        other.open()
        one.think(3)
        one.press("stop")
        assert one.query == job
        assert not any("no longer exists" in text or "is gone" in text for text in one.texts())


# ---- uploads -------------------------------------------------------------------------------------


def put(
    visitor: Visitor,
    *,
    session: str = "",
    cookie: str | None = None,
    token: str | None = None,
    size: int = 100,
    claimed: int | None = None,
) -> int:
    """Send a file past the page, under an id that the server did not give out; return the status.

    Args:
        visitor: Whose session it is sent under, and whose cookie and token it carries.
        session: Another session.
        cookie: Another value of the token's cookie; "" for none.
        token: Another value of the token; "" for none.
        size: Bytes of the file.
        claimed: The length of the body that is stated; None for the true one.
    """
    boundary = secrets.token_hex(8)
    disposition = 'form-data; name="a.png"; filename="a.png"'
    head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
    body = head + bytes(size) + f"\r\n--{boundary}--\r\n".encode()
    cookie = visitor._xsrf if cookie is None else cookie
    token = visitor._xsrf if token is None else token
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Origin": f"http://{visitor.address}",
        **({"Cookie": f"_streamlit_xsrf={cookie}"} if cookie else {}),
        **({"X-Xsrftoken": token} if token else {}),
    }
    path = f"/_stcore/upload_file/{session or visitor._session}/{secrets.token_hex(16)}"
    connection = http.client.HTTPConnection(visitor.address, timeout=60)
    connection.putrequest("PUT", path)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(body) if claimed is None else claimed))
    connection.endheaders()
    if claimed is None:
        connection.send(body)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def test_an_upload_needs_the_whole_pair_of_tokens_and_a_session_that_exists(
    server: Server,
) -> None:
    with Visitor(server.address) as one:
        one.open()
        assert put(one) < 300
        assert put(one, cookie="", token="") == 403
        assert put(one, token="") == 403
        assert put(one, cookie="") == 403
        assert put(one, token="2|00000000|" + "0" * 32 + "|1700000000") == 403
        for session in ("0" * 36, secrets.token_hex(16), "a", "..%2f.."):
            assert put(one, session=session) in (400, 403, 404, 405)


def test_an_upload_that_is_too_large_is_refused_by_its_length(server: Server) -> None:
    with Visitor(server.address) as one:
        one.open()
        for claimed in (300_000_000, 10**12):
            assert put(one, claimed=claimed) == 413


@pytest.mark.load
@pytest.mark.timeout(600)
def test_a_visitor_who_sends_files_past_the_page_holds_250_megabytes(server: Server) -> None:
    """A hundred files of 20 MB under one session: the oldest go."""
    with Visitor(server.address) as one, Visitor(server.address) as other:
        one.open()
        other.open()
        for _ in range(15):  # what each answer takes by itself is then there
            put(one, size=20_000_000)
        before = server.settled_bytes()
        statuses = {put(one, size=20_000_000) for _ in range(85)}
        growth = (server.memory_bytes() - before) / 1e6
        measured = f"the server grew by {growth:.0f} MB after the first 15"
        note("A visitor uploads a hundred files of 20 MB", "≤ 250 MB a visitor", measured)
        assert statuses <= {200, 204, 413}
        assert growth < 100
        assert put(other) < 300
        other.open("Activations")


@pytest.mark.load
@pytest.mark.timeout(600)
def test_files_go_with_the_visit_that_sent_them(server: Server) -> None:
    """Streamlit keeps a visit for two minutes after its line is gone; then its files go."""
    with Visitor(server.address) as one:
        one.open()
        before = server.settled_bytes()
        assert {put(one, size=20_000_000) for _ in range(10)} <= {200, 204}
        held = server.memory_bytes()
        assert held - before > 150e6
    ended = time.monotonic()
    while server.memory_bytes() > held - 150e6:
        assert time.monotonic() - ended < 120 + 60, "200 MB stay"
        time.sleep(1)
    measured = f"gone {time.monotonic() - ended:.0f} s after the line"
    note("A visitor leaves 200 MB of files", "≤ 60 s after the visit, kept for 120 s", measured)


# ---- paths ---------------------------------------------------------------------------------------

ROOTS = (
    *("", "/static", "/media", "/_stcore", "/_stcore/upload_file", "/component", "/app/static"),
    *("/Activations", "/_stcore/bidi-components", "/vendor"),
)
UPS = ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "..\\", "%252e%252e%252f", "....//", "..;/")
TARGETS = ("etc/passwd", "app.py", "convviz/ui/server.py", ".streamlit/config.toml", "log.txt")
SECRETS = (b"root:", b"import convviz", b"from convviz", b"allowedHosts", b"You can now view")


def test_no_path_leads_out_of_what_is_served(server: Server) -> None:
    asked = 0
    connection = http.client.HTTPConnection(server.address, timeout=30)
    paths = [
        f"{root}/{up * depth}{target}"
        for root in ROOTS
        for up in UPS
        for depth in (1, 8)
        for target in TARGETS
    ]
    paths += [f"{root}//{ROOT}/app.py" for root in ROOTS]
    paths += [f"{root}/%2fetc%2fpasswd" for root in ROOTS]
    paths += [f"{root}/..%00/app.py" for root in ROOTS] + ["/app.py", "/log.txt", "/.git/config"]
    for path in paths:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        asked += 1
        assert response.status < 500, path
        assert not [secret for secret in SECRETS if secret in body], path
    assert asked > 900
    connection.close()


# ---- websockets ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    [
        "http://elsewhere.example",
        "https://127.0.0.1.elsewhere.example",
        "null",
        "file://",
        "http://",
    ],
)
def test_a_page_from_elsewhere_cannot_connect(server: Server, origin: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        connect(
            f"ws://{server.address}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            origin=origin,  # type: ignore[arg-type]
            proxy=None,
        ).close()
    assert caught.value.response.status_code == 403


def asking(payload: str) -> bytes:
    """Write a message that asks Streamlit for something beside the pages."""
    message = BackMsg()
    message.backend_operation_request.request_id = "1"
    getattr(message.backend_operation_request, payload).SetInParent()
    return message.SerializeToString()


@pytest.mark.parametrize(
    "message",
    [
        BackMsg(debug_disconnect_websocket=True).SerializeToString(),
        BackMsg(debug_shutdown_runtime=True).SerializeToString(),
        BackMsg(load_git_info=True).SerializeToString(),
        BackMsg(stop_script=True).SerializeToString(),
        asking("install_skills"),
        asking("dismiss_skills_nudge"),
        BackMsg().SerializeToString(),
        b"\xff" * 1000,
        b"",
        "text instead of bytes",
    ],
    ids=[
        "disconnect",
        "shut down",
        "git",
        "stop",
        "install",
        "dismiss",
        "empty",
        "garbage",
        "nothing",
        "text",
    ],
)
def test_raw_messages_do_nothing_to_others(server: Server, message: bytes | str) -> None:
    with Visitor(server.address) as one:
        one.open()
        with Visitor(server.address) as other:
            other.open()
            other._socket.send(message)
            try:
                while True:
                    received = other._socket.recv(timeout=1)
                    assert isinstance(received, bytes)
                    assert b"secret" not in received
                    assert str(ROOT).encode() not in received
            except (TimeoutError, ConnectionClosed):
                pass
        one.open("Activations")
        assert get(server.address, "/_stcore/health").status == 200


# ---- pictures ------------------------------------------------------------------------------------


def test_a_picture_has_an_address_that_nobody_can_guess(server: Server) -> None:
    image = image_of((228, 18, 144), 1)
    with Visitor(server.address) as one, Visitor(server.address) as other:
        one.open()
        one.wait_for("home_upload")
        one.upload("home_upload", "own.png", image)
        other.open()
        mine = set(one._fetched) - set(other._fetched)
        assert mine
        for path in mine:
            name = path.rsplit("/", 1)[1].split(".")[0]
            assert len(name) >= 32  # hexadecimal digits, 128 bits made of what the file holds
            assert int(name, 16)
            assert get(server.address, path).status == 200
            last = "0" if name[-1] != "0" else "1"
            assert get(server.address, path.replace(name, name[:-1] + last)).status == 404
            assert get(server.address, path.replace(name, name[:-1])).status == 404
        assert get(server.address, "/media/").status in (403, 404)


# ---- runs ----------------------------------------------------------------------------------------


def running(visitor: Visitor) -> str:
    """Start a training of half a minute; return the id of its run."""
    visitor.open("Training", watch="live", live_seconds="30")
    visitor.wait_for("start")
    visitor.press("start")
    assert visitor.has("stop"), visitor.texts()
    return dict(pair.split("=", 1) for pair in visitor.query.split("&"))["job"]


def test_nobody_else_sees_or_stops_a_run_and_a_refresh_finds_it(server: Server) -> None:
    with Visitor(server.address) as one, Visitor(server.address) as other:
        job = running(one)
        other.open("Training", watch="live", job=job)
        assert any("no longer exists" in text for text in other.texts())
        assert not other.has("stop")
        assert "job" not in other.query
        # The id of the other's button is no secret; a click on it that nobody drew does nothing.
        identity, _ = one._widget("stop")
        message = other._request(lambda state: trigger(state, identity))
        other._socket.send(message.SerializeToString())
        other._receive("")
        one.think(2)
        assert one.has("stop")
        # A refresh, and a line that was cut: another connection of the same browser.
        one.close()
        with Visitor(server.address, one.secret) as again:
            again.open("Training", watch="live", job=job)
            assert again.has("stop")
            again.press("stop")
            end = time.monotonic() + 60
            while again.has("stop"):
                assert time.monotonic() < end, "it did not stop"
                again.think(1)
