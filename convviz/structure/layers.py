"""The layers of a network, found by running it once.

A layer is a module without parts, or one that does something to the outputs of its parts before it
returns: GoogLeNet's convolutions, whose ReLU is a function in their forward(), and its Inception
modules, which concatenate. A Sequential does not count. Layers are listed in the order in which
they finish; of a module that is used several times, the last use counts. Auxiliary heads, which do
not run in eval mode, do not count.

What else can be looked at by its name is listed apart: blocks of layers, earlier uses of a module,
class tokens, and the heads of attentions.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import torch
from torch import nn

from convviz.errors import NetworkError, SettingError
from convviz.formatting import did_you_mean, near_matches
from convviz.language import in_english, later, tr, trn
from convviz.networks import registry
from convviz.networks.clone import per_module
from convviz.networks.image_channels import image_channels
from convviz.networks.network import Network, NetworkSpec, is_within
from convviz.networks.registry import build
from convviz.networks.titles import DECODER, ENCODER
from convviz.structure.dataflow import Flow, Join, flow
from convviz.structure.input_size import LARGEST_LISTED, check_input_size, size_sentence
from convviz.structure.layout import Layout, layouts_in
from convviz.structure.ops import BLOCK, CLASS_TOKEN, HEADS, HEADS_TITLE, kind_of, part_title
from convviz.structure.outputs import CLASS_PART, HEADS_PART, OutputName, has_heads
from convviz.structure.soft_activation import SoftActivation, soft_activations
from convviz.structure.trace import Call, Shape, TraceError, Value, trace

_RELUS = {"ReLU", "ReLU6"}  # kinds; LeakyReLU and its like put out hardly any exact 0


@dataclass(frozen=True)
class Branch:
    """One part of a concatenation: channels `start` up to, but not including, `stop`."""

    name: str
    title: str
    start: int
    stop: int


@dataclass(frozen=True)
class Layer:
    """One layer of a network.

    Attributes:
        name: Dotted module name.
        title: Human title, "relu3_3"; `again` tells the kinds in it, "conv1 · batch norm".
        kind: Plain words, "convolution", as `ops.kind_text` tells them.
        stage: The group in which pickers show it, "block 3", as `titles.stage_text` tells it.
        shape: Output without the batch, (C, H, W) or (C,).
        index: Position in the order of execution.
        detail: Whether pickers may hide it: a part of a layer that is shown with its ReLU, as a
            whole, or a module that returns its input unchanged.
        pre_relu: Name of the layer whose positive part is what the next ReLU passes on: the
            layer itself right before a ReLU, its batch norm where there is one between. None where
            no ReLU follows, or the output has been through one.
        branches: The parts of a concatenation; empty for any other layer.
        in_encoder: Whether it belongs to the encoder.
        ceiling: The largest number that the next ReLU passes on, 6 for a ReLU6; None for no limit,
            and where `pre_relu` is None.
        layout: How the module's output is turned into maps, where it is none itself: channels last
            or tokens. None where it is maps (N, C, H, W), or vectors (N, C), already.
        soft: The activation function that its numbers come out of, where that puts out hardly any
            exact 0, such as SiLU; else None.
    """

    name: str
    title: str
    kind: str
    stage: str
    shape: tuple[int, ...]
    index: int
    detail: bool
    pre_relu: str | None
    branches: tuple[Branch, ...]
    in_encoder: bool
    ceiling: float | None = None
    layout: Layout | None = None
    soft: SoftActivation | None = None

    @property
    def has_relu(self) -> bool:
        """Whether a ReLU is part of it, which leaves exact zeros; a leaky one is none."""
        return not _RELUS.isdisjoint(self.kind.split(" + "))

    @property
    def module(self) -> str:
        """Dotted name of the module, without the use or the part of its output."""
        return OutputName.of(self.name).module


def layers(network: Network | NetworkSpec, input_size: int | None = None) -> tuple[Layer, ...]:
    """List the layers of a network in the order in which they finish.

    With weights of an encoder only, these are the encoder's layers: the others have no weights.

    Args:
        network: A loaded network, or the description of one.
        input_size: Side of the square input, in pixels; None for the network's own.

    Raises:
        SettingError: The size is out of range.
        NetworkError: The network cannot be run on an image of this size.
    """
    size = network.input_size if input_size is None else input_size
    if isinstance(network, NetworkSpec):
        return _of_spec(network, size)
    return _with_weights(network, _of_module(network.module, network.spec, size))


def further_layers(
    network: Network | NetworkSpec, input_size: int | None = None
) -> tuple[Layer, ...]:
    """List what can be looked at beside `layers`, in the order of execution.

    That is blocks of layers, such as ResNet's ``layer1``; earlier uses of a module,
    ``layer1.0.relu:1``; class tokens, ``encoder.ln:class``; and the heads of attentions,
    ``….self_attention:heads``. Each has the index of the last layer that ran before it ended.

    Args:
        network: A loaded network, or the description of one.
        input_size: Side of the square input, in pixels; None for the network's own.

    Raises:
        SettingError: The size is out of range.
        NetworkError: The network cannot be run on an image of this size.
    """
    size = network.input_size if input_size is None else input_size
    if isinstance(network, NetworkSpec):
        return _further_of_spec(network, size)
    return _with_weights(network, _further_of_module(network.module, network.spec, size))


def _with_weights(network: Network, found: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Leave out what has no weights where there are those of an encoder only."""
    if network.weights.source == "encoder":
        return tuple(layer for layer in found if layer.in_encoder)
    return found


