"""The command line that makes again what a page shows: its choices, or the result of a run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, get_args

from convviz.images.samples import samples
from convviz.language import later
from convviz.ui.choice import Choice, ChosenImage
from convviz.ui.keys import Key

if TYPE_CHECKING:
    from convviz.reconstruction.progress import Subject

FILE = "FILE"
"""Stands for a file that the command cannot name."""

ABOUT_FILE = later(
    "Write in the place of {file} the name of the file that you saved of these weights, or opened."
)
"""What a page says of such a command, with `FILE` for {file}."""

NONE = later("No command line makes this view: open the page by the link.")
NONE_FOR_RECORDED = later(
    "No command line makes this view: it shows a training that was recorded once, and comes with "
    "convviz."
)
NONE_FOR_TRAINING = later(
    "No command line makes this view: the small networks on this page are trained on the page "
    "alone. Open it by the link, and press Start with these settings."
)

_PROGRAM = ("python", "-m", "convviz")
_GRID = (
    ("--threshold", Key.THRESHOLD),
    ("--order", Key.ORDER),
    ("--show", Key.SHOW),
    ("--contrast", Key.CONTRAST),
    ("--colormap", Key.COLOURS),
)
_ONE_LAYER = "This layer"  # the view that the command makes
_SHEET = ("--order", "norm", "--most", "64")  # as Filters lays out kernels beside others
_NUMBERED = re.compile(r"(.+) \((\d+)\)")  # what Evidence calls a class that shares its name
_USUAL_METHOD = "gradcam"

# Options of `reconstruct` and `amplify`: the field of the settings, and where the page keeps it.
_RECONSTRUCT = {
    "seconds": ("--seconds", Key.SECONDS),
    "steps": ("--steps", Key.MOST_STEPS),
    "seed": ("--seed", Key.SEED),
    "optimizer": ("--optimizer", Key.OPTIMIZER),
    "learning_rate": ("--learning-rate", Key.LEARNING_RATE),
    "decay": ("--decay", Key.DECAY),
    "tv": ("--tv", Key.TOTAL_VARIATION),
    "start": ("--start", Key.START_FROM),
    "precision": ("--precision", Key.PRECISION),
}
_AMPLIFY = {
    "channel": ("--channel", Key.AMPLIFY_CHANNEL),
    "octaves": ("--octaves", Key.OCTAVES),
    "strength": ("--strength", Key.STRENGTH),
    "seconds": ("--seconds", Key.SECONDS),
    "seed": ("--seed", Key.SEED),
}


def of_page(
    title: str, choice: Choice, address: Mapping[str, str], values: Mapping[str, object]
) -> str:
    """Write the command for what is chosen on a page; "" where none makes what it shows.

    Args:
        title: The page's title.
        choice: The sidebar's choices.
        address: What is chosen on the page, by the names of a link's parameters.
        values: What is remembered of it, also what no link carries or is as usual.
    """
    if title == "Activations":
        return _activations(choice, address)
    if title == "Evidence":
        return _evidence(choice, address)
    if title == "Reconstruction":
        return _reconstruction(choice, address, values)
    if title == "Architectures":
        return _architectures(choice, address, values)
    if title == "Design":
        return _design(address, values)
    if title == "Transfer learning":
        return _transfer(choice, address, values)
    if title == "Filters":
        return _filters(choice, address, values)
    if title == "Home":
        return _joined("overview", *_chosen(choice))
    return ""


def why_none(title: str, address: Mapping[str, str]) -> str:
    """Say why no command makes what a page shows; a message.

    Args:
        title: The page's title.
        address: What is chosen on the page, by the names of a link's parameters.
    """
    if title == "Training" and address.get(Key.WATCH, "recorded") == "recorded":
        return NONE_FOR_RECORDED
    return NONE_FOR_TRAINING if title in ("Training", "Auxiliary classifiers") else NONE


def of_run(result: object) -> str:
    """Write the command for the result of a run; "" where none makes it.

    A series has one for each of its images, in lines of their own.

    Args:
        result: The newest item of the run's work.
    """
    from convviz.reconstruction.progress import (
        AmplifyProgress,
        ReconstructionProgress,
        SeriesProgress,
    )

    if isinstance(result, SeriesProgress):
        numbered = enumerate(result.runs, start=1)
        return "\n".join(
            _made("reconstruct", run.subject, run.config, _RECONSTRUCT, f"image-{number}.png")
            for number, run in numbered
        )
    if isinstance(result, AmplifyProgress):
        return _made("amplify", result.subject, result.config, _AMPLIFY)
    if not isinstance(result, ReconstructionProgress) or not isinstance(result.config.start, str):
        return ""
    is_continued = result.result is not None and result.result.steps != result.step
    return "" if is_continued else _made("reconstruct", result.subject, result.config, _RECONSTRUCT)


def is_file(source: str) -> bool:
    """Tell whether weights are those of a file, or were trained here: no command names them."""
    from convviz.weights.trained import PREFIX

    return source.startswith(PREFIX)


def sample_called(title: str) -> str:
    """Return the name of the sample photograph with this title; "" if it is none's."""
    return next((sample.name for sample in samples() if sample.title == title), "")


