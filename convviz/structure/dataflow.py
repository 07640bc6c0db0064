"""The flow of values in a forward pass: which ReLU follows a layer, what a module concatenates.

Everything here is read from the trace, also which convolutions have a batch norm right after them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from math import prod

from torch import nn

from convviz.networks.clone import per_module
from convviz.structure import ops
from convviz.structure.ops import is_norm, kind_of
from convviz.structure.trace import Call, Operation, Trace, Value, trace

# Operations that only rearrange or copy numbers.
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

# Operations that take a maximum, and so commute with a ReLU.
_MAXIMA = ("max_pool2d_with_indices", "max_pool2d", "adaptive_max_pool2d", "amax")

# Operations whose output is not negative if their inputs are not.
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

# Operations that copy a mask or zeros into another type or shape.
_COPIES = ("_to_copy", "clone", "alias", "detach", "expand", "view", "lift_fresh", "to")

# Operations whose output is 0 everywhere if their input is.
_PARTS = (*_COPIES, *_ARRANGEMENTS, "slice", "select")

# What an operation makes of a value on the way to its positive part: (y + |y|) / 2, for instance.
_POSITIVES, _NEGATIVES = "mask of its positives", "mask of its negatives"
_ABSOLUTE, _TWICE, _NEGATED, _LOWER = "|y|", "y + |y|", "-y", "min(y, 0)"

_WORDS = {"cat": "concatenation", "add": ops.SUM, "mul": ops.PRODUCT}


@dataclass(frozen=True)
class Join:
    """What a module with parts does to their outputs before it returns.

    Attributes:
        kind: Plain words, "concatenation" or "convolution + batch norm + ReLU".
        whole: Whether it is one weighted layer with its norm and a functional ReLU, and so is shown
            as a whole.
        parts: The values that it concatenates, if it does.
    """

    kind: str
    whole: bool
    parts: tuple[Value, ...] = ()


class Flow:
    """The flow of every value through one forward pass.

    Attributes:
        calls: The calls of modules, in the order in which they ended.
    """

    def __init__(self, trace: Trace) -> None:
        self.calls = trace.calls
        self._by_position = {call.position: call for call in trace.calls}
        self._last = {call.name: call for call in trace.calls}
        self._readers: dict[Value, list[Operation]] = defaultdict(list)
        self._producer: dict[Value, Operation] = {}
        self._rectified: set[Value] = set()
        self._relus: dict[Operation, Value] = {}  # to the value whose positive part they return
        self._steps: dict[Value, tuple[Value, str]] = {}  # towards a positive part: of what, what
        self._zeros: set[Value] = set()
        self._weighing = {each.call for each in trace.operations if ops.kernels(each.name)}
        for operation in trace.operations:
            if operation.output in operation.inputs:
                continue  # it returned its input
            for value in set(operation.inputs) if not ops.only_takes_shape(operation.name) else ():
                self._readers[value].append(operation)
            self._producer[operation.output] = operation
            self._recognise(operation)
            cap = self._cap(operation)
            if (
                operation in self._relus
                or (operation.name in _KEEP_SIGN and self._rectified.issuperset(operation.inputs))
                or (cap is not None and cap[0] in self._rectified)
            ):
                self._rectified.add(operation.output)

    def _recognise(self, operation: Operation) -> None:
        """Tell whether an operation is a ReLU, in any form, or a part of one."""
        name, arguments, inputs = operation.name, operation.arguments, operation.inputs
        output = operation.output
        self._zeros.update(value for value in inputs if value.number == 0)
        if ops.rectifies(name, arguments):
            self._relus[operation] = inputs[0]
        elif ops.makes_zeros(name, arguments) or (
            name in _PARTS and self._zeros.issuperset(inputs) and inputs
        ):
            self._zeros.add(output)
        elif ops.is_positive_mask(name, arguments) or ops.is_negative_mask(name, arguments):
            positive = ops.is_positive_mask(name, arguments)
            self._steps[output] = (inputs[0], _POSITIVES if positive else _NEGATIVES)
        elif name in {"gt", "ge", "lt", "le"} and len(inputs) == 2 and inputs[1] in self._zeros:
            self._steps[output] = (inputs[0], _POSITIVES if name in {"gt", "ge"} else _NEGATIVES)
        elif name in _COPIES and inputs and self._is_mask(inputs[0]):
            self._steps[output] = self._steps[inputs[0]]
        elif name in {"logical_not", "bitwise_not"} and self._is_mask(inputs[0]):
            marked, kind = self._steps[inputs[0]]
            self._steps[output] = (marked, _NEGATIVES if kind == _POSITIVES else _POSITIVES)
        elif (source := self._positive_part(operation)) is not None:
            self._relus[operation] = source
        elif (step := self._step(operation)) is not None:
            self._steps[output] = step

    def _is_mask(self, value: Value) -> bool:
        return value in self._steps and self._steps[value][1] in (_POSITIVES, _NEGATIVES)

    def _step(self, operation: Operation) -> tuple[Value, str] | None:
        """Tell what an operation makes of a value, if that may lead to its positive part."""
        name, inputs = operation.name, operation.inputs
        is_zero = [value in self._zeros for value in inputs]
        match name, inputs:
            case "abs", (y,):
                return y, _ABSOLUTE
            case "neg", (y,):
                return y, _NEGATED
            case "mul", (y,) if operation.arguments.get("other") == -1:
                return y, _NEGATED
            case "add", (first, second) if operation.arguments.get("alpha", 1) == 1:
                for y, other in ((first, second), (second, first)):
                    if self._steps.get(other) == (y, _ABSOLUTE):
                        return y, _TWICE
            case "clamp" | "clamp_max", (y,) if ops.ceiling(name, operation.arguments) == 0:
                return (y, _LOWER) if operation.arguments.get("min") is None else None
            case "minimum" | "fmin", (first, second) if any(is_zero):
                return (second if is_zero[0] else first), _LOWER
        return None

    def _positive_part(self, operation: Operation) -> Value | None:
        """Find the value whose positive part an operation returns, in whatever words."""
        inputs = operation.inputs
        match operation.name, inputs:
            case "where", (mask, kept, zero) if zero in self._zeros:
                return kept if self._steps.get(mask) == (kept, _POSITIVES) else None
            case "where", (mask, zero, kept) if zero in self._zeros:
                return kept if self._steps.get(mask) == (kept, _NEGATIVES) else None
            case "maximum" | "fmax", (first, second):
                both = {first: second, second: first}
                return next((both[zero] for zero in both if zero in self._zeros), None)
            case "clamp_min" | "clamp", (kept, zero, *ceiling) if zero in self._zeros:
                if not ceiling and operation.arguments.get("max") is not None:
                    return None  # its one tensor is the largest number
                is_known = all(value.number is not None for value in ceiling)
                return kept if is_known else None
            case "mul", (first, second):
                for kept, mask in ((first, second), (second, first)):
                    if self._steps.get(mask) == (kept, _POSITIVES):
                        return kept
            case "index_put", (kept, mask, zero) if zero in self._zeros:
                return kept if self._steps.get(mask) == (kept, _NEGATIVES) else None
            case "masked_fill", (kept, mask, *rest):
                value = operation.arguments.get("value")
                is_zero = value == 0 if not rest else rest[0] in self._zeros
                is_masked = self._steps.get(mask) == (kept, _NEGATIVES)
                return kept if is_zero and is_masked else None
            case "sub", (y, lower) if operation.arguments.get("alpha", 1) == 1:
                return y if self._steps.get(lower) == (y, _LOWER) else None
            case "neg", (lower,):
                negated, kind = self._steps.get(lower, (lower, ""))
                y, before = self._steps.get(negated, (negated, ""))
                return y if (before, kind) == (_NEGATED, _LOWER) else None
            case "mul" | "div", (twice,):
                half = {"mul": 0.5, "div": 2}[operation.name]
                y, kind = self._steps.get(twice, (twice, ""))
                is_half = operation.arguments.get("other") == half
                return y if is_half and kind == _TWICE else None
        return None

    def _only_rectifies(self, operation: Operation, value: Value, read: Value) -> bool:
        """Whether an operation is only a step towards a value's positive part.

        Args:
            operation: The operation.
            value: The value.
            read: What it reads: the value, or a step before.
        """
        step = self._steps.get(operation.output)
        if step is None or step[0] not in (value, read):
            return False
        readers = self._readers[operation.output]
        return bool(readers) and all(
            self._relus.get(reader) is value
            or self._only_rectifies(reader, value, operation.output)
            for reader in readers
        )

    def _cap(self, operation: Operation) -> tuple[Value, float] | None:
        """Find the value that an operation leaves as it is up to a number above 0, and the number.

        ``clamp(max=6)`` and ``minimum(y, 6)`` do so.
        """
        name, arguments, inputs = operation.name, operation.arguments, operation.inputs
        least = arguments.get("min", arguments.get("min_val"))
        limit: float | None
        match name, inputs:
            case "clamp" | "clamp_max" | "hardtanh", (kept,):
                limit = ops.ceiling(name, arguments)
            case "clamp" | "clamp_max", (kept, largest) if least is None:
                limit = largest.number
            case "minimum" | "fmin", (kept, largest) if largest.number is not None:
                limit = largest.number
            case "minimum" | "fmin", (largest, kept):
                limit = largest.number
            case _:
                return None
        below = least is None or (isinstance(least, int | float) and least <= 0)
        return (kept, limit) if limit is not None and limit > 0 and below else None

    def pre_relu_of(self, call: Call) -> str | None:
        """Find the layer whose positive part is what the next ReLU passes on of an output.

        That is the layer itself, or the norm between it and the ReLU. None where the output is
        rectified already, or where it is also read without a ReLU, as by the addition of a residual
        block.
        """
        if call.output is None or call.output in self._rectified:
            return None
        return self._pre_relu(call.output, call.name)

    def _pre_relu(self, value: Value, name: str) -> str | None:
        names: set[str | None] = set()
        for reader in self._readers[value]:
            call = self._by_position.get(reader.call)
            if self._relus.get(reader) is value or self._only_rectifies(reader, value, value):
                names.add(name)
            elif call and self._is_norm_of(call, value):
                # Of a norm that is used several times, only the last use can be captured.
                if call.output is None or call is not self._last[call.name]:
                    names.add(None)
                else:
                    names.add(self._pre_relu(call.output, call.name))
            elif reader.name in _ARRANGEMENTS or reader.name in _MAXIMA or self._cap(reader):
                names.add(self._pre_relu(reader.output, name))
            else:
                names.add(None)
        return names.pop() if len(names) == 1 else None

    def _is_norm_of(self, call: Call, value: Value) -> bool:
        """Whether a call is that of a norm which reads a value.

        A convolution whose class is called NormConv2d mixes channels, and is none.
        """
        weighs = call.position in self._weighing
        return call.leaf and is_norm(call.module) and not weighs and value in call.inputs

    def ceiling_of(self, call: Call) -> float | None:
        """Return the largest number that the next ReLU passes on of an output; None for no limit.

        It means something only where `pre_relu_of` finds a layer.
        """
        limits = set() if call.output is None else self._ceilings(call.output)
        return None if None in limits else max(filter(None, limits), default=None)

    def _ceilings(self, value: Value) -> set[float | None]:
        relus = (relu for relu, source in self._relus.items() if source is value)
        limits = {self._passed_on(relu) for relu in relus}
        for reader in self._readers[value]:
            call = self._by_position.get(reader.call)
            if self._relus.get(reader) is value:
                continue
            if call and self._is_norm_of(call, value):
                limits |= set() if call.output is None else self._ceilings(call.output)
            elif reader.name in _ARRANGEMENTS or reader.name in _MAXIMA:
                limits |= self._ceilings(reader.output)
            elif cap := self._cap(reader):
                limits |= {_least(cap[1], limit) for limit in self._ceilings(reader.output)}
        return limits

    def _passed_on(self, relu: Operation) -> float | None:
        """Return the largest number that a ReLU passes on, with what caps it in the same call."""
        readers = self._readers[relu.output]
        caps = [self._cap(each) for each in readers if each.call == relu.call]
        if not caps or len(caps) < len(readers) or None in caps:
            return self._ceiling(relu)
        return _least(self._ceiling(relu), max(cap[1] for cap in caps if cap))

    @staticmethod
    def _ceiling(relu: Operation) -> float | None:
        match relu.name, relu.inputs:
            case "clamp", (_, _, ceiling):
                return ceiling.number
        return ops.ceiling(relu.name, relu.arguments)

    def rectified_by(self, call: Call) -> tuple[Value, float | None] | None:
        """Find the value whose positive part a call returns, and the largest number that passes.

        Returns:
            None if the call does not return the positive part of one of its inputs.
        """
        relu = None if call.output is None else self._producer.get(self.source_of(call.output))
        cap = None if relu is None else self._cap(relu)
        if relu not in self._relus and cap is not None:
            relu = self._producer.get(self.source_of(cap[0]))
        if relu not in self._relus:
            return None
        source = self.source_of(self._relus[relu])
        inputs = {self.source_of(value) for value in call.inputs}
        return (source, self._passed_on(relu)) if source in inputs else None

    def source_of(self, value: Value) -> Value:
        """Go back to the value of which this one is only a rearrangement."""
        while value in self._producer and self._producer[value].name in _ARRANGEMENTS:
            value = self._producer[value].inputs[0]
        return value

    def channels_of(self, value: Value) -> Value:
        """Go back to the value in which the channels of this one were made.

        From there to here each channel was worked on by itself: by pooling, norms, activation
        functions. A value that is no maps (N, C, H, W) goes back to itself.
        """
        while (operation := self._producer.get(value)) is not None:
            sources = set(operation.sources)
            source = sources.pop() if len(sources) == 1 else value
            alike = len(source.shape) == len(value.shape) == 4 and source.shape[1] == value.shape[1]
            if source is value or not alike or not ops.keeps_channels(operation.name):
                break
            value = source
        return value

    def linear_behind(self, value: Value) -> str | None:
        """Name the fully connected layer whose numbers a value is made of, without other weights.

        Between them may be a softmax, a mean over positions, a scaling by one number.

        Returns:
            None if there is none, or another layer comes in between.
        """
        linear = {
            self.source_of(call.output): call.name
            for call in self.calls
            if isinstance(call.module, nn.Linear) and call.output is not None
        }
        found: set[str] = set()
        known: set[Value] = set()
        waiting = [self.source_of(value)]
        while waiting:
            value = waiting.pop()
            if value in known:
                continue
            known.add(value)
            if value in linear:
                found.add(linear[value])
                continue
            operation = self._producer.get(value)
            if operation is not None:
                if ops.kernels(operation.name):
                    return None
                waiting += map(self.source_of, operation.inputs)
            elif value.before is not None:  # a part of it was written to
                waiting.append(self.source_of(value.before))
            elif prod(value.shape) > 1:  # other weights, or the image itself
                return None
        return found.pop() if len(found) == 1 else None

    def summary_of(self, call: Call, order: int) -> Join | None:
        """Describe what a module does to the outputs of its parts; None if it returns one of them.

        Args:
            call: A call of a module with parts.
            order: Its index in the order in which calls ended.
        """
        if call.output is None:
            return None
        inside = self.calls[call.inside : order]
        sources = {self.source_of(part.output) for part in inside if part.output is not None}
        sources |= {self.source_of(value) for value in call.inputs}
        value = self.source_of(call.output)
        if value in sources:
            return None
        words: list[str] = []
        while value not in sources and value in self._producer:
            operation = self._producer[value]
            if operation in self._relus:
                words.append("ReLU")
                value = self.source_of(self._relus[operation])
                continue
            cap = self._cap(operation)
            if cap is not None and (words or cap[0] in self._rectified):
                value = self.source_of(cap[0])
                continue
            if operation.name not in _WORDS:
                return Join(ops.BLOCK, whole=False)
            words.append(_WORDS[operation.name])
            break
        if words == ["ReLU"]:
            return self._rectified_parts([part for part in inside if part.leaf])
        parts = tuple(map(self.source_of, operation.inputs)) if words == ["concatenation"] else ()
        return Join(" + ".join(reversed(words)) or ops.BLOCK, whole=False, parts=parts)

    @staticmethod
    def _rectified_parts(parts: list[Call]) -> Join:
        weighted = [
            part for part in parts if isinstance(part.module, (nn.modules.conv._ConvNd, nn.Linear))
        ]
        if len(weighted) > 1:
            return Join(ops.BLOCK, whole=False)
        return Join(" + ".join([*(kind_of(part.module) for part in parts), "ReLU"]), whole=True)


def _least(first: float | None, second: float | None) -> float | None:
    """Return the smaller of two limits, of which None is none."""
    return min((each for each in (first, second) if each is not None), default=None)


@per_module()
def flow(module: nn.Module, size: int) -> Flow:
    """Follow every value through a forward pass on a square image.

    Raises:
        TraceError: The network cannot be run on an image of this size.
        NetworkError: The network cannot be copied.
    """
    return Flow(trace(module, size))


def norm_pairs(trace: Trace) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Find the convolutions that run once and whose output a batch norm reads, with that norm."""
    runs = Counter(call.module for call in trace.calls)
    convolutions: dict[Value | None, nn.Conv2d] = {}
    pairs = []
    for call in trace.calls:
        if runs[call.module] > 1:
            continue
        if isinstance(call.module, nn.Conv2d) and not ops.computes_its_weights(call.module):
            convolutions[call.output] = call.module
        elif isinstance(call.module, nn.BatchNorm2d) and call.module.running_mean is not None:
            convolution = convolutions.get(call.inputs[0])
            if convolution is not None:
                pairs.append((convolution, call.module))
    return pairs
