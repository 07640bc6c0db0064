"""What follows the user across pages and in the URL.

Streamlit forgets a widget's value as soon as a page without that widget runs. Values that shall
last are kept here, per visitor, and written to the URL. The URL is read when the visitor arrives
and when the browser goes back or forward, and at no other time, because what the browser sends
with a click may be older than the click before.

The URL is written once in a run of the script. Where the visitor has chosen something, that makes
a new entry of the browser's history; where the script alone has settled something (on arrival, on
another page, after going back), the entry is replaced, so that each step back undoes one choice.
"""

from __future__ import annotations

import secrets
import weakref
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, NoReturn, ParamSpec, cast
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import StopException, get_script_run_ctx

from convviz.language import again
from convviz.plain_text import code as code
from convviz.plain_text import plain as plain
from convviz.plain_text import quoted as quoted
from convviz.plain_text import shorten as shorten
from convviz.ui import errors, findings, keys
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.keys import Component, Entry, Key, Value

if TYPE_CHECKING:
    from convviz.downloads.tickets import Fetch
    from convviz.jobs.job import JobView

Arguments = ParamSpec("Arguments")

SHARED = (Key.IMAGE, Key.NETWORK, Key.LAYER, Key.WEIGHTS, Key.PRESENT, Key.LANGUAGE)
"""What every page's link carries."""

_STAYING = {Key.PRESENT, Key.LANGUAGE}  # how the page is shown, not what

USUAL_DEPTH = 0.0  # of the layer that is looked at first: the network's first explains itself

# Streamlit can only add entries to the browser's history. The element may be mounted again with
# the same data, so each replacement has a token and is done once.
_REPLACE = """
export default function ({ data }) {
  if (window.convvizReplaced === data.token) return;
  window.convvizReplaced = data.token;
  const query = new URLSearchParams(data.query);
  for (const [key, value] of new URLSearchParams(location.search))
    if (/^embed(_options)?$/i.test(key)) query.append(key, value);
  const text = query.toString();
  history.replaceState(history.state, "", location.pathname + (text ? "?" + text : ""));
}
"""
_replace = st.components.v2.component(Component.ADDRESS, js=_REPLACE)


