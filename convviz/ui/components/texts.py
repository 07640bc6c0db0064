"""What the components say in the browser; their scripts and pages hold no words themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from convviz.language import numeral, tr, trp
from convviz.ui.keys import Component


def told(component: Component) -> dict[str, object]:
    """Tell a component's texts in the reader's language, for its data.

    Its page says with data-text, data-text-label and data-text-alt which of them goes where; its
    script fills the holes in braces. How numbers are written is told with them.
    """
    return {**_TEXTS[component](), "point": numeral("."), "comma": numeral(",")}


def _looks() -> dict[str, str]:
    """Say what the colours of a diagram stand for."""
    return {
        "conv": tr("convolution"),
        "pool": tr("pooling"),
        "linear": tr("fully connected"),
        "module": tr("module with branches"),
        "relu": "ReLU",
        "norm": tr("normalisation"),
        "join": tr("joining branches"),
        "flat": tr("flattened to a vector"),
        "other": trp("of a layer's kind", "other"),
    }


_TEXTS: Mapping[Component, Callable[[], Mapping[str, object]]] = {
    Component.CAMERA: lambda: {
        "freeze": tr("Freeze"),
        "classes": tr("The five most probable classes"),
        "channel": tr("Channel {channel}"),
        "empty": tr("Channel {channel}, empty for this frame"),
        "rate": tr("{rate} frames a second"),
        "behind": tr("{rate} frames a second; the camera gives {given}, the others are dropped"),
        "asking": tr("Waiting for the camera: allow this page to use it when the browser asks."),
        "insecure": tr(
            "Browsers give the camera only to secure pages: open convviz on this machine as "
            "http://localhost with its port, or put https in front of the server."
        ),
        "unable": tr("This browser gives no page a camera: open convviz in another one."),
        "denied": tr(
            "The browser does not let this page use the camera: allow it at the sign beside the "
            "address, and in the system's settings if they forbid it, then switch Live off and on."
        ),
        "missing": tr(
            "There is no camera that the browser can use: connect one, then switch Live off and on."
        ),
        "busy": tr(
            "The camera gives no picture, as when another program uses it: close that program, "
            "then switch Live off and on."
        ),
        "failed": tr(
            "The camera does not start: see that no other program uses it, then switch Live off "
            "and on."
        ),
        "stopped": tr(
            "The camera has stopped: see that it is connected and that this page may use it, then "
            "switch Live off and on."
        ),
        "over": tr("Live has ended for this page: switch it off and on to begin anew."),
        "unreached": tr("The server does not answer: the camera goes on as soon as it does."),
        "no_classes": tr("Without a decoder there are no classes."),
    },
    Component.CHANNEL_GRID: lambda: {
        "active": tr("Channel {channel}\nmaximum {maximum}, active in {share} of positions"),
        "empty": tr("Channel {channel}\nmaximum {maximum}, empty"),
        "dead": tr("Channel {channel}\nmaximum {maximum}, empty, dead over N = {images}"),
    },
    Component.DRAWING: lambda: {"save": tr("Save drawing")},
    Component.FILM: lambda: {
        "play": tr("Play"),
        "pause": tr("Pause"),
        "moment": tr("Moment of the training"),
        "enlarge": tr("Enlarge"),
        "reduce": tr("Reduce"),
        "left": tr("{name} (left)"),
        "right": tr("{name} (right)"),
    },
    Component.IMAGE_SCATTER: lambda: {"own": tr("your image")},
    Component.NETWORK_DIAGRAM: lambda: {
        "layers": tr("Layers, from the image to the classes"),
        "branch_by_branch": tr("Layers of {module}, branch by branch"),
        "looks": _looks(),
        "input": tr("{channels} × {size} come in"),
        "joined": tr("joined: {formula}"),
        "branches": tr("{module}: {count} branches side by side"),
        "save": tr("Save drawing"),
    },
    Component.NETWORK_FLOW: lambda: {
        "image": tr("image"),
        "photograph": tr("What goes into the network"),
    },
    Component.POSITION_MAP: lambda: {
        "photograph": tr("What the network sees"),
        "blend": tr("Map over image"),
        "value": tr("Row {row}, column {column}: {number}"),
        "seen": tr(
            "It can see {width} × {height} of the image's {side} × {side} pixels: columns {left} "
            "to {right}, rows {top} to {bottom}."
        ),
        "unknown": tr("What it can see is not known."),
    },
    Component.PRESENTER: lambda: {
        "leave": tr("Leave (Esc)"),
        "filled": tr("Image on the whole screen"),
        "copied": tr("Copied"),
        "not_copied": tr("Copy it from the address bar"),
    },
    Component.RECEPTIVE_FIELD: lambda: {
        "label": tr("What one position of {layer} sees of the image"),
        "save": tr("Save picture"),
        "part": tr(
            "Row {row} of {rows}, column {column} of {columns}: this position of {layer} sees "
            "{height} × {width} pixels of the image."
        ),
        "part_cut": tr(
            "Row {row} of {rows}, column {column} of {columns}: this position of {layer} sees "
            "{height} × {width} pixels of the image (its field of {field} reaches beyond the edge)."
        ),
        "whole": tr(
            "Row {row} of {rows}, column {column} of {columns}: this position of {layer} sees the "
            "whole image."
        ),
        "whole_cut": tr(
            "Row {row} of {rows}, column {column} of {columns}: this position of {layer} sees the "
            "whole image (its field of {field} reaches beyond the edge)."
        ),
    },
    Component.SLIDING_KERNEL: lambda: {
        "picture": tr("The picture with the kernel: arrow keys move it"),
        "output": tr("The output"),
        "play": tr("Slide"),
        "pause": tr("Pause"),
        "next": tr("Next stop"),
        "save": tr("Save picture"),
        "kernel": tr("kernel"),
        "padding": tr("padding (zeros)"),
        "dropped": tr("never looked at: no tap falls on it"),
        "in": tr("In: {length} × {length}"),
        "in_padded": tr("In: {length} × {length} with {padding} of padding"),
        "out": tr("Out: {length} × {length}"),
        "where": tr("Row {row}, column {column} of the output"),
    },
    Component.SLIDING_WINDOW: lambda: {
        "play": tr("Play"),
        "pause": tr("Pause"),
        "back": tr("Step back"),
        "next": trp("one position on", "Step"),
        "choice": tr("Input channel"),
        "still": tr(
            "Your system asks for little motion, so nothing plays here: step, or drag the window."
        ),
        "photograph": tr("The image, as the network gets it"),
        "rounded": tr("Numbers are rounded; point at one to read it exactly."),
        "dot": tr("A dot is padding."),
        "window": tr(
            "The input with the window: the arrow keys move it, the space bar plays and pauses"
        ),
        "part_1": tr("× kernel"),
        "part_2": tr("= products"),
        "in_units": tr("{title}, in units of {unit}"),
        "numbers": tr("{title}, {size} numbers"),
        "products": tr("{title}, {size} numbers; they add up to {sum}"),
        "sum_of_products": tr("They add up to {sum}"),
        "exact": tr("row {row}, column {column}: {number}"),
        "exact_padding": tr("row {row}, column {column}: padding"),
        "sum": tr("Sum"),
        "maximum": tr("Maximum"),
        "mean": tr("Sum of {count} / {divisor}"),
        "after_relu": tr("After the ReLU"),
        "after_norm": tr("After batch norm"),
        "later": tr("Later, after the ReLU"),
        "others": tr("the other {count}"),
        "bias": tr("bias"),
        "last": tr("The map's number"),
        "where": tr("Row {row} of {rows}, column {column} of {columns}: {number}"),
        "on_image": tr("The window on {input}"),
        "on_image_padded": tr("The window on {input}; hatched: padding, all zeros"),
        "on_channel": tr("The window on {channel} of {input}"),
        "on_channel_padded": tr("The window on {channel} of {input}; hatched: padding, all zeros"),
        "field": tr(
            "Receptive field: this number can see {height} × {width} of the image's "
            "{side} × {side} pixels"
        ),
        "no_field": tr("What this number can see of the image is not known"),
    },
    Component.WORKSHEET: lambda: {
        "name": trp("of whoever fills in the sheet", "Name"),
        "date": tr("Date"),
        "questions": tr("Questions"),
        "why": tr("Why?"),
        "settings": tr("Settings"),
        "again": tr("The same again"),
        "command": tr("On the command line:"),
        "browser": tr("In the browser:"),
        "on": trp("of a setting", "on"),
        "off": trp("of a setting", "off"),
        "range": tr("{low} to {high}"),
    },
}
