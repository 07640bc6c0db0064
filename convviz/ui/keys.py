"""The strings that are global to the app: names of remembered values, session entries, components.

Streamlit files all of them by name alone, for every page at once: two pages that use one name for
two things overwrite each other's value. So each name is a member here, and no literal elsewhere.
"""

from __future__ import annotations

from enum import StrEnum, unique
from typing import Self, TypeVar

Value = TypeVar("Value", str, int, float, bool)  # what can be remembered and stand in the URL


@unique
class Key(StrEnum):
    """What is remembered across pages; the value is the name in the URL, so it never changes.

    A member whose value ends in an underscore is the beginning of several keys.

    Attributes:
        kind: The type of what is remembered; a string where nothing else is said.
    """

    kind: type

    def __new__(cls, name: str, kind: type = str) -> Self:
        """Make a member that is its name and knows the type of what is remembered under it."""
        key = str.__new__(cls, name)
        key._value_ = name
        key.kind = kind
        return key

    # Every page
    IMAGE = "image"
    NETWORK = "network"
    WEIGHTS = "weights"
    LAYER = "layer"
    CHANNEL = "channel", int
    JOB = "job"
    HANDED_ON = "shared"
    PRESENT = "present", int
    LANGUAGE = "lang"
    ASKED_PAGE = "asked"

    # Activations
    ACTIVATIONS_VIEW = "view"
    THRESHOLD = "tau", float
    ORDER = "order"
    SHOW = "show"
    CONTRAST = "contrast"
    COLOURS = "colours"
    BLEND = "blend", int

    # Activations, one channel
    QUESTION = "question"
    POSITION = "position", tuple
    WAY = "way"
    MEASURE = "measure"
    SYNTHESIS_TARGET = "target"
    SYNTHESIS_STEPS = "synthesis_steps", int
    SYNTHESIS_SEED = "synthesis_seed", int
    SET = "set"
    SET_COUNT = "set_count", int
    SILENCE_MODE = "silence_mode"
    SILENCE_DEEPER = "silence_deeper"

    # Activations, compare
    ACTIVATIONS_COMPARE = "compare"
    COMPARE_LAYER = "compare_layer"
    COMPARE_NETWORK = "compare_network"
    COMPARE_WEIGHTS = "compare_weights"
    SECOND_IMAGE = "beside"

    # Evidence
    EVIDENCE_VIEW = "evidence"
    EVIDENCE_CLASS = "class"
    EVIDENCE_AGAINST = "against"
    EVIDENCE_METHOD = "method"
    EVIDENCE_CURVE = "curve"
    EVIDENCE_NETWORK = "evidence_network"

    # Filters
    FILTERS_VIEW = "filters_view"
    FILTER_ORDER = "filter_order"
    FILTER_LOOK = "filter_look"
    FILTER_INPUT = "filter_input", int
    FILTER_PAGE = "filter_page", int
    SLICE_PAGE = "slice_page", int
    FILTER_OWN = "own_kernels", bool
    FILTERS_ONE_SCALE = "filters_one_scale", bool

    # Architectures
    ARCHITECTURES_VIEW = "architectures"
    COMPARED_NETWORKS = "compared"
    COMPARED_SIDE = "side", int
    COMPARED_AXIS = "axis"
    FORM = "form"
    FORM_SIDE = "side_", int  # and the form
    ROW = "row"
    PAPER = "paper"

    # Course
    STEP = "step"
    LABORATORY = "laboratory", bool
    LESSON = "lesson"  # in links from before the lessons moved here from Architectures

    # Course, laboratories
    SLIDING_LENGTH = "n", int
    SLIDING_KERNEL = "k", int
    SLIDING_STRIDE = "s", int
    SLIDING_PADDING = "p", int
    SLIDING_DILATION = "d", int
    STACKED_KERNEL = "large", int
    STACKED_WIDTH = "width", int
    INCEPTION_MODULE = "module"
    BOTTLENECK_BRANCH = "branch"
    BOTTLENECK_LEFT = "left_", int  # and the branch
    BOTTLENECK_SIDE = "side_maps", int
    BOTTLENECK_CHANNELS_IN = "channels_in", int
    BOTTLENECK_CHANNELS_LEFT = "channels_left", int
    BOTTLENECK_CHANNELS_OUT = "channels_out", int
    BOTTLENECK_KERNEL = "kernel_large", int
    BOTTLENECK_SAVING = "saving"
    AUXILIARY_FORM = "trained_form"
    AUXILIARY_FIRST_WEIGHTS = "first_weights"

    # Design
    DESIGN = "design"
    DESIGN_CHANGE = "change"

    # Reconstruction
    SERIES = "series"
    SECONDS = "seconds", int
    OPTIMIZER = "optimizer"
    LEARNING_RATE = "learning_rate", float
    DECAY = "decay", float
    TOTAL_VARIATION = "total_variation", float
    START_FROM = "start_from"
    SEED = "seed", int
    MOST_STEPS = "most_steps", int
    PRECISION = "precision"
    AMPLIFY = "amplify"
    AMPLIFY_CHANNEL = "amplify_channel", int
    OCTAVES = "octaves", int
    STRENGTH = "strength", float

    # Transfer learning
    TRANSFER_VIEW = "transfer"
    SEPARATION_LAYER = "separation_layer"
    SEPARATION_PLANE = "plane"
    SCENARIO = "scenario"
    TRAINING_SECONDS = "training_seconds", int
    TRANSFER_COMPARE = "transfer_compare", bool
    AUGMENT = "augment", bool
    FINE_TUNE_SECONDS = "fine_tune_seconds", int
    FINE_TUNE_RATE = "fine_tune_rate", float

    # Transfer learning, Training, Auxiliary classifiers
    DATA = "data"
    DATA_COUNT = "pictures", int

    # Training
    WATCH = "watch"
    RECORDED_LAYER = "recorded_layer"
    RECORDED_MOMENT = "moment", int
    LIVE_DEPTH = "live_depth", int
    LIVE_WIDTH = "live_width", int
    LIVE_SECONDS = "live_seconds", int
    LIVE_RATE = "live_rate"
    LIVE_NORM = "live_norm", bool
    LIVE_LAYER = "live_layer"

    # Auxiliary classifiers; a laboratory of Course shares weight and seed
    AUXILIARY_WEIGHT = "aux_weight", float
    AUXILIARY_START = "aux_start"
    AUXILIARY_NORM = "aux_norm", bool
    AUXILIARY_RATE = "aux_rate", float
    AUXILIARY_STEPS = "aux_steps", int
    AUXILIARY_SEED = "aux_seed", int

    # Design, Train two and Sweep
    DESIGN_VIEW = "design_view"
    DESIGN_A = "design_a"
    DESIGN_B = "design_b"
    DESIGN_EQUAL = "design_equal"
    DESIGN_SECONDS = "design_seconds", int
    DESIGN_EPOCHS = "design_epochs", int
    DESIGN_SEEDS = "design_seeds", int
    DESIGN_RATE = "design_rate", float
    DESIGN_SWEEP_FIRST = "sweep"
    DESIGN_SWEEP_SECOND = "sweep_too"
    DESIGN_SWEEP_COST = "sweep_cost"


