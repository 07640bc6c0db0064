"""docs/nginx.conf in front of the app: Debian's nginx, TLS, a base path, uploads and WebSockets."""

import http.client
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import create_connection

import pytest
from websockets.sync.client import connect

from tests.jobs.cluster import make_certificates
from tests.load.server import Server, free_port

ROOT = Path(__file__).parents[2]
NAME = "convviz.example.edu"

pytestmark = pytest.mark.load


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of nginx in front of an app; the file is docs/nginx.conf but for ports and paths."""
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program is not None, "this test wants nginx: apt-get install nginx-light"
    _, cert, key = make_certificates(folder, "server")
    plain, secure = free_port(), free_port()
    settings = {
        "STREAMLIT_SERVER_BASE_URL_PATH": "convviz",
        "CONVVIZ_HOSTS": NAME,
        "STREAMLIT_SERVER_XSRF_COOKIE_SAME_SITE": "none",
        "CONVVIZ_EMBED": "https://moodle.example.edu",
    }
    with Server(folder, settings=settings) as server:
        text = (ROOT / "docs/nginx.conf").read_text(encoding="utf-8")
        for old, new in (
            ("127.0.0.1:8501", server.address),
            ("listen 80;", f"listen 127.0.0.1:{plain};"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{secure} ssl;"),
            ("/etc/ssl/convviz/fullchain.pem", str(cert)),
            ("/etc/ssl/convviz/privkey.pem", str(key)),
        ):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        file = folder / "nginx.conf"
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        file.write_text(
            f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{temporary}{text}\n}}\n"
        )
        subprocess.run([program, "-t", "-c", file], check=True, capture_output=True)
        nginx = subprocess.Popen([program, "-c", file])
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    ask(secure, "/convviz/_stcore/health")
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            yield secure
        finally:
            nginx.terminate()
            nginx.wait(10)


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # made by this test
    return context


def ask(
    port: int, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> http.client.HTTPResponse:
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=trusting())
    connection.request(method, path, headers={"Host": NAME, **(headers or {})})
    return connection.getresponse()


def test_the_page_comes_by_tls_under_its_path_with_every_header(port: int) -> None:
    root = ask(port, "/")
    assert (root.status, root.getheader("Location", "").endswith("/convviz/")) == (302, True)
    page = ask(port, "/convviz/")
    assert page.status == 200
    assert page.getheader("Strict-Transport-Security") == "max-age=31536000"
    policy = page.getheader("Content-Security-Policy") or ""
    assert "frame-ancestors 'self' https://moodle.example.edu" in policy
    assert page.getheader("X-Content-Type-Options") == "nosniff"
    assert b"<title>" in page.read()
    assert ask(port, "/convviz/Activations").status == 200


def test_a_name_that_is_not_convviz_own_is_refused(port: int) -> None:
    assert ask(port, "/convviz/", headers={"Host": "elsewhere.example"}).status == 421


def test_cookies_may_be_sent_from_a_frame(port: int) -> None:
    answer = ask(port, "/convviz/_stcore/host-config")
    cookies = [value for name, value in answer.getheaders() if name.lower() == "set-cookie"]
    cookies += [
        value
        for name, value in ask(port, "/convviz/_stcore/health").getheaders()
        if name.lower() == "set-cookie"
    ]
    assert cookies
    for cookie in cookies:
        assert "samesite=none" in cookie.lower()
        assert "secure" in cookie.lower()


def test_a_websocket_is_passed_on_and_the_page_is_drawn(port: int) -> None:
    from streamlit.proto.BackMsg_pb2 import BackMsg

    with connect(
        f"wss://{NAME}:{port}/convviz/_stcore/stream",
        subprotocols=["streamlit"],  # type: ignore[list-item]
        additional_headers={"Origin": f"https://{NAME}"},
        sock=create_connection(("127.0.0.1", port), timeout=20),
        ssl=trusting(),
        server_hostname=NAME,
        max_size=None,
        proxy=None,
    ) as socket:
        message = BackMsg()
        message.rerun_script.query_string = ""
        socket.send(message.SerializeToString())
        received = b""
        deadline = time.monotonic() + 60
        while b"Look inside a ConvNet" not in received:
            assert time.monotonic() < deadline
            part = socket.recv(timeout=60)
            received += part if isinstance(part, bytes) else part.encode()


def test_a_file_of_the_largest_size_is_let_through_and_a_larger_one_is_not(port: int) -> None:
    """nginx answers by the announced length; the app, to which no visit belongs, with its own."""
    path = "/convviz/_stcore/upload_file/nobody/nothing"
    large = {"Content-Length": str(211 * 2**20)}
    assert ask(port, path, "PUT", large).status == 413
    small = {"Content-Length": "0"}
    assert ask(port, path, "PUT", small).status not in (413, 502, 504)


def test_a_full_classroom_behind_one_address_gets_its_pages(port: int) -> None:
    """1,200 files at once are none too many; frames of cameras are, and pages come beside them."""
    with ThreadPoolExecutor(16) as threads:
        files = ["/convviz/static/js/none.js"] * 1200
        assert 429 not in set(threads.map(lambda path: ask(port, path).status, files))
        frames = ["/convviz/convviz/camera"] * 400
        answers = set(threads.map(lambda path: ask(port, path, "POST").status, frames))
    assert answers == {403, 429}  # no visitor's, or too many
    assert ask(port, "/convviz/").status == 200