@dataclass(eq=False)
class Visit:
    """What is remembered of one visitor.

    Attributes:
        link: Values the URL asked for that nobody has looked at yet.
        values: The last value of everything remembered, by key.
        page: The page that is open.
        keys: What each page has remembered for its links, by page.
        address: The query parameters that the URL shall have.
        written: Those that it has, as far as is known.
        replacement: The query that replaces the one in the browser's history entry, and a token
            that names this replacement; empty where a choice has made an entry since.
        chosen: Whether the visitor has changed a value since the URL was written.
        arrived: Whether a page was opened, or gone back to, since the URL was written.
        restoring: Whether this run takes the values from the URL, after Back or Forward.
        running: Whether the whole script runs, and has not come to its end.
        shown_run: The job that the script has drawn so far, once it works or has ended; None where
            all that is shown comes from what is chosen on the page.
        asked: The question that the script has drawn, with its possible answers; None for none.
        further: What the open step of the course is about, as the page that goes further takes it:
            that page's title, its choices, and the parameters of a link to it; None without one.
        placed: Keys whose widgets have got their values on this page.
        layers: The layer last looked at, by network.
        layer_network: The network that the layer looked at belongs to.
        layer_depth: How deep it lies: 0 at the encoder's first layer, 1 at its last.
        layer_chosen: Whether the visitor or a link named a layer. Until then each page shows the
            one that it begins with.
        stepped_to: The layer that the last step led to, from one of its neighbours; "" before any.
        sources: The weights last chosen, by network.
        trained: Sources of the weights this visitor trained, the newest last.
        channel_place: What the channel belongs to: where its layer's channels are made.
        channels: The channels picked, by such places.
        course_step: Number of the course's step that was open last, and how many there are.
        strongest: The strongest channel of that layer.
        fetches: Downloads this visitor waits for or saw end, by network and source.
        own_image: The image that the visitor brought last.
        brought_image: Whether a file or a picture has just come, and the page is to show it.
        refusal: Why the last file was refused; shown until the next one is tried.
        refused_file: Which file that was, by Streamlit's id; kept until another one comes.
        opened: What the last file of a trained network was; shown until weights are chosen.
        unopened: Why the last one could not be used; shown until the next one is tried.
        fitting: The networks whose weights the last file may hold, where there are several.
        brought: Bytes in memory of the networks that the visitor's files hold, by source.
        times_forgotten: How often the visitor asked for everything to be forgotten.
        forgotten: What was forgotten when the visitor asked for it; shown until a page is opened.
        led_home: Why an address has led to Home; shown until a page is opened.
        notices: What a link asked for that could not be had, by key.
        notices_changed: Whether they are to be drawn anew at the end of the run.
        notice_board: Where on the page the notices stand.
    """

    link: dict[str, str]
    values: dict[str, object] = field(default_factory=dict)
    page: str = ""
    keys: dict[str, set[str]] = field(default_factory=dict)
    address: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    replacement: dict[str, str] = field(default_factory=dict)
    chosen: bool = False
    arrived: bool = True
    restoring: bool = False
    running: bool = False
    shown_run: JobView | None = None
    asked: tuple[str, tuple[str, ...]] | None = None
    further: tuple[str, Choice, Mapping[str, str]] | None = None
    placed: set[str] = field(default_factory=set)
    layers: dict[str, str] = field(default_factory=dict)
    layer_network: str = ""
    layer_depth: float = USUAL_DEPTH
    layer_chosen: bool = False
    stepped_to: str = ""
    sources: dict[str, str] = field(default_factory=dict)
    trained: list[str] = field(default_factory=list)
    channel_place: str = ""
    channels: dict[str, int] = field(default_factory=dict)
    course_step: tuple[int, int] = (1, 0)
    strongest: int = 0
    fetches: dict[tuple[str, str], Fetch] = field(default_factory=dict)
    own_image: ChosenImage | None = None
    brought_image: bool = False
    refusal: str = ""
    refused_file: str = ""
    opened: str = ""
    unopened: str = ""
    fitting: tuple[str, ...] = ()
    brought: dict[str, int] = field(default_factory=dict)
    times_forgotten: int = 0
    forgotten: str = ""
    led_home: str = ""
    notices: dict[str, str] = field(default_factory=dict)
    notices_changed: bool = False
    notice_board: DeltaGenerator | None = None

    @property
    def channel(self) -> int | None:
        """The picked channel of the layer; None for its strongest."""
        return self.channels.get(self.channel_place)


_visits: weakref.WeakSet[Visit] = weakref.WeakSet()


def visit() -> Visit:
    """Return what is remembered of this visitor; the first call reads the URL."""
    if Entry.VISIT not in st.session_state:
        query = st.query_params.to_dict()
        begun = Visit(link=query, address=dict(query), written=dict(query))
        st.session_state[Entry.VISIT] = begun
        _visits.add(begun)
    current: Visit = st.session_state[Entry.VISIT]
    return current


def others() -> list[Visit]:
    """Return what is remembered of everybody else who is here."""
    mine = visit()
    return [other for other in list(_visits) if other is not mine]


def forget(sentence: str) -> None:
    """Forget everything of this visit but who the visitor is, and say so on the page drawn next."""
    former = visit()
    for name in list(st.session_state):
        if name != Entry.VISITOR:
            del st.session_state[name]
    begun = Visit({}, page=former.page, forgotten=sentence)
    begun.times_forgotten = former.times_forgotten + 1
    if Key.LANGUAGE in former.values:  # it says nothing of who they are, and they read on
        begun.values[Key.LANGUAGE] = former.values[Key.LANGUAGE]
    begun.written = st.query_params.to_dict()
    st.session_state[Entry.VISIT] = begun
    _visits.add(begun)


