"""What is known of every tensor of a traced pass, while tensors are views of each other."""

from __future__ import annotations

from convviz.structure.position_rules import after
from convviz.structure.position_views import CONSTANT, Constant, Known, written_back
from convviz.structure.positions import Positions
from convviz.structure.trace import Operation, Value


class Tensors:
    """What is known of every tensor, at one moment of the pass.

    Tensors that share memory share what is written to them, so views are kept with what they were
    made of.
    """

    def __init__(self, image: Value) -> None:
        self._known: dict[Value, Known] = {image: Positions.of_image(image.shape)}
        self._first: dict[Value, Value] = {}
        self._made_of: dict[Value, tuple[Value, Operation, int]] = {}
        self._views: dict[Value, list[tuple[Value, Operation, int]]] = {}

    def of(self, value: Value) -> Known:
        """Return what is known of the tensor that holds a value."""
        return self._known.get(self._tensor(value), CONSTANT)

    def _tensor(self, value: Value) -> Value:
        """Return a tensor's first value, which stands for it."""
        first = self._first.get(value)
        if first is None:
            first = value if value.before is None else self._tensor(value.before)
            self._first[value] = first
        return first

    def follow(self, operation: Operation) -> None:
        """Take in what one operation does."""
        if operation.output in operation.inputs:
            return  # it returned its input
        tensors = [self._tensor(value) for value in operation.inputs]
        target = self._tensor(operation.output)
        results = after(operation, [self.of(value) for value in operation.inputs])
        if target in tensors:
            if not isinstance(results[0], Constant):
                self._write(target, results[0])
            return
        for i, (value, result) in enumerate(zip(operation.outputs, results, strict=True)):
            tensor = self._tensor(value)
            if not isinstance(result, Constant):
                self._known[tensor] = result
            if tensors and value.memory == operation.inputs[0].memory and tensor != tensors[0]:
                self._made_of[tensor] = (tensors[0], operation, i)
                self._views.setdefault(tensors[0], []).append((tensor, operation, i))

    def _write(self, tensor: Value, result: Known, written: Value | None = None) -> None:
        """Take in that a tensor has been written to, and so all tensors that share its memory.

        Args:
            tensor: The tensor.
            result: What is known of it from now on.
            written: The view through which it was written to; None if it was itself.
        """
        if self._known.get(tensor, CONSTANT) is result:
            return
        self._known[tensor] = result
        for view, operation, i in self._views.get(tensor, ()):
            if view is not written:
                self._renew(view, operation, i, result)
        if tensor in self._made_of:
            whole, operation, i = self._made_of[tensor]
            self._write(whole, written_back(operation, i, self.of(whole), result), tensor)

    def _renew(self, view: Value, operation: Operation, i: int, whole: Known) -> None:
        result = after(operation, [whole, *map(self.of, operation.inputs[1:])])[i]
        if self._known.get(view, CONSTANT) is not result:
            self._known[view] = result
            for inner, made_by, j in self._views.get(view, ()):
                self._renew(inner, made_by, j, result)
