"""The server around the pages: what it does at its start, with every request, and now and then.

`app.py` hands `options()` to Streamlit's `st.App`, with the route of `ui.camera`. Seven things are
done here, none of which a page can do: PyTorch is loaded when the server starts, so that the first
visitor does not wait for it; hosts that are not on the list are refused; an address that is no
page's leads to one; the style of all pages is part of the first answer; every answer carries
security headers; files that browsers send are bounded (`uploads`); and what no visitor shall get is
taken out of what Streamlit sends (`sent_frames`).
"""

from __future__ import annotations

import asyncio
import base64
import ctypes
import hashlib
import ipaddress
import logging
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from functools import cache as once
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import parse_qsl, urlencode

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.runtime import Runtime

from convviz import limits
from convviz.downloads import cache
from convviz.errors import SettingError
from convviz.jobs import cluster
from convviz.language import speaking, tr
from convviz.ui import (
    camera,
    errors,
    forget,
    handed_on,
    language,
    login,
    navigation,
    sent_frames,
    shell,
    uploads,
)
from convviz.ui.keys import Key

_log = logging.getLogger(__name__)

# PyTorch's threads wait for their next share of work by looking all the time, for milliseconds
# after each operation. Two threads on two busy cores spend more on that than on a pass. Both names
# are OpenMP's, which reads them once, when PyTorch is loaded.
WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "1000"}

HOSTS = "CONVVIZ_HOSTS"
EMBED = "CONVVIZ_EMBED"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")

_EVERY_ADDRESS = ("0.0.0.0", "::", "[::]")  # noqa: S104 - told apart here, not listened on
_SWEEP_SECONDS = 15.0
_HEALTH = "/_stcore/health"
_NAME_CHARACTERS = 60  # of a page that does not exist


class Options(TypedDict):
    """The arguments of `st.App` beside the script."""

    lifespan: Any
    middleware: list[Middleware]
    routes: list[Route]
    on_script_error: Any


def options() -> Options:
    """Check the settings and return what `st.App` is made with; a bad one ends it."""
    names = os.environ.get(HOSTS, "")
    by_hand = config.get_option("server.allowedHosts")
    try:
        limits.check()
        cache.check_user_folder()
        login.check()
        cluster.settings(os.environ)
        hosts = open_hosts(names, config.get_option("server.address") or "")
        ancestors = frame_ancestors(os.environ.get(EMBED, ""))
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    _let_threads_sleep()
    if _is_set_by_hand("server.allowedHosts"):
        hosts = hosts if names else {name.strip().lower().rstrip(".") for name in by_hand}
    elif hosts != set(LOCAL_HOSTS):
        # Streamlit's own list cannot stand for every address: the middleware below is the list.
        config.set_option("server.allowedHosts", ["*"], HOSTS)
    return Options(
        lifespan=lifespan,
        middleware=[
            Middleware(SecurityHeaders, ancestors=ancestors),
            Middleware(Hosts, hosts=hosts),
            Middleware(uploads.Uploads),
            Middleware(Addresses),
            Middleware(Styles),
            Middleware(sent_frames.SentFrames),
        ],
        routes=camera.routes(),
        on_script_error=errors.uncaught,
    )


def _let_threads_sleep() -> None:
    """Have PyTorch's threads sleep while they wait, unless whoever starts the server says how."""
    if not WAITING.keys() & os.environ.keys():
        os.environ.update(WAITING)


def _is_set_by_hand(option: str) -> bool:
    """Tell whether an option of Streamlit is from somewhere else than this project's file."""
    return not str(config.get_where_defined(option)).endswith("config.toml")


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Load PyTorch beside the server's first answers, and sweep while it runs."""
    shell.start_in_background(_count_visitors)
    sweeping = asyncio.create_task(_sweep_now_and_then())
    try:
        yield
    finally:
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping


def _count_visitors() -> int:
    return Runtime.instance()._session_mgr.num_active_sessions()


# ---- hosts ---------------------------------------------------------------------------------------


