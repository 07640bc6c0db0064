"""A visitor without a browser: one connection that speaks Streamlit's protocol to a running app.

It does what Streamlit's frontend does as far as the server can tell: it keeps what the page shows,
sends the values of the widgets that were used, asks again for fragments that poll, follows links to
other pages, keeps large messages that the server then only refers to, and fetches the images that
the page names. Nothing is drawn.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

Pair = tuple[int, ...]

_SECONDS = 120  # the longest that anything may take before it counts as a failure
_KEPT_RUNS = 3  # runs for which the frontend keeps a large message
_ADDRESS = "convviz_address"  # the component that replaces the browser's address


class VisitorError(AssertionError):
    """The app did something that no visitor should see."""


@dataclass(frozen=True)
class Picture:
    """One image file that the app sent.

    Attributes:
        source: What showed it: "image", or the name of a component.
        data: The file.
    """

    source: str
    data: bytes

    @property
    def digest(self) -> str:
        """Names the file's content."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Answer:
    """What came of one action.

    Attributes:
        seconds: From the click to the end of the script, and of the last image that it names.
        bytes: How much was sent, messages and images.
        pictures: The images that were not there before.
    """

    seconds: float
    bytes: int
    pictures: tuple[Picture, ...]


@dataclass
class _Shown:
    """One element of the page, and the run and the fragment that it came from."""

    element: Element
    run: int
    fragment: str


@dataclass
class _Block:
    """One container of the page that is a widget, such as tabs."""

    id: str
    run: int
    fragment: str


@dataclass
class _Poll:
    """A fragment that asks again by itself."""

    seconds: float
    due: float = field(default=0.0)