def fresh(key: str) -> str:
    """Return the key of a widget that holds a file; a new one after everything was forgotten.

    The browser keeps what is in a widget; it forgets a widget that is no longer there.
    """
    times = visit().times_forgotten
    return f"{key}_{times}" if times else key


def enter(page: str) -> None:
    """Note that a page is opened or runs anew; the shell calls this."""
    current = visit()
    back = is_back_or_forward()
    if current.page != page or back:
        current.arrived = True
        current.address = st.query_params.to_dict()
        current.written = dict(current.address)
    if current.page != page:
        current.page = page
        current.forgotten = current.led_home = ""
        current.placed.clear()
    if back:
        _forget_choices(page)
        current.link = dict(current.address)
    asked = current.link.pop(Key.ASKED_PAGE, "")
    if asked:
        current.led_home = findings.no_such_page(asked)
        write_url(Key.ASKED_PAGE, None)
    current.restoring = back
    current.running = True
    current.shown_run = current.asked = current.further = None


def is_back_or_forward() -> bool:
    """Tell whether the browser went back or forward to come current.

    Streamlit marks such a run in an attribute that it does not document.
    """
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _forget_choices(page: str) -> None:
    """Forget what a page's links carry, so that it comes from the URL, or else is the default."""
    current = visit()
    remembered = current.keys.get(page, set())
    for key in remembered:
        current.values.pop(key, None)
        st.session_state.pop(key, None)
    if Key.CHANNEL in remembered:
        current.channels.clear()
    current.notices.clear()


def reset() -> None:
    """Take the open page's choices back to what it begins with; call it from a button's callback.

    A visitor's own image and what they trained stay at hand; presenter mode and the language stay.
    """
    current = visit()
    staying: dict[str, object] = {
        key: current.values[key] for key in _STAYING if key in current.values
    }
    for key in current.keys.get(current.page, set()) - _STAYING:
        current.address.pop(key, None)
    _forget_choices(current.page)
    current.values |= staying
    current.layers.clear()
    current.sources.clear()
    current.layer_chosen = False
    current.placed.clear()
    current.chosen = True


def stop() -> NoReturn:
    """End the script here, once the shell has done what it does at the end of each run.

    After Streamlit's own `st.stop` nothing more can be drawn, kept or written to the URL.
    """
    raise StopException


def give_way() -> None:
    """End this run of the script here if another one of the whole page is waiting.

    Streamlit looks for that whenever the session's state is touched. To be called between the parts
    of a computation that a visitor would else have to wait for after going elsewhere.
    """
    st.session_state.get(Key.IMAGE)


def write_address() -> None:
    """Write the URL; the shell calls this once, at the end of each run of the script."""
    current = visit()
    is_choice = current.chosen and not current.arrived
    if current.restoring:  # what this page has no use for shall not surprise on the next one
        for key in SHARED:
            current.link.pop(key, None)
    current.chosen = current.arrived = current.restoring = current.running = False
    if current.notices_changed:
        current.notices_changed = False
        draw_notices(current.notice_board)
    if current.address != current.written:
        current.written = dict(current.address)
        if is_choice:
            current.replacement = {}
            st.query_params.from_dict(current.address)
        else:
            query = urlencode(current.address)
            current.replacement = {"query": query, "token": secrets.token_hex(8)}
            context = get_script_run_ctx()
            if context is not None:
                context.query_string = query  # for AppTest, and for a run that st.rerun begins
    # It stays on the page: the next run may come before a slow browser has done it.
    if current.replacement:
        with st.container(key="address", height=1, border=False):
            _replace(key="address_bar", data=current.replacement)


