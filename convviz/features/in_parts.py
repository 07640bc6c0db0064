"""Passes over a set of images in parts, for several machines: cut the set, join what they found.

Where the strongest patches or dead channels are looked for, part p of n looks at every n-th image
from the p-th on, so that all images up to some index have been looked at while the parts go on.
What is said to have been seen are those; a part that is ahead of the others may already have found
something in later ones. The joined result of parts that have ended equals that of one pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch

from convviz.datasets.image_set import (
    Excerpt,
    Files,
    ImageSet,
    TellsWhatWasSeen,
    origins,
    seen_text,
)
from convviz.datasets.zip_archive import LeftOut
from convviz.features.dead import DeadStep, LayerDead
from convviz.features.image_features import ImageFeatures, ImageFeaturesStep
from convviz.features.top_patches import TOP, TopPatchesStep

_LEAST = 16  # images for a part to be worth its way
FILES_OF_PART, BYTES_OF_PART = 32, 50_000_000  # at most, of a part of files; one large file is one


@dataclass(frozen=True)
class Whole:
    """What is known of a set without its images.

    Attributes:
        titles: Title of each image.
        origins: What each image comes from.
        kind: A set of the same kind, for the words that tell what was seen.
    """

    titles: tuple[str, ...]
    origins: tuple[Hashable, ...]
    kind: ImageSet

    def seen_up_to(self, done: int, left_out: Sequence[LeftOut]) -> tuple[int, str]:
        """Return how many of the first images were looked at, and the same in words."""
        unread = Counter(skipped.title for skipped in left_out)
        seen = []
        for title, origin in zip(self.titles[:done], self.origins[:done], strict=True):
            if unread[title]:
                unread[title] -= 1
            else:
                seen.append(origin)
        return len(seen), seen_text(self.kind, len(seen), len(set(seen)))


def cut_set(
    arguments: Mapping[str, Any], machines: int
) -> tuple[Whole | None, list[dict[str, Any]]]:
    """Cut a pass over a set, `find_top_patches` or `count_dead`, into parts.

    Args:
        arguments: The pass's arguments. One that goes on from an earlier pass is not cut.
        machines: How many machines there are.

    Returns:
        What joining needs to know of the whole, None if it is one part; and each part's arguments.
    """
    images: ImageSet = arguments["pictures"]
    count = min(machines, len(images) // _LEAST)
    if count < 2 or arguments.get("after") is not None:
        return None, [dict(arguments)]
    kind = images if isinstance(images, TellsWhatWasSeen) else Files(())
    whole = Whole(images.titles, origins(images), kind)
    excerpts: list[ImageSet] = []
    for first in range(count):
        if isinstance(images, Files):  # each machine gets its own files only
            excerpts.append(Excerpt(replace(images, files=images.files[first::count]), 0, 1))
        else:
            excerpts.append(Excerpt(images, first, count))
    return whole, [{**arguments, "pictures": excerpt} for excerpt in excerpts]


def cut_files(
    arguments: Mapping[str, Any], machines: int
) -> tuple[list[int], list[dict[str, Any]]]:
    """Cut `measure_images` over files into parts of neighbouring ones.

    Args:
        arguments: Its arguments.
        machines: How many there are; does not matter here, as the parts are small.

    Returns:
        How many files each part has, and each part's arguments.
    """
    images: Files = arguments["pictures"]
    parts: list[list[tuple[str, bytes]]] = []
    size = 0
    for title, data in images.files:
        size += len(data)
        if not parts or len(parts[-1]) == FILES_OF_PART or size > BYTES_OF_PART:
            parts.append([])
            size = len(data)
        parts[-1].append((title, data))
    excerpts = (Excerpt(replace(images, files=tuple(part)), 0, 1) for part in parts)
    cut = [{**arguments, "pictures": excerpt} for excerpt in excerpts]
    return [len(part) for part in parts], cut


def join_features(
    counts: Sequence[int], parts: Sequence[ImageFeaturesStep | None]
) -> ImageFeaturesStep | None:
    """Join the results of parts, in the order of the files; those that are there.

    Args:
        counts: As from `cut_files`.
        parts: The newest item of each part; None for those that have none yet.
    """
    begun = [step for step in parts if step is not None]
    if not begun:
        return None
    rows: list[ImageFeatures] = []
    first = 0
    for count, step in zip(counts, parts, strict=True):
        if step is not None:
            rows += (replace(row, index=first + row.index) for row in step.rows)
        first += count
    return ImageFeaturesStep(sum(step.done for step in begun), first, tuple(rows))


def join_dead(whole: Whole | None, parts: Sequence[DeadStep | None]) -> DeadStep | None:
    """Join the dead channels that parts of a set leave: those that are dead in all."""
    if whole is None:
        return parts[0]
    if any(step is None for step in parts):
        return None
    steps = cast("Sequence[DeadStep]", parts)
    done, left_out = _progress(whole, steps)
    by_part = [{count.layer.name: count for count in step.layers} for step in steps]
    layers = []
    for count in steps[0].layers:
        if all(count.layer.name in counts for counts in by_part):
            dead = set.intersection(*(set(counts[count.layer.name].numbers) for counts in by_part))
            layers.append(LayerDead(count.layer, count.channels, tuple(sorted(dead))))
    seen, words = whole.seen_up_to(done, left_out)
    return DeadStep(done, len(whole.titles), seen, words, tuple(layers), left_out)


def join_top_patches(
    whole: Whole | None, parts: Sequence[TopPatchesStep | None]
) -> TopPatchesStep | None:
    """Join the strongest patches of parts of a set; equals rank by their images' order."""
    if whole is None:
        return parts[0]
    if any(step is None for step in parts):
        return None
    steps = cast("Sequence[TopPatchesStep]", parts)
    done, left_out = _progress(whole, steps)
    numbers: dict[Hashable, int] = {}
    for origin in whole.origins:
        numbers.setdefault(origin, len(numbers))
    origin_of = torch.tensor([numbers[origin] for origin in whole.origins])

    stimuli = [step.stimuli for step in steps]
    scores = torch.cat([part.scores for part in stimuli], 1)
    positions = torch.cat([part.positions for part in stimuli], 1)
    count = len(steps)
    indices = [
        torch.where(part.pictures < 0, -1, part.pictures * count + first)
        for first, part in enumerate(stimuli)
    ]
    pictures = torch.cat(indices, 1)
    # Equals: the earlier image first. Stable sorts, the last one by the score.
    order = pictures.sort(dim=1, stable=True).indices
    scores, pictures, positions = (each.gather(1, order) for each in (scores, pictures, positions))
    scores, order = scores.sort(dim=1, descending=True, stable=True)
    pictures, positions = pictures.gather(1, order), positions.gather(1, order)
    of = origin_of[pictures.clamp_min(0)]
    repeats = (of[:, :, None] == of[:, None, :]).tril(-1).any(2)
    scores, order = scores.masked_fill(repeats, -torch.inf).sort(
        dim=1, descending=True, stable=True
    )
    seen, words = whole.seen_up_to(done, left_out)
    best = replace(
        stimuli[0],
        seen=seen,
        scores=scores[:, :TOP].clone(),
        pictures=pictures.gather(1, order)[:, :TOP].clone(),
        positions=positions.gather(1, order)[:, :TOP].clone(),
        maximum=torch.stack([part.maximum for part in stimuli]).amax(0),
        titles=whole.titles,
        origins=tuple(origin_of.tolist()),
        seen_images=words,
    )
    return TopPatchesStep(done, len(whole.titles), best, left_out)


def _progress(
    whole: Whole, steps: Sequence[DeadStep | TopPatchesStep]
) -> tuple[int, tuple[LeftOut, ...]]:
    """Return up to which image all have been looked at, and what was left out of those."""
    next_of = [first + step.done * len(steps) for first, step in enumerate(steps)]
    done = min(len(whole.titles), *next_of)
    left_out = [skipped for step in steps for skipped in step.left_out]
    among = Counter(whole.titles[:done])
    kept = []
    for skipped in left_out:
        if among[skipped.title] > 0:
            among[skipped.title] -= 1
            kept.append(skipped)
    return done, tuple(kept)
