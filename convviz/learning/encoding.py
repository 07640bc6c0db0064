"""A frozen encoder's features: computed once, and used in every epoch and in every fold.

They are kept standardised, each value to mean 0 and standard deviation 1 over the training images,
which makes a decoder learn in far fewer steps. `fold` puts the same arithmetic into the
trained decoder's first layer, so that it takes features as they are.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from convviz.datasets import labelled_set
from convviz.datasets.labelled_set import Dataset, to_input
from convviz.errors import NetworkError
from convviz.features.capture import truncated
from convviz.language import tr
from convviz.learning.plan import own_parameters, parts_of
from convviz.networks.clone import clone
from convviz.networks.decoders import put
from convviz.networks.device import channels_last

_BATCH = 16


def trunk(module: nn.Module, head: str) -> nn.Module:
    """Return a network without its head: it maps a batch to the head's input.

    What comes behind the head does not run.
    """
    copy = clone(module)
    put(copy, head, nn.Identity())
    return channels_last(truncated(copy, head, as_maps=False))


@torch.no_grad()
def cut(
    module: nn.Module, trained: Sequence[str], example: Tensor
) -> tuple[nn.Module, nn.Module, Tensor] | None:
    """Cut a network in two before the first part that is trained; both halves share its weights.

    A network can be cut if it runs its parts one after the other, which is tried with an example.

    Args:
        module: The network, in eval mode.
        trained: Dotted names of the parts that are trained.
        example: An input, (N, 3, H, W).

    Returns:
        The first half, whose output can be kept, the second half, and the first half's output for
        the example; None if the first part is trained, or if the halves together differ from the
        network.
    """
    if own_parameters(module):
        return None  # what its forward() does with them is in none of its parts
    chain = _chain(module)
    first = next((k for k, (name, _) in enumerate(chain) if name in trained), 0)
    if not first:
        return None
    parts = [part for _, part in chain]
    frozen, rest = nn.Sequential(*parts[:first]), nn.Sequential(*parts[first:])
    try:
        output = frozen(example.clone())
        maps = output.clone()  # the second half may change it in place
        if not torch.equal(rest(output), module(example.clone())):
            return None
    except Exception:  # noqa: BLE001 - parts that do not fit together may raise anything
        return None
    return frozen, rest, maps


def _chain(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """List a network's parts in their order, with a flattening before the first linear layer."""
    chain: list[tuple[str, nn.Module]] = list(parts_of(module).items())
    linear = (k for k, (_, part) in enumerate(chain) if isinstance(next(_leaves(part)), nn.Linear))
    chain.insert(next(linear, len(chain)), ("", nn.Flatten(1)))
    return chain


def _leaves(module: nn.Module) -> Iterator[nn.Module]:
    return (part for part in module.modules() if not any(True for _ in part.children()))


def encode(
    encoder: nn.Module,
    pixels: Tensor,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    dtype: torch.dtype,
) -> Iterator[tuple[int, Tensor]]:
    """Run an encoder on images, (N, 3, H, W) uint8, a few at a time.

    Yields:
        How many are done, and the newest features, (n, …) float32.

    Raises:
        NetworkError: The encoder mixes images, or takes one only.
    """
    for start in range(0, len(pixels), _BATCH):
        batch = to_input(pixels[start : start + _BATCH], mean, std)
        batch = batch.contiguous(memory_format=torch.channels_last)
        try:
            features = _features(encoder, batch, dtype)
        except (RuntimeError, TypeError):
            if dtype == torch.float32:
                raise
            dtype = torch.float32  # not every forward() works in bfloat16
            features = _features(encoder, batch, dtype)
        if len(features) != len(batch):
            raise NetworkError(
                tr(
                    "The network makes {count} of {batch} images, so it cannot learn from "
                    "several at once: let its forward() take any number of images.",
                    count=len(features),
                    batch=len(batch),
                )
            )
        yield start + len(batch), features


@torch.no_grad()
def _features(encoder: nn.Module, batch: Tensor, dtype: torch.dtype) -> Tensor:
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        features: Tensor = encoder(batch).float()
    return features


@dataclass(eq=False)
class DecodedImages:
    """Images of a data set, decoded once, and what frozen parts of networks make of them.

    Several trainings share it: the folds of a cross-validation, and trainings that are compared.

    Args:
        dataset: The images.
        indices: Those that are decoded.
        size: Side of the decoded images, in pixels.

    Attributes:
        pixels: The images, (N, 3, size, size) uint8.
        labels: Number of each one's class, (N,).
    """

    dataset: Dataset
    indices: tuple[int, ...]
    size: int
    pixels: Tensor = field(init=False)
    labels: Tensor = field(init=False)
    _decoded: bool = field(init=False, default=False)
    _outputs: dict[tuple[object, ...], tuple[list[Tensor], Tensor]] = field(
        init=False, default_factory=dict
    )

    def decode(self) -> Iterator[float]:
        """Decode the images, unless that has been done.

        Yields:
            The share that is done.

        Raises:
            ImageError: An image cannot be read.
        """
        if self._decoded:
            return
        for share, images in labelled_set.read(self.dataset, self.indices, self.size):
            yield share
            if images is not None:
                self.pixels, self.labels = images
        self._decoded = True

    def drop_outputs(self) -> None:
        """Let go of what frozen parts made of the images."""
        self._outputs.clear()

    def rows(self, indices: Sequence[int]) -> Tensor:
        """Return where some images of the data set are among the decoded ones, (N,)."""
        numbers = {index: row for row, index in enumerate(self.indices)}
        return torch.tensor([numbers[index] for index in indices], dtype=torch.int64)

    def encoded(
        self,
        encoder: nn.Module,
        frozen: Sequence[Tensor],
        name: str,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        dtype: torch.dtype,
    ) -> Generator[float, None, Tensor]:
        """Run a frozen encoder on all images, unless that has been done; (N, …) float32.

        Args:
            encoder: Takes normalised images.
            frozen: Its parameters and buffers as the network has them: encoders that share them
                and the name are the same.
            name: Tells apart encoders that share all values.
            mean: Of the normalisation.
            std: Of the normalisation.
            dtype: To compute in.

        Yields:
            The share that is done.
        """
        key = (name, mean, std, *(tensor.data_ptr() for tensor in frozen))
        if key not in self._outputs:
            pieces = []
            for done, piece in encode(encoder, self.pixels, mean=mean, std=std, dtype=dtype):
                pieces.append(piece)
                yield done / len(self.pixels)
            # The tensors are kept as well, so that no others can take their place in memory.
            self._outputs[key] = (list(frozen), torch.cat(pieces))
        return self._outputs[key][1]


@dataclass(frozen=True, eq=False)
class FeatureScale:
    """Mean and deviation that features are standardised with.

    Attributes:
        mean: Of each value over the training images, (D,).
        deviation: Standard deviation of each, (D,); 1 where a value never changes.
    """

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, features: Tensor) -> FeatureScale:
        """Measure training features, (N, D)."""
        deviation = features.std(0, correction=0)
        return cls(features.mean(0), torch.where(deviation > 1e-6, deviation, 1.0))

    def apply(self, features: Tensor) -> Tensor:
        """Standardise features, (N, D)."""
        return (features - self.mean) / self.deviation

    @torch.no_grad()
    def fold(self, head: nn.Module) -> None:
        """Put the arithmetic into a head's first fully connected layer, in place."""
        linear = next(part for part in head.modules() if isinstance(part, nn.Linear))
        linear.weight.div_(self.deviation)
        linear.bias.sub_(linear.weight @ self.mean)
