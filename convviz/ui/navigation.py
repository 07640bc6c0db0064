"""The pages, and the links to them at the top of the sidebar."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from convviz.language import later, tr
from convviz.ui import glossary, state
from convviz.ui.keys import Key


@dataclass(frozen=True)
class Page:
    """One page of the app.

    Attributes:
        file: Beside app.py.
        title: In English, which is also what the page is known by; a message.
        icon: Its icon.
        question: The question that it answers; a message.
    """

    file: str
    title: str
    icon: str
    question: str

    @property
    def folder(self) -> str:
        """Its folder in ui: the first word of the file's name, behind the number."""
        words = Path(self.file).stem.split("_")
        return words[1].lower() if len(words) > 1 else "home"

    @property
    def address(self) -> str:
        """What its address ends with, as Streamlit makes it of the file's name; Home's is empty."""
        return "" if self is HOME else Path(self.file).stem.partition("_")[2]


HOME = Page(
    "app.py", later("Home"), "home", later("Choose an image and a network, and see what it sees.")
)
PAGES = (
    Page(
        "pages/0_Course.py",
        later("Course"),
        "school",
        later(
            "How does a ConvNet get from pixels to class names? Step by step, with your own image."
        ),
    ),
    Page(
        "pages/1_Activations.py",
        later("Activations"),
        "grid_view",
        later("Which channels of a layer answer to the image, and which stay empty?"),
    ),
    Page(
        "pages/8_Evidence.py",
        later("Evidence"),
        "quiz",
        later("Why this class: where does the network look, and is that true?"),
    ),
    Page(
        "pages/2_Filters.py",
        later("Filters"),
        "tune",
        later("What did the channels of a layer learn to look for?"),
    ),
    Page(
        "pages/3_Architectures.py",
        later("Architectures"),
        "stacks",
        later("What does each network's design cost, and why was it built that way?"),
    ),
    Page(
        "pages/9_Design.py",
        later("Design"),
        "architecture",
        later("What does a network cost that you put together, and what does one change to it?"),
    ),
    Page(
        "pages/4_Reconstruction.py",
        later("Reconstruction"),
        "restore_page",
        later("What does a layer still know about the image?"),
    ),
    Page(
        "pages/5_Transfer_learning.py",
        later("Transfer learning"),
        "alt_route",
        later("How does a trained encoder help a new task with few images?"),
    ),
    Page(
        "pages/6_Training.py",
        later("Training"),
        "trending_up",
        later("How do feature maps grow while a network learns?"),
    ),
    Page(
        "pages/7_Auxiliary_classifiers.py",
        later("Auxiliary classifiers"),
        "call_split",
        later("Do small classifiers on the way help a deep network learn?"),
    ),
)


# Where each page leads, in their order in the sidebar: from the image's feature maps over filters
# and designs to what is left of the image, and to training.
NEXT = {
    "Home": (
        "Course",
        later("New to this? Short steps lead from pixels to class names, with your own image."),
    ),
    "Course": (
        "Activations",
        later("See what each channel of a trained network answers to your image."),
    ),
    "Activations": (
        "Evidence",
        later(
            "Some of these channels decide what the image shows: see which, and where they look."
        ),
    ),
    "Evidence": (
        "Filters",
        later(
            "A network looks at an image through small filters: see the patterns that it has "
            "learned."
        ),
    ),
    "Filters": (
        "Architectures",
        later(
            "Networks stack such filters differently: see what each costs, and why it was built so."
        ),
    ),
    "Architectures": (
        "Design",
        later("Build a network yourself: see what each block costs, and what one change does."),
    ),
    "Design": (
        "Reconstruction",
        later("See how much of the image can be made again from feature maps alone."),
    ),
    "Reconstruction": (
        "Transfer learning",
        later("What layers keep helps with other tasks: see how far a few images take you."),
    ),
    "Transfer learning": (
        "Training",
        later("All weights were random numbers once: watch what training makes of them."),
    ),
    "Training": (
        "Auxiliary classifiers",
        later(
            "GoogLeNet was trained with two small classifiers on the way: try whether they help."
        ),
    ),
    "Auxiliary classifiers": (
        "Home",
        later("That was the last page of the tour: begin again with another image or network."),
    ),
}

# Before its last step a page has a “Next” of its own.
_LAST_STEP = {"Course": "better"}


class Links:
    """The links to all pages, which carry the visitor's choices along.

    They are drawn at once, and again when the page knows which choices it could take.
    """

    def __init__(self) -> None:
        with st.container(key="navigation", gap=None):
            self._places = [(page, st.empty()) for page in (HOME, *PAGES)]
        self._carried: dict[str, str] | None = None

    def draw(self) -> None:
        """Draw the links, unless they are there with the same choices."""
        carried = state.link()
        if carried == self._carried:
            return
        self._carried = carried
        for page, place in self._places:
            place.page_link(
                page.file,
                label=tr(page.title),
                icon=f":material/{page.icon}:",
                query_params=carried,
                width="stretch",
            )


def draw_start() -> None:
    """Draw the link to the course: for who is new here to its first step, else to the last open."""
    course = next(page for page in PAGES if page.title == "Course")
    number, count = state.visit().course_step
    with st.container(key="navigation_start"):
        st.page_link(
            course.file,
            label=(
                tr("**Course: go on with step {number} of {count}**", number=number, count=count)
                if number > 1
                else tr("**New here? Start the course**")
            ),
            icon=f":material/{course.icon}:",
            query_params=state.link(),
            width="content",
        )


def draw_next(title: str) -> None:
    """Draw where to go from a page: a sentence, and the link; for a page of steps, from its last.

    Args:
        title: The page's title in English; one that no page of `PAGES` has is Home's heading.
    """
    if title in _LAST_STEP and state.visit().values.get(Key.STEP) != _LAST_STEP[title]:
        return
    by_title = {page.title: page for page in (HOME, *PAGES)}
    name, sentence = NEXT[title if title in by_title else HOME.title]
    following = by_title.get(name, HOME)
    with st.container(key="next", horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(glossary.mark(tr(sentence)), width="content")
        st.page_link(
            following.file,
            label=tr("**Next: {title}**", title=tr(following.title)),
            icon=":material/arrow_forward:",
            icon_position="right",
            query_params=state.link(),
        )


def cards() -> None:
    """Draw a card for each page: its name and the question it answers."""
    with st.container(horizontal=True, gap="medium", key="cards"):
        for page in PAGES:
            with st.container(border=True, width=300, height="stretch", gap="small"):
                st.page_link(
                    page.file,
                    label=f"**{tr(page.title)}**",
                    icon=f":material/{page.icon}:",
                    query_params=state.link(),
                )
                st.markdown(glossary.mark(tr(page.question)))
