"""Visitors at once, each with an image of their own: nobody sees another's, nothing fails.

The small simulation runs with every `pytest`. The long ones carry the marker `load` and are run by
`make test-load`, which prints their tables and writes docs/LOAD.md. Their length can be set:

    CONVVIZ_LOAD_VISITORS=1,5,15,30   how many visitors at once
    CONVVIZ_LOAD_PACES=5-15,2-6       seconds between two actions
    CONVVIZ_LOAD_ROUNDS=3             visits of each visitor, for each number and pace
    CONVVIZ_COURSE_VISITORS=1,30      how many walk through the course at once
    CONVVIZ_COURSE_PACE=5-15          seconds between two of their actions
    CONVVIZ_SOAK_MINUTES=60           how long the soak takes
    CONVVIZ_SOAK_VISITORS=10          how many visitors it has at a time, one action a second each

Everything stays on this machine, and no simulation has more than thirty visitors.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import permutations
from math import isnan
from pathlib import Path

import pytest
from websockets.exceptions import WebSocketException

from tests.fault_table import machine
from tests.load.server import ROOT, Server
from tests.load.simulation import (
    COURSE,
    STEPS,
    VISIT,
    VISITORS_AT_ONCE,
    Class,
    Owners,
    Pace,
    Round,
    colours,
    cpu_table,
    goals_table,
    image_of,
    table,
)
from tests.load.visitor import Picture, Visitor, percentile

REPORT = ROOT / "docs" / "LOAD.md"
COURSE_HEADING = "# Walking through the course"
STARTS_HEADING = "# Thirty who press Start"
WITHIN = 60.0  # seconds, of the Starts and of the first frames


@pytest.fixture(scope="module")
def server(session_settings: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("load")) as started:
        yield started


@pytest.mark.timeout(900)  # half a minute, but a machine that runs tests may be busy
def test_five_visitors_at_once_get_their_own_pictures_and_no_other(server: Server) -> None:
    people = Class(server)
    visits = people.round(5, Pace(0, 0.2))
    assert not visits.faults
    assert not people.owners.wrong
    with_maps = sum(bool(action.own) for action in VISIT)
    # At least those maps, the thumbnail, the crop and the channel over the image.
    assert people.owners.own >= 5 * (with_maps + 3)
    assert sum(map(len, visits.seconds.values())) == 5 * len(VISIT)
    assert "Traceback" not in server.log_text()


def test_another_visitors_picture_is_noticed() -> None:
    """The check itself: a picture in somebody else's colour, and maps that two visitors share."""
    first, second, third = colours()[:3]
    owners = Owners()
    for number, colour in enumerate((first, second, third), start=1):
        owners.add(number, colour)
    with_maps = next(action for action in VISIT if action.own)
    owners.check(1, with_maps, [Picture("image", image_of(first, 1))])
    assert (owners.wrong, owners.own) == ([], 1)
    owners.check(1, with_maps, [Picture("image", image_of(second, 2))])
    assert "visitor 2's" in owners.wrong.pop()
    maps = Picture(with_maps.own[0], image_of((90, 90, 90), 1))
    for visitor in (1, 2, 3):
        owners.check(visitor, with_maps, [Picture(with_maps.own[0], image_of((0, 0, 0), visitor))])
    for visitor in (1, 2):
        owners.check(visitor, with_maps, [maps])
    owners.end_round([1, 2, 3])
    assert any("visitors [1, 2]" in sentence for sentence in owners.wrong)


def test_a_goal_that_is_missed_is_said_to_be() -> None:
    slow, quick = Pace(5, 15), Pace(2, 6)
    alone = [0.1] * len(VISIT)  # 1.5 s in all
    rounds = [
        Round(30, slow, {"Filters": [0.5, 0.4]}, 9.0, [], 9.0, 1.0, 1.0, ()),
        Round(30, quick, {"Filters": [0.5, 1.2]}, 9.0, [], 9.0, 1.0, 1.0, ()),
        Round(5, quick, {"Filters": [90.0]}, 9.0, [], 9.0, 1.0, 1.0, ()),
        Round(1, quick, {}, 1.5, alone, 9.0, 1.0, 1.0, ()),
    ]
    assert goals_table(rounds).splitlines()[2:] == [
        "| Filters, 30 visitors, 5–15 s between actions, p95 | 0.5 s | 0.50 s | met |",
        "| Filters, 30 visitors, 2–6 s between actions, p95 | 1 s | 1.20 s | not met |",
        "| the server's CPU for fifteen actions | 1.6 s | 1.50 s | met |",
    ]


def check(rounds: list[Round], people: Class) -> None:
    """Nothing failed, nobody saw somebody else's picture, and the server logged no fault."""
    assert not [fault for each in rounds for fault in each.faults]
    assert not people.owners.wrong
    assert "Traceback" not in people.server.log_text()


