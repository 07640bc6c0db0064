"""One pass of a network as a list of steps, modules and plain function calls alike.

Hooks tell when a module begins and ends; torch's dispatcher shows every basic operation in between.
A module without parts is one step, and so is each function call (``F.relu``, ``torch.cat``) that a
module with parts makes itself.
"""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from convviz.structure import ops, receptive_field
from convviz.structure.ops import Window, kind_of
from convviz.structure.receptive_field import ReceptiveField

Shape = tuple[int, ...]


_Key = tuple[Any, ...]


@dataclass
class Step:
    """One thing that a network does: a module's call, or a function call inside a module.

    Attributes:
        module: Dotted name of the module, or of the module that makes the function call.
        function: Name of the function (``relu``); empty for a module's own call.
        kind: What it is, in plain words.
        inputs: Shapes of what goes in, without the batch.
        output: Shape of what comes out, without the batch.
        macs: Multiply–accumulates.
        depth: Convolutions and linear layers on the longest way from the picture to the output.
        window: The sliding kernel, if there is one.
        field: What the output's positions see of the picture; None where it cannot be followed.
        parameters: Dotted names of the parameters that are used here for the first time.
        shares_memory: Whether the output lies in memory that was there before.
    """

    module: str
    function: str = ""
    kind: str = ""
    inputs: tuple[Shape, ...] = ()
    output: Shape = ()
    macs: int = 0
    depth: int = 0
    window: Window | None = None
    field: ReceptiveField | None = None
    parameters: list[str] = dataclasses.field(default_factory=list)
    shares_memory: bool = False


@dataclass
class _Call:
    """A module that has begun and not yet ended.

    `whole`: it is one step with all its parts; `named`: its class says what kind it is.
    """

    step: Step
    whole: bool
    named: bool = False


