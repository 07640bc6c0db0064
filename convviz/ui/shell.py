"""What all pages share: set-up, navigation, the sidebar, and errors as sentences.

A page begins like this, and imports what computes only after the shell has made sure that PyTorch
can be loaded:

    from convviz.ui import shell

    choice = shell.open_page("Activations", layer=True, folder="activations")

    with shell.errors(choice):
        from convviz.ui.activations import page
        ...

The sidebar's choices are the same on every page and are part of the URL.
"""

from __future__ import annotations

import atexit
import gc
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache as once
from pathlib import Path

import streamlit as st
from PIL import Image, ImageDraw
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import StopException

from convviz import limits
from convviz.jobs.gate import GATE
from convviz.language import again, later, tr
from convviz.ui import errors as page_errors
from convviz.ui import (
    findings,
    forget,
    glossary,
    language,
    login,
    navigation,
    state,
    tools,
    warm_up,
)
from convviz.ui.choice import USES, Choice, Use
from convviz.ui.components.glossary import explain_words
from convviz.ui.sidebar import image as sidebar_image

ROOT = Path(__file__).parents[2]  # what `streamlit run` is given is in it

_FOLDER = Path(__file__).parent


def open_page(
    title: str,
    *,
    question: str = "",
    layer: bool = False,
    first_depth: float = state.USUAL_DEPTH,
    needs_network: bool = True,
    uses: Collection[Use] | Callable[[], Collection[Use]] = USES,
    folder: str = "",
) -> Choice:
    """Set the page up and draw its heading and sidebar; every page calls this first.

    Where something needed is missing (weights that must be fetched, a broken PyTorch), it says so,
    offers what can be done, and the script ends there.

    Args:
        title: The page's heading in English, and its name in the browser's tab; a message.
        question: One line under the heading: what the page answers; a message.
        layer: Whether the sidebar picks a layer.
        first_depth: How deep the layer lies that the page begins with, until the visitor or a link
            names one: 0 for the first layer of the encoder, 1 for its last.
        needs_network: Whether the page is of no use without weights. If not, `Choice.loaded` is
            None while they are missing, and nothing is fetched by itself.
        uses: Which choices of the sidebar matter to what is shown; the others are not drawn, and
            neither fetched nor loaded, but stay as they are for the other pages. A function where
            that depends on the view; it is called once the address has been read.
        folder: The page's folder in ui; where its style.css concerns what all pages have, it asks
            for `.st-key-shell_page_{folder}`.

    Returns:
        The visitor's choices.
    """
    language.ask_visitors()
    st.set_page_config(
        page_title=f"{tr(title)} · convviz",
        page_icon=_icon(),
        layout="wide",
        initial_sidebar_state="auto",
    )
    with st.container(key=f"shell_page_{folder}"):  # before all else: style sheets ask for it
        st.title(tr(title), anchor=False)
    login.require()
    if question:
        st.markdown(glossary.mark(tr(question)))
    explain_words()
    state.enter(title)
    tools.listen()
    state.draw_notices(st.empty())
    page_errors.draw_kept()
    with st.sidebar:
        links = navigation.Links()
        with page_errors.errors():
            links.draw()
        choices = st.container()
        with page_errors.errors():
            language.draw()
            tools.draw()
            login.draw()
            forget.draw()
    _start_pytorch()
    _share_cores()
    missing, steps = st.container(), st.container()
    choice = None
    try:
        with page_errors.errors(), choices:
            used = uses() if callable(uses) else uses
            choice = _sidebar(missing, steps, layer, first_depth, needs_network, used)
        with page_errors.errors():
            links.draw()
        if choice is None:
            state.stop()
    except StopException:
        page_errors.forget_kept()  # they have been drawn
        _give_worksheet(None)
        state.write_address()
        raise
    if choice.loaded is not None and choice.loaded.weights.source == "random":
        missing.warning(findings.untrained(choice.loaded.title), icon=":material/casino:")
    return choice


def shared_style() -> str:
    """Return the style of all pages; the server sends it with the first answer."""
    sheets = (_FOLDER / "shell.css", *sorted(_FOLDER.glob("*/style.css")))
    return "".join(sheet.read_text("utf-8") for sheet in sheets)


@contextmanager
def errors(choice: Choice) -> Iterator[None]:
    """Show what goes wrong inside as a sentence; end with two questions and where to go next.

    Long runs wait meanwhile at the gate. The URL is written as well, but not when another run takes
    over: that knows what it shall be.

    Args:
        choice: The visitor's choices.
    """
    try:
        with page_errors.errors(), GATE.page():
            yield
        with page_errors.errors():
            from convviz.ui import page_questions

            page_questions.draw(state.visit().page, choice)
        with page_errors.errors():
            navigation.draw_next(state.visit().page)
    except StopException:
        _end(choice)
        raise
    _end(choice)


