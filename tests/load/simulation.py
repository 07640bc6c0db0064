"""Visitors who look around as a class does, each with an image of their own, and what it costs.

A visit is fifteen actions over five pages, or a walk through the course. Every visitor's image is
in a colour that nobody else's has, so that each picture that arrives can be told: it must show no
other visitor's colour, and the maps computed from it must be nobody else's.
"""

from __future__ import annotations

import io
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, product
from math import isnan

import numpy as np
from PIL import Image, ImageDraw
from websockets.exceptions import WebSocketException

from tests.load.server import Server
from tests.load.visitor import Answer, Picture, Visitor, VisitorError, percentile

Colour = tuple[int, int, int]

VISITORS_AT_ONCE = 30  # bounds every simulation
_LEVELS = (18, 60, 102, 144, 186, 228)  # of each primary; no two colours are nearer than this
_NEAR = 9  # how far a file's compression may move a colour
_SHARE = 0.04  # of a picture that must have a colour for it to be somebody's


@dataclass(frozen=True)
class Pace:
    """How long a visitor looks at a page before the next action, in seconds."""

    least: float
    most: float

    @property
    def title(self) -> str:
        """For a table."""
        return f"{self.least:g}–{self.most:g} s"


@dataclass(frozen=True)
class Action:
    """One thing that a visitor does.

    Attributes:
        group: The row of the table that it counts in.
        what: What it is.
        do: Does it.
        own: The components whose images are computed from the visitor's own and must differ from
            everybody else's.
    """

    group: str
    what: str
    do: Callable[[Visitor, bytes], Answer]
    own: tuple[str, ...] = ()


_STORE = "convviz_store"

VISIT: tuple[Action, ...] = (
    Action("First render", "open Home", lambda v, _: v.open()),
    Action("Home", "upload an image", lambda v, data: v.upload("home_upload", "own.png", data)),
    Action("Activations", "open Activations", lambda v, _: v.follow("Activations"), (_STORE,)),
    Action(
        "Activations", "a layer deeper", lambda v, _: v.press("sidebar_layer_deeper"), (_STORE,)
    ),
    Action(
        "Activations", "a layer deeper", lambda v, _: v.press("sidebar_layer_deeper"), (_STORE,)
    ),
    # Where it makes no channel more empty, the grid is the one that was there.
    Action("Activations", "τ", lambda v, _: v.slide("tau", 4)),
    Action("Activations", "order", lambda v, _: v.select("order", 1)),
    Action("Activations", "a channel", lambda v, _: v.tell("channel_grid", _pick(5))),
    Action("Activations", "VGG16", lambda v, _: v.select("network", "VGG16"), (_STORE,)),
    Action(
        "Activations", "a layer deeper", lambda v, _: v.press("sidebar_layer_deeper"), (_STORE,)
    ),
    # The layer is the one that was looked at before.
    Action("Activations", "AlexNet", lambda v, _: v.select("network", "AlexNet")),
    Action("Architectures", "open Architectures", lambda v, _: v.follow("Architectures")),
    Action("Architectures", "layer by layer", lambda v, _: v.choose("architectures", 1)),
    Action("Filters", "open Filters", lambda v, _: v.follow("Filters")),
    Action("Training", "open Training", lambda v, _: v.follow("Training"), (_STORE,)),
)
"""What a visitor does who looks around, in this order."""

STEPS = 13  # of the course


def _course() -> Iterator[Action]:
    yield Action("First render", "open Home", lambda v, _: v.open())
    yield Action(
        "Home", "upload an image", lambda v, data: v.upload("home_upload", "own.png", data)
    )
    yield Action("Open", "open Course", lambda v, _: v.follow("Course"))
    for number in range(1, STEPS + 1):
        yield Action("Predict", "an option", lambda v, _: v.pick("questions_predict_", 0))
        yield Action("Check", f"step {number}", lambda v, _: v.press("questions_check"))
        if number < STEPS:
            yield Action("Next", f"step {number + 1}", lambda v, _: v.press("course_next"))


COURSE = tuple(_course())
"""What a visitor does who walks through the course: predicts, checks and goes on, step by step."""


