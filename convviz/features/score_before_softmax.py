"""Scores and probabilities of classes, of networks that end in a softmax or sigmoid too.

Most networks put out scores, of which a softmax makes probabilities. Some do that themselves, and
put out probabilities or their logarithms; then their score is what goes into that softmax or
sigmoid, which is what the papers explain. It is taken up during the pass. Where it cannot be, as
inside a compiled part, the logarithm of the probability stands for it (of a sigmoid: of the odds);
of the same probabilities, all scores are equal but for a number that the classes share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from convviz.networks.clone import clone
from convviz.networks.network import Network
from convviz.structure.final_activation import FinalActivation, final_activation
from convviz.structure.trace import tensors_in

_FUNCTIONS = {
    *(torch.softmax, Tensor.softmax, functional.softmax, torch.special.softmax),
    *(torch.log_softmax, Tensor.log_softmax, functional.log_softmax, torch.special.log_softmax),
    *(torch.sigmoid, Tensor.sigmoid, torch.special.expit, functional.logsigmoid),
}
_LOGARITHMS = {torch.log, Tensor.log, torch.exp, Tensor.exp}


class _ScoresTaken(TorchFunctionMode):
    """Keeps what goes into the last softmax or sigmoid of a pass, and what comes out of it."""

    def __init__(self) -> None:
        super().__init__()
        self._scores: Tensor | None = None
        self._made: Tensor | None = None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        if func in _FUNCTIONS:
            self._scores, self._made = args[0] if args else (kwargs or {})["input"], made
        elif func in _LOGARITHMS and args and args[0] is self._made:
            self._made = made
        return made

    def scores_of(self, output: Tensor) -> Tensor | None:
        """Return what `output` was made of; None if it was made in another way."""
        scores, made = self._scores, self._made
        if scores is None or made is None or made.numel() != output.numel():
            return None
        is_same = made.dtype == output.dtype and made.data_ptr() == output.data_ptr()
        is_view = made.is_contiguous() and output.is_contiguous()
        return scores.reshape(output.shape) if is_same and is_view else None


@contextmanager
def scores_taken(module: nn.Module, batch: Tensor) -> Iterator[Callable[[Tensor], Tensor]]:
    """Let a pass be run, and turn what it puts out into the scores before softmax or sigmoid.

    Args:
        module: The network, of which a copy may be run.
        batch: What it is run on, shape (N, C, H, W).

    Yields:
        A function that takes the network's output and returns the scores, of the same shape and
        part of the same graph of gradients. Of a network that puts out scores it returns the output
        itself.
    """
    final = final_activation(module, tuple(batch.shape[1:]))
    if final is None:
        yield lambda output: output
        return
    with _ScoresTaken() as taken:

        def scores_of(output: Tensor) -> Tensor:
            scores = taken.scores_of(output)
            return _scores_again(final, output) if scores is None else scores

        yield scores_of


def are_scores_reached(network: Network, batch: Tensor) -> bool:
    """Tell whether what goes into a network's final softmax or sigmoid can be taken up.

    Args:
        network: The network; a copy of it is run.
        batch: What it is run on, shape (N, C, H, W).
    """
    with torch.no_grad(), _ScoresTaken() as taken:
        output = next(tensors_in(clone(network.module)(batch)), None)
        return output is not None and taken.scores_of(output) is not None


def _scores_again(final: FinalActivation, output: Tensor) -> Tensor:
    """Make scores of probabilities: their logarithm, or that of the odds."""
    least = torch.finfo(torch.float32).tiny
    if final.name == "softmax":
        return output if final.is_log else output.clamp_min(least).log()
    probabilities = output.exp() if final.is_log else output
    return probabilities.clamp_min(least).log() - (1 - probabilities).clamp_min(2**-24).log()


def final_activation_of(network: Network) -> FinalActivation | None:
    """Find the softmax or sigmoid that a network itself ends in; None if it puts out scores."""
    return final_activation(network.module, network.weights.decoder_size or network.input_size)


def probabilities(network: Network, scores: Tensor) -> Tensor:
    """Turn scores, shape (…, classes), into probabilities, of the same shape, in 0…1.

    By softmax over all classes; by a sigmoid for each of them where the network ends in one.
    """
    final = final_activation_of(network)
    if final is not None and final.name == "sigmoid":
        return scores.float().sigmoid()
    return scores.float().softmax(-1)
