"""Make a network's input from images, and capture what layers put out or take in.

Only this module and structure's trace use hooks. Every call hooks its own clone, which shares the
network's weights and nothing else. So there is no lock, no caller sees another's activations, and
the network itself never has a hook or a changed flag, whatever is raised.

A module that is called several times in one forward pass (ResNet's ReLUs) counts by its last call,
unless the name says which (`convviz.structure.outputs`). Of an output of several tensors, such as
that of a pooling that also returns indices, the first counts. Channels always come first: what a
module returns with channels last, or as tokens, is turned into maps (N, C, H, W), as the trace of
the pass says (`convviz.structure.layout`).
"""

import copy
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, TypeVar

import torch
from PIL import Image
from torch import Tensor, nn

from convviz.datasets.image_set import Excerpt, ImageSet, origins, seen_text
from convviz.datasets.zip_archive import LeftOut
from convviz.errors import ImageError, NetworkError, SettingError
from convviz.features.guided_backpropagation import MaskedReLUs, guide
from convviz.features.score_before_softmax import scores_taken
from convviz.formatting import near_matches
from convviz.images.preprocess import crop, in_grey, to_tensor
from convviz.language import tr, trn
from convviz.networks.clone import clone
from convviz.networks.image_channels import check_channels, fitted, image_channels
from convviz.networks.network import Network
from convviz.structure.layout import Layout
from convviz.structure.outputs import (
    CLASS_PART,
    HEADS_PART,
    OutputName,
    has_heads,
    heads_maps,
    layouts,
)
from convviz.structure.trace import call_counts, tensors_in

T = TypeVar("T")

_BATCH = 4  # images of a set that run at once: a pass that is stopped ends within one batch


def input_for(network: Network, image: Image.Image) -> Tensor:
    """Turn an image into the network's input, shape (1, 3, S, S), float32, normalised.

    A network that takes grey images gets (1, 1, S, S).

    Raises:
        NetworkError: The network's images have neither one channel nor three.
    """
    check_channels(network.spec, network.module)
    spec, weights = fitted(network.spec, network.module), network.weights
    return to_tensor(
        image,
        size=weights.input_size,
        resize=weights.resize,
        mean=spec.mean,
        std=spec.std,
        interpolation=spec.interpolation,
    )


def network_crop(network: Network, image: Image.Image) -> Image.Image:
    """Cut out the square of an image that goes into a network, mode RGB; in grey if it sees grey.

    `input_for` makes the same square into numbers.
    """
    weights = network.weights
    square = crop(
        image,
        size=weights.input_size,
        resize=weights.resize,
        interpolation=network.spec.interpolation,
    )
    return in_grey(square) if len(network.spec.mean) == 1 else square


@dataclass(frozen=True, eq=False)
class InputBatch:
    """Some images of a set as the network's input.

    Attributes:
        inputs: The images that can be read, shape (N, 3, S, S); N may be 0.
        indices: Their indices in the set.
        done: Images of the set that were read or left out so far.
        left_out: All images so far that could not be read, and why.
        seen_images: How many images were read so far, and of how many pictures, in words.
    """

    inputs: Tensor
    indices: tuple[int, ...]
    done: int
    left_out: tuple[LeftOut, ...]
    seen_images: str

    @property
    def seen(self) -> int:
        """How many images were read so far."""
        return self.done - len(self.left_out)


def check_images(images: ImageSet) -> None:
    """Check that a set holds an image.

    Raises:
        SettingError: It is empty.
    """
    if not len(images):
        raise SettingError(tr("There is no picture to look at: choose a set with at least one."))