def follow(module: nn.Module, picture: Tensor) -> tuple[Step, ...]:
    """Follow one pass.

    Args:
        module: The network, in eval mode. Hooks are set on it: hand over a clone of your own.
        picture: (1, 3, H, W), on the network's device.

    Returns:
        The steps in the order in which their results are finished.
    """
    recorder = _Recorder(module, picture)
    with recorder.hooks(), torch.no_grad(), torch.device(picture.device), recorder:
        module(picture)
    recorder.close_prologue()
    return tuple(recorder.steps)


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Sees every basic operation, and knows from the hooks which module it belongs to."""

    def __init__(self, module: nn.Module, picture: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.root = module
        self.steps: list[Step] = []
        self.calls: list[_Call] = []
        self.prologue: tuple[Step, Tensor] | None = None
        whole_picture = ReceptiveField.of_input(picture.shape[-2], picture.shape[-1])
        self.fields: dict[_Key, ReceptiveField] = {_key(picture): whole_picture}
        self.depths: dict[_Key, int] = {}
        # While every tensor is kept, no two of them can share an address by accident.
        self.kept: list[Tensor] = [picture]
        self.memory = {_storage(picture)}
        self.names: dict[int, list[str]] = {}
        for dotted, parameter in module.named_parameters():
            self.names.setdefault(_storage(parameter), []).append(dotted)
        self.own = set(self.names) | {_storage(b) for b in module.buffers()}

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Watch modules begin and end."""
        with ExitStack() as stack:
            for dotted, module in self.root.named_modules():
                begin = module.register_forward_pre_hook(self._begin(dotted), with_kwargs=True)
                stack.callback(begin.remove)
                stack.callback(module.register_forward_hook(self._end).remove)
            yield

    def _begin(self, dotted: str) -> Callable[..., None]:
        def begin(module: nn.Module, args: Any, kwargs: Any) -> None:
            outer = self.calls[-1] if self.calls else None
            if outer is not None and outer.whole:
                self.calls.append(outer)
                return
            whole = outer is not None and _is_whole(module)
            if outer is not None:
                self.close_prologue()
            kind = kind_of(module) if whole else ""
            named = kind not in {"", type(module).__name__}
            step = Step(dotted, kind=kind if named else "", inputs=_shapes((args, kwargs)))
            self.calls.append(_Call(step, whole, named))

        return begin

    def _end(self, module: nn.Module, args: Any, output: Any) -> None:
        call = self.calls.pop()
        nested = bool(self.calls) and self.calls[-1] is call
        result = _first(output)
        if not call.whole or nested or result is None:
            return
        source = _first(args)
        if isinstance(module, nn.LocalResponseNorm) and source is not None:
            # It works across channels by a detour through other shapes; each position stays put.
            self.fields[_key(result)] = self.fields[_key(source)]
            self.depths[_key(result)] = self.depths.get(_key(source), 0)
        call.step.kind = call.step.kind or type(module).__name__
        self._finish(call.step, result)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one basic operation and write down what it was."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        result = _first(out)
        if result is None:
            return out
        self.kept.extend(t for t in tree_leaves(out) if isinstance(t, Tensor))
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        sources = [t for t in tensors if _storage(t) not in self.own]
        self._see(func, args, kwargs, result, sources)
        learned = ops.has_kernel(func) and len(sources) < len(tensors)
        depth = max((self.depths.get(_key(t), 0) for t in sources), default=0)
        self.depths[_key(result)] = depth + learned
        call = self.calls[-1] if self.calls else _Call(Step(""), whole=False)
        bookkeeping = ops.is_bookkeeping(func)
        flattens = bookkeeping and any(t.dim() > 2 for t in sources) and result.dim() == 2
        if bookkeeping and (call.whole or not flattens):
            return out
        step = call.step if call.whole else Step(call.step.module, inputs=_shapes(sources))
        step.macs += ops.macs(func, args, kwargs, out)
        step.window = ops.window(func, args, kwargs) or step.window
        called = ops.name(func)
        if not call.named:
            word = "flatten" if flattens else ops.WORDS.get(called, called)
            step.kind = " + ".join(filter(None, (step.kind, word)))
        for tensor in tensors:
            step.parameters += self.names.pop(_storage(tensor), [])
        if not call.whole:
            step.function = "flatten" if flattens else ops.CALLS.get(called, called)
            self._call(step, result, opening=ops.is_arithmetic(func))
        return out

    def _call(self, step: Step, result: Tensor, *, opening: bool) -> None:
        """Write down a function call; arithmetic on the picture itself makes one step together."""
        if opening and not self.steps and len(self.calls) <= 1:
            if self.prologue:
                step.parameters = self.prologue[0].parameters + step.parameters
            self.prologue = step, result
            return
        self.close_prologue()
        self._finish(step, result)

    def close_prologue(self) -> None:
        """Write down the arithmetic done on the picture before the first layer, if any."""
        if self.prologue is None:
            return
        step, result = self.prologue
        self.prologue = None
        step.function, step.kind = "transform_input", "input transform"
        step.inputs = (tuple(self.kept[0].shape[1:]),)
        self._finish(step, result)

    def _finish(self, step: Step, result: Tensor) -> None:
        step.output = tuple(result.shape[1:])
        step.field = self.fields.get(_key(result))
        step.depth = self.depths.get(_key(result), 0)
        step.shares_memory = _storage(result) in self.memory
        self.memory.add(_storage(result))
        self.steps.append(step)

    def _see(
        self, func: Any, args: Any, kwargs: Any, result: Tensor, sources: list[Tensor]
    ) -> None:
        known = [self.fields[_key(t)] for t in sources if _key(t) in self.fields]
        if not known or len(known) < len(sources):
            return
        seen = receptive_field.field(func, args, kwargs, result, known)
        if seen is not None:
            self.fields[_key(result)] = seen


def _is_whole(module: nn.Module) -> bool:
    """Tell whether a module is one step: it has no parts, or is one of torch's own layers."""
    holders = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
    torchs = type(module).__module__.startswith("torch.nn") and not isinstance(module, holders)
    return torchs or not any(module.children())


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _key(tensor: Tensor) -> _Key:
    # A view under no_grad is a new object, so a tensor is known by where and how it lies in memory.
    return _storage(tensor), tensor.storage_offset(), tuple(tensor.shape), tensor.stride()


def _first(value: Any) -> Tensor | None:
    return next((leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)), None)


def _shapes(value: Any) -> tuple[Shape, ...]:
    return tuple(tuple(t.shape[1:]) for t in tree_leaves(value) if isinstance(t, Tensor))