def layer(network: Network | NetworkSpec, name: str, input_size: int | None = None) -> Layer:
    """Find a layer by its dotted name, or one of the `further_layers`.

    The last of several uses may be given its number too.

    Args:
        network: A loaded network, or the description of one.
        name: The name.
        input_size: Side of the square input, in pixels; None for the network's own.

    Raises:
        NetworkError: There is none of that name; the sentence names near matches. Or the network
            cannot be run.
    """
    by_name = {layer.name: layer for layer in layers(network, input_size)}
    if name in by_name:
        return by_name[name]
    further = {layer.name: layer for layer in further_layers(network, input_size)}
    if name in further:
        return further[name]
    names = list(by_name)
    asked = OutputName.of(name)
    last = by_name.get(asked.module) or further.get(asked.module)
    if asked.use is not None and last is not None:
        others = [OutputName.of(other) for other in further]
        uses = 1 + sum(each.module == asked.module and each.use is not None for each in others)
        if asked.use == uses:
            return last
        raise NetworkError(
            trn(
                "{layer} of {title} runs once for an image, so there is no use {use} of "
                "it: choose {layer}.",
                "{layer} of {title} runs {count} times for an image, so there is no use {use} of "
                "it: choose {layer}.",
                uses,
                layer=asked.module,
                title=network.title,
                use=asked.use,
            )
        )
    if isinstance(network, Network) and name in {layer.name for layer in layers(network.spec)}:
        raise NetworkError(
            tr(
                "{title} has no weights for layer {layer}: the weights in use are those of its "
                "encoder only, which ends with {last}.",
                title=network.title,
                layer=name,
                last=names[-1],
            )
        )
    if asked.module not in by_name and asked.module in left_out(network, input_size):
        raise NetworkError(
            tr(
                "{title} has a module {module}, but it puts out neither maps, nor tokens that "
                "stand for places of the image, nor one vector for it: choose another layer.",
                title=network.title,
                module=name,
            )
        )
    if asked.part == HEADS_PART:
        windows = attention_windows(network, name)
        if windows is not None:
            raise NetworkError(
                tr(
                    "The attention of {layer} goes on inside {windows:,} windows of {positions:,} "
                    "positions, apart in each, so no head of it has one map over the whole image: "
                    "choose {layer}.",
                    layer=asked.module,
                    windows=windows.count,
                    positions=windows.positions,
                )
            )
        own = own_attention(network, name)
        if own is not None:
            raise NetworkError(
                tr(
                    "The attention of {layer} is computed by the network's own code, so where its "
                    "heads look is not shown, as it is for nn.MultiheadAttention: choose {layer}.",
                    layer=own,
                )
            )
    hint = did_you_mean(
        name, names, tr("they go from {first} to {last}.", first=names[0], last=names[-1])
    )
    if not name.strip():
        raise NetworkError(
            tr("{title} has no layer without a name: {hint}", title=network.title, hint=hint)
        )
    raise NetworkError(
        tr(
            "{title} has no layer called {name}: {hint}",
            title=network.title,
            name=name,
            hint=hint,
        )
    )


