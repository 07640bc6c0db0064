"""Transfer learning: which parts of a trained network stay as they are, and which are learned anew.

The rule is the course's. Small data set: replace the last fully connected layer only. Large data
set: replace several, or train the encoder's end too. How many images are small or large is convviz'
own choice. Where only the encoder is available, the new decoder stands after a global average
pooling. What is frozen gets no gradient, and its batch norms keep their statistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from convviz.errors import NetworkError, SettingError
from convviz.language import in_english, tr
from convviz.networks.clone import clone
from convviz.networks.decoders import (
    EncoderOnly,
    Form,
    in_form,
    inputs_of,
    is_pooled,
    make_decoder,
    put,
)
from convviz.networks.initial_weights import draw
from convviz.networks.network import Network, NetworkSpec, is_within
from convviz.networks.registry import build, takes_classes
from convviz.structure.layers import last_linear
from convviz.weights.load import load
from convviz.weights.trained import PREFIX, is_drawn_anew

Scenario = Literal["last-layer", "several", "fine-tune", "scratch"]
State = Literal["frozen", "replaced", "thawed", "keeps learning", "from scratch"]

SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)

HIDDEN = 128
"""Length of the fully connected layer that "several" adds where the decoder has one layer only."""

FEW_OF_A_CLASS, MANY_OF_A_CLASS = 100, 500
"""Training images of a class up to which a data set counts as small, and above which as large: a
rule of thumb, within what a zip of 2,000 images can hold."""


@dataclass(frozen=True)
class Part:
    """One part of a network with weights: a layer, or a module such as inception3a.

    Attributes:
        name: Dotted name.
        title: Human title, kept in English; `language.again` tells it.
        parameters: How many it has.
        state: What training does with it.
    """

    name: str
    title: str
    parameters: int
    state: State

    @property
    def trained(self) -> bool:
        """Whether training changes it."""
        return self.state != "frozen"


@dataclass(frozen=True, eq=False)
class TransferPlan:
    """What a training will change, known before it runs.

    Attributes:
        network: Where the trained weights come from; it is never changed.
        scenario: One of `SCENARIOS`.
        form: How the new network is put together.
        head: Dotted name of what follows the encoder's last frozen layer and gets new weights.
        parts: Its parts, from the image to the classes.
        auxiliary: Auxiliary heads that help a training from scratch.
        goes_on: Whether the network has its decoder already, and training starts from its weights.
    """

    network: Network
    scenario: Scenario
    form: Form
    head: str
    parts: tuple[Part, ...]
    auxiliary: tuple[str, ...] = ()
    goes_on: bool = False

    @property
    def frozen_parameters(self) -> int:
        """Parameters that stay as they are."""
        return sum(part.parameters for part in self.parts if not part.trained)

    @property
    def trainable_parameters(self) -> int:
        """Parameters that training changes."""
        return sum(part.parameters for part in self.parts if part.trained)

    @property
    def parameters(self) -> int:
        """All parameters."""
        return sum(part.parameters for part in self.parts)

    @property
    def encoder_is_frozen(self) -> bool:
        """Whether only the decoder is learned, so that features can be computed once and kept."""
        return self.scenario in ("last-layer", "several")

    def trained_names(self) -> tuple[str, ...]:
        """Dotted names of the parts that training changes."""
        return tuple(part.name for part in self.parts if part.trained)

    def parts_to_save(self) -> tuple[str, ...]:
        """Name the parts that a small file holds, beside the network trained on; () for everything.

        A network that was trained here before has no other file to start from, nor has one whose
        `build` draws other weights each time.
        """
        if self.scenario == "scratch" or self.network.weights.source.startswith(PREFIX):
            return ()
        return () if self.is_drawn_anew else self.trained_names()

    @cached_property
    def is_drawn_anew(self) -> bool:
        """Whether a user's `build` sets other weights each time in the parts that stay frozen."""
        return self.scenario != "scratch" and is_drawn_anew(
            self.network, self.form, self.trained_names()
        )

    def build(self, generator: torch.Generator) -> nn.Module:
        """Make the network to train: frozen parts share their weights, trained parts have copies.

        Args:
            generator: Draws new weights.
        """
        if self.goes_on:
            module = clone(self.network.module)
        else:
            module = _shaped(self.network, self.form, self.scenario, self.auxiliary)
        for part in self.parts:
            if not part.trained:
                continue
            owner, _, leaf = part.name.rpartition(".")
            own = _own_parameter(module, part.name)
            if own is not None:
                # It keeps what it is, in whatever way its author drew it.
                module.get_submodule(owner)._parameters[leaf] = nn.Parameter(_copied(own))
                continue
            part_module = module.get_submodule(part.name)
            _copy_tensors(part_module)
            if part.state in ("replaced", "from scratch"):
                draw(part_module, generator)
        for parameter in module.parameters():
            parameter.requires_grad_(False)
        for each in trained_parts(module, self.trained_names()):
            each.requires_grad_(True)
        return module