def _pick(channel: int) -> dict[str, object]:
    return {"pick": {"channel": channel, "serial": 1}}


def colours() -> tuple[Colour, ...]:
    """List colours that can be told apart, strong ones: photographs and colour maps have few.

    All are bright: the page darkens what a network does not see of an image, and a dark colour
    might be another one darkened.
    """
    every = product(_LEVELS, repeat=3)
    bright = [colour for colour in every if max(colour) == _LEVELS[-1]]
    strong = [colour for colour in bright if max(colour) - min(colour) >= 120]
    random.Random(14).shuffle(strong)
    return tuple(strong)


def image_of(colour: Colour, seed: int) -> bytes:
    """Draw a visitor's image: shapes on their colour, never the same shapes twice."""
    chance = random.Random(seed)
    image = Image.new("RGB", (400, 300), colour)
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y, size = chance.randrange(320), chance.randrange(220), chance.randrange(20, 70)
        tone = chance.choice((0, 40, 215, 255))
        shape = draw.ellipse if chance.random() < 0.5 else draw.rectangle
        shape((x, y, x + size, y + size), fill=(tone, tone, tone))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


class Owners:
    """Whose pictures are whose.

    A picture that shows the image shows its colour, which must be that of the visitor who gets it.
    A picture of maps has no colours of the image. So those are compared: in a round where all do
    the same, each is either the same for everybody (kernels) or one visitor's alone.
    """

    def __init__(self) -> None:
        """Begin with no visitor."""
        self.checked = 0
        self.own = 0
        self.wrong: list[str] = []
        self._colours: dict[Colour, int] = {}
        self._maps: dict[str, set[int]] = {}
        self._owned: dict[str, int] = {}
        self._actions: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, visitor: int, colour: Colour) -> None:
        """Give a visitor a colour."""
        with self._lock:
            self._colours[colour] = visitor

    def check(self, visitor: int, action: Action, pictures: Sequence[Picture]) -> None:
        """Look at what arrived for a visitor."""
        for picture in pictures:
            shown = {self._colours[colour] for colour in self._visible(picture.data)}
            with self._lock:
                self.checked += 1
                self.own += visitor in shown
                for stranger in sorted(shown - {visitor}):
                    self.wrong.append(
                        f"visitor {visitor}, {action.what}: a picture of visitor {stranger}'s"
                    )
                if picture.source in action.own:
                    self._maps.setdefault(picture.digest, set()).add(visitor)
                    self._actions[picture.digest] = action.what

    def end_round(self, visitors: Sequence[int], walk: Sequence[Action] = VISIT) -> None:
        """Compare the maps of a round in which all these visitors did the same; nobody: nothing."""
        if not visitors:
            self._maps.clear()
        own_maps = dict.fromkeys(visitors, 0)
        for digest, holders in self._maps.items():
            what, first = self._actions[digest], min(holders)
            if digest in self._owned:
                self.wrong.append(f"visitor {first}, {what}: maps of an earlier visitor's")
            elif len(holders) == 1:
                own_maps[first] += 1
                if len(visitors) > 1:
                    self._owned[digest] = first
            elif len(holders) < len(visitors):
                self.wrong.append(f"visitors {sorted(holders)}, {what}: the same maps")
        wanted = sum(bool(action.own) for action in walk)
        for visitor, count in own_maps.items():
            self.own += count
            if count < wanted:
                self.wrong.append(f"visitor {visitor}: only {count} images of maps of their own")
        self._maps.clear()

    def _visible(self, data: bytes) -> list[Colour]:
        """List the visitors' colours that cover a good part of a picture."""
        image = Image.open(io.BytesIO(data)).convert("RGB")
        image.thumbnail((96, 96), Image.Resampling.NEAREST)
        pixels = np.asarray(image, np.int16).reshape(-1, 3)
        levels = np.array(_LEVELS, np.int16)
        nearest = np.abs(pixels[:, :, None] - levels).argmin(2)
        near = (np.abs(pixels - levels[nearest]) <= _NEAR).all(1)
        rows, counts = np.unique(nearest[near], axis=0, return_counts=True)
        strong = rows[counts >= _SHARE * len(pixels)].tolist()
        seen = [(_LEVELS[red], _LEVELS[green], _LEVELS[blue]) for red, green, blue in strong]
        return [colour for colour in seen if colour in self._colours]