def input_batches(
    network: Network, images: ImageSet, done: int = 0, left_out: Sequence[LeftOut] = ()
) -> Iterator[InputBatch]:
    """Go over a set of images in small batches; images that cannot be read are left out.

    Args:
        network: The network that the batches are for.
        images: The set.
        done: How many images an earlier pass went over.
        left_out: Those that the earlier pass left out.

    Raises:
        ImageError: Not one image of the set can be read.
    """
    skipped, total = list(left_out), len(images)
    unread = Counter(skipped_image.title for skipped_image in skipped)
    origin_of = origins(images)
    seen: set[Hashable] = set()
    for index in range(done):
        if unread[images.titles[index]]:
            unread[images.titles[index]] -= 1
        else:
            seen.add(origin_of[index])
    for start in range(done, total, _BATCH):
        end = min(start + _BATCH, total)
        inputs, indices = [], []
        for index in range(start, end):
            try:
                inputs.append(input_for(network, images.image(index)))
            except ImageError as error:
                skipped.append(LeftOut(images.titles[index], str(error)))
            else:
                indices.append(index)
                seen.add(origin_of[index])
        if len(skipped) == total and not isinstance(images, Excerpt):  # others may have some
            raise none_readable(skipped[0].title, skipped[0].reason)
        size, channels = network.input_size, image_channels(network.module, network.input_size)
        batch = torch.cat(inputs) if inputs else torch.empty(0, channels, size, size)
        said = seen_text(images, end - len(skipped), len(seen))
        yield InputBatch(batch, tuple(indices), end, tuple(skipped), said)


def none_readable(title: str, reason: str) -> ImageError:
    """Make the error that not one image of a set can be read.

    Args:
        title: Title of the first.
        reason: Why it cannot be read.
    """
    return ImageError(
        tr(
            "Not one picture of the set can be read; the first: {title}: {reason}",
            title=title,
            reason=reason,
        )
    )


