"""Put networks together with weights that are on this machine."""

from __future__ import annotations

from dataclasses import replace

from torch import nn
from torchvision.models import GoogLeNet

from convviz.downloads import cache
from convviz.errors import WeightsError
from convviz.networks import decoders, registry
from convviz.networks.decoders import PooledNetwork
from convviz.networks.initial_weights import untrained
from convviz.networks.network import Network, NetworkSpec, Weights
from convviz.weights import bundled, checkpoint, small_decoders, sources
from convviz.weights import encoder as encoder_source
from convviz.weights.sources import Found


def full(spec: NetworkSpec, found: Found) -> Network:
    """Assemble a network from a file with weights of all of it."""
    file, path = sources.torchvision_file(spec), found.path
    if file and not found.own_name and not sources.is_whole(path, file):
        raise WeightsError(
            f"The file {path.name} in your CONVVIZ_WEIGHTS folder is damaged: its checksum is not "
            "the one in its name; copy it again."
        )
    # Somebody may write over a file in the user's folder, which would pull a map from under us.
    state = checkpoint.read(path, mapped=found.place != "folder")
    module = checkpoint.fill(
        registry.build(spec, **dict(spec.imagenet_options)),
        state,
        title=spec.title,
        origin=f"The file {path.name}",
        without=spec.auxiliary if file else (),  # torchvision's are not trained
    )
    if isinstance(module, GoogLeNet):
        module.aux_logits = False  # as torchvision does
    checksum = cache.sha256(path)
    known = file is not None and checksum.startswith(file.sha256_prefix)
    note = f"The file {path.name} says nothing of its training."
    if file and not known:
        note = (
            f"The file {path.name} is not torchvision's; convviz takes its "
            f"{len(file.classes):,} classes for those of ImageNet."
        )
    return _network(
        spec,
        module,
        source="imagenet" if file else "own",
        title="ImageNet, full network" if known else f"Your file {path.name}",
        training_set="ImageNet-1k" if known else "not stated",
        classes=file.classes if file else (),
        size=path.stat().st_size,
        checksum=checksum,
        note="" if known else note,
    )


def with_bundled(spec: NetworkSpec) -> Network:
    """Assemble a network with the weights that come with convviz."""
    if spec.name != bundled.NETWORK:
        raise WeightsError(
            f"No weights of {spec.title} come with convviz: choose another source of weights."
        )
    about, classes, path = bundled.about(), bundled.classes(), bundled.path()
    module = checkpoint.fill(
        registry.build(spec, num_classes=len(classes)),
        bundled.state(),
        title=spec.title,
        origin=f"The file {path.name}",
    )
    return _network(
        spec,
        module,
        source="bundled",
        title=f"{about.training_set}, full network",
        training_set=about.training_set,
        classes=classes,
        size=path.stat().st_size,
        checksum=cache.sha256(path),
        note=(
            f"On the {about.validation_images:,} validation images of {about.training_set}, at "
            f"{about.input_size} px, it names the right class of {len(classes)} for "
            f"{about.accuracy:.1%}, and has it among its first five for {about.accuracy_top5:.1%}."
        ),
        input_size=about.input_size,
        resize=about.input_size,
    )


def encoder(spec: NetworkSpec) -> Network:
    """Assemble a network that ends with its encoder.

    Where convviz has a small decoder for it, that stands behind the encoder and names what it sees.
    """
    if spec.name not in encoder_source.ENCODERS:
        raise WeightsError(
            f"There is no separate encoder for {spec.title}: choose another source of weights."
        )
    whole, path = registry.build(spec), encoder_source.path(spec.name)
    module = checkpoint.fill(
        decoders.EncoderOnly(whole.get_submodule("features")),
        checkpoint.read(path, mapped=True),
        title=f"the encoder of {spec.title}",
        origin=f"The file {path.name}",
    )
    about = small_decoders.about(spec.name)
    if about is not None:
        pooled = PooledNetwork(module.get_submodule("features"), small_decoders.decoder(spec.name))
        module = pooled.eval()
    classes = bundled.classes() if about else ()
    network = _network(
        spec,
        module,
        source="encoder",
        title=small_decoders.title(spec.name),
        training_set="ImageNet-1k",
        classes=classes,
        size=path.stat().st_size,
        checksum=cache.sha256(path),
        note=about.note(len(classes))
        if about
        else "These weights hold only the encoder (the convolutional part), not the classifier "
        "that comes after it, so there are no class predictions.",
    )
    if about is None:
        return network
    weights = replace(
        network.weights, decoder_set=about.training_set, decoder_size=about.input_size
    )
    return replace(network, weights=weights)


def own(spec: NetworkSpec) -> Network:
    """Assemble a user's own network: with its file of weights if there is one, else as built.

    Raises:
        WeightsError: It is not a user's own.
    """
    if not registry.is_own(spec.name):
        raise WeightsError(
            f"{spec.title} is built by convviz, not by a file of yours: choose another source of "
            "weights."
        )
    path = sources.own_weights(spec)
    if path is not None:
        return full(spec, Found(path, "folder", own_name=True))
    module = registry.build(spec)
    size, checksum = checkpoint.fingerprint(module)
    return _network(
        spec,
        module,
        source="own",
        title="As your file builds it",
        training_set="not stated",
        classes=(),
        size=size,
        checksum=checksum,
        note=(
            "The weights are those that your own file gives the network; convviz does not know its "
            "classes, so there are no class predictions."
        ),
    )


def with_random(spec: NetworkSpec, seed: int) -> Network:
    """Assemble a network with random weights."""
    module = untrained(spec, seed)
    size, checksum = checkpoint.fingerprint(module)
    return _network(
        spec,
        module,
        source="random",
        title="Untrained",
        training_set="none (untrained)",
        classes=(),
        size=size,
        checksum=checksum,
        note=(
            "The network is untrained: its weights are random numbers, so there are no class "
            "predictions."
        ),
    )


def _network(
    spec: NetworkSpec,
    module: nn.Module,
    *,
    source: str,
    title: str,
    training_set: str,
    classes: tuple[str, ...],
    size: int,
    checksum: str,
    note: str,
    input_size: int | None = None,
    resize: int | None = None,
) -> Network:
    side = input_size or spec.input_size
    weights = Weights(
        source=source,
        title=title,
        training_set=training_set,
        has_decoder=bool(classes),
        bytes=size,
        sha256=checksum,
        classes=classes,
        input_size=side,
        resize=resize or round(side * 256 / 224),  # as torchvision's ImageNet weights want it
        note=note,
    )
    return Network(spec, module, weights)
