"""What a network makes of an image."""

from convviz.features.activations import ORDERS, Activations, Order, activations
from convviz.features.arithmetic import Arithmetic, arithmetic
from convviz.features.capture import capture, input_for, observe, truncated
from convviz.features.dead import DeadChannels, DeadStep, LayerDead, count_dead
from convviz.features.depth import LayerSummary, depth_trend, empty_by_depth
from convviz.features.filters import (
    FILTER_ORDERS,
    FilterOrder,
    Filters,
    filter_layers,
    filters,
    untrained_like,
)
from convviz.features.occlusion import MEASURES, Measure, OcclusionStep, occlude
from convviz.features.predictions import Prediction, predict, predict_batch
from convviz.features.receptive import Box, EffectiveField, box, effective_field, receptive_field
from convviz.features.silence import Change, Silenced, deeper_layers, silence
from convviz.features.stages import (
    Given,
    Normalised,
    Passed,
    Picked,
    Pooled,
    Rectified,
    Stage,
    WeightedSum,
)
from convviz.features.stimuli import Patch, Stimuli, StimuliStep, find_stimuli, patch_picture
from convviz.features.synthesis import TARGETS, SynthesisConfig, SynthesisStep, Target, synthesise

__all__ = [
    "FILTER_ORDERS",
    "MEASURES",
    "ORDERS",
    "TARGETS",
    "Activations",
    "Arithmetic",
    "Box",
    "Change",
    "DeadChannels",
    "DeadStep",
    "EffectiveField",
    "FilterOrder",
    "Filters",
    "Given",
    "LayerDead",
    "LayerSummary",
    "Measure",
    "Normalised",
    "OcclusionStep",
    "Order",
    "Passed",
    "Patch",
    "Picked",
    "Pooled",
    "Prediction",
    "Rectified",
    "Silenced",
    "Stage",
    "Stimuli",
    "StimuliStep",
    "SynthesisConfig",
    "SynthesisStep",
    "Target",
    "WeightedSum",
    "activations",
    "arithmetic",
    "box",
    "capture",
    "count_dead",
    "deeper_layers",
    "depth_trend",
    "effective_field",
    "empty_by_depth",
    "filter_layers",
    "filters",
    "find_stimuli",
    "input_for",
    "observe",
    "occlude",
    "patch_picture",
    "predict",
    "predict_batch",
    "receptive_field",
    "silence",
    "synthesise",
    "truncated",
    "untrained_like",
]
