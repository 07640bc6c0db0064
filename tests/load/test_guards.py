"""What guards a server that runs: its hosts, its headers, and its jobs when caches are cleared."""

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.load.server import Server
from tests.load.visitor import Visitor

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
        assert not any("not to be found" in text or "let go" in text for text in one.texts())
