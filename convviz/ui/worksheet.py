"""A worksheet of any page: what it is about, its questions, and what makes it again.

While a page shows a run, the sidebar may have gone on to another image or layer, and a run that is
shared was somebody else's: then the sheet is about what the run itself says it was made from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from convviz.formatting import called
from convviz.jobs.job import JobView
from convviz.language import again, later, numeral, tr
from convviz.ui import commands, exports, navigation, page_questions, state
from convviz.ui.choice import Choice
from convviz.ui.components.worksheet import worksheet
from convviz.ui.keys import Key
from convviz.ui.sidebar.image import OWN, of_sample
from convviz.ui.tools import NOT_IN_LINKS, WORKSHEET

if TYPE_CHECKING:
    from convviz.reconstruction.amplify import AmplifyConfig
    from convviz.reconstruction.config import ReconstructionConfig
    from convviz.reconstruction.progress import Subject

_NOT_IN_LINKS: dict[str, str | None] = dict.fromkeys(NOT_IN_LINKS)
_BRING_IMAGE = later(
    "The link does not carry the image, which is no sample photograph: bring it again, "
    "with “Change image” in the sidebar."
)
_OPEN_WEIGHTS = later(
    "The link does not carry these weights: open the file that you saved of them, in the sidebar."
)
_STARTS = {"noise": later("noise"), "grey": later("grey")}


@dataclass(frozen=True)
class Sheet:
    """What a worksheet says beside the page itself.

    Attributes:
        image: What the sidebar's image is called and whom to thank; empty where the page shows
            something else.
        about: What else the page is about, each with its name.
        settings: What a run was made with; None where the page's own widgets say it.
        command: The command line that makes the same; "" where there is none.
        command_note: What the command leaves to fill in.
        link: Parameters that the page's address gets in the link; None takes one out.
        link_note: What the link does not carry.
    """

    image: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] | None = None
    command: str = ""
    command_note: str = ""
    link: Mapping[str, str | None] = field(default_factory=lambda: _NOT_IN_LINKS)
    link_note: str = ""


def give(title: str, choice: Choice | None) -> None:
    """Make the button Worksheet save the page; the shell calls this at the end of each run.

    Args:
        title: The page's title.
        choice: The sidebar's choices; None where the page could not be drawn without more.
    """
    if title not in navigation.NEXT:
        title = navigation.HOME.title
    visit = state.visit()
    asked = [] if visit.asked is None else [visit.asked]
    if choice is not None:
        asked += [
            (tr(each.text), tuple(tr(option) for option in each.options.values()))
            for each, _ in page_questions.questions_of(title, choice)
        ]
    run, visit.shown_run = visit.shown_run, None
    if choice is None:
        sheet = Sheet()
    elif run is None:
        sheet = of_page(title, choice)
    else:
        sheet = of_run(run)
    worksheet(
        button=WORKSHEET,
        name=exports.safe_name("convviz", title.lower(), "worksheet", ending="html"),
        image=sheet.image,
        about=sheet.about,
        questions=asked,
        settings=sheet.settings,
        command=sheet.command,
        command_note=sheet.command_note,
        link=sheet.link,
        link_note=sheet.link_note,
    )


def of_page(title: str, choice: Choice) -> Sheet:
    """Describe a page that shows what is chosen on it.

    Args:
        title: The page's title.
        choice: The sidebar's choices.
    """
    about: dict[str, str] = {}
    network, layer = choice.loaded, choice.layer
    if network is not None:
        about |= {tr("Network"): network.title, tr("Weights"): again(network.weights.title)}
    if layer is not None:
        about[tr("Layer")] = called(layer.title, layer.name)
    visit = state.visit()
    page, address = title, dict(visit.address)
    if visit.further is None:
        made_with = network
        command = commands.of_page(title, choice, address, visit.values)
    else:
        page, further, settings = visit.further
        address, made_with = dict(settings), further.loaded
        command = commands.of_page(page, further, settings, settings)
    of_file, own_weights = (
        each is not None and commands.is_file(each.weights.source) for each in (made_with, network)
    )
    return Sheet(
        image=_image_named(choice.image.title, choice.image.credit),
        about=about,
        command=command,
        command_note=_note(page, address, command=command, of_file=of_file),
        link_note=_not_carried(own_image=choice.image.origin != "sample", own_weights=own_weights),
    )


def of_run(run: JobView) -> Sheet:
    """Describe a page that shows a run, by what the run was made from.

    Args:
        run: The run. Of another than those of Reconstruction nothing is said but its page.
    """
    from convviz.reconstruction import progress

    result = run.newest
    if isinstance(result, progress.SeriesProgress):
        series = result if run.about is None else progress.named_series(result, run.about)
        settings = _reconstruction_settings(series.runs[0].config) if series.runs else {}
        command, link = commands.of_run(series), _link_of_series(series.subjects)
        return _made_from(series.subjects, settings, command, link)
    if isinstance(result, progress.AmplifyProgress):
        amplified = result if run.about is None else progress.named(result, run.about)
        subject, config = amplified.subject, amplified.config
        settings = _amplify_settings(config)
        link = _link_of_network(subject) | _link_of_amplify(config)
        return _made_from([subject], settings, commands.of_run(amplified), link)
    if isinstance(result, progress.ReconstructionProgress):
        one = result if run.about is None else progress.named(result, run.about)
        subject, settings = one.subject, _reconstruction_settings(one.config)
        link = _link_of_network(subject) | {Key.SERIES: "layer"} | _link_of_time(one.config.seconds)
        return _made_from([subject], settings, commands.of_run(one), link)
    return Sheet()


def _made_from(
    subjects: Sequence[Subject], settings: Mapping[str, str], command: str, link: Mapping[str, str]
) -> Sheet:
    """Describe the result of a run.

    Args:
        subjects: What each of its images is about.
        settings: What it was made with.
        command: The command that makes it.
        link: What else the link to its page carries.
    """
    image = subjects[0].image
    sample = commands.sample_called(image)
    is_file = any(commands.is_file(each.weights_source) for each in subjects)
    return Sheet(
        about={
            **_image_named(image, of_sample(sample).credit if sample else ""),
            tr("Network"): _each(each.network for each in subjects),
            tr("Weights"): _each(again(each.weights) for each in subjects),
            tr("Layer"): _each(called(each.layer_title, each.layer) for each in subjects),
        },
        settings=settings,
        command=command,
        command_note=_of_file() if command and is_file else "",
        link={**_NOT_IN_LINKS, Key.IMAGE: sample or OWN, **link},
        link_note=_not_carried(own_image=not sample, own_weights=is_file),
    )


def _reconstruction_settings(config: ReconstructionConfig) -> dict[str, str]:
    from convviz.reconstruction.optimizers import OPTIMIZERS

    return _told(
        {
            tr("Seconds"): config.seconds,
            tr("Steps at most"): config.steps,
            tr("Optimiser"): tr(OPTIMIZERS[config.optimizer].title),
            tr("Learning rate"): config.learning_rate,
            tr("Decay"): config.decay,
            tr("Total variation"): config.tv,
            tr("Start from"): tr(_STARTS[config.start]) if isinstance(config.start, str) else None,
            tr("Seed"): config.seed,
            tr("Precision"): config.precision,
        }
    )


def _amplify_settings(config: AmplifyConfig) -> dict[str, str]:
    return _told(
        {
            tr("Channel"): tr("the whole layer") if config.channel is None else config.channel,
            tr("Octaves"): config.octaves,
            tr("Strength"): config.strength,
            tr("Seconds"): config.seconds,
            tr("Seed"): config.seed,
        }
    )


def _told(settings: Mapping[str, object]) -> dict[str, str]:
    return {
        name: numeral(f"{value:g}") if isinstance(value, float) else str(value)
        for name, value in settings.items()
        if value is not None
    }


def _link_of_network(subject: Subject) -> dict[str, str]:
    return {
        Key.NETWORK: subject.network_name,
        Key.WEIGHTS: subject.weights_source,
        Key.LAYER: subject.layer,
    }


def _link_of_series(subjects: Sequence[Subject]) -> dict[str, str]:
    if len({each.network_name for each in subjects}) > 1:
        return {Key.SERIES: "networks"}
    return {**_link_of_network(subjects[0]), Key.SERIES: "depth"}


def _link_of_amplify(config: AmplifyConfig) -> dict[str, str]:
    what: dict[str, str] = {Key.AMPLIFY: "layer"}
    if config.channel is not None:
        what = {Key.AMPLIFY: "channel", Key.AMPLIFY_CHANNEL: str(config.channel)}
    return {
        Key.SERIES: "amplify",
        **what,
        Key.OCTAVES: str(config.octaves),
        Key.STRENGTH: str(config.strength),
        **_link_of_time(config.seconds),
    }


def _link_of_time(seconds: float | None) -> dict[str, str]:
    return {} if seconds is None else {Key.SECONDS: f"{seconds:.0f}"}


def _image_named(title: str, credit: str) -> dict[str, str]:
    image = {tr("Image"): tr(title) if commands.sample_called(title) else again(title)}
    return image | {tr("Photograph by"): again(credit)} if credit else image


def _each(texts: Iterable[str]) -> str:
    """Write what several runs are about, without saying anything twice."""
    return ", ".join(dict.fromkeys(texts))


def _not_carried(*, own_image: bool, own_weights: bool) -> str:
    """Say what has to be brought to the page that the link opens."""
    notes = ((own_image, _BRING_IMAGE), (own_weights, _OPEN_WEIGHTS))
    return " ".join(tr(note) for is_missing, note in notes if is_missing)


def _note(page: str, address: Mapping[str, str], *, command: str, of_file: bool) -> str:
    """Say what a command leaves to fill in, or why there is none."""
    if not command:
        return tr(commands.why_none(page, address))
    return _of_file() if of_file else ""


def _of_file() -> str:
    return tr(commands.ABOUT_FILE, file=commands.FILE)