def trained_parts(module: nn.Module, names: Sequence[str]) -> list[nn.Module | nn.Parameter]:
    """Return parts of a network by their names: modules, and parameters of no such module.

    Args:
        module: The network.
        names: As `parts_of` and `own_parameters` have them.
    """
    own = {name: _own_parameter(module, name) for name in names}
    return [
        each if (each := own[name]) is not None else module.get_submodule(name) for name in names
    ]


def _copy_tensors(module: nn.Module) -> None:
    """Replace shared parameters and buffers by copies, and those on the meta device by zeros."""
    for owner in module.modules():
        for name, parameter in owner._parameters.items():
            if parameter is not None:
                owner._parameters[name] = nn.Parameter(_copied(parameter))
        for name, buffer in owner._buffers.items():
            if buffer is not None:
                owner._buffers[name] = _copied(buffer)


def _copied(tensor: Tensor) -> Tensor:
    if tensor.is_meta:
        return torch.zeros(tensor.shape, dtype=tensor.dtype)
    return tensor.detach().clone()


@dataclass(frozen=True)
class Advice:
    """The scenario that the course's rule recommends, and why."""

    scenario: Scenario
    why: str


def recommend(images: int, classes: int) -> Advice:
    """Apply the course's rule to a data set.

    Args:
        images: How many there are to learn from.
        classes: How many classes they show.
    """
    per_class = images / max(classes, 1)
    rule = tr(
        "This is only a rule of thumb: train again with another choice, and compare the tests."
    )
    if per_class <= FEW_OF_A_CLASS:
        why = tr(
            "{images:,} pictures to learn from, about {per_class:.0f} for each class, are a small "
            "data set (up to {few} for each class): replace the last fully connected layer only, "
            "and keep everything else as it is.",
            images=images,
            per_class=per_class,
            few=FEW_OF_A_CLASS,
        )
        return Advice("last-layer", f"{why} {rule}")
    if per_class <= MANY_OF_A_CLASS:
        why = tr(
            "{images:,} pictures to learn from, about {per_class:.0f} for each class, are enough "
            "to replace several fully connected layers (more than {few} for each class); the "
            "encoder stays as it is.",
            images=images,
            per_class=per_class,
            few=FEW_OF_A_CLASS,
        )
        return Advice("several", f"{why} {rule}")
    why = tr(
        "{images:,} pictures to learn from, about {per_class:.0f} for each class, are a large "
        "data set (more than {many} for each class): train the encoder's end as well.",
        images=images,
        per_class=per_class,
        many=MANY_OF_A_CLASS,
    )
    return Advice("fine-tune", f"{why} {rule}")


def plan(
    network: Network,
    scenario: Scenario,
    classes: Sequence[str],
    *,
    thaw: Sequence[str] | None = None,
    auxiliary: bool = False,
) -> TransferPlan:
    """Plan what is frozen, replaced and trained.

    Args:
        network: The trained network.
        scenario: "last-layer": replace the last fully connected layer. "several": replace all of
            them, or the one there is by two. "fine-tune": replace the last, and train the encoder's
            last parts with it. "scratch": draw all weights anew and train all of them.
        classes: Name of each class.
        thaw: For "fine-tune", names of the parts to train with the decoder; None for the last
            fifth of the encoder.
        auxiliary: For "scratch", whether to train with the network's auxiliary heads.

    Raises:
        SettingError: There is no such scenario, part or auxiliary head, or fewer than two classes.
        NetworkError: The network has no fully connected layer.
    """
    if scenario not in SCENARIOS:
        raise SettingError(
            tr(
                "There is no scenario {scenario!r}; choose {scenarios}.",
                scenario=scenario,
                scenarios=", ".join(SCENARIOS),
            )
        )
    if len(classes) < 2:
        raise SettingError(tr("One class leaves nothing to tell apart; give at least two."))
    heads = network.spec.auxiliary if auxiliary and scenario == "scratch" else ()
    if auxiliary and scenario == "scratch" and not heads:
        raise SettingError(
            tr("{title} has no auxiliary heads; train it without.", title=network.title)
        )
    form, replaced = _form(network, scenario, tuple(classes))
    module = _shaped(network, form, scenario, heads)
    sizes = _part_sizes(module, replaced)
    thawed = _thawed(network, list(sizes), replaced, thaw) if scenario == "fine-tune" else set()
    parts = []
    for name, parameters in sizes.items():
        if scenario == "scratch":
            state: State = "from scratch"
        elif any(is_within(name, group) for group in replaced):
            state = "replaced"
        else:
            state = "thawed" if name in thawed else "frozen"
        parts.append(Part(name, _title(network, form, name), parameters, state))
    head = replaced[0] if len(replaced) == 1 else replaced[0].rpartition(".")[0]
    return TransferPlan(network, scenario, form, head, tuple(parts), heads)