def _end(choice: Choice) -> None:
    """Write the URL; what the page had to say about the callbacks before it has been said."""
    page_errors.forget_kept()
    _give_worksheet(choice)
    state.write_address()


def _give_worksheet(choice: Choice | None) -> None:
    with page_errors.errors():
        from convviz.ui import worksheet

        worksheet.give(state.visit().page, choice)


def _sidebar(
    missing: DeltaGenerator,
    steps: DeltaGenerator,
    layer: bool,
    first_depth: float,
    needs_network: bool,
    uses: Collection[Use],
) -> Choice:
    from convviz.ui import cache
    from convviz.ui.sidebar import layer as sidebar_layer
    from convviz.ui.sidebar import network as sidebar_network

    image = sidebar_image.current()
    if "image" in uses:
        with page_errors.errors():
            sidebar_image.panel(image)
    name = sidebar_network.pick_network(draw="network" in uses)
    if "weights" not in uses:
        sidebar_network.settle_weights(name)
        return Choice(image, name, None)
    # What is chosen most often stands above what is only read.
    weights, picker, about = st.container(), st.container(), st.container()
    with weights:
        loaded = sidebar_network.pick_weights(name, missing if needs_network else None, about)
    with picker:
        picked = None
        if layer and loaded:
            picked = sidebar_layer.pick(loaded, cache.layers(loaded), steps, first_depth)
    return Choice(image, name, loaded, picked)


_STARTING = later("Starting PyTorch, once after the server has started…")
_POLL_SECONDS = 0.5

_starting = threading.Lock()
_background: threading.Thread | None = None


def _one_visitor() -> int:
    return 1


_count_visitors: Callable[[], int] = _one_visitor


def start_in_background(count_visitors: Callable[[], int]) -> None:
    """Begin to load PyTorch; the server calls this when it starts, so that nobody has to wait.

    Args:
        count_visitors: Counts the visitors who are here.
    """
    global _background, _count_visitors
    _count_visitors = count_visitors
    _background = threading.Thread(target=_start, name="convviz-start", daemon=True)
    _background.start()


def _start() -> None:
    """Load PyTorch, and what pages begin with in a thread that nobody waits for."""
    if _pytorch_problem() is None:
        threading.Thread(target=warm_up.prepare, name="convviz-warm-up", daemon=True).start()


def _start_pytorch() -> None:
    """Load PyTorch, once per server; where it cannot be loaded, say so and end the script."""
    if _background is not None and _background.is_alive():
        # The script ends here, so that nothing stays of a page from before a restart.
        _wait_for_pytorch()
        st.stop()
    if _load_pytorch.cache_info().currsize:
        sentence = _pytorch_problem()  # a spinner would start a thread in every run
    else:
        with st.spinner(tr(_STARTING)):
            sentence = _pytorch_problem()
    if sentence:
        st.error(again(sentence), icon=":material/error:")
        st.stop()


def _share_cores() -> None:
    """Let this run's passes use the visitors' share of the cores.

    PyTorch's threads wait for one another by looking all the time: thirty visitors with two threads
    each would spend more on that than on their passes.
    """
    import torch

    torch.set_num_threads(max(1, limits.threads() // max(1, _count_visitors())))


@page_errors.polled(_POLL_SECONDS)
def _wait_for_pytorch() -> None:
    if _background is None or not _background.is_alive():
        st.rerun()
    st.info(tr(_STARTING), icon=":material/hourglass_top:")


@once
def _icon() -> Image.Image:
    """Draw the browser tab's icon: four maps, one of them empty."""
    icon = Image.new("RGBA", (64, 64))
    draw = ImageDraw.Draw(icon)
    for corner, colour in (((2, 2), "#31688e"), ((34, 2), "#35b779"), ((2, 34), "#fde725")):
        draw.rounded_rectangle((*corner, corner[0] + 27, corner[1] + 27), 5, colour)
    draw.rounded_rectangle((34, 34, 61, 61), 5, "#a0a0a0")
    draw.line((38, 38, 57, 57), "#262626", 3)
    draw.line((38, 57, 57, 38), "#262626", 3)
    return icon


def _pytorch_problem() -> str | None:
    with _starting:
        return _load_pytorch()


@once
def _load_pytorch() -> str | None:
    from convviz import preflight

    sentence = preflight.problem()
    if sentence is None:
        from convviz.ui import cache

        # What is loaded by now stays for good, so the garbage collector need not look at it again.
        del cache
        gc.collect()
        gc.freeze()
        atexit.register(gc.unfreeze)  # or some libraries complain of leaks when the server ends
    return sentence