@dataclass(frozen=True)
class Round:
    """What came of all visitors doing all actions once.

    Attributes:
        visitors: How many there were.
        pace: How fast they were.
        seconds: For each group of actions, what each of them took.
        cpu: The server's CPU time from the first action to the last.
        cpu_by_action: The same by action, where there was one visitor only.
        wall: How long the round took.
        memory: The server's resident memory at its end, in bytes.
        received: Bytes that a visitor received, on average.
        faults: What went wrong.
        walk: What each of them did.
    """

    visitors: int
    pace: Pace
    seconds: dict[str, list[float]]
    cpu: float
    cpu_by_action: list[float]
    wall: float
    memory: float
    received: float
    faults: tuple[str, ...]
    walk: tuple[Action, ...] = VISIT


class Class:
    """Visitors of one server, round after round."""

    def __init__(self, server: Server, seed: int = 14) -> None:
        """Begin with nobody."""
        self.server = server
        self.owners = Owners()
        self._chance = random.Random(seed)
        self._colours: Iterator[Colour] = cycle(colours())  # more than visitors at once
        self._count = 0
        with Visitor(server.address) as first:
            first.open()
            first.wait_for("home_upload")

    def warm_up(self) -> None:
        """Visit once, so that PyTorch and the networks are loaded; nothing is measured."""
        self.round(1, Pace(0, 0))

    def round(self, visitors: int, pace: Pace, walk: tuple[Action, ...] = VISIT) -> Round:
        """Let visitors make one visit each, all at once."""
        if not 1 <= visitors <= VISITORS_AT_ONCE:
            raise ValueError(f"at most {VISITORS_AT_ONCE} visitors at once, not {visitors}")
        people = []
        for _ in range(visitors):
            self._count += 1
            colour = next(self._colours)
            self.owners.add(self._count, colour)
            people.append(_Person(self, self._count, colour, pace, walk, self._chance.random()))
        cpu, start = self.server.cpu_seconds(), time.perf_counter()
        with ThreadPoolExecutor(visitors) as threads:
            list(threads.map(_Person.visit, people))
        wall = time.perf_counter() - start
        used = self.server.cpu_seconds() - cpu
        faults = [fault for person in people for fault in person.faults]
        self.owners.end_round([] if faults else [person.number for person in people], walk)
        seconds: dict[str, list[float]] = {}
        for person in people:
            for group, taken in person.seconds:
                seconds.setdefault(group, []).append(taken)
        return Round(
            visitors=visitors,
            pace=pace,
            seconds=seconds,
            cpu=used,
            cpu_by_action=people[0].cpu if visitors == 1 else [],
            wall=wall,
            memory=self.server.memory_bytes(),
            received=sum(person.received for person in people) / visitors,
            faults=tuple(faults),
            walk=walk,
        )


class _Person:
    """One visitor of a round."""

    def __init__(
        self,
        group: Class,
        number: int,
        colour: Colour,
        pace: Pace,
        walk: Sequence[Action],
        seed: float,
    ) -> None:
        self.number = number
        self.seconds: list[tuple[str, float]] = []
        self.cpu: list[float] = []
        self.received = 0
        self.faults: list[str] = []
        self._class = group
        self._colour = colour
        self._pace = pace
        self._walk = walk
        self._chance = random.Random(seed)

    def visit(self) -> None:
        """Do all actions, and think before each."""
        image = image_of(self._colour, self.number)
        server = self._class.server
        action = self._walk[0]
        try:
            with Visitor(server.address) as visitor:
                for action in self._walk:
                    visitor.think(self._chance.uniform(self._pace.least, self._pace.most))
                    cpu = server.cpu_seconds()
                    answer = action.do(visitor, image)
                    self.cpu.append(server.cpu_seconds() - cpu)
                    self.seconds.append((action.group, answer.seconds))
                    self.received += answer.bytes
                    self._class.owners.check(self.number, action, answer.pictures)
                    wrong = [text for text in visitor.texts() if "went wrong" in text]
                    if wrong:
                        raise VisitorError(wrong[0])
        except (VisitorError, OSError, EOFError, TimeoutError, WebSocketException) as error:
            self.faults.append(f"visitor {self.number}, {action.what}: {error!r}")