def plan_further(
    network: Network, form: Form, trained: Sequence[str], *, thaw: Sequence[str] | None = None
) -> TransferPlan:
    """Plan how a network that was trained here is fine-tuned from its weights.

    Args:
        network: Result of a training.
        form: How it is put together.
        trained: Names of the parts that were trained, which go on learning.
        thaw: Names of the encoder's parts to train with them; None for its last fifth.

    Raises:
        SettingError: There is no such part.
    """
    sizes = _part_sizes(network.module, (form.decoder, *trained))
    thawed = _thawed(network, list(sizes), trained, thaw)
    parts = []
    for name, parameters in sizes.items():
        state: State = "thawed" if name in thawed else "frozen"
        if name in trained:
            state = "keeps learning"
        if is_within(name, form.decoder):
            title = in_english(tr("your decoder"))
        else:
            title = _title(network, form, name)
        parts.append(Part(name, title, parameters, state))
    return TransferPlan(network, "fine-tune", form, form.decoder, tuple(parts), goes_on=True)


def untrained_copy(network: Network, seed: int = 0) -> Network:
    """Return the same network with random weights, cut off where this one is.

    For the comparison with the same decoder on an encoder that learned nothing.
    """
    random = load(network.name, "random", seed=seed)
    module = random.module
    if is_pooled(network.module):
        module = EncoderOnly(module.get_submodule("features")).eval()
    return Network(network.spec, module, random.weights)


def _form(
    network: Network, scenario: Scenario, classes: tuple[str, ...]
) -> tuple[Form, tuple[str, ...]]:
    """Decide how the new network is put together, and which of its layers are replaced."""
    if is_pooled(network.module):
        channels = _channels(network.module.get_submodule("features"))
        hidden = (HIDDEN,) if scenario == "several" else ()
        return Form("decoder", channels, classes, hidden, pooled=True), ("decoder",)
    # As it is built: a decoder that was trained here may have several layers in its place.
    last = last_linear(network.spec)
    inputs = inputs_of(network.module.get_submodule(last))
    group = last.rpartition(".")[0]
    # What holds convolutions is no decoder, but the whole network in a wrapper.
    around = network.module.get_submodule(group).modules()
    is_decoder = group and not any(isinstance(part, nn.Conv2d) for part in around)
    siblings = [
        name
        for name, part in network.module.named_modules()
        if isinstance(part, nn.Linear) and is_decoder and is_within(name, group)
    ]
    if scenario == "several" and len(siblings) < 2:
        return Form(last, inputs, classes, (HIDDEN,)), (last,)
    replaced = tuple(siblings) if scenario == "several" else (last,)
    return Form(last, inputs, classes), replaced


def _shaped(network: Network, form: Form, scenario: Scenario, heads: tuple[str, ...]) -> nn.Module:
    """Copy the network's structure, with the new decoder on the meta device."""
    if heads:
        return with_heads(network.spec, form)
    with torch.device("meta"):
        return in_form(clone(network.module), form, network.spec.auxiliary).eval()


def with_heads(spec: NetworkSpec, form: Form) -> nn.Module:
    """Build a network with its auxiliary heads, each of which has a score for every new class.

    Args:
        spec: The network's description.
        form: Its new decoder; a `build` that takes `num_classes` makes it itself.

    Raises:
        NetworkError: The network cannot be built, or a head has no fully connected layer.
    """
    classes = len(form.classes)
    module = clone(build(spec, **({"num_classes": classes} if takes_classes(spec) else {})))
    for name in (form.decoder, *spec.auxiliary):
        linear = [
            f"{name}.{key}".rstrip(".")
            for key, part in module.get_submodule(name).named_modules()
            if isinstance(part, nn.Linear)
        ]
        if not linear:
            raise NetworkError(
                tr(
                    "The auxiliary head {name} of {title} has no fully connected layer whose "
                    "place new scores could take; train it without.",
                    name=name,
                    title=spec.title,
                )
            )
        last = module.get_submodule(linear[-1])
        if last.out_features != classes:
            put(module, linear[-1], make_decoder(inputs_of(last), classes))
    return module