@pytest.mark.load
@pytest.mark.timeout(3 * 3600)
def test_a_class_of_thirty(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = [int(n) for n in os.environ.get("CONVVIZ_LOAD_VISITORS", "1,5,15,30").split(",")]
    paces = [_pace(text) for text in os.environ.get("CONVVIZ_LOAD_PACES", "5-15,2-6").split(",")]
    count = int(os.environ.get("CONVVIZ_LOAD_ROUNDS", "3"))
    people = Class(server)
    people.warm_up()
    rounds: list[Round] = []
    for visitors in numbers:
        for pace in paces:
            rounds += [people.round(visitors, pace) for _ in range(count)]
    if 1 not in numbers:
        rounds.append(people.round(1, Pace(0, 0)))
    report = _report(rounds, people.owners)
    _write(of_class=report)
    with capsys.disabled():
        print(f"\n{report}")
    check(rounds, people)


@pytest.mark.load
@pytest.mark.timeout(3600)
def test_a_class_walks_through_the_course(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = [int(n) for n in os.environ.get("CONVVIZ_COURSE_VISITORS", "1,30").split(",")]
    people = Class(server)
    people.round(1, Pace(0, 0), COURSE)
    pace = _pace(os.environ.get("CONVVIZ_COURSE_PACE", "5-15"))
    rounds = [people.round(visitors, pace, COURSE) for visitors in numbers]
    report = _course_report(rounds, people.owners)
    _write(of_course=report)
    with capsys.disabled():
        print(f"\n{report}")
    check(rounds, people)


@pytest.mark.load
@pytest.mark.timeout(900)
def test_thirty_who_press_start_within_a_minute_all_see_a_frame_within_one(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Thirty different works, by their seeds; everybody stays until all have a first frame."""
    chance = random.Random(20)
    moments = sorted(chance.uniform(0, WITHIN) for _ in range(VISITORS_AT_ONCE))
    with Visitor(server.address) as first:  # PyTorch and the network are loaded by then
        first.open("Reconstruction", network="alexnet", layer="features.11")
        first.wait_for("start")
    ready = threading.Barrier(len(moments), timeout=300)
    over = threading.Barrier(len(moments), timeout=300)

    def start(number: int) -> tuple[float, bool]:
        link = {"network": "alexnet", "layer": "features.11", "series": "layer", "seconds": "12"}
        with Visitor(server.address) as visitor:
            visitor.open("Reconstruction", **link, seed=str(number))
            visitor.wait_for("start")
            ready.wait()
            visitor.think(moments[number])
            pressed = time.monotonic()
            visitor.press("start")
            waited = False
            while not _has_frame(visitor):
                told = "\n".join(visitor.texts())
                waited |= "in the queue" in told or "Next to run" in told
                assert time.monotonic() < pressed + 2 * WITHIN, visitor.texts()
                visitor.think(0.25)
            seconds = time.monotonic() - pressed
            over.wait()
            if visitor.has("stop"):
                visitor.press("stop")
            return seconds, waited

    with ThreadPoolExecutor(len(moments)) as threads:
        seen = list(threads.map(start, range(len(moments))))
    report = _starts_report([seconds for seconds, _ in seen], sum(waited for _, waited in seen))
    _write(of_starts=report)
    with capsys.disabled():
        print(f"\n{report}")
    assert max(seconds for seconds, _ in seen) <= WITHIN
    assert "Traceback" not in server.log_text()


def _has_frame(visitor: Visitor) -> bool:
    """Tell whether a run has drawn an image, where there is an empty place before."""
    is_laid_out = any(text.startswith("**y**") for text in visitor.texts())
    return is_laid_out and not any("convviz-to-come" in text for text in visitor.html())


@pytest.mark.load
@pytest.mark.timeout(0)
def test_memory_does_not_grow_while_visitors_come_and_go(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Visitors act once a second each; who has made their visit is followed by another."""
    minutes = float(os.environ.get("CONVVIZ_SOAK_MINUTES", "60"))
    visitors = int(os.environ.get("CONVVIZ_SOAK_VISITORS", "10"))
    end, stop = time.monotonic() + 60 * minutes, threading.Event()
    Class(server).warm_up()
    faults: list[str] = []
    done: list[int] = []

    def come_and_go(seed: int) -> None:
        chance = random.Random(seed)
        while time.monotonic() < end and not stop.is_set():
            image = image_of(chance.choice(colours()), chance.randrange(10**9))
            try:
                with Visitor(server.address) as visitor:
                    for action in VISIT:
                        start = time.monotonic()
                        action.do(visitor, image)
                        done.append(1)
                        if time.monotonic() > end or stop.is_set():
                            return
                        visitor.think(max(0.0, 1 - (time.monotonic() - start)))
            except (AssertionError, OSError, EOFError, TimeoutError, WebSocketException) as error:
                faults.append(repr(error))
                stop.set()

    memory: list[float] = []
    with ThreadPoolExecutor(visitors) as threads:
        running = [threads.submit(come_and_go, seed) for seed in range(visitors)]
        while time.monotonic() < end and not stop.is_set():
            memory.append(server.memory_bytes())
            stop.wait(min(1.0, max(0.01, end - time.monotonic())))
        for each in running:
            each.result()
    assert not faults
    quarter = len(memory) // 4
    second = sum(memory[quarter : 2 * quarter]) / quarter
    last = sum(memory[-quarter:]) / quarter
    with capsys.disabled():
        print(
            f"\n{len(done)} actions of {visitors} visitors in {minutes:g} minutes; RSS in the "
            f"second quarter {second / 1e9:.3f} GB, in the last {last / 1e9:.3f} GB"
        )
    assert isnan(last) or last <= 1.1 * second


def _write(**parts: str) -> None:
    """Write parts of docs/LOAD.md; the others stay as they are."""
    text = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    of_class, course, rest = text.partition(COURSE_HEADING)
    if course:
        of_course, starts, of_starts = (course + rest).partition(STARTS_HEADING)
    else:
        of_class, starts, of_starts = of_class.partition(STARTS_HEADING)
        of_course = ""
    known = {"of_class": of_class, "of_course": of_course, "of_starts": starts + of_starts}
    written = (part.strip() for part in (known | parts).values())
    REPORT.write_text("\n\n".join(part for part in written if part) + "\n", encoding="utf-8")


def test_a_report_keeps_the_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tests.load.test_load.REPORT", tmp_path / "LOAD.md")
    parts = {
        "of_class": "# Load\n\none",
        "of_course": f"{COURSE_HEADING}\n\ntwo",
        "of_starts": f"{STARTS_HEADING}\n\nthree",
    }
    for order in permutations(parts):
        (tmp_path / "LOAD.md").unlink(missing_ok=True)
        for name in order:
            _write(**{name: "# old" if name == "of_class" else parts[name] + " old"})
            _write(**{name: parts[name]})
        written = (tmp_path / "LOAD.md").read_text("utf-8")
        assert written == "\n\n".join(parts.values()) + "\n"


def _starts_report(seconds: list[float], waited: int) -> str:
    """Write how long those who pressed Start waited for a first frame."""
    return f"""{STARTS_HEADING}

{len(seconds)} visitors open a reconstruction of their own, each another one, and press Start within
{WITHIN:.0f} seconds; each stays until everybody has a first frame.

Written by `make test-load LOAD="-k thirty_who_press"` on {date.today():%Y-%m-%d}: {machine()}.

| visitors | median | 95th of 100 | longest | aimed at | who was told to wait |
| ---: | ---: | ---: | ---: | ---: | ---: |
| {len(seconds)} | {percentile(seconds, 0.5):.1f} s | {percentile(seconds, 0.95):.1f} s | \
{max(seconds):.1f} s | {WITHIN:.0f} s | {waited} |
"""


def _pace(text: str) -> Pace:
    least, most = text.split("-")
    return Pace(float(least), float(most))


def _report(rounds: list[Round], owners: Owners) -> str:
    """Write the tables, with the machine, the day and the command."""
    command = "make test-load"
    names = ("CONVVIZ_LOAD_VISITORS", "CONVVIZ_LOAD_PACES", "CONVVIZ_LOAD_ROUNDS")
    for name in names:
        if name in os.environ:
            command += f" {name}={os.environ[name]}"
    everyone = sum(each.visitors for each in rounds)
    faults = sum(len(each.faults) for each in rounds)
    received = sum(each.received * each.visitors for each in rounds) / max(everyone, 1)
    return f"""# Load

Visitors that speak Streamlit's protocol, each with an image of their own, make fifteen actions over
five pages: tests/load/simulation.py lists them. An action takes from the click to the end of the
script and of the last image that it names; drawing in the browser is left out. The visitors run on
the machine of the server and share its processors.

Written by `{command}` on {date.today():%Y-%m-%d}: {machine()}.

{table(rounds)}

{everyone} visits, {faults} failures. {owners.checked:,} pictures arrived; {owners.own:,} of them
show one visitor's own image or maps of it, and {len(owners.wrong)} were somebody else's. A visitor
received {received / 1e6:.1f} MB.

The server's CPU time by action, from the visits of one visitor alone:

{cpu_table(rounds)}

What was aimed at:

{goals_table(rounds)}

Streamlit alone takes about 0.02 s of CPU to open a page of a hundred elements that compute nothing,
and about 0.01 s to run it again. The largest part of the rest are VGG16's two passes.
"""


def _course_report(rounds: list[Round], owners: Owners) -> str:
    """Write what walking through the course took, and what it costs."""
    slow = sorted(
        (mean, action.group, action.what)
        for each in rounds
        if each.cpu_by_action
        for mean, action in zip(each.cpu_by_action, each.walk, strict=True)
    )[:-6:-1]
    dearest = "\n".join(f"| {group} | {what} | {cpu:.2f} s |" for cpu, group, what in slow)
    return f"""{COURSE_HEADING}

Each visitor brings an image, opens the page Course and walks through its {STEPS} steps: predicts,
checks the answer, goes on. {machine()}, {date.today():%Y-%m-%d}.

{table(rounds)}

{sum(each.visitors for each in rounds)} walks, {sum(len(each.faults) for each in rounds)} failures;
{owners.checked:,} pictures arrived, {len(owners.wrong)} of them somebody else's. What costs the
server most CPU time, in the walk of one visitor alone:

| action | step | CPU |
| --- | --- | ---: |
{dearest}
"""
