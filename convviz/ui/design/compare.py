"""Train two designs on the same images, and compare them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from convviz.datasets.labelled_set import Dataset
from convviz.errors import ConvvizError, RecordingError
from convviz.figures import design_comparison as figures
from convviz.figures import theme
from convviz.formatting import decimals, grouped, percent
from convviz.jobs.job import JobView
from convviz.language import again, tr
from convviz.learning import design_findings as results
from convviz.learning import design_record
from convviz.learning.design_comparison import compare_designs
from convviz.learning.design_results import DesignComparison, DesignSettings
from convviz.learning.design_training import saved
from convviz.networks.design import Design
from convviz.networks.design_changes import CHANGES
from convviz.networks.design_code import torch_code
from convviz.networks.design_module import place_blocks
from convviz.networks.design_reading import MOST_CHARACTERS
from convviz.networks.design_starts import SMALL, start
from convviz.structure.design_costs import count_design
from convviz.ui import charts, datasets, design_task, errors, exports, jobs, state, tables
from convviz.ui.design import film, findings
from convviz.ui.design.settings import settle, too_long
from convviz.ui.how_we_know import how_we_know
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Key
from convviz.ui.questions import predict
from convviz.weights import trained

_AT_HAND, _TEXT, _CHANGE = "at-hand", "text", "change-"
_USUAL_DATA = "distant-marks"


def draw(at_hand: Design | None) -> None:
    """Draw the two designs, how they are trained, and the job.

    Args:
        at_hand: The design that the page holds; None if it cannot be read.
    """
    page_jobs = jobs.page_jobs("design", can_share=True, holds="nothing")
    view = page_jobs.find()
    if (
        view is not None
        and not (view.live or view.handed_on)  # the visitor's own run alone answers the prediction
        and view.about
        and view.newest is not None
    ):
        design_task.keep(view.about, view.newest)
    waits = view is None or view.state == "queued"
    if waits:
        st.markdown(findings.two_designs())
        st.markdown(
            tr(
                "**Make design A better:** choose what design B changes, say what will happen, and "
                "train both."
            )
        )
    left, right = st.columns(2, gap="large")
    with left:
        first = _choose("A", at_hand, Key.DESIGN_A, _AT_HAND)
    with right:
        second = _choose("B", at_hand, Key.DESIGN_B, f"{_CHANGE}{design_task.CHANGE}")
    if first and second and (warning := findings.sides_differ(first, second)):
        st.warning(warning, icon=":material/photo_size_select_small:")
    with st.expander(tr("Pictures to learn from"), expanded=waits):
        dataset = datasets.choose(_USUAL_DATA)
    settings = settle("train")
    designs = tuple(design for design in (first, second) if design is not None)
    refusal = _refusal(designs, dataset, settings) if dataset is not None else ""
    if refusal:
        st.error(state.plain(refusal), icon=":material/error:")
    if len(designs) == 2 and not refusal:
        _ask(*designs)
    with st.container(horizontal=True, vertical_alignment="center", key="design_train_row"):
        page_jobs.start_button(
            tr("Start"),
            view,
            ready=dataset is not None and len(designs) == 2 and not refusal,
            on_click=_start,
            args=(page_jobs, designs, dataset, settings),
        )
        if dataset is not None:
            st.caption(findings.in_short(settings, state.plain(dataset.name)))
    if view is not None:
        _draw_job(page_jobs, view)
    page_jobs.draw_shared(view)
    if waits:
        _draw_recorded()
    how_we_know("design_accuracy", "paired_seeds", "gradient_norm", "guessing")


def _ask(first: Design, second: Design) -> None:
    """Let the visitor say what will happen; once a run of the two has ended, say whether it did."""
    pair = design_task.pair_of(first, second)
    predict(
        design_task.QUESTION,
        lambda: design_task.answer(pair),
        design_task.context(pair),
        design_task.answered(),
        design_task.judged(),
        tr("Predict"),
    )


def _draw_recorded() -> None:
    """Draw the comparison that comes with convviz: what a large receptive field is worth."""
    try:
        recorded = design_record.read()
    except RecordingError as error:
        st.info(str(error), icon=":material/play_arrow:")
        return
    st.header(tr("Recorded: a small and a large receptive field"), anchor=False)
    st.caption(findings.recorded(recorded))
    _draw_verdict(recorded)
    _draw_accuracies(recorded)
    _draw_table(recorded)


def _choose(label: str, at_hand: Design | None, key: Key, usual: str) -> Design | None:
    """Choose a design; None while there is none."""
    options = {_AT_HAND: tr("The design at hand")}
    options |= {
        f"{_CHANGE}{each.key}": tr("At hand, but: {title}", title=tr(each.title))
        for each in CHANGES
    }
    options |= {name: start(name).name for name in SMALL} | {_TEXT: tr("A text")}
    kind = st.selectbox(
        tr("Design {label}", label=label),
        options,
        format_func=options.__getitem__,
        key=state.remember(key, usual, allowed=options),
    )
    try:
        if kind == _TEXT:
            design = _typed(label)
        elif kind.startswith(_CHANGE):
            design = at_hand and design_task.changed(at_hand, kind.removeprefix(_CHANGE))
        else:
            design = at_hand if kind == _AT_HAND else start(kind)
        if design is None:
            st.caption(tr("There is no design yet."))
            return None
        st.caption(findings.seen_and_counted(count_design(design)))
    except ConvvizError as error:
        st.error(state.plain(str(error)), icon=":material/error:")
        return None
    return design


def _typed(label: str) -> Design | None:
    text = st.text_area(
        tr("Text of design {label}", label=label),
        key=f"design_train_text_{label.lower()}",
        max_chars=MOST_CHARACTERS,
        height=200,
        placeholder="input 3x32x32\nconv 16 3x3 p1\nrelu\ngap\nfc 10",
    )
    return Design.parse(text, f"Text {label}") if text.strip() else None


def _refusal(designs: tuple[Design, ...], dataset: Dataset, settings: DesignSettings) -> str:
    """Say why the designs cannot be trained so; empty if they can."""
    refusal = too_long(settings, 2)
    if refusal:
        return refusal
    try:
        compare_designs(designs, dataset, settings)  # it checks its arguments at the call
    except ConvvizError as error:
        return str(error)
    return ""


def _start(
    page_jobs: PageJobs, designs: tuple[Design, ...], dataset: Dataset, settings: DesignSettings
) -> None:
    first, second = (state.shorten(design.name or tr("design"), 24) for design in designs)
    seconds = settings.seconds or 2.0 * (settings.epochs or 1)
    page_jobs.start(
        compare_designs,
        title=tr(
            "{first} and {second} on {dataset}",
            first=first,
            second=second,
            dataset=state.shorten(dataset.name),
        ),
        seconds=len(designs) * settings.seeds * seconds,
        about=design_task.pair_of(*designs),
        designs=designs,
        dataset=dataset,
        settings=settings,
    )


def _draw_job(page_jobs: PageJobs, view: JobView) -> None:
    comparison: DesignComparison | None = view.newest
    page_jobs.show(
        view,
        live=lambda view: _draw_live,
        ended=lambda view: _draw_ended(view.newest, is_own=not view.handed_on),
        ready=tr("Reading the pictures…"),
        note=again((comparison.note if comparison else "") or view.note),
    )


def _draw_live(view: JobView) -> None:
    """Draw trainings that go on; called about once a second, so it must stay cheap."""
    comparison: DesignComparison = view.newest
    jobs.progress(view, state.plain(findings.progress(comparison)), comparison.most_seconds)
    charts.draw(
        figures.curves(comparison),
        config=theme.save_as("designs-curves"),
        key="design_train_live_curves",
    )


@errors.fragment
def _draw_ended(comparison: DesignComparison, *, is_own: bool) -> None:
    """Draw what the trainings reached; only one's own networks go on to the other pages."""
    _draw_verdict(comparison)
    _draw_accuracies(comparison)
    _draw_table(comparison)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(tr("**Validation accuracy** while they learned"))
        charts.draw(
            figures.curves(comparison),
            config=theme.save_as("designs-curves"),
            key="design_train_ended_curves",
        )
    with right:
        if any(result.gradients for result in comparison.results):
            st.markdown(
                tr("**Gradient norms by layer**, before and after the first seed's training")
            )
            charts.draw(
                figures.gradients(comparison),
                config=theme.save_as("designs-gradients"),
                key="design_train_gradients",
            )
    for result in comparison.results:
        if text := results.dead_relus(result):
            st.caption(state.plain(text))
    film.draw(comparison)
    _draw_files(comparison, is_own=is_own)