def channels_origin(network: Network | NetworkSpec, layer: Layer) -> str:
    """Name the output in which a layer's channels were made.

    Between layers of one origin channel k stays channel k: a convolution, the ReLU behind it and
    the pooling behind that. Where other channels are made of them, as by a convolution or a
    concatenation, another origin begins.

    Returns:
        A name that is the same for all layers of one origin and for no others.
    """
    asked = OutputName.of(layer.name)
    value_flow = flow(_module(network), network.input_size)
    uses = [call for call in value_flow.calls if call.name == asked.module]
    if asked.part or not uses:
        return layer.name
    call = uses[-1 if asked.use is None else asked.use - 1]
    if call.output is None:
        return layer.name
    origin = value_flow.channels_of(call.output)
    first = next(
        each
        for each in value_flow.calls
        if each.output is not None and value_flow.channels_of(each.output) is origin
    )
    return f"{first.name}:{first.position}"


def find(network: Network, text: str) -> Layer:
    """Find a layer by its dotted name or by its title, with or without signs such as × and ·.

    Raises:
        NetworkError: There is none, or several have this title; the sentence names near matches.
    """
    if OutputName.of(text).module != text:  # a use of a module, or a part of its output
        return layer(network, text)
    candidates = layers(network)
    for candidate in (*candidates, *further_layers(network)):
        if candidate.name == text:
            return candidate
    matches = [each for each in candidates if _plain(each.title) == _plain(text)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(each.name for each in matches)
        raise NetworkError(
            tr(
                "{title} has several layers called {name}: choose one of {names}.",
                title=network.title,
                name=text,
                names=names,
            )
        )
    question = did_you_mean(text, [each.title for each in candidates], "")
    if question and not near_matches(text, [each.name for each in candidates]):
        raise NetworkError(
            tr(
                "{title} has no layer called {name}: {hint}",
                title=network.title,
                name=text,
                hint=question,
            )
        )
    return layer(network, text)  # which raises a sentence with the near names


def _plain(title: str) -> str:
    return re.sub(r"[^a-z0-9_.]", "", title.lower().replace("×", "x"))


@dataclass(frozen=True)
class Output:
    """What a step of a pass returns.

    Attributes:
        name: Dotted name of the module.
        shape: Shape of the output, batch included.
        weighted: Whether the step uses parameters.
    """

    name: str
    shape: Shape
    weighted: bool

    @property
    def has_positions(self) -> bool:
        """Whether it still tells places apart: maps of several pixels, or several tokens."""
        if len(self.shape) == 3:
            return self.shape[1] > 1
        return len(self.shape) == 4 and self.shape[2:] != (1, 1)


def encoder_end(spec: NetworkSpec, outputs: Sequence[Output]) -> int:
    """Find where the encoder ends: at the spec's last layer, or where places are told apart last.

    A network that ends in scores without any weights behind its last maps, as SqueezeNet does, has
    its last layer with weights for a decoder, and what follows it.

    Args:
        spec: The network's description.
        outputs: The outputs of its steps, in the order of execution.

    Returns:
        Index of its last output; -1 if there is none.
    """
    if spec.encoder_end is not None:
        inside = [i for i, each in enumerate(outputs) if is_within(each.name, spec.encoder_end)]
        return max(inside, default=-1)
    maps = [i for i, each in enumerate(outputs) if len(each.shape) >= 3]
    end = max([i for i in maps if outputs[i].has_positions] or maps, default=-1)
    weighted = [i for i, each in enumerate(outputs) if each.weighted]
    if end < 0 or not weighted or weighted[-1] > end or outputs[-1].has_positions:
        return end
    *before, last = weighted
    is_classifier = bool(before) and outputs[last].shape[1] == outputs[-1].shape[1]
    return last - 1 if is_classifier else end


@functools.lru_cache(maxsize=64)
def last_linear(spec: NetworkSpec) -> str:
    """Name the fully connected layer that scores the classes of a network, as it is built.

    That is the one whose output the network returns, or makes its scores of without other weights,
    as by a softmax.

    Raises:
        NetworkError: There is none, or the network cannot be run.
    """
    with torch.random.fork_rng(devices=()):  # whose first weights are thrown away here
        module = built(spec)
    value_flow = _flow(module, spec, spec.input_size)
    scores = value_flow.calls[-1].output
    last = None if scores is None else value_flow.linear_behind(scores)
    if last is None:
        raise NetworkError(
            tr(
                "The network has no fully connected layer whose place a new decoder could "
                "take; choose another network."
            )
        )
    return last


def check_classes(spec: NetworkSpec, module: nn.Module) -> None:
    """Check that a network has as many scores as its description names classes, if it names any.

    Raises:
        NetworkError: It has not, or cannot be run.
    """
    if not spec.classes:
        return
    scores = _flow(module, spec, spec.input_size).calls[-1].output
    shape = () if scores is None else scores.shape[1:]
    if shape != (len(spec.classes),):
        message = (
            later(
                "{title} names {count:,} classes but returns {shape} scores for an image; "
                "name as many as it returns, in their order."
            )
            if shape
            else later(
                "{title} names {count:,} classes but returns no scores for an image; "
                "name as many as it returns, in their order."
            )
        )
        returned = " × ".join(map(str, shape))
        raise NetworkError(tr(message, title=spec.title, count=len(spec.classes), shape=returned))


def check_channel(shape: tuple[int, ...], channel: int) -> None:
    """Check that a layer of this output shape has a channel.

    Raises:
        SettingError: It does not.
    """
    if not 0 <= channel < shape[0]:
        raise SettingError(
            tr(
                "There is no channel {channel}: choose 0 to {last}.",
                channel=channel,
                last=shape[0] - 1,
            )
        )


def check_position(shape: tuple[int, ...], row: int, column: int) -> None:
    """Check that a layer's maps have a position; a vector's maps are 1 × 1.

    Args:
        shape: The layer's output shape, (C, H, W) or (C,).
        row: Row of the position, from 0.
        column: Column of the position, from 0.

    Raises:
        SettingError: They do not.
    """
    height, width = shape[1:] or (1, 1)
    if not (0 <= row < height and 0 <= column < width):
        raise SettingError(
            tr(
                "The map has no position at row {row}, column {column}: it is {height} × "
                "{width}, and both count from 0.",
                row=row,
                column=column,
                height=height,
                width=width,
            )
        )


def built(spec: NetworkSpec) -> nn.Module:
    """Build a network to read its structure: what a caller must not change.

    A built-in network, which has no values, is built once, so that its traces are kept with it.
    """
    return build(spec) if registry.is_own(spec.name) else _built_once(spec)


@functools.lru_cache(maxsize=8)
def _built_once(spec: NetworkSpec) -> nn.Module:
    return build(spec)


@functools.lru_cache(maxsize=64)
def _of_spec(spec: NetworkSpec, size: int) -> tuple[Layer, ...]:
    return _of_module(built(spec), spec, size)


@per_module()
def _of_module(module: nn.Module, spec: NetworkSpec, size: int) -> tuple[Layer, ...]:
    check_input_size(size, LARGEST_LISTED)
    value_flow = _flow(module, spec, size)
    joins = {
        order: value_flow.summary_of(call, order)
        for order, call in enumerate(value_flow.calls)
        if not call.leaf
    }
    recorded = trace(module, size)
    layouts, soft = layouts_in(recorded), soft_activations(recorded)
    calls = _of_interest(value_flow, joins, layouts)
    if not calls:
        raise NetworkError(tr("{title} has no layer with one output per image.", title=spec.title))
    last = _encoder_end(spec, value_flow, calls)
    if last < 0 and spec.encoder_end is not None:
        raise NetworkError(
            tr(
                "{title} has no layer {layer} for its encoder to end with.",
                title=spec.title,
                layer=spec.encoder_end,
            )
        )
    wholes = [call.name for order, call in calls if (join := joins.get(order)) and join.whole]
    groups = {call.name.partition(".")[0] for _, call in calls if "." in call.name} - set(wholes)
    producers: dict[Value, Call] = {}
    for _, call in calls:
        if call.output is not None:
            producers.setdefault(value_flow.source_of(call.output), call)
    rows = []
    for index, (order, call) in enumerate(calls):
        join = joins.get(order)
        around = (name for name in wholes if name != call.name and is_within(call.name, name))
        whole = next(around, None)
        pre_relu = value_flow.pre_relu_of(call)
        is_attention = isinstance(call.module, nn.MultiheadAttention)
        kind = join.kind if join and not is_attention else kind_of(call.module)
        layout = layouts[call.position]
        rows.append(
            Layer(
                name=call.name,
                title=_title(spec, call.name, kind, whole),
                kind=kind,
                stage=_stage(spec, whole or call.name, groups, in_encoder=index <= last),
                shape=call.shape[1:] if layout is None else layout.shape,
                index=index,
                detail=whole is not None or isinstance(call.module, (nn.Identity, nn.Flatten)),
                pre_relu=pre_relu,
                branches=_branches(spec, join.parts, producers, call.shape[1]) if join else (),
                in_encoder=index <= last,
                ceiling=None if pre_relu is None else value_flow.ceiling_of(call),
                layout=None if layout is None or layout.is_plain else layout,
                soft=None if call.output is None else soft.get(call.output),
            )
        )
    return tuple(rows)


@functools.lru_cache(maxsize=64)
def _further_of_spec(spec: NetworkSpec, size: int) -> tuple[Layer, ...]:
    return _further_of_module(build(spec), spec, size)


@per_module()
def _further_of_module(module: nn.Module, spec: NetworkSpec, size: int) -> tuple[Layer, ...]:
    listed = {layer.name: layer for layer in _of_module(module, spec, size)}
    value_flow = _flow(module, spec, size)
    recorded = trace(module, size)
    layouts, soft = layouts_in(recorded), soft_activations(recorded)
    totals = Counter(call.name for call in value_flow.calls)
    uses: Counter[str] = Counter()
    before = next(iter(listed.values()))  # the last layer that has ended
    rows: list[Layer] = []
    for call in value_flow.calls:
        uses[call.name] += 1
        use, total = uses[call.name], totals[call.name]
        layout = layouts[call.position]
        if use == total and call.name in listed:
            before = listed[call.name]
        if not call.name or layout is None or not (call.leaf or len(layout.shape) == 3):
            continue
        own = listed.get(call.name)
        row = replace(
            own or before,
            name=call.name,
            title=own.title if own else call.name,
            kind=own.kind if own else (kind_of(call.module) if call.leaf else BLOCK),
            shape=layout.shape,
            index=before.index,
            in_encoder=before.in_encoder,
            detail=True,
            pre_relu=value_flow.pre_relu_of(call),
            branches=(),
            layout=None if layout.is_plain else layout,
            soft=None if call.output is None else soft.get(call.output),
        )
        ceiling = None if row.pre_relu is None else value_flow.ceiling_of(call)
        row = replace(row, ceiling=ceiling)
        if use < total:
            name = f"{call.name}:{use}"
            pre_relu = name if row.pre_relu == call.name else row.pre_relu
            title = in_english(
                tr("{layer} (use {use} of {count})", layer=row.title, use=use, count=total)
            )
            rows.append(replace(row, name=name, title=title, pre_relu=pre_relu))
            continue
        if own is None:
            rows.append(row)
        rows += _parts(call, row, layout)
    return tuple(rows)


def _parts(call: Call, layer: Layer, layout: Layout) -> Iterable[Layer]:
    """Describe what of a module's output is no map of the layer: class token, and heads."""
    alone = replace(layer, pre_relu=None, ceiling=None, layout=None, soft=None)
    if layout.before:
        yield replace(
            alone,
            name=f"{call.name}:{CLASS_PART}",
            title=part_title(layer.title, CLASS_TOKEN),
            kind=CLASS_TOKEN,
            shape=layout.shape[:1],
        )
    if isinstance(call.module, nn.MultiheadAttention) and has_heads(call.module, layout):
        yield replace(
            alone,
            name=f"{call.name}:{HEADS_PART}",
            title=part_title(layer.title, HEADS_TITLE),
            kind=HEADS,
            shape=(call.module.num_heads, *layout.shape[1:]),
        )


def _flow(module: nn.Module, spec: NetworkSpec, size: int) -> Flow:
    """Follow the values through a network.

    Raises:
        NetworkError: It cannot be run on an image of this size.
    """
    try:
        return flow(module, size)
    except TraceError as error:
        if _is_too_small(error) or registry.is_networks_fault(spec, error.cause):
            raise NetworkError(_refusal(module, spec, size, error)) from error
        sentence = size_sentence(module, size, spec.input_size, spec.title)
        if sentence is None:
            raise error.cause from error
        raise NetworkError(sentence) from error


def _encoder_end(spec: NetworkSpec, value_flow: Flow, calls: Sequence[tuple[int, Call]]) -> int:
    """Find the index of the encoder's last layer among those that are listed.

    What is not listed, such as a transformer's layers, counts as well.
    """
    if spec.encoder_end is not None:
        return encoder_end(spec, [Output(call.name, call.shape, False) for _, call in calls])
    listed = {order for order, _ in calls}
    steps = [
        (order, call)
        for order, call in enumerate(value_flow.calls)
        if order in listed or (call.leaf and call.name and call.output is not None)
    ]
    outputs = [Output(call.name, call.shape, has_parameters(call.module)) for _, call in steps]
    end = encoder_end(spec, outputs)
    last_order = steps[end][0] if end >= 0 else -1
    return max((i for i, (order, _) in enumerate(calls) if order <= last_order), default=-1)


def left_out(network: Network | NetworkSpec, input_size: int | None = None) -> tuple[str, ...]:
    """Name the modules without parts that run but are no layers here: they return no maps.

    Those that work inside the windows of an attention are among them, for instance.

    Args:
        network: A loaded network, or the description of one.
        input_size: Side of the square input, in pixels; None for the network's own.

    Raises:
        NetworkError: The network cannot be run on an image of this size.
    """
    size = network.input_size if input_size is None else input_size
    listed = {layer.name for layer in layers(network, size)}
    if isinstance(network, Network):
        module, within_encoder = network.module, network.weights.source == "encoder"
    else:
        module, within_encoder = built(network), False
    if within_encoder:
        return ()  # the layers behind it are left out on purpose
    calls = flow(module, size).calls
    names = dict.fromkeys(call.name for call in calls if call.leaf and call.name)
    return tuple(name for name in names if name not in listed)


@dataclass(frozen=True)
class AttentionWindows:
    """The windows of an attention that goes on in each of them apart, as Swin's and MaxViT's do.

    Attributes:
        count: How many there are in a map.
        positions: How many positions each has.
    """

    count: int
    positions: int


def attention_windows(network: Network | NetworkSpec, name: str) -> AttentionWindows | None:
    """Find the windows that the attention of a layer goes on in; None where there are none.

    Args:
        network: A loaded network, or the description of one.
        name: Dotted name of the layer.

    Raises:
        NetworkError: The network cannot be run.
    """
    found = _attentions(_module(network), network.input_size).get(OutputName.of(name).module)
    return found if found is not None and found.count > 1 else None


def own_attention(network: Network | NetworkSpec, name: str) -> str | None:
    """Name the module that attends over the map by its own code, not by nn.MultiheadAttention.

    Args:
        network: A loaded network, or the description of one.
        name: Dotted name of a layer in it, or of the module itself.

    Returns:
        None if the layer is in none.

    Raises:
        NetworkError: The network cannot be run.
    """
    found = _attentions(_module(network), network.input_size)
    module = OutputName.of(name).module
    around = (each for each in found if each and found[each].count == 1)
    return next((each for each in around if is_within(module, each)), None)


def _module(network: Network | NetworkSpec) -> nn.Module:
    return network.module if isinstance(network, Network) else built(network)


@per_module()
def _attentions(module: nn.Module, size: int) -> dict[str, AttentionWindows]:
    """Find where an attention with heads goes on, and in how many windows; not PyTorch's own."""
    recorded = trace(module, size)
    names = {
        call.position: call.name
        for call in recorded.calls
        if not isinstance(call.module, nn.MultiheadAttention)
    }
    found = {}
    for operation in recorded.operations:
        # (windows, heads, positions, positions), for one image; further axes of windows before.
        shape = operation.output.shape
        if "scaled_dot_product" in operation.name:
            query = operation.arguments["query"]
            shape = (*query[:-1], query[-2])
        elif "softmax" not in operation.name:
            continue
        if len(shape) >= 4 and shape[-1] == shape[-2] > 1 and operation.call in names:
            found[names[operation.call]] = AttentionWindows(prod(shape[:-3]), shape[-1])
    return found


def runs_on_zeros(network: Network | NetworkSpec, input_size: int | None = None) -> bool:
    """Whether a network's layers are those of an image of zeros, as it reads numbers while it runs.

    Args:
        network: A loaded network, or the description of one.
        input_size: Side of the square input, in pixels; None for the network's own.

    Raises:
        NetworkError: The network cannot be run on an image of this size.
    """
    size = network.input_size if input_size is None else input_size
    layers(network, size)  # which says why it cannot be run
    return trace(_module(network), size).on_zeros


def has_parameters(module: nn.Module) -> bool:
    """Whether a module or its parts have parameters."""
    return next(module.parameters(), None) is not None


def _of_interest(
    value_flow: Flow, joins: Mapping[int, Join | None], layouts: Mapping[int, Layout | None]
) -> list[tuple[int, Call]]:
    """List the last call of every layer, with its index among all calls."""
    last: dict[str, tuple[int, Call]] = {}
    for order, call in enumerate(value_flow.calls):
        is_layer = call.leaf or joins[order] is not None
        if call.name and is_layer and layouts[call.position] is not None:
            last[call.name] = (order, call)
    return sorted(last.values(), key=lambda item: item[0])


def _title(spec: NetworkSpec, name: str, kind: str, whole: str | None) -> str:
    title = spec.title_of(name)
    if title is None and whole is not None:
        return part_title(spec.title_of(whole) or whole, kind)
    return title or name


def _stage(spec: NetworkSpec, name: str, groups: Collection[str], *, in_encoder: bool) -> str:
    """Return a layer's stage: the spec's, else the first part of the layer's name."""
    if spec.stage_of is not None and (stage := spec.stage_of(name)) is not None:
        return stage
    first, dot, _ = name.partition(".")
    if dot or first in groups:
        return first
    return ENCODER if in_encoder else DECODER


def _branches(
    spec: NetworkSpec, parts: Iterable[Value], calls: Mapping[Value, Call], channels: int
) -> tuple[Branch, ...]:
    """Name the channel ranges of a concatenation; nothing if a part is not a layer's output.

    Args:
        spec: Has the branches' short titles.
        parts: The values that are concatenated.
        calls: The layer that returned each value.
        channels: How many channels the concatenation has.
    """
    branches: list[Branch] = []
    start = 0
    for value in parts:
        if value not in calls or len(calls[value].shape) != 4:
            return ()
        call = calls[value]
        title = spec.branch_of(call.name) or spec.title_of(call.name) or call.name
        branches.append(Branch(call.name, title, start, start + call.shape[1]))
        start += call.shape[1]
    return tuple(branches) if start == channels else ()


def _refusal(module: nn.Module, spec: NetworkSpec, size: int, error: TraceError) -> str:
    """Say in one sentence why a network cannot be run on an image of some size."""
    location = (
        tr("layer {layer}", layer=spec.title_of(error.name) or error.name)
        if error.name
        else tr("its forward()")
    )
    if _is_too_small(error):
        needed = _pixels_needed(error.module)
        remaining = "×".join(str(side) for side in error.shape[2:])
        sentence = size_sentence(module, size, spec.input_size, spec.title)
        if sentence is None:
            sentence = tr(
                "{title} needs a larger image than {size}×{size} pixels.",
                title=spec.title,
                size=size,
            )
        return tr(
            "{refusal}; {location} is left with {remaining} of them and needs {needed}×{needed}.",
            refusal=sentence[:-1],
            location=location,
            remaining=remaining,
            needed=needed,
        )
    line = registry.place(error.cause)
    message = (
        later(
            "{title} cannot be run on an image of {channels} × {size} × {size} "
            "numbers: {location} fails ({line}) with “{reason}”."
        )
        if line
        else later(
            "{title} cannot be run on an image of {channels} × {size} × {size} "
            "numbers: {location} fails with “{reason}”."
        )
    )
    return tr(
        message,
        title=spec.title,
        channels=image_channels(module, size),
        size=size,
        location=location,
        line=line,
        reason=registry.reason(error.cause),
    )


def _is_too_small(error: TraceError) -> bool:
    """Whether a pass failed because the image was smaller than a layer's kernel."""
    return len(error.shape) == 4 and min(error.shape[2:]) < _pixels_needed(error.module)


def _pixels_needed(module: nn.Module) -> int:
    """Count the pixels in a row that a convolution or pooling needs, without its padding."""

    def widest(value: object) -> int:
        sizes = value if isinstance(value, tuple) else (value,)
        return max((size for size in sizes if isinstance(size, int)), default=0)

    reach = widest(getattr(module, "dilation", 1)) * (widest(getattr(module, "kernel_size", 1)) - 1)
    return reach + 1 - 2 * widest(getattr(module, "padding", 0))