def open_hosts(setting: str, address: str) -> set[str]:
    """Work out which names this server answers to.

    Args:
        setting: The value of CONVVIZ_HOSTS: names and addresses with commas between them.
        address: What the server listens on.

    Returns:
        The names, in lower case; "0.0.0.0" stands for every address that is written in numbers
        and for this machine's own names, "*" for everything.

    Raises:
        SettingError: The setting has something that is neither a name nor an address.
    """
    hosts = set(LOCAL_HOSTS)
    named = [name.strip() for name in re.split(r"[,\s]+", setting) if name.strip()]
    for name in named or [address]:
        bare = name.lower().strip("[]").rstrip(".")
        if not bare:
            continue
        if not re.fullmatch(r"\*|(\*\.)?[a-z0-9]([a-z0-9._-]*[a-z0-9])?|[0-9a-f.:]+", bare):
            raise SettingError(
                tr(
                    "{setting} names {name!r}, which is neither a host's name nor an address: "
                    "write names as they stand in the browser's address, without https:// "
                    "and a port, and commas between them.",
                    setting=HOSTS,
                    name=name[:60],
                )
            )
        hosts.add("0.0.0.0" if bare in _EVERY_ADDRESS else bare)  # noqa: S104 - a sign in a set
    return hosts


def is_open_to(host: str | None, hosts: Iterable[str]) -> bool:
    """Tell whether a request's Host header names this server.

    A page elsewhere can make a name of its own point to this machine, and then speak to this server
    in a visitor's browser (DNS rebinding). Such a request has that name in its header; one with an
    address in numbers cannot be of that kind.
    """
    if host is None:
        return False
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:/@?#\[\]]+))(?::\d{1,5})?", host)
    if match is None:
        return False
    name = (match[1] or match[2]).lower().rstrip(".")
    for pattern in hosts:
        if pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:])):
            return True
    if "0.0.0.0" not in set(hosts):  # noqa: S104 - a sign in a set
        return False
    return _is_address(name) or name in _own_names()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@once
def _own_names() -> frozenset[str]:
    """Return what this machine is called in its own network."""
    name = socket.gethostname().lower().rstrip(".")
    return frozenset({name, name.split(".")[0], f"{name.split('.')[0]}.local"})