def _draw_verdict(comparison: DesignComparison) -> None:
    st.markdown(f"**{state.plain(results.design_verdict(comparison))}**")
    st.caption(state.plain(results.design_baselines(comparison)))
    if text := results.diverged_designs(comparison):
        st.warning(state.plain(text), icon=":material/warning:")


def _draw_accuracies(comparison: DesignComparison) -> None:
    """Draw every seed's accuracy, and the differences with their interval."""
    paired = comparison.interval
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(tr("**Test accuracy**, every seed"))
        charts.draw(
            figures.accuracies(comparison),
            config=theme.save_as("designs-accuracy"),
            key="design_train_accuracy",
        )
    with right:
        if paired is not None:
            st.markdown(tr("**Difference**, seed by seed, and the mean with its 95 % interval"))
            charts.draw(
                figures.differences(comparison, paired),
                config=theme.save_as("designs-difference"),
                key="design_train_difference",
            )


def _draw_table(comparison: DesignComparison) -> None:
    rows = []
    for result in comparison.results:
        seconds = result.seconds_per_epoch
        rows.append(
            {
                tr("design"): result.name,
                tr("mean test accuracy"): ""
                if result.accuracy is None
                else percent(result.accuracy, 1),
                tr("seeds"): len(result.complete),
                tr("parameters"): grouped(result.parameters),
                tr("auxiliary"): grouped(result.auxiliary_parameters),
                "MACs": grouped(result.macs),
                tr("seconds an epoch"): "" if seconds is None else decimals(seconds),
                # A recorded comparison has no curves, and was as long as its settings say.
                tr("epochs"): ", ".join(
                    str(run.points[-1].epoch) for run in result.runs if run.points
                )
                or str(comparison.settings.epochs or ""),
            }
        )
    tables.draw(tables.of_rows(rows), key="design_train_table")
    if text := results.outputs_of_designs(comparison):
        st.caption(state.plain(text))


