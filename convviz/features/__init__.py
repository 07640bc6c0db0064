"""What a network makes of an image."""

from convviz.features.activations import ORDERS, Activations, Order, activations
from convviz.features.capture import capture, input_for, observe, truncated
from convviz.features.depth import LayerSummary, depth_trend, empty_by_depth
from convviz.features.predictions import Prediction, predict, predict_batch

__all__ = [
    "ORDERS",
    "Activations",
    "LayerSummary",
    "Order",
    "Prediction",
    "activations",
    "capture",
    "depth_trend",
    "empty_by_depth",
    "input_for",
    "observe",
    "predict",
    "predict_batch",
    "truncated",
]