def fragment(function: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Make a function a fragment, `st.fragment`, whose choices are written to the URL as well."""

    @wraps(function)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        _write_choice()  # what a callback has changed: a click may end this run early
        function(*args, **kwargs)
        _write_choice()

    return errors.fragment(run)


def _write_choice() -> None:
    """Write the URL if the visitor has chosen something, unless the whole script runs."""
    current = visit()
    if current.chosen and not current.running:
        write_address()


def remember(
    key: str,
    default: Value | None,
    *,
    allowed: Container[Value] | Callable[[Value], bool] | None = None,
    in_url: bool = True,
    default_in_url: bool = False,
    formerly: str = "",
) -> str:
    """Make the widget with this key keep its value across pages, and put it in the URL.

    Call it right where the widget is made, and give the widget no default of its own:

        st.selectbox("Order", ORDERS, key=state.remember(Key.ORDER, "index", allowed=ORDERS))

    A value that equals the default is left out of the URL. A value from a link that is not
    allowed is replaced by the default and the page says so. So is, without a word, a remembered
    value that is not of the default's type.

    Args:
        key: The widget's key, and the name in the URL: a member of `keys.Key`.
        default: The first value; its type decides how the URL is read. None, for a widget that
            is empty at first, goes with `in_url=False`: no link is read for it.
        allowed: What the value may be: a container, or a function that says yes.
        in_url: Whether the value is part of a link to this view.
        default_in_url: Whether it is so even while it equals the default.
        formerly: What the key was called in links that may still be around. The name may belong to
            another page by now: only a value that is allowed here is taken from it.

    Returns:
        The key.
    """
    current = visit()
    if isinstance(key, Key) and default is not None and type(default) is not key.kind:
        raise TypeError(f"{key!r} is remembered as {key.kind.__name__}, its default is {default!r}")
    asked = current.link.pop(key, None) if default is not None else None
    if asked is None and formerly and default is not None:
        asked = _take_former(formerly, default, allowed)
    value: object
    if key in st.session_state:
        value = st.session_state[key]
    elif asked is not None and default is not None:
        value = keys.read(asked, default)
    else:
        value = current.values.get(key, default)
    if default is not None:
        value = keys.of_type(value, default)
    if asked is None and value is not None and not _is_allowed(value, allowed):
        # A widget with options sends a title: one that has changed since it was chosen is none.
        value = current.values.get(key, default)
    if value is None or not _is_allowed(value, allowed):
        value = default
        if asked is not None:
            notice(key, findings.no_such_choice(key, asked))
    elif current.values.get(key, value) != value:
        notice(key, None)
    if in_url:
        _in_links(key)
    is_linked = in_url and (default_in_url or value != default)
    put(key, cast("Value | None", value), in_url=is_linked)
    return key


def put(key: str, value: str | float | None, *, in_url: bool = True) -> None:
    """Set what is remembered under a key; the key's widget must not have been made in this run."""
    current = visit()
    if in_url:
        _in_links(key)
    if current.values.get(key, value) != value:
        current.chosen = True
    # On another page the same key belongs to a new widget, which would begin at its default. And
    # it is set only where needed: setting it always would pull a slider back while it is dragged.
    if key not in current.placed or st.session_state.get(key) != value:
        st.session_state[key] = value
        current.placed.add(key)
    current.values[key] = value
    write_url(key, str(value) if in_url else None)


def set_anew() -> None:
    """Have every remembered value set in its widget again: the browser knows it by its old title.

    A widget with options sends the title that it shows, which another language writes otherwise.
    """
    visit().placed.clear()


def _in_links(key: str) -> None:
    """Note that links to the open page carry this key."""
    current = visit()
    current.keys.setdefault(current.page, set()).add(key)


def remember_channel(strongest: int, channels: int, place: str) -> None:
    """Make sure that the picked channel is one of the layer's.

    A channel's number means nothing among other channels, so there the strongest one is picked, or
    the one that the visitor picked there before. The URL names a channel only when the visitor (or
    a link) picked it.

    Args:
        strongest: The channel to begin with.
        channels: How many the layer has.
        place: Names what makes these channels; where it stays the same, so do they.
    """
    current = visit()
    _in_links(Key.CHANNEL)
    asked = current.link.pop(Key.CHANNEL, None)
    if asked is not None:
        number = keys.read(asked, 0)
        if number is not None and 0 <= number < channels:
            current.channels[place] = number
        else:
            current.channels.pop(place, None)
            notice(Key.CHANNEL, findings.no_such_channel(asked, channels))
    elif current.channel_place != place:
        notice(Key.CHANNEL, None)
    current.channel_place = place
    current.strongest = strongest
    write_url(Key.CHANNEL, None if current.channel is None else str(current.channel))


def channel() -> int:
    """Return the picked channel, or the strongest one where none was picked."""
    current = visit()
    return current.strongest if current.channel is None else current.channel


def pick_channel(number: int) -> None:
    """Pick a channel of the layer that is shown."""
    current = visit()
    current.chosen |= number != channel()
    current.channels[current.channel_place] = number
    current.notices.pop(Key.CHANNEL, None)
    write_url(Key.CHANNEL, str(number))


def picked_channel(place: str) -> int | None:
    """Return the channel that the visitor picked where `place` names the channels, if any."""
    number: int | None = visit().channels.get(place)
    return number


def ask(wanted: Mapping[str, str]) -> None:
    """Ask the page that is opened next for something, as a link to it would."""
    visit().link.update(wanted)
    for key in wanted:
        st.session_state.pop(key, None)


def open_view(title: str) -> None:
    """Open one of the page's views; call it from a button's callback."""
    st.session_state[Key.ACTIVATIONS_VIEW] = title


def write_url(key: str, value: str | None) -> None:
    """Put a value into the URL, or take it out; `write_address` hands it to the browser."""
    address = visit().address
    if value is None:
        address.pop(key, None)
    else:
        address[key] = value


def notice(key: str, sentence: str | None) -> None:
    """Say what a link asked for that could not be had, or take that back.

    Not for callbacks, which run before the page is drawn: they change `Visit.notices`.

    Args:
        key: What it is about; there is at most one notice for each.
        sentence: What to say; None to say nothing any more.
    """
    current = visit()
    if current.notices.get(key) == sentence:
        return
    if sentence is None:
        del current.notices[key]
    else:
        current.notices[key] = sentence
    # A fragment that runs within the whole script may not draw outside itself, or the page goes
    # blank; `write_address` draws what has changed at the end of the run.
    if current.running:
        current.notices_changed = True
    else:
        draw_notices(current.notice_board)


def draw_notices(board: DeltaGenerator | None) -> None:
    """Draw all notices, and put them at this place until the next page is opened.

    They are told again, in the language that is read now.
    """
    current = visit()
    current.notice_board = board
    if board is None:
        return
    board.empty()
    links = [*filter(None, [current.led_home]), *current.notices.values()]
    if current.forgotten or links:
        with board.container():
            if current.forgotten:
                st.success(again(current.forgotten), icon=":material/delete_forever:")
            for sentence in links:
                st.info(again(sentence), icon=":material/link_off:")


def link() -> dict[str, str]:
    """Return the query parameters that open another page with the same choices."""
    current = visit()
    address = current.address
    # What the link to this page asks for, and no page has looked at yet, stays with the visit.
    known = (key for key in SHARED if key in current.values and key not in current.link)
    return {key: address[key] for key in known if key in address}


def _take_former(
    name: str, like: Value, allowed: Container[Value] | Callable[[Value], bool] | None
) -> str | None:
    """Take from the link what it calls by a key's former name, where it is a value of that key."""
    current = visit()
    value = keys.read(current.link.get(name, ""), like)
    if name not in current.link or value is None or not _is_allowed(value, allowed):
        return None
    write_url(name, None)
    return current.link.pop(name)


def _is_allowed(value: object, allowed: Container[Value] | Callable[[Value], bool] | None) -> bool:
    if allowed is None:
        return True
    if callable(allowed):
        return bool(allowed(value))  # type: ignore[arg-type]  # the widget made the value
    return value in allowed