def _draw_files(comparison: DesignComparison, *, is_own: bool) -> None:
    """Let the trained networks be saved, and one's own be used on other pages."""
    visitors = state.visit().trained
    with st.container(horizontal=True, gap="small", key="design_train_save"):
        for number, result in enumerate(comparison.results):
            network = trained.find(result.source) if result.source else None
            if network is None:
                continue
            if is_own and result.source not in visitors:
                visitors.append(result.source)
            exports.save_button(
                f"{findings.design_label(number, result.name)} (safetensors)",
                partial(saved, result),
                f"{network.name}.safetensors",
                key=f"design_train_save_{number}",
                help=tr("The network that the first seed trained, with the text of its design."),
            )
            exports.save_button(
                f"{findings.design_label(number, result.name)} (Python)",
                partial(_code, result.design),
                exports.safe_name(result.name, ending="py"),
                key=f"design_train_code_{number}",
                help=tr("What was trained as a Python file; its load_weights opens the other file"),
            )
        exports.save_button(
            tr("Results (CSV)"), _csv(comparison), "designs.csv", key="design_train_save_results"
        )
    if is_own and any(result.source for result in comparison.results):
        st.caption(findings.on_other_pages())


def _code(design: Design) -> str:
    return torch_code(place_blocks(design))


def _csv(comparison: DesignComparison) -> str:
    header = (
        *("design", "seed", "test_accuracy", "validation_accuracy", "epochs", "steps", "seconds"),
        *("ending", "parameters", "macs"),
    )
    rows: list[list[object]] = []
    for result in comparison.results:
        for run in result.runs:
            last = run.points[-1] if run.points else None
            rows.append(
                [
                    *(result.name, run.seed, run.accuracy if run.correct else ""),
                    *(last.accuracy if last else "", last.epoch if last else "", run.steps),
                    *(f"{run.seconds:.3f}", run.ending or "", result.parameters, result.macs),
                ]
            )
    return exports.table(header, rows)