@unique
class Entry(StrEnum):
    """Entries of Streamlit's session state that are not widgets; they last as long as the visit."""

    VISIT = "convviz.visit"
    VISITOR = "convviz.visitor"
    FAULTS = "convviz.faults"
    FAULT_IDS = "convviz.fault_ids"
    JOBS = "convviz.jobs"  # and the page and what it holds
    HANDED_ON = "convviz.handed_on"
    SHARING_REFUSAL = "convviz.sharing_refusal"
    RESULTS = "convviz.results"
    EVIDENCE_RESULTS = "convviz.evidence_results"
    EVIDENCE_CURVE = "convviz.evidence_curve"
    RECORDING_WANTED = "convviz.recording_wanted"
    PATCH_CUTS = "convviz.inspector.cuts"
    IMAGE_SET = "convviz.inspector.set"
    SILENCED_FOR = "silenced_for"
    COMPARE_RIGHT = "convviz.compare_right"
    SECOND_IMAGE = "convviz.second_image"
    SECOND_IMAGE_REFUSAL = "convviz.second_image_refusal"
    USUAL_DATA = "convviz.usual_data"
    TRAINING_ZIP = "convviz.training_zip"
    LIVE_CAMERA = "convviz.live_camera"
    SEPARATION_THUMBNAILS = "convviz.separation_thumbnails"
    LIVE_MOMENT = "convviz.live_at"
    USUAL_SECONDS = "convviz.usual_seconds"
    COURSE = "convviz.course"  # what was predicted
    COURSE_JUDGED = "convviz.course_judged"  # which of it came out
    DESIGN_BEFORE = "convviz.design_before"
    DESIGN_REFUSAL = "convviz.design_refusal"
    DESIGN_SWEEP = "convviz.design_sweep"
    DESIGN_ANSWERS = "convviz.design_answers"  # to what was predicted of two designs


@unique
class Component(StrEnum):
    """Browser components; the server has one registry, where a later one replaces an earlier.

    The files of a component in components/ have the name of its member, in lower case.
    """

    ADDRESS = "convviz_address"
    LANGUAGE = "convviz_language"
    VISITOR = "convviz_visitor"
    SCROLL = "convviz_scroll"
    STORE = "convviz_store"
    CHANNEL_GRID = "convviz_channel_grid"
    CHANNEL_MAP = "convviz_channel_map"
    POSITION_MAP = "convviz_field"
    DRAWING = "convviz_drawing"
    NETWORK_DIAGRAM = "convviz_network_diagram"
    NETWORK_FLOW = "convviz_network_flow"
    RECEPTIVE_FIELD = "convviz_receptive_field"
    SLIDING_KERNEL = "convviz_sliding_kernel"
    SLIDING_WINDOW = "convviz_sliding_window"
    FILM = "convviz_film"
    IMAGE_SCATTER = "convviz_image_scatter"
    LAYER_KEYS = "convviz_layer_keys"
    LAYERS_AHEAD = "convviz_layers_ahead"
    GLOSSARY = "convviz_glossary"
    PRESENTER = "convviz_presenter"
    CAMERA = "convviz_camera"
    WORKSHEET = "convviz_worksheet"


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