def _activations(choice: Choice, address: Mapping[str, str]) -> str:
    if address.get(Key.ACTIVATIONS_VIEW, _ONE_LAYER) != _ONE_LAYER:
        return ""
    words = ["activations", *_chosen(choice), *_layer(choice)]
    for option, key in _GRID:
        if value := address.get(key):
            words += _option(option, value)
    return _joined(*words, "--out", "grid.png")


def _filters(choice: Choice, address: Mapping[str, str], values: Mapping[str, object]) -> str:
    """Write a command for each sheet of kernels that the open view shows."""
    from convviz.errors import SettingError
    from convviz.features import filters as features

    view = address.get(Key.FILTERS_VIEW, _ONE_LAYER)
    if view == "First layers":
        return _first_layers(choice, values)
    network = choice.loaded
    layer = None if network is None else features.convolution_for(network, choice.layer)
    if network is None or layer is None:
        return ""
    first = features.first_with_pattern(network)
    is_own = address.get(Key.FILTER_OWN) == "True"
    if first is not None and not is_own and not features.has_pattern_in_space(network, layer):
        layer = first
    words = ["filters", *_network(network.name, network.weights.source), "--layer", layer.name]
    if view == _ONE_LAYER:
        words += _given("--order", address.get(Key.FILTER_ORDER))
        if address.get(Key.FILTER_LOOK) == "One input channel":
            words += ["--input-channel", address.get(Key.FILTER_INPUT, "0")]
        return _joined(*words, "--out", "filters.png")
    try:
        filters = features.filters(network, layer)
    except SettingError:  # the page says why it cannot draw them
        return ""
    bound = max(filters.reach, features.untrained_like(filters).reach)
    words += [*_SHEET, "--scale", repr(bound)]
    trained = _joined(*words, "--out", "filters-1.png")
    return f"{trained}\n{_joined(*words, '--untrained', '--out', 'filters-2.png')}"


def _first_layers(choice: Choice, values: Mapping[str, object]) -> str:
    from convviz.errors import ConvvizError
    from convviz.features import filters as features
    from convviz.networks.catalogue import COURSE
    from convviz.ui import cache

    shown = []
    for name in COURSE:
        with suppress(ConvvizError):  # the page says why its kernels are not shown
            is_chosen = name == choice.network_name and choice.loaded is not None
            used = choice.network if is_chosen else cache.network(name, "auto")
            shown.append((used, features.filters(used, features.filter_layers(used)[0])))
    largest = max((filters.reach for _, filters in shown), default=1.0)
    scale = ["--scale", repr(largest)] if values.get(Key.FILTERS_ONE_SCALE) else []
    return "\n".join(
        _joined(
            *("filters", *_network(used.name, used.weights.source), *_SHEET, *scale),
            *("--out", f"filters-{number}.png"),
        )
        for number, (used, _) in enumerate(shown, start=1)
    )