def table(rounds: Sequence[Round]) -> str:
    """Write what rounds took as a Markdown table, the rounds of the same kind together."""
    groups = list(dict.fromkeys(action.group for each in rounds for action in each.walk))
    kinds: dict[tuple[int, str], list[Round]] = {}
    for each in rounds:
        kinds.setdefault((each.visitors, each.pace.title), []).append(each)
    lines = [
        "| visitors | between actions | "
        + " | ".join(f"{group}, p50 / p95" for group in groups)
        + " | CPU a visitor | RSS at the end |",
        "| ---: | --- |" + " ---: |" * (len(groups) + 2),
    ]
    for (visitors, pace), same in kinds.items():
        cells = []
        for group in groups:
            taken = [value for each in same for value in each.seconds.get(group, [])]
            cells.append(
                f"{percentile(taken, 0.5):.2f} / {percentile(taken, 0.95):.2f} s" if taken else "–"
            )
        cpu = sum(each.cpu for each in same) / (visitors * len(same))
        memory = max(each.memory for each in same)
        cells.append("–" if isnan(cpu) else f"{cpu:.2f} s")
        cells.append("–" if isnan(memory) else f"{memory / 1e9:.2f} GB")
        lines.append(f"| {visitors} | {pace} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


GOALS = {
    "First render": (0.1, 0.1),
    "Activations": (0.5, 1.0),
    "Architectures": (0.3, 1.0),
    "Filters": (0.5, 1.0),
    "Training": (1.0, 2.0),
}
"""The longest that 95 of 100 actions may take thirty visitors, in seconds, at each of `_PACES`."""

_PACES = (Pace(5, 15), Pace(2, 6))
_CPU_GOAL = 1.6  # seconds of a visit's fifteen actions


def goals_table(rounds: Sequence[Round]) -> str:
    """Hold what thirty visitors waited, and what one costs, to what was aimed at."""
    lines = ["| goal | aimed at | measured | |", "| --- | ---: | ---: | --- |"]

    def add(what: str, goal: float, value: float) -> None:
        met = "met" if value <= goal else "not met"
        lines.append(f"| {what} | {goal:g} s | {value:.2f} s | {met} |")

    for group, seconds in GOALS.items():
        for pace, goal in zip(_PACES, seconds, strict=True):
            taken = [
                value
                for each in rounds
                if each.visitors == VISITORS_AT_ONCE and each.pace == pace
                for value in each.seconds.get(group, [])
            ]
            if taken:
                what = f"{group}, {VISITORS_AT_ONCE} visitors, {pace.title} between actions, p95"
                add(what, goal, percentile(taken, 0.95))
    alone = [each.cpu_by_action for each in rounds if len(each.cpu_by_action) == len(VISIT)]
    if alone and not isnan(alone[0][0]):
        add("the server's CPU for fifteen actions", _CPU_GOAL, sum(map(sum, alone)) / len(alone))
    return "\n".join(lines)


def cpu_table(rounds: Sequence[Round], walk: Sequence[Action] = VISIT) -> str:
    """Write the server's CPU time by action, over the rounds of a single visitor."""
    alone = [each.cpu_by_action for each in rounds if len(each.cpu_by_action) == len(walk)]
    if not alone or isnan(alone[0][0]):
        return ""
    lines = ["| page | action | CPU |", "| --- | --- | ---: |"]
    means = [sum(values) / len(values) for values in zip(*alone, strict=True)]
    for action, mean in zip(walk, means, strict=True):
        lines.append(f"| {action.group} | {action.what} | {mean:.2f} s |")
    lines.append(f"| all | {len(walk)} actions | {sum(means):.2f} s |")
    return "\n".join(lines)