class Hosts:
    """Refuses requests and connections whose Host is not on the list.

    Args:
        app: What is called with the others.
        hosts: As from `open_hosts`.
    """

    def __init__(self, app: ASGIApp, hosts: set[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] not in ("http", "websocket") or scope["path"].endswith(_HEALTH):
            await self._app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host")
        if is_open_to(host, self._hosts):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            with speaking(language.of_request(scope)):
                sentence = tr(
                    "This convviz does not answer to that name. Whoever started it can add "
                    "the name: {setting}=name, or make run HOST=0.0.0.0 for a whole network.",
                    setting=HOSTS,
                )
            refusal = PlainTextResponse(sentence + "\n", status_code=421)
            await refusal(scope, receive, send)


# ---- security headers ----------------------------------------------------------------------------


def frame_ancestors(setting: str) -> str:
    """Read CONVVIZ_EMBED: the sites that may show this app in a frame.

    Args:
        setting: Origins, such as https://moodle.example.edu, with spaces or commas between them.

    Returns:
        The value of the policy's frame-ancestors: 'none' where there is no such site.

    Raises:
        SettingError: Something in it is no origin.
    """
    origins = [word for word in re.split(r"[,\s]+", setting) if word]
    for origin in origins:
        if not re.fullmatch(r"(?i)https?://(\*\.)?[a-z0-9.-]+(:\d{1,5})?", origin):
            raise SettingError(
                tr(
                    "{setting} names {origin!r}, which is no site: write each like "
                    "https://moodle.example.edu, without a path, and spaces between them.",
                    setting=EMBED,
                    origin=origin[:60],
                )
            )
    return " ".join(["'self'", *origins]) if origins else "'none'"


def security_headers(host: str, ancestors: str) -> dict[str, str]:
    """Return the headers that every answer carries.

    Streamlit decides how tight the policy can be. Its page has one short script of its own, named
    here by its checksum; the scripts of components are handed over as blobs; styles are written
    into elements while the page runs.

    Args:
        host: The request's host: some browsers do not count its websocket as 'self'.
        ancestors: As from `frame_ancestors`.
    """
    socket_addresses = f" ws://{host} wss://{host}" if host else ""
    policy = {
        "default-src": "'none'",
        "script-src": " ".join(("'self'", "blob:", *_inline_scripts())),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' blob:",
        "connect-src": f"'self' data: blob:{socket_addresses}",
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "frame-src": "'self'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "object-src": "'none'",
        "frame-ancestors": ancestors,
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), "
        "serial=(), display-capture=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if ancestors == "'none'":
        headers["X-Frame-Options"] = "DENY"  # it cannot name sites
    return headers


@once
def _inline_scripts() -> tuple[str, ...]:
    """Return the checksums of the scripts that Streamlit's page has in itself."""
    page = Path(st.__file__).with_name("static") / "index.html"
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text("utf-8"), re.DOTALL)
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return tuple(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


class SecurityHeaders:
    """Adds the security headers to every answer.

    Args:
        app: What makes the answers.
        ancestors: As from `frame_ancestors`.
    """

    def __init__(self, app: ASGIApp, ancestors: str) -> None:
        self._app = app
        self._ancestors = ancestors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")
        headers = security_headers(host if _is_plain_host(host) else "", self._ancestors)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self._app(scope, receive, with_headers)


def _is_plain_host(host: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9.:\[\]_-]{1,255}", host) is not None


# ---- the style of all pages ----------------------------------------------------------------------


class Styles:
    """Puts the style of all pages into Streamlit's page, behind what else sets its looks.

    What a script sends arrives after the page has been drawn without it, so that everything on it
    moves once more, on a busy machine after seconds.

    Args:
        app: What makes the answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "GET" or "." in scope["path"]:
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def with_style(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                kind = Headers(raw=message["headers"]).get("content-type", "")
                if kind.startswith("text/html"):
                    start = message
                    return
            elif start is not None and message["type"] == "http.response.body":
                body += message.get("body", b"")
                if message.get("more_body", False):
                    return
                style = f"<style>{shell.shared_style()}</style></body>".encode()
                body = body.replace(b"</body>", style, 1)
                headers = MutableHeaders(scope=start)
                headers["content-length"] = str(len(body))
                for name in ("etag", "last-modified"):  # they are of the file without the style
                    if name in headers:
                        del headers[name]
                await send(start)
                message = {"type": "http.response.body", "body": body}
            await send(message)

        unread = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
        headers = [pair for pair in scope["headers"] if pair[0].lower() not in unread]
        await self._app({**scope, "headers": headers, "extensions": {}}, receive, with_style)


# ---- addresses of pages --------------------------------------------------------------------------


class Addresses:
    """Leads from an address that is no page's to the one that is meant, or to Home, which says so.

    Streamlit opens Home there, with a dialog in its own words, whatever is written small or large.

    Args:
        app: What answers; with its page in HTML where nothing else has the address.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        is_asked = scope["type"] == "http" and scope["method"] == "GET"
        target = other_address(scope["path"]) if is_asked else None
        if target is None:
            await self._app(scope, receive, send)
            return
        page, missing = target
        is_led = False

        async def led(message: Message) -> None:
            nonlocal is_led
            if message["type"] == "http.response.start":
                kind = Headers(raw=message["headers"]).get("content-type", "")
                is_led = message["status"] == 200 and kind.startswith("text/html")
                if is_led:
                    query = parse_qsl(scope["query_string"].decode("latin-1"))
                    if missing:
                        query = [*query, (Key.ASKED_PAGE, missing)]
                    url = f"{page}?{urlencode(query)}" if query else page
                    await RedirectResponse(url, status_code=307)(scope, receive, send)
            if not is_led:
                await send(message)

        await self._app(scope, receive, led)


def other_address(path: str) -> tuple[str, str] | None:
    """Find the page that an address means which is none's.

    Args:
        path: Of the address, from the server's root.

    Returns:
        The page's address, relative to this one, and the name that no page has; or None where the
        address is right, or belongs to a file.
    """
    base = str(config.get_option("server.baseUrlPath") or "").strip("/")
    asked = path.strip("/")
    if base:
        if asked != base and not asked.startswith(f"{base}/"):
            return None
        asked = asked[len(base) :].strip("/")
    if "." in asked or path.endswith("/"):
        return None
    pages = (navigation.HOME, *navigation.PAGES)
    addresses = {page.address.lower(): page.address for page in pages}
    if asked in addresses.values():
        return None
    up = "../" * asked.count("/")
    meant = addresses.get(asked.lower())
    return (up + meant, "") if meant else (up or "./", asked[:_NAME_CHARACTERS])


# ---- now and then --------------------------------------------------------------------------------


def return_free_memory() -> None:
    """Return memory that nothing uses any more to the system, where the C library is glibc.

    Each of the server's threads takes from a heap of its own, and glibc keeps what becomes free in
    the middle of one: what the server takes would grow with the number of visits.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)


async def _sweep_now_and_then() -> None:
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        try:
            uploads.let_go_files_of_ended_visits()
            forget.let_go_of_ended_visits()
            handed_on.RUNS.sweep()
            camera.sweep()
            await asyncio.to_thread(return_free_memory)
        except Exception:  # noqa: BLE001 - one failed sweep must not be the last
            _log.exception("what is over could not be let go")