def _evidence(choice: Choice, address: Mapping[str, str]) -> str:
    from convviz.features.grad_cam import CamMethod, is_grid

    if address.get(Key.EVIDENCE_VIEW) in ("A worse image", "Two networks"):
        return ""
    words = ["evidence", *_chosen(choice)]
    explained, other = address.get(Key.EVIDENCE_CLASS, ""), address.get(Key.EVIDENCE_AGAINST, "")
    method = address.get(Key.EVIDENCE_METHOD, _USUAL_METHOD)
    if explained:
        words += _option("--class", _class(choice, explained))
    if other and other != explained:  # a class is not compared with itself
        words += _option("--against", _class(choice, other))
    words += ["--method", method]
    if method in get_args(CamMethod) and choice.layer is not None and is_grid(choice.layer.shape):
        words += _layer(choice)
    return _joined(*words, "--out", "map.png")


def _class(choice: Choice, name: str) -> str:
    """Write a class so that the command finds the same; of several with one name, its number."""
    from convviz.features.predictions import class_name

    numbered = _NUMBERED.fullmatch(name)
    if numbered is None:
        return name
    classes, index = choice.network.weights.classes, int(numbered[2])
    is_its = index < len(classes) and class_name(classes, index) == numbered[1]
    return str(index) if is_its else name


def _reconstruction(
    choice: Choice, address: Mapping[str, str], values: Mapping[str, object]
) -> str:
    made = {"layer": "reconstruct", "amplify": "amplify"}.get(address.get(Key.SERIES, ""))
    if made is None:  # a series: no one command makes several images
        return ""
    options = _RECONSTRUCT if made == "reconstruct" else _AMPLIFY
    settings = {name: values.get(key) for name, (_, key) in options.items()}
    if address.get(Key.AMPLIFY) != "channel":
        settings.pop("channel", None)
    words = [*_chosen(choice), *_layer(choice), *_settings(made, settings, options)]
    return _joined(made, *words, "--out", "image.png")


def _architectures(choice: Choice, address: Mapping[str, str], values: Mapping[str, object]) -> str:
    from convviz.ui import cache

    view = address.get(Key.ARCHITECTURES_VIEW, "compare")
    if view == "layers":
        forms = {form.key: form for form in cache.forms(choice.network_name)}
        form = forms.get(address.get(Key.FORM, ""), forms["torchvision"])
        if form.key == "paper":  # the command counts networks that can be built
            return ""
        side = values.get(f"{Key.FORM_SIDE}{form.key}", form.input_size)
        return _joined("costs", form.name, "--input-size", str(side), "--per-layer")
    networks = str(values.get(Key.COMPARED_NETWORKS, "")).split(",")
    side = values.get(Key.COMPARED_SIDE)
    size = side if isinstance(side, int) else None
    counted = [name for name in networks if name and _fits(name, size)]
    if view != "compare" or not counted:
        return ""
    return _joined("costs", *counted, *_given("--input-size", size))


def _fits(network: str, side: int | None) -> bool:
    """Tell whether a network takes images of this size; the page leaves out one that does not."""
    from convviz.errors import SettingError
    from convviz.ui import cache

    try:
        cache.costs(network, side)
    except SettingError:
        return False
    return True