class Visitor:
    """One connection to the app."""

    def __init__(self, address: str, secret: str = "") -> None:
        """Connect to an app at host:port.

        Args:
            address: Where the app is.
            secret: What the browser knows its visitor by; a new one where it is left out.
        """
        self.address = address
        self.query = ""
        self.page = ""
        self.secret = secret or secrets.token_urlsafe(32)
        self._session = ""
        self._pages: dict[str, str] = {}
        self._run = 0
        self._shown: dict[Pair, _Shown] = {}
        self._blocks: dict[Pair, _Block] = {}
        self._values: dict[str, WidgetState] = {}
        self._messages: dict[str, tuple[int, ForwardMsg]] = {}
        self._polls: dict[str, _Poll] = {}
        self._files: dict[str, FileURLs] = {}
        self._fetched: dict[str, str] = {}
        self._seen: set[str] = set()
        self._replaced = ""
        self._http = http.client.HTTPConnection(address, timeout=_SECONDS)
        self._xsrf = self._first_request()
        self._open = ExitStack()
        self._socket: ClientConnection = self._open.enter_context(
            connect(
                f"ws://{address}/_stcore/stream",
                subprotocols=["streamlit"],  # type: ignore[list-item]
                additional_headers={"Cookie": self._cookie},
                origin=f"http://{address}",  # type: ignore[arg-type]
                max_size=None,
                proxy=None,
                open_timeout=_SECONDS,
                ping_timeout=_SECONDS,
                compression=None,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._open.close()
        self._http.close()

    # ---- what a visitor does -------------------------------------------------------------------

    def open(self, page: str = "", **query: str) -> Answer:
        """Open the app at a page, by the name in its address; "" is Home."""
        self.query, self.page = urlencode(query), page
        return self._act(lambda state: _set_page(state, page))

    def follow(self, label: str) -> Answer:
        """Click the link to another page in the sidebar."""
        link = next(
            (
                shown.element.page_link
                for shown in self._shown.values()
                if shown.element.WhichOneof("type") == "page_link"
                and shown.element.page_link.label == label
            ),
            None,
        )
        if link is None:
            raise VisitorError(f"the page has no link to {label!r}")
        self._values.clear()
        self.query, self.page = link.query_string, link.page
        page_hash = link.page_script_hash
        return self._act(lambda state: _set_hash(state, page_hash))

    def press(self, key: str) -> Answer:
        """Press a button."""
        identity, fragment = self._widget(key)
        return self._act(lambda state: trigger(state, identity), fragment)

    def select(self, key: str, option: str | int) -> Answer:
        """Choose from a list, by what it shows or by its place in it."""
        identity, fragment = self._widget(key)
        element = self._element(identity)
        options = list(element.selectbox.options)
        value = WidgetState(id=identity)
        value.string_value = options[option] if isinstance(option, int) else option
        if value.string_value not in options:
            raise VisitorError(f"{key} has no option {option!r}, only {options}")
        return self._change(value, fragment)

    def slide(self, key: str, option: int) -> Answer:
        """Move a slider with named stops to one of them, by its place."""
        identity, fragment = self._widget(key)
        value = WidgetState(id=identity)
        value.string_array_value.data.append(self._element(identity).slider.options[option])
        return self._change(value, fragment)

    def choose(self, key: str, option: int) -> Answer:
        """Choose one of the options in a row, by its place."""
        identity, fragment = self._widget(key)
        value = WidgetState(id=identity)
        chosen = self._element(identity).button_group.options[option]
        value.string_array_value.data.append(chosen.content)
        return self._change(value, fragment)

    def pick(self, beginning: str, option: int) -> Answer:
        """Pick one of the options beside round buttons, by its place, where the key begins so."""
        key = next((key for key in self.keys() if key.startswith(beginning)), beginning)
        identity, fragment = self._widget(key)
        value = WidgetState(id=identity)
        value.string_value = self._element(identity).radio.options[option]
        return self._change(value, fragment)

    def tell(self, key: str, state: Mapping[str, object]) -> Answer:
        """Let a component of the page's own set its state, as a click in it does."""
        identity, fragment = self._widget(key)
        return self._change(WidgetState(id=identity, json_value=json.dumps(dict(state))), fragment)

    def upload(self, key: str, name: str, data: bytes) -> Answer:
        """Put a file into an uploader."""
        identity, fragment = self._widget(key)
        start = time.perf_counter()
        ask = BackMsg()
        ask.file_urls_request.request_id = secrets.token_hex(8)
        ask.file_urls_request.file_names.append(name)
        ask.file_urls_request.session_id = self._session
        self._socket.send(ask.SerializeToString())
        urls = self._file_urls(ask.file_urls_request.request_id)
        self._put(urls.upload_url, name, data)
        value = WidgetState(id=identity)
        info = value.file_uploader_state_value.uploaded_file_info.add()
        info.name, info.size, info.file_id = name, len(data), urls.file_id
        info.file_urls.CopyFrom(urls)
        answer = self._change(value, fragment)
        return Answer(time.perf_counter() - start, answer.bytes, answer.pictures)

    def wait_for(self, key: str, seconds: float = 120) -> None:
        """Wait until the page has a widget: PyTorch is loaded after the server has started.

        Raises:
            VisitorError: It has not come in time.
        """
        end = time.monotonic() + seconds
        while key not in self.keys():
            if time.monotonic() > end:
                raise VisitorError(f"no widget {key!r} after {seconds:g} seconds")
            self.think(0.5)

    def think(self, seconds: float) -> None:
        """Look at the page for a while; what polls goes on polling."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            due = min((poll.due for poll in self._polls.values()), default=end)
            if due > now:
                time.sleep(min(due, end) - now)
                continue
            name, poll = min(self._polls.items(), key=lambda item: item[1].due)
            poll.due = now + poll.seconds
            self._act(_nothing, name, poll=True)

    # ---- what a visitor sees -------------------------------------------------------------------

    def texts(self) -> list[str]:
        """Return all text on the page."""
        texts = []
        for shown in self._shown.values():
            element = shown.element
            kind = element.WhichOneof("type")
            if kind == "markdown":
                texts.append(element.markdown.body)
            elif kind == "alert":
                texts.append(element.alert.body)
            elif kind == "heading":
                texts.append(element.heading.body)
            elif kind == "exception":
                texts.append(element.exception.message)
        return texts

    def html(self) -> list[str]:
        """Return what the page has written as HTML."""
        elements = (shown.element for shown in self._shown.values())
        return [each.html.body for each in elements if each.WhichOneof("type") == "html"]

    def keys(self) -> list[str]:
        """List the page's widgets, for messages."""
        return sorted(_key(identity) for identity in self._identities())

    def has(self, key: str) -> bool:
        """Tell whether the page has a widget."""
        return key in self.keys()

    def component(self, key: str) -> Any:
        """Return the JSON data of a component."""
        identity, _ = self._widget(key)
        return json.loads(self._element(identity).bidi_component.json)

    # ---- the protocol --------------------------------------------------------------------------

    @property
    def _cookie(self) -> str:
        return f"_streamlit_xsrf={self._xsrf}; convviz_visitor={self.secret}"

    def _first_request(self) -> str:
        """Ask whether the app is up, as the frontend does first, and take the cookie it sets."""
        self._http.request("GET", "/_stcore/health")
        response = self._http.getresponse()
        response.read()
        for header in response.headers.get_all("Set-Cookie") or []:
            match = re.match(r"_streamlit_xsrf=([^;]+)", header)
            if match:
                return match[1].strip('"')
        return ""

    def _change(self, value: WidgetState, fragment: str) -> Answer:
        self._values[value.id] = value
        return self._act(_nothing, fragment)

    def _act(
        self, fill: Callable[[ClientState], None], fragment: str = "", *, poll: bool = False
    ) -> Answer:
        """Have the script run, and take in what it sends and the images that it names."""
        message = self._request(fill, fragment, poll=poll)
        start = time.perf_counter()
        self._socket.send(message.SerializeToString())
        received = self._receive(fragment)
        pictures, fetched = self._fetch()
        return Answer(time.perf_counter() - start, received + fetched, pictures)

    def _request(
        self, fill: Callable[[ClientState], None], fragment: str = "", *, poll: bool = False
    ) -> BackMsg:
        """Ask for a run of the script, with the values of all widgets."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self.query
        state.page_script_hash = self._pages.get(self.page, "")
        state.fragment_id = fragment
        state.is_auto_rerun = poll
        state.cached_message_hashes.extend(self._messages)
        state.widget_states.widgets.extend(self._values.values())
        state.context_info.timezone = "UTC"
        state.context_info.locale = "en-GB"
        state.context_info.url = f"http://{self.address}/{quote(self.page)}"
        fill(state)
        return message

    def _receive(self, fragment: str) -> int:
        """Take in messages until the script has run; a script may ask to be run anew."""
        self._run += 1
        received = 0
        while True:
            message, size = self._next()
            received += size
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self._begin(message)
            elif kind == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    fragment = ""
                    self._run += 1
                    continue
                if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    raise VisitorError("the script does not compile")
                whole = message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
                self._end("" if whole else fragment)
                return received
            else:
                self._take(message)

    def _next(self) -> tuple[ForwardMsg, int]:
        raw = self._socket.recv(timeout=_SECONDS)
        data = raw if isinstance(raw, bytes) else raw.encode()
        message = ForwardMsg.FromString(data)
        if message.WhichOneof("type") == "ref_hash":
            if message.ref_hash not in self._messages:
                raise VisitorError("the server refers to a message that it did not send")
            kept = ForwardMsg()
            kept.CopyFrom(self._messages[message.ref_hash][1])
            kept.metadata.CopyFrom(message.metadata)
            self._messages[message.ref_hash] = (self._run, kept)
            return kept, len(data)
        if message.metadata.cacheable:
            self._messages[message.hash] = (self._run, message)
        return message, len(data)

    def _begin(self, message: ForwardMsg) -> None:
        session = message.new_session
        self._session = session.initialize.session_id
        self._pages = {
            page.url_pathname.replace(" ", "_"): page.page_script_hash for page in session.app_pages
        }
        names = {value: name for name, value in self._pages.items()}
        self.page = names.get(session.page_script_hash, self.page)
        if session.page_script_hash == session.main_script_hash:
            self.page = next(
                (p.url_pathname.replace(" ", "_") for p in session.app_pages if p.is_default),
                self.page,
            )

    def _end(self, fragment: str) -> None:
        """Forget what the last run of the page, or of a fragment, has not drawn again."""

        def stays(item: _Shown | _Block) -> bool:
            return item.run == self._run or (bool(fragment) and item.fragment != fragment)

        self._shown = {path: item for path, item in self._shown.items() if stays(item)}
        self._blocks = {path: item for path, item in self._blocks.items() if stays(item)}
        alive = self._identities()
        self._values = {
            name: value
            for name, value in self._values.items()
            if name in alive and not value.trigger_value
        }
        if not fragment:
            fragments = {item.fragment for item in self._shown.values()}
            self._polls = {n: poll for n, poll in self._polls.items() if n in fragments}
        self._messages = {
            name: (run, message)
            for name, (run, message) in self._messages.items()
            if run > self._run - _KEPT_RUNS
        }

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "delta":
            self._draw(tuple(message.metadata.delta_path), message.delta)
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "navigation":
            # The first message of a visit knows the pages only as far as its address named one.
            pages = message.navigation.app_pages
            self._pages = {
                page.url_pathname.replace(" ", "_"): page.page_script_hash for page in pages
            }
        elif kind == "auto_rerun":
            name, seconds = message.auto_rerun.fragment_id, message.auto_rerun.interval
            self._polls[name] = _Poll(seconds, time.monotonic() + seconds)
        elif kind == "stop_auto_rerun":
            self._polls.pop(message.stop_auto_rerun.fragment_id, None)
        elif kind == "file_urls_response":
            response = message.file_urls_response
            if response.error_msg:
                raise VisitorError(response.error_msg)
            self._files[response.response_id] = response.file_urls[0]

    def _draw(self, path: Pair, delta: Delta) -> None:
        kind = delta.WhichOneof("type")
        if kind == "add_block":
            self._shown.pop(path, None)
            if delta.add_block.HasField("tab_container") and delta.add_block.tab_container.id:
                tabs = delta.add_block.tab_container.id
                self._blocks[path] = _Block(tabs, self._run, delta.fragment_id)
            return
        if kind != "new_element":
            return
        element = delta.new_element
        self._shown[path] = _Shown(element, self._run, delta.fragment_id)
        shown = element.WhichOneof("type")
        widget = getattr(element, shown) if shown else None
        if getattr(widget, "set_value", False):
            self._values.pop(widget.id, None)
        if shown == "exception":
            raise VisitorError(f"the page shows an exception: {element.exception.message}")
        if shown == "bidi_component" and element.bidi_component.component_name == _ADDRESS:
            data = json.loads(element.bidi_component.json or "{}")
            if data.get("token", "") != self._replaced:
                self._replaced, self.query = data["token"], data["query"]

    def _file_urls(self, request: str) -> FileURLs:
        while request not in self._files:
            self._take(self._next()[0])
        return self._files.pop(request)

    def _put(self, url: str, name: str, data: bytes) -> None:
        boundary = secrets.token_hex(16)
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Cookie": self._cookie,
            "X-Xsrftoken": self._xsrf,
            "Origin": f"http://{self.address}",
        }
        self._http.close()  # the server may be closing it, as it does where nobody asked for long
        self._http.request("PUT", url, body, headers)
        response = self._http.getresponse()
        response.read()
        if response.status >= 300:
            raise VisitorError(f"an upload was answered with {response.status}")

    # ---- images --------------------------------------------------------------------------------

    def _fetch(self) -> tuple[tuple[Picture, ...], int]:
        """Fetch the images that the page names and that are new to this visitor."""
        pictures, fetched = [], 0
        for shown in list(self._shown.values()):
            element = shown.element
            kind = element.WhichOneof("type")
            if kind == "imgs":
                for image in element.imgs.imgs:
                    if image.url.startswith("data:") or image.url in self._fetched:
                        continue
                    data = self._get(image.url)
                    fetched += len(data)
                    self._fetched[image.url] = shown.fragment
                    pictures.append(Picture("image", data))
            elif kind == "bidi_component" and shown.run == self._run:
                component = element.bidi_component
                data = component.bytes or component.json.encode()
                for picture in pictures_in(data):
                    pictures.append(Picture(component.component_name, picture))
        new = []
        for picture in pictures:
            if picture.digest not in self._seen:
                self._seen.add(picture.digest)
                new.append(picture)
        return tuple(new), fetched

    def _get(self, url: str) -> bytes:
        if not url.startswith("/media/"):
            raise VisitorError(f"the page shows an image from elsewhere: {url[:80]}")
        for attempt in (1, 2):
            try:
                self._http.request("GET", url, headers={"Cookie": self._cookie})
                response = self._http.getresponse()
                data = response.read()
                break
            except (http.client.HTTPException, ConnectionError):
                self._http.close()  # the server may close a connection that was idle
                if attempt == 2:
                    raise
        if response.status != 200:
            raise VisitorError(f"an image of the page was answered with {response.status}")
        return data

    # ---- widgets -------------------------------------------------------------------------------

    def _identities(self) -> dict[str, str]:
        """Return the ids of all widgets on the page, and the fragment that each is in."""
        found = {}
        for shown in self._shown.values():
            kind = shown.element.WhichOneof("type")
            identity = getattr(getattr(shown.element, kind), "id", "") if kind else ""
            if identity:
                found[identity] = shown.fragment
        for block in self._blocks.values():
            found[block.id] = block.fragment
        return found

    def _widget(self, key: str) -> tuple[str, str]:
        for identity, fragment in self._identities().items():
            if _key(identity) == key:
                return identity, fragment
        raise VisitorError(f"the page {self.page!r} has no widget {key!r}, only {self.keys()}")

    def _element(self, identity: str) -> Element:
        for shown in self._shown.values():
            kind = shown.element.WhichOneof("type")
            if kind and getattr(getattr(shown.element, kind), "id", "") == identity:
                return shown.element
        raise VisitorError(f"the page has no element {identity!r}")


def pictures_in(data: bytes) -> list[bytes]:
    """Find the PNG and JPEG files in a component's data, as they are or as data: addresses."""
    import base64

    found = [base64.b64decode(match) for match in _DATA_URL.findall(data)]
    for start in (match.start() for match in re.finditer(re.escape(_PNG), data)):
        end = data.find(_PNG_END, start)
        if end > 0:
            found.append(data[start : end + len(_PNG_END) + 4])
    return found


_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"
_DATA_URL = re.compile(rb"data:image/(?:png|jpeg|webp);base64,([A-Za-z0-9+/=]+)")


def _key(identity: str) -> str:
    """Return the key in a widget's id: "$$ID-<hash>-<key>"."""
    with suppress(IndexError):
        return identity.split("-", 2)[2]
    return identity


def _nothing(_state: ClientState) -> None:
    """Send the state as it is."""


def _set_page(state: ClientState, page: str) -> None:
    state.page_name, state.page_script_hash = page, ""


def _set_hash(state: ClientState, page_hash: str) -> None:
    state.page_script_hash = page_hash


def trigger(state: ClientState, identity: str) -> None:
    """Press a button."""
    state.widget_states.widgets.add(id=identity, trigger_value=True)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies; the nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]
