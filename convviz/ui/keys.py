"""The strings that are global to the app: names of remembered values, session entries, components.

Streamlit files all of them by name alone, for every page at once: two pages that use one name for
two things overwrite each other's value. So each name is a member here, and no literal elsewhere.
"""

from __future__ import annotations

from enum import StrEnum, unique
from typing import TypeVar

Value = TypeVar("Value", str, int, float, bool)  # what can be remembered and stand in the URL


@unique
class Key(StrEnum):
    """What is remembered across pages; the value is the name in the URL, so it never changes.

    A member whose value ends in an underscore is the beginning of several keys.
    """

    # Every page
    IMAGE = "image"
    NETWORK = "network"
    WEIGHTS = "weights"
    LAYER = "layer"
    CHANNEL = "channel"
    JOB = "job"

    # Activations
    ACTIVATIONS_VIEW = "view"
    THRESHOLD = "tau"
    ORDER = "order"
    SHOW = "show"
    CONTRAST = "contrast"
    COLOURS = "colours"
    BLEND = "blend"

    # Activations, one channel
    QUESTION = "question"
    POSITION = "position"
    WAY = "way"
    MEASURE = "measure"
    SYNTHESIS_TARGET = "target"
    SYNTHESIS_STEPS = "synthesis_steps"
    SYNTHESIS_SEED = "synthesis_seed"
    SET = "set"
    SET_COUNT = "set_count"
    SILENCE_MODE = "silence_mode"
    SILENCE_DEEPER = "silence_deeper"

    # Activations, compare
    ACTIVATIONS_COMPARE = "compare"
    COMPARE_LAYER = "compare_layer"
    COMPARE_NETWORK = "compare_network"
    SECOND_IMAGE = "beside"

    # Filters
    FILTERS_VIEW = "filters_view"
    FILTER_ORDER = "filter_order"
    FILTER_LOOK = "filter_look"
    FILTER_INPUT = "filter_input"
    FILTER_PAGE = "filter_page"
    SLICE_PAGE = "slice_page"
    FILTERS_ONE_SCALE = "filters_one_scale"

    # Architectures
    ARCHITECTURES_VIEW = "architectures"
    COMPARED_NETWORKS = "compared"
    COMPARED_SIDE = "side"
    COMPARED_AXIS = "axis"
    FORM = "form"
    FORM_SIDE = "side_"  # and the form
    ROW = "row"
    PAPER = "paper"
    LESSON = "lesson"

    # Architectures, lessons
    SLIDING_LENGTH = "n"
    SLIDING_KERNEL = "k"
    SLIDING_STRIDE = "s"
    SLIDING_PADDING = "p"
    SLIDING_DILATION = "d"
    STACKED_KERNEL = "large"
    STACKED_WIDTH = "width"
    INCEPTION_MODULE = "module"
    BOTTLENECK_BRANCH = "branch"
    BOTTLENECK_LEFT = "left_"  # and the branch
    BOTTLENECK_SIDE = "side_maps"
    BOTTLENECK_CHANNELS_IN = "channels_in"
    BOTTLENECK_CHANNELS_LEFT = "channels_left"
    BOTTLENECK_CHANNELS_OUT = "channels_out"
    BOTTLENECK_KERNEL = "kernel_large"
    BOTTLENECK_SAVING = "saving"
    AUXILIARY_FORM = "trained_form"
    AUXILIARY_FIRST_WEIGHTS = "first_weights"

    # Reconstruction
    SERIES = "series"
    SECONDS = "seconds"
    OPTIMIZER = "optimizer"
    LEARNING_RATE = "learning_rate"
    DECAY = "decay"
    TOTAL_VARIATION = "total_variation"
    START_FROM = "start_from"
    SEED = "seed"
    MOST_STEPS = "most_steps"
    PRECISION = "precision"

    # Transfer learning
    SCENARIO = "scenario"
    TRAINING_SECONDS = "training_seconds"
    TRANSFER_COMPARE = "transfer_compare"
    FINE_TUNE_SECONDS = "fine_tune_seconds"
    FINE_TUNE_RATE = "fine_tune_rate"

    # Transfer learning, Training, Auxiliary classifiers
    DATA = "data"
    DATA_COUNT = "pictures"

    # Training
    WATCH = "watch"
    RECORDED_LAYER = "recorded_layer"
    RECORDED_MOMENT = "moment"
    LIVE_DEPTH = "live_depth"
    LIVE_WIDTH = "live_width"
    LIVE_SECONDS = "live_seconds"
    LIVE_RATE = "live_rate"
    LIVE_NORM = "live_norm"
    LIVE_LAYER = "live_layer"

    # Auxiliary classifiers; the lesson of Architectures shares weight and seed
    AUXILIARY_WEIGHT = "aux_weight"
    AUXILIARY_START = "aux_start"
    AUXILIARY_NORM = "aux_norm"
    AUXILIARY_RATE = "aux_rate"
    AUXILIARY_STEPS = "aux_steps"
    AUXILIARY_SEED = "aux_seed"


@unique
class Entry(StrEnum):
    """Entries of Streamlit's session state that are not widgets; they last as long as the visit."""

    VISIT = "convviz.visit"
    VISITOR = "convviz.visitor"
    JOBS = "convviz.jobs"  # and the page and what it holds
    RESULTS = "convviz.results"
    PATCH_CUTS = "convviz.inspector.cuts"
    IMAGE_SET = "convviz.inspector.set"
    SILENCED_FOR = "silenced_for"
    COMPARE_RIGHT = "convviz.compare_right"
    SECOND_IMAGE = "convviz.second_image"
    SECOND_IMAGE_REFUSAL = "convviz.second_image_refusal"
    TRAINING_ZIP = "convviz.training_zip"
    LIVE_MOMENT = "convviz.live_at"


@unique
class Component(StrEnum):
    """Browser components; the server has one registry, where a later one replaces an earlier.

    The files of a component in components/ have the name of its member, in lower case.
    """

    ADDRESS = "convviz_address"
    VISITOR = "convviz_visitor"
    STORE = "convviz_store"
    CHANNEL_GRID = "convviz_channel_grid"
    POSITION_MAP = "convviz_field"
    DRAWING = "convviz_drawing"
    NETWORK_DIAGRAM = "convviz_network_diagram"
    RECEPTIVE_FIELD = "convviz_receptive_field"
    SLIDING_KERNEL = "convviz_sliding_kernel"
    FILM = "convviz_film"


def read(text: str, like: Value) -> Value | None:
    """Read a value of the same type as `like`; None if the text is none."""
    kind = type(like)
    if kind is bool:
        return {"True": True, "False": False}.get(text)
    try:
        return kind(text)
    except ValueError:
        return None


def of_type(value: object, like: Value) -> Value | None:
    """Return a value of the type of `like`, or None; an int may stand where a float is expected."""
    if isinstance(value, bool) != isinstance(like, bool):
        return None
    if isinstance(like, float) and isinstance(value, int):
        return type(like)(value)
    return value if isinstance(value, type(like)) else None
