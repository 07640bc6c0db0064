"""Operations that regroup, reorder or cut a tensor: views, through which it can be written to."""

from __future__ import annotations

from typing import Final

from convviz.structure.positions import Positions, blank
from convviz.structure.trace import Operation


class Constant:
    """What does not depend on the image."""


CONSTANT: Final = Constant()
Known = Positions | Constant | None  # None: it depends on the image, but how is not known


REGROUPING = frozenset(
    (
        *("view", "_unsafe_view", "reshape", "_reshape_alias", "unsqueeze", "squeeze"),
        *("flatten", "unflatten"),
    )
)
SAME = frozenset(
    (
        *("alias", "detach", "clone", "lift_fresh", "contiguous", "_to_copy", "_conj", "to"),
        *("channel_shuffle", "native_channel_shuffle", "dropout", "native_dropout"),
        *("alpha_dropout", "feature_dropout", "rrelu_with_noise", "view_as"),
    )
)
_CUTTING = frozenset(
    ("select", "slice", "split", "split_with_sizes", "unsafe_split", "chunk", "unbind")
)


def cut_of(operation: Operation, i: int) -> tuple[int, int, int, int] | None:
    """Return dimension, start, stop and step of the part that an output is; None if it is none."""
    if operation.name not in _CUTTING:
        return None
    arguments, shape = operation.arguments, operation.inputs[0].shape
    dimension = int(arguments["dim"]) % len(shape)
    length = shape[dimension]
    match operation.name:
        case "select":
            start = int(arguments["index"]) % length
            return dimension, start, start + 1, 1
        case "unbind":
            return dimension, i, i + 1, 1
        case "slice":
            start, stop, step = slice(
                arguments.get("start"), arguments.get("end"), arguments.get("step")
            ).indices(length)
            return dimension, start, max(start, stop), step
    start = sum(value.shape[dimension] for value in operation.outputs[:i])
    return dimension, start, start + operation.outputs[i].shape[dimension], 1


def cut_out(
    source: Positions, operation: Operation, cut: tuple[int, int, int, int] | None
) -> Known:
    """Return what is known of the part that `cut_of` has named."""
    if cut is None:
        return None
    found = source.sliced(*cut)
    if found is not None and operation.name in {"select", "unbind"}:
        return found.reduced([cut[0]]).without(cut[0])
    return found


def order_of(operation: Operation) -> list[int] | None:
    """Return the order into which an operation puts its input's dimensions; None if it does not."""
    arguments, count = (
        operation.arguments,
        len(operation.inputs[0].shape) if operation.inputs else 0,
    )
    order = list(range(count))
    match operation.name:
        case "permute":
            return [int(i) % count for i in arguments["dims"]]
        case "transpose":
            one, two = int(arguments["dim0"]) % count, int(arguments["dim1"]) % count
            order[one], order[two] = two, one
            return order
        case "t" | "numpy_T":
            return order[::-1]
    return None


def written_back(operation: Operation, i: int, whole: Known, part: Known) -> Known:
    """Return what is known of a tensor after one of its views was written to.

    Args:
        operation: What made the view.
        i: Which of the operation's outputs it is.
        whole: What was known of the tensor.
        part: What is known of the view.
    """
    if whole is None or not isinstance(part, Positions):
        return None
    shape, name = operation.inputs[0].shape, operation.name
    order = order_of(operation)
    if order is not None:
        return part.permuted([order.index(i) for i in range(len(order))])
    if name in REGROUPING or name in SAME:
        return part.reshaped(shape)
    cut = cut_of(operation, i)
    if cut is None:
        return None
    dimension, start, stop, step = cut
    if len(part.dimensions) < len(shape):
        part = part.with_new(dimension)
    if isinstance(whole, Constant):
        whole = blank(part, shape)
    return whole.written(part, dimension, start, stop, step)