def capture(module: nn.Module, batch: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    """Run a network once and keep the outputs of some of its layers.

    Nothing after the last of these layers is run. The tensors own their memory, so a ReLU in place
    that follows a layer cannot reach them, and they may take part in later gradients.

    Args:
        module: The network; it is not touched.
        batch: Its input, shape (N, 3, H, W).
        names: Dotted names of the layers.

    Returns:
        For each name that layer's output, shape (N, C, H, W) or (N, C), float32.

    Raises:
        NetworkError: There is no such layer, or it puts out no tensor of real numbers.
    """
    return observe(module, batch, names, copied)


def observe(
    module: nn.Module, batch: Tensor, names: Sequence[str], reduce: Callable[[Tensor], Tensor]
) -> dict[str, Tensor]:
    """Run a network once and keep what a function makes of the outputs of some of its layers.

    Args:
        module: The network; it is not touched.
        batch: Its input, shape (N, 3, H, W).
        names: Dotted names of the layers.
        reduce: Called with a layer's output during the pass. Its result must not share the
            output's memory, which the next layer may overwrite.

    Returns:
        For each name the function's result.

    Raises:
        NetworkError: There is no such layer, or it puts out no tensor of real numbers.
    """
    return observe_each(module, batch, dict.fromkeys(names, reduce))


def observe_each(
    module: nn.Module,
    batch: Tensor,
    reducers: Mapping[str, Callable[[Tensor], T]],
    change: tuple[str, Callable[[Tensor], Tensor]] | None = None,
    gaps: dict[str, str] | None = None,
) -> dict[str, T]:
    """Run a network once, as `observe` does, with a function for each layer.

    Args:
        module: The network; it is not touched.
        batch: Its input, shape (N, 3, H, W).
        reducers: Dotted name of each layer to the function that its output is given to; the
            network as a whole is called "", and its output is the scores before a softmax or
            sigmoid that it ends in. The result must not share the output's memory.
        change: Dotted name of a layer, and a function that replaces its output during the pass.
        gaps: Takes up what cannot be shown: the name of each such layer, and the sentence on it.
            None: it is raised.

    Returns:
        For each name its function's result, gaps apart.

    Raises:
        NetworkError: There is no such layer, or it puts out no tensor of real numbers.
    """
    names = list(reducers)
    for name in filter(None, names):
        check_layer(module, name)
    calls = {name: _Calls.of(module, batch, name) for name in names}
    results, ran = _run(module, batch, reducers, calls, change, gaps)
    # Where the image decides how often a module runs, there may be fewer calls than were counted.
    fewer = {
        name: replace(each, wanted=ran[name])
        for name, each in calls.items()
        if each.output.use is None and 0 < ran[name] < each.wanted
    }
    if fewer:
        results |= _run(module, batch, reducers, fewer, change, gaps)[0]
    for name in names:
        if name in results:
            continue
        if gaps is None:
            raise _never_ran(name)
        gaps.setdefault(name, str(_never_ran(name)))
    return {name: results[name] for name in names if name in results}


def _run(
    module: nn.Module,
    batch: Tensor,
    reducers: Mapping[str, Callable[[Tensor], T]],
    calls: "Mapping[str, _Calls]",
    change: tuple[str, Callable[[Tensor], Tensor]] | None,
    gaps: dict[str, str] | None,
) -> tuple[dict[str, T], Counter[str]]:
    """Run a network once for `observe_each`.

    Returns:
        The reducers' results, and how often the module behind each name ran.
    """
    results: dict[str, T] = {}
    ran: Counter[str] = Counter()
    scores_of: Callable[[Tensor], Tensor] = _as_it_is
    network = clone(module)
    if change is not None:
        name, make = change
        changed = _Calls.of(module, batch, name)
        hook = _on_call(changed.wanted, changed.layout(changed.wanted), make)
        network.get_submodule(changed.output.module).register_forward_hook(hook)

    def see(name: str, part: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        ran[name] += 1
        if ran[name] == calls[name].wanted:
            try:
                seen = calls[name].seen(ran[name], part, args, kwargs, output)
                results[name] = reducers[name](seen if name else scores_of(seen))
            except NetworkError as error:
                if gaps is None:
                    raise
                gaps[name] = str(error)
        if all(ran[name] >= each.wanted for name, each in calls.items()):
            raise _StopForward

    for name, each in calls.items():
        part = network.get_submodule(each.output.module)
        part.register_forward_hook(partial(see, name), with_kwargs=True)
    with torch.inference_mode(), suppress(_StopForward), ExitStack() as stack:
        if "" in calls:
            scores_of = stack.enter_context(scores_taken(module, batch))
        network(batch)
    return results, ran


def _as_it_is(output: Tensor) -> Tensor:
    return output


@dataclass(frozen=True)
class _Calls:
    """Which call of a module counts in a pass, and what is seen of its output.

    Attributes:
        name: What was asked for.
        output: The same, taken apart.
        wanted: The number of the call that counts, from 1.
        layouts: How the outputs of the module's calls are turned into maps; None for what stays
            as it is.
    """

    name: str
    output: OutputName
    wanted: int
    layouts: tuple[Layout | None, ...]

    @classmethod
    def of(cls, module: nn.Module, batch: Tensor, name: str) -> "_Calls":
        """Find what counts of a module in a pass over a batch.

        Raises:
            NetworkError: The module has no such use.
        """
        output = OutputName.of(name)
        if not output.module:  # the network as a whole, whose scores are wanted as they are
            return cls(name, output, 1, ())
        count = call_counts(module, batch).get(output.module, 1)
        if output.use is not None and output.use > count:
            raise NetworkError(
                trn(
                    "The layer “{module}” runs once when the network looks at an image, "
                    "so there is no use {use}; choose from 1 to {count}.",
                    "The layer “{module}” runs {count} times when the network looks at an image, "
                    "so there is no use {use}; choose from 1 to {count}.",
                    count,
                    module=output.module,
                    use=output.use,
                )
            )
        found = layouts(module, batch).get(output.module, ())
        return cls(name, output, output.use or count, found)

    def layout(self, number: int) -> Layout | None:
        """Return how the output of a call, counted from 1, is turned into maps."""
        return self.layouts[number - 1] if number <= len(self.layouts) else None

    def seen(self, number: int, module: nn.Module, args: Any, kwargs: Any, output: Any) -> Tensor:
        """Return what is seen of a call's output: maps (N, C, H, W), or vectors (N, C).

        Args:
            number: Of the call, from 1.
            module: What was called.
            args: With which arguments.
            kwargs: With which arguments by name.
            output: What it returned.

        Raises:
            NetworkError: It holds no such thing.
        """
        layout = self.layout(number)
        if self.output.part == HEADS_PART:
            if layout is None or not has_heads(module, layout):
                raise NetworkError(
                    tr(
                        "“{module}” is no attention over the places of an image, so it has "
                        "no heads to look at; choose another layer.",
                        module=self.output.module,
                    )
                )
            return heads_maps(module, layout, args, kwargs)
        tensor = first_tensor(output, self.name)
        if self.output.part == CLASS_PART:
            if layout is None or not layout.before:
                raise NetworkError(
                    tr(
                        "“{module}” puts out no class token; choose another layer.",
                        module=self.output.module,
                    )
                )
            return layout.class_token(tensor)
        return tensor if layout is None else layout.maps(tensor)


def _on_call(
    number: int, layout: Layout | None, make: Callable[[Tensor], Tensor]
) -> Callable[[nn.Module, Any, Any], Any]:
    """Make a hook that replaces a module's output, or its first tensor, in its number-th call.

    Args:
        number: Of the call.
        layout: How its output is arranged; `make` gets and returns it with channels first.
        make: Makes the new output.
    """
    calls = 0

    def change(output: Tensor) -> Tensor:
        if layout is None:
            return make(output)
        return layout.restored(make(layout.channels_first(output)))

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        nonlocal calls
        calls += 1
        return _with_first_changed(output, change) if calls == number else output

    return hook


def _with_first_changed(output: Any, make: Callable[[Tensor], Tensor]) -> Any:
    """Replace the first tensor of a module's output; what is around it stays as it is."""
    if isinstance(output, Tensor):
        return make(output)
    if isinstance(output, Mapping):
        changed = copy.copy(output)
        for key, value in output.items():
            if next(tensors_in(value), None) is not None:
                changed[key] = _with_first_changed(value, make)  # type: ignore[index]
                break
        return changed
    if isinstance(output, (tuple, list)):
        items = list(output)
        for index, value in enumerate(items):
            if next(tensors_in(value), None) is not None:
                items[index] = _with_first_changed(value, make)
                break
        kind: Any = type(output)
        return kind(*items) if hasattr(output, "_fields") else kind(items)
    for field in fields(output):
        value = getattr(output, field.name)
        if next(tensors_in(value), None) is not None:
            return replace(output, **{field.name: _with_first_changed(value, make)})
    return output


def capture_with_input(
    module: nn.Module, batch: Tensor, name: str, source: str
) -> tuple[Tensor, Tensor]:
    """Run a network up to one of its layers; keep its output and the input of an earlier module.

    Args:
        module: The network; it is not touched.
        batch: Its input, one image, shape (1, 3, H, W).
        name: Dotted name of the layer.
        source: Dotted name of a module that runs before it, or of the layer itself. Of several
            calls the last one counts.

    Returns:
        The input of `source` and the output of the layer, each of shape (C, H, W) or (C,).

    Raises:
        NetworkError: There is no such layer.
    """
    inputs: list[Tensor] = []

    def keep(_module: nn.Module, arguments: Any) -> None:
        inputs[:] = [first_tensor(arguments, source).detach().clone()]

    cut = truncated(module, name)
    cut.get_submodule(f"network.{source}").register_forward_pre_hook(keep)
    with torch.no_grad():
        output = cut(batch)
    return inputs[0][0].float(), output[0]


def layer_gradient(
    module: nn.Module, batch: Tensor, name: str, score: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Run a network; find how a number made of its scores changes with the output of one layer.

    What comes before the layer keeps nothing for the backward pass. The layer's output is kept as
    it leaves the layer: a ReLU in place that follows changes a copy.

    Args:
        module: The network; it is not touched.
        batch: Its input, shape (N, 3, H, W).
        name: Dotted name of the layer.
        score: Makes numbers, shape (N,), of the network's scores before softmax, (N, classes).

    Returns:
        The layer's output as maps, (N, C, H, W), or vectors, (N, C); the gradient of the numbers
        with respect to it, of the same shape, 0 wherever nothing passes it on; and the scores. All
        are float32.

    Raises:
        NetworkError: There is no such layer, it does not run, or the scores cannot be
            differentiated.
    """
    check_layer(module, name)
    calls = _Calls.of(module, batch, name)
    if calls.output.part == HEADS_PART:
        raise NetworkError(
            tr(
                "The heads of “{module}” say where it looks; the scores are not made of "
                "them: choose the layer itself.",
                module=calls.output.module,
            )
        )
    layout = calls.layout(calls.wanted)
    outputs: list[Tensor] = []

    def begin_here(output: Tensor) -> Tensor:
        outputs[:] = [output.detach().clone().requires_grad_()]
        return outputs[0].clone()

    def as_seen(values: Tensor) -> Tensor:
        if calls.output.part == CLASS_PART and layout is not None:
            return copied(layout.class_token(values))
        return copied(values if layout is None else layout.maps(values))

    network = clone(module)
    hook = _on_call(calls.wanted, None, begin_here)
    network.get_submodule(calls.output.module).register_forward_hook(hook)
    with torch.enable_grad(), scores_taken(module, batch) as scores_of:
        scores = scores_of(class_scores_in(network(batch.detach())))
        value = score(scores).sum()
    if not outputs:
        raise _never_ran(name)
    gradient = torch.zeros_like(outputs[0])
    if (
        value.requires_grad
    ):  # else nothing that is differentiable leads from the layer to the scores
        (gradient,) = torch.autograd.grad(value, outputs, allow_unused=True, materialize_grads=True)
    return as_seen(outputs[0]), as_seen(gradient), copied(scores)


def parameters_of(
    module: nn.Module, batch: Tensor, names: Collection[str], parameters: Sequence[str]
) -> frozenset[str]:
    """Find which parameters have a part in what some modules put out.

    Args:
        module: The network; it is not touched.
        batch: Its input, shape (N, 3, H, W).
        names: Dotted names of the modules.
        parameters: Dotted names of the parameters that are asked about.
    """
    network = clone(module)
    asked = [network.get_parameter(name).requires_grad_() for name in parameters]
    sums: list[Tensor] = []

    def add(_module: nn.Module, _inputs: Any, output: Any) -> None:
        sums.extend(tensor.sum() for tensor in tensors_in(output) if tensor.requires_grad)

    for name in names:
        network.get_submodule(name).register_forward_hook(add)
    with torch.enable_grad():
        network(batch)
    if not sums:
        return frozenset()
    gradients = torch.autograd.grad(sums, asked, allow_unused=True)
    return frozenset(
        name for name, gradient in zip(parameters, gradients, strict=True) if gradient is not None
    )


def input_gradient(
    module: nn.Module,
    batch: Tensor,
    score: Callable[[Tensor], Tensor],
    *,
    guided: bool = False,
) -> tuple[Tensor, Tensor]:
    """Run a network; find how a number made of its scores changes with each value of its input.

    Args:
        module: The network; it is not touched.
        batch: Its input, shape (N, 3, H, W).
        score: Makes numbers, shape (N,), of the network's scores before softmax, (N, classes).
        guided: Let only what is positive pass back through each ReLU, a module's or a function's:
            guided backpropagation (Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for
            Simplicity: The All Convolutional Net", ICLR workshop 2015).

    Returns:
        The gradient, shape (N, 3, H, W), and the scores, shape (N, classes), both float32.

    Raises:
        NetworkError: The scores cannot be differentiated with respect to the image, or the network
            has no ReLU that could guide.
    """
    image = batch.detach().clone().requires_grad_()
    with (
        torch.enable_grad(),
        MaskedReLUs() if guided else nullcontext() as masked,
        scores_taken(module, batch) as scores_of,
    ):
        # Of a copy, since the network's first layer may work in place.
        scores = scores_of(class_scores_in(clone(module)(image.clone())))
        value = score(scores).sum()
    check_gradient(value, tr("the scores"))
    if masked is not None and not guide(value, masked):
        raise NetworkError(
            tr(
                "The network has no ReLU on the way to its scores, so guided backpropagation "
                "would be the plain gradient: choose the gradient."
            )
        )
    (gradient,) = torch.autograd.grad(value, image, allow_unused=True, materialize_grads=True)
    return copied(gradient), copied(scores)


def class_scores_in(output: Any) -> Tensor:
    """Return the class scores, shape (N, classes), among what a network puts out.

    Of a network that ends in a softmax they are probabilities; see `score_before_softmax`.

    Raises:
        NetworkError: It puts out something else.
    """
    scores = first_tensor(output, tr("the network"))
    if scores.dim() != 2:
        shape = " × ".join(map(str, scores.shape[1:])) or tr("one number")
        raise NetworkError(
            tr(
                "The network puts out {shape} for an image and not one score for each class, "
                "so there is no class whose evidence could be shown: choose another network.",
                shape=shape,
            )
        )
    return scores


def truncated(module: nn.Module, name: str, *, as_maps: bool = True) -> nn.Module:
    """Cut a network off after one of its layers.

    Args:
        module: The network; it is not touched.
        name: Dotted name of the layer that becomes the last.
        as_maps: Whether what it puts out is turned into maps; else it stays as it is.

    Returns:
        A module that maps a batch, shape (N, 3, H, W), to exactly that layer's output and runs
        nothing after it. Gradients flow to the batch; memory formats and autocast work as usual.
        It shares the network's weights, and belongs to one thread at a time.

    Raises:
        NetworkError: There is no such layer.
    """
    check_layer(module, name)
    return _Truncated(module, name, as_maps=as_maps)


def check_layer(module: nn.Module, name: str) -> None:
    """Check that a network has a module of this dotted name.

    Raises:
        NetworkError: It has none; the sentence names near matches.
    """
    names = [known for known, _ in module.named_modules(remove_duplicate=False) if known]
    if OutputName.of(name).module not in names:
        matches = near_matches(name, names, cutoff=0.4)
        if not matches:
            raise NetworkError(tr("The network has no layer called “{name}”.", name=name[:80]))
        raise NetworkError(
            tr(
                "The network has no layer called “{name}”; near matches: {names}.",
                name=name[:80],
                names=", ".join(matches),
            )
        )


class _StopForward(BaseException):
    """Ends a forward pass; not an Exception, which a network's forward might catch."""

    def __init__(self, output: Any = None) -> None:
        super().__init__()
        self.output = output


class _Truncated(nn.Module):
    """A clone of a network that ends at one of its layers."""

    def __init__(self, module: nn.Module, name: str, *, as_maps: bool) -> None:
        super().__init__()
        self.name = name
        self.network = clone(module)
        part = self.network.get_submodule(OutputName.of(name).module)
        part.register_forward_hook(self._stop, with_kwargs=True)
        self._left = 0
        self._as_maps = as_maps
        # Wrapped, so that what is done to this module (such as .to) cannot reach the original.
        self._calls_of = partial(_Calls.of, module)

    def forward(self, batch: Tensor) -> Tensor:
        calls = self._calls_of(batch, self.name)
        self._left = calls.wanted
        try:
            self.network(batch)
        except _StopForward as stop:
            part, args, kwargs, output = stop.output
            if self._as_maps:
                return calls.seen(calls.wanted, part, args, kwargs, output)
            return first_tensor(output, self.name)
        raise _never_ran(self.name)

    def _stop(self, part: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        self._left -= 1
        if self._left <= 0:
            raise _StopForward((part, args, kwargs, output))


def copied(output: Tensor) -> Tensor:
    """Copy a layer's output, for `observe_each`, as float32."""
    # The pass runs in inference mode, but what is kept must be an ordinary tensor.
    with torch.inference_mode(False), torch.no_grad():
        return output.to(torch.float32, copy=True, memory_format=torch.contiguous_format)


def first_tensor(output: Any, name: str) -> Tensor:
    """Return the first tensor of a layer's output, which may be a tuple, a dictionary or the like.

    Truth values become 0 and 1.

    Raises:
        NetworkError: There is none, it is empty, or its numbers are complex, sparse or quantised.
    """
    tensor = next(tensors_in(output), None)
    if tensor is None:
        raise NetworkError(
            tr(
                "The layer “{name}” puts out a {type} without a tensor; choose another.",
                name=name,
                type=type(output).__name__,
            )
        )
    if tensor.is_complex():
        raise NetworkError(
            tr(
                "The layer “{name}” puts out complex numbers, which have no order; choose another.",
                name=name,
            )
        )
    if not tensor.numel():
        raise NetworkError(
            tr(
                "What the layer “{name}” puts out for this image is empty: it holds not one "
                "number; choose another.",
                name=name,
            )
        )
    if tensor.is_nested or tensor.is_quantized or tensor.layout != torch.strided:
        raise NetworkError(
            tr(
                "The layer “{name}” puts out a nested, sparse or quantised tensor, which is "
                "not looked into; choose another.",
                name=name,
            )
        )
    return tensor.to(torch.uint8) if tensor.dtype == torch.bool else tensor


def check_gradient(output: Tensor, name: str) -> None:
    """Check that a layer's output depends on the image in a way that can be differentiated.

    Raises:
        NetworkError: It does not.
    """
    if not output.requires_grad:
        raise NetworkError(
            tr(
                "What the layer “{name}” puts out cannot be differentiated with respect to the "
                "image: the network computes without gradients on the way there, under "
                "torch.no_grad() perhaps; choose another layer, or take that out of its forward().",
                name=name,
            )
        )


def _never_ran(name: str) -> NetworkError:
    return NetworkError(
        tr(
            "The layer “{name}” does not run when the network looks at an image; choose another.",
            name=name,
        )
    )