def _channels(features: nn.Module) -> int:
    """Count the channels of an encoder's output."""
    last = [part for part in features.modules() if isinstance(part, nn.Conv2d)]
    if not last:
        raise NetworkError(tr("The encoder has no convolution; choose another network."))
    return last[-1].out_channels


def parts_of(module: nn.Module, heads: Sequence[str] = ()) -> dict[str, nn.Module]:
    """List a network's parts by name: sequences' layers, and whole modules elsewhere.

    Args:
        module: The network.
        heads: Dotted names of layers that are treated apart from what lies around them: a module
            that holds one of them is divided into its own parts, such as a network in a wrapper.
    """
    return dict(_parts(module, heads))


def _parts(
    module: nn.Module, heads: Sequence[str], name: str = ""
) -> Iterator[tuple[str, nn.Module]]:
    """List the parts of a module, from the image to the classes, each by its dotted name."""
    for key, child in module.named_children():
        inner = f"{name}.{key}".lstrip(".")
        if _is_divided(inner, child, module, name, heads):
            yield from _parts(child, heads, inner)
        else:
            yield inner, child


def _divided(
    module: nn.Module, heads: Sequence[str], name: str = ""
) -> Iterator[tuple[str, nn.Module]]:
    """List the modules whose children are parts: the network first, each by its dotted name."""
    yield name, module
    for key, child in module.named_children():
        inner = f"{name}.{key}".lstrip(".")
        if _is_divided(inner, child, module, name, heads):
            yield from _divided(child, heads, inner)


def _is_divided(
    name: str, child: nn.Module, owner: nn.Module, owner_name: str, heads: Sequence[str]
) -> bool:
    """Whether a module counts by its parts: one that holds a head, and an outer sequence."""
    if any(head.startswith(f"{name}.") for head in heads):
        return True
    within_a_sequence = owner_name and isinstance(owner, nn.Sequential)
    return isinstance(child, nn.Sequential) and not within_a_sequence


def own_parameters(module: nn.Module, heads: Sequence[str] = ()) -> dict[str, nn.Parameter]:
    """List the parameters by name that hang on the network itself, or on what is divided in it.

    Args:
        module: The network.
        heads: As for `parts_of`.
    """
    return {
        f"{owner}.{name}".lstrip("."): parameter
        for owner, part in _divided(module, heads)
        for name, parameter in part.named_parameters(recurse=False)
    }


def _own_parameter(module: nn.Module, name: str) -> nn.Parameter | None:
    """Return a parameter by its dotted name; None if a module has that name."""
    owner, _, leaf = name.rpartition(".")
    return module.get_submodule(owner)._parameters.get(leaf)


def _part_sizes(module: nn.Module, heads: Sequence[str]) -> dict[str, int]:
    """Count the parameters of each part that has some."""
    own = own_parameters(module, heads)
    sizes = {name: parameter.numel() for name, parameter in own.items()}
    for name, part in parts_of(module, heads).items():
        sizes[name] = sum(p.numel() for p in part.parameters())
    return {name: size for name, size in sizes.items() if size}


def _thawed(
    network: Network, names: Sequence[str], replaced: Sequence[str], thaw: Sequence[str] | None
) -> set[str]:
    """Name the encoder's parts that are to be trained: those asked for, or its last fifth.

    Raises:
        SettingError: There is no such part.
    """
    encoder = [name for name in names if name not in replaced and "classifier" not in name]
    if thaw is None:
        return set(encoder[-max(1, round(len(encoder) / 5)) :])
    unknown = [name for name in thaw if name not in encoder]
    if unknown or not thaw:
        raise SettingError(
            tr(
                "{title} has no part {part} to thaw; choose from {parts}.",
                title=network.title,
                part=unknown[0] if unknown else tr("(none named)"),
                parts=", ".join(encoder),
            )
        )
    return set(thaw)


def _title(network: Network, form: Form, name: str) -> str:
    """Return the human title of a part."""
    if is_within(name, form.decoder):
        return in_english(tr("new decoder"))
    return network.spec.title_of(name) or name