def _design(address: Mapping[str, str], values: Mapping[str, object]) -> str:
    from convviz.networks.design_starts import FIRST, STARTS

    view, link = address.get(Key.DESIGN_VIEW, "build"), address.get(Key.DESIGN, FIRST)
    if link not in STARTS or view == "sweep":  # an own text has no name that a command could give
        return ""
    if view == "build":
        return _joined("design", f"start:{link}")
    chosen = [str(values.get(key, "")) for key in (Key.DESIGN_A, Key.DESIGN_B)]
    names = [link if name == "at-hand" else name for name in chosen]
    if not set(names) <= set(STARTS):
        return ""
    words = _trained_on(values)
    if not words:
        return ""
    length = Key.DESIGN_EPOCHS if values.get(Key.DESIGN_EQUAL) == "epochs" else Key.DESIGN_SECONDS
    option = "--epochs" if length == Key.DESIGN_EPOCHS else "--seconds"
    return _joined(
        *("design", *(f"start:{name}" for name in names), "--train", *words),
        *_given(option, values.get(length)),
        *_given("--seeds", values.get(Key.DESIGN_SEEDS)),
        *_given("--rate", values.get(Key.DESIGN_RATE)),
    )


def _transfer(choice: Choice, address: Mapping[str, str], values: Mapping[str, object]) -> str:
    words = _trained_on(values)
    if not words:
        return ""
    source = None if choice.loaded is None else choice.loaded.weights.source
    words += _network(choice.network_name, source)
    if address.get(Key.TRANSFER_VIEW) == "separate":
        return _joined("separation", *words)
    return _joined(
        *("train", *words),
        *_given("--scenario", values.get(Key.SCENARIO)),
        *_given("--seconds", values.get(Key.TRAINING_SECONDS)),
        *(["--augment"] if values.get(Key.AUGMENT) else []),
    )


def _trained_on(values: Mapping[str, object]) -> list[str]:
    """Write the pictures that a page trains on; [] for a visitor's own, which have no name."""
    from convviz.datasets.generated import GENERATED
    from convviz.datasets.published import SETS

    data = str(values.get(Key.DATA, ""))
    if data in GENERATED:
        return [data]
    return [data, *_given("--pictures", values.get(Key.DATA_COUNT))] if data in SETS else []


def _given(option: str, value: object) -> list[str]:
    """Write an option where it has a value."""
    return [] if value is None else [option, _number(value)]


def _made(
    name: str,
    subject: Subject,
    config: object,
    options: Mapping[str, tuple[str, Key]],
    target: str = "image.png",
) -> str:
    """Write the command of a run with its own image, network, layer and settings."""
    sample = sample_called(subject.image)
    image = f"sample:{sample}" if sample else _file(subject.image)
    settings = {field: getattr(config, field) for field in options}
    return _joined(
        *(name, image, *_network(subject.network_name, subject.weights_source)),
        *("--layer", subject.layer, *_settings(name, settings, options), "--out", target),
    )


def _settings(
    name: str, settings: Mapping[str, Any], options: Mapping[str, tuple[str, Key]]
) -> list[str]:
    """Write the settings that are made, but for those of the optimiser that are as usual."""
    from convviz.reconstruction.config import ReconstructionConfig

    usual = ReconstructionConfig() if name == "reconstruct" else None
    words: list[str] = []
    for field, value in settings.items():
        is_usual = usual is not None and field != "seed" and value == getattr(usual, field)
        if value is not None and not is_usual:
            words += _option(options[field][0], _number(value))
    return words


def _number(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


def _chosen(choice: Choice) -> list[str]:
    source = None if choice.loaded is None else choice.loaded.weights.source
    return [_image(choice.image), *_network(choice.network_name, source)]


def _image(image: ChosenImage) -> str:
    return f"sample:{image.name}" if image.origin == "sample" else _file(image.name)


def _file(name: str) -> str:
    """Return a file's name so that it is taken for no option."""
    return f"./{name}" if name.startswith("-") else name


def _network(name: str, source: str | None) -> list[str]:
    words = ["--network", name]
    if source is None:
        return words
    return [*words, "--weights", FILE if is_file(source) else source]


def _layer(choice: Choice) -> list[str]:
    return [] if choice.layer is None else ["--layer", choice.layer.name]


def _option(option: str, value: str) -> Sequence[str]:
    """Write an option; a value that begins like one is tied to it."""
    return (f"{option}={value}",) if value.startswith("-") else (option, value)


def _joined(*words: str) -> str:
    return shlex.join((*_PROGRAM, *words))
