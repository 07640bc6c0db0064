"""Lesson: a 1×1 convolution that narrows the maps before a large kernel."""

from __future__ import annotations

import streamlit as st

from convviz.figures import lessons as figures
from convviz.figures import theme
from convviz.formatting import grouped
from convviz.language import later, tr, trp
from convviz.lessons.bottleneck import Bottleneck, bottleneck
from convviz.lessons.inception import inception_modules
from convviz.structure.costs import Costs
from convviz.ui import cache, charts, glossary, state
from convviz.ui.choice import Choice
from convviz.ui.course import findings
from convviz.ui.formulas import ledger
from convviz.ui.how_we_know import how_we_know
from convviz.ui.keys import Key
from convviz.ui.widgets import one_of

_FORMS = {
    "googlenet-2015": later("the paper's GoogLeNet, with 5×5"),
    "googlenet": later("torchvision's"),
}
_FREE = "free"
_COURSE_BRANCH = "inception4a.branch3"


def draw(choice: Choice) -> None:
    """Draw the lesson."""
    paper = cache.costs("googlenet-2015")
    course = _bottlenecks(paper)[_COURSE_BRANCH]
    with st.container(key="course_point_bottleneck"):
        st.markdown(glossary.mark(findings.bottleneck_point(course)))
    chosen = _choose(paper)
    ledger(
        [
            (
                tr("Without"),
                chosen.direct_formula,
                tr("height · width · k · k · channels in · out"),
            ),
            (
                tr("With 1×1"),
                chosen.bottleneck_formula,
                tr("the 1×1 convolution, then the large kernel on what is left"),
            ),
            (
                tr("MACs"),
                findings.saving_text(chosen),
                findings.break_even_text(chosen),
            ),
            (
                tr("Weights"),
                f"{grouped(chosen.direct_weights)} → {grouped(chosen.bottleneck_weights)}",
                tr("biases left aside"),
            ),
        ]
    )
    charts.draw(
        figures.break_even(chosen),
        config=theme.save_as("bottleneck"),
        key="course_bottleneck",
    )
    _draw_every_module()


def _bottlenecks(costs: Costs) -> dict[str, Bottleneck]:
    """Return the branches that have a 1×1 reduction, by name."""
    return {
        branch.name: branch.bottleneck
        for module in inception_modules(costs)
        for branch in module.branches
        if branch.bottleneck
    }


def _choose(paper: Costs) -> Bottleneck:
    """Draw the choice of a real branch or of free numbers, and return what was chosen."""
    branches = _bottlenecks(paper)
    options = (*branches, _FREE)
    name = st.selectbox(
        tr("A branch of the paper's GoogLeNet"),
        options,
        format_func=lambda name: (
            tr("numbers of your own") if name == _FREE else _branch_title(name, branches[name])
        ),
        key=state.remember(Key.BOTTLENECK_BRANCH, _COURSE_BRANCH, allowed=options),
        width=420,
    )
    if name != _FREE:
        branch = branches[name]
        reduced = st.slider(
            tr("Channels that the 1×1 convolution leaves"),
            1,
            branch.channels,
            key=state.remember(f"{Key.BOTTLENECK_LEFT}{name}", branch.reduced, in_url=False),
            help=tr(
                "GoogLeNet leaves {reduced} of {channels}.",
                reduced=branch.reduced,
                channels=branch.channels,
            ),
        )
        return bottleneck(
            branch.height, branch.width, branch.channels, reduced, branch.outputs, branch.kernel
        )
    columns = st.columns(5, gap="medium")
    inputs = (
        (Key.BOTTLENECK_SIDE, tr("Side of the maps"), 28),
        (Key.BOTTLENECK_CHANNELS_IN, tr("Channels in"), 192),
        (Key.BOTTLENECK_CHANNELS_LEFT, tr("Channels left"), 16),
        (Key.BOTTLENECK_CHANNELS_OUT, tr("Channels out"), 32),
        (Key.BOTTLENECK_KERNEL, tr("Large kernel k"), 5),
    )
    values = []
    for column, (key, title, first) in zip(columns, inputs, strict=True):
        with column:
            values.append(int(st.number_input(title, 0, 4096, key=state.remember(key, first))))
    side, channels, reduced, outputs, kernel = values
    return bottleneck(side, side, channels, reduced, outputs, kernel)


def _branch_title(name: str, branch: Bottleneck) -> str:
    module = name.split(".")[0].removeprefix("inception")
    kernel = f"{branch.kernel}×{branch.kernel}"
    return f"Inception {module}: {branch.channels} → {branch.reduced} → {kernel} → {branch.outputs}"


def _draw_every_module() -> None:
    st.header(tr("What the 1×1 layers save in every Inception module"), anchor=False)
    name = one_of(trp("of which network", "Of"), _FORMS, Key.BOTTLENECK_SAVING, "googlenet-2015")
    modules = inception_modules(cache.costs(name))
    charts.draw(
        figures.module_savings(modules),
        config=theme.save_as("savings"),
        key="course_savings",
    )
    st.markdown(findings.modules_text(modules))
    how_we_know("macs", "bottleneck")
