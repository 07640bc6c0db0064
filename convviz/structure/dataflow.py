"""What a trace says about the way of a layer's output: its ReLU, its parts, its kind."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from torch import nn

from convviz.structure.ops import is_norm, kind_of
from convviz.structure.tracing import Call, Operation, Trace

# What only arranges numbers anew, or copies them.
_ARRANGEMENTS = (
    "view",
    "_unsafe_view",
    "_reshape_alias",
    "alias",
    "detach",
    "clone",
    "squeeze",
    "unsqueeze",
    "permute",
    "transpose",
)


# What takes the largest of some numbers, and so may as well happen before a ReLU as after it.
_MAXIMA = ("max_pool2d_with_indices", "max_pool2d", "adaptive_max_pool2d", "amax")


# What makes no negative numbers out of others that are not negative.
_KEEP_SIGN = (
    *_ARRANGEMENTS,
    *_MAXIMA,
    "avg_pool2d",
    "_adaptive_avg_pool2d",
    "adaptive_avg_pool2d",
    "mean",
    "cat",
    "select",
    "slice",
)


_WORDS = {"cat": "concatenation", "add": "sum", "mul": "product"}


@dataclass(frozen=True)
class Join:
    """What a module with parts does with their outputs before it returns.

    Attributes:
        kind: Plain words, "concatenation" or "convolution + batch norm + ReLU".
        whole: Whether it is one weighted layer with what belongs to it and a ReLU of its own, and
            so is better looked at as a whole.
        parts: The values that are concatenated, if that is what it does.
    """

    kind: str
    whole: bool
    parts: tuple[int, ...] = ()


class Flow:
    """The way of every value through one run of a network."""

    def __init__(self, trace: Trace) -> None:
        self._calls = {call.position: call for call in trace.calls}
        self._exits = trace.calls
        self._last = {call.name: call for call in trace.calls}
        self._readers: dict[int, list[Operation]] = defaultdict(list)
        self._maker: dict[int, Operation] = {}
        self._rectified: set[int] = set()
        for operation in trace.operations:
            for value in set(operation.inputs):
                self._readers[value].append(operation)
            self._maker[operation.output] = operation
            if operation.rectifies or (
                operation.name in _KEEP_SIGN and self._rectified.issuperset(operation.inputs)
            ):
                self._rectified.add(operation.output)

    def gate(self, call: Call) -> str | None:
        """Find the layer whose positive part is what the next ReLU lets through of an output.

        That is the layer itself, or the norm between it and the ReLU. None where the output has
        been rectified already, or where any of it goes on without passing a ReLU, as it does into
        the addition of a residual block.
        """
        if call.output is None or call.output in self._rectified:
            return None
        return self._gate(call.output, call.name)

    def _gate(self, value: int, name: str) -> str | None:
        found: set[str | None] = set()
        for reader in self._readers[value]:
            within = self._calls.get(reader.call)
            if reader.rectifies:
                found.add(name)
            elif within and within.leaf and is_norm(within.module) and value in within.inputs:
                # Of a norm that is used several times, only the last use can be looked at.
                if within.output is None or within is not self._last[within.name]:
                    found.add(None)
                else:
                    found.add(self._gate(within.output, within.name))
            elif reader.name in _ARRANGEMENTS or reader.name in _MAXIMA:
                found.add(self._gate(reader.output, name))
            else:
                found.add(None)
        return found.pop() if len(found) == 1 else None

    def origin(self, value: int) -> int:
        """Go back to the value of which this one is only another arrangement."""
        while value in self._maker and self._maker[value].name in _ARRANGEMENTS:
            value = self._maker[value].inputs[0]
        return value

    def join(self, call: Call, order: int) -> Join | None:
        """Say what a module adds to the last of its parts; None if it adds nothing.

        Args:
            call: A call of a module with parts.
            order: Its place in the order of exit.
        """
        if call.output is None:
            return None
        inside = self._exits[call.inside : order]
        known = {self.origin(part.output) for part in inside if part.output is not None}
        known |= {self.origin(value) for value in call.inputs}
        value = self.origin(call.output)
        if value in known:
            return None
        words: list[str] = []
        while value not in known and value in self._maker:
            operation = self._maker[value]
            if operation.rectifies:
                words.append("ReLU")
            elif operation.name in _WORDS:
                words.append(_WORDS[operation.name])
                break
            else:
                return Join("block", whole=False)
            value = self.origin(operation.inputs[0])
        if words == ["ReLU"]:
            return self._rectified_parts([part for part in inside if part.leaf])
        parts = tuple(map(self.origin, operation.inputs)) if words == ["concatenation"] else ()
        return Join(" + ".join(reversed(words)) or "block", whole=False, parts=parts)

    @staticmethod
    def _rectified_parts(parts: list[Call]) -> Join:
        weighted = [
            part for part in parts if isinstance(part.module, (nn.modules.conv._ConvNd, nn.Linear))
        ]
        if len(weighted) > 1:
            return Join("block", whole=False)
        return Join(" + ".join([*(kind_of(part.module) for part in parts), "ReLU"]), whole=True)
