"""Joining and handing on a run, on the real page; with a tiny number of steps."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from convviz.jobs.job import Limits
from convviz.jobs.queue import KNOWN
from convviz.jobs.runner import LocalRunner
from convviz.ui import handed_on, jobs

PAGE = "pages/4_Reconstruction.py"
LINK = {"network": "googlenet", "layer": "conv1"}
MANY = 2000  # steps: more than are taken before it is stopped
OpenPage = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalRunner]:
    """A runner and shared results of this test's own."""
    local = LocalRunner({"compute": 1}, limits=Limits(turn_seconds=4.0))
    monkeypatch.setattr(jobs, "_runner", local)
    monkeypatch.setattr(handed_on.RUNS, "_by_id", {})
    yield local
    local.close()


def visitor(
    open_page: OpenPage, *, steps: int = 2, own: bytes = b"", name: str = "mine.png", **link: str
) -> AppTest:
    at = open_page(PAGE, **{**LINK, **link})
    if own:
        at.switch_page("app.py").run()
        at.file_uploader(key="home_upload").upload(name, own, "image/png").run()
        at.switch_page(PAGE).run()
    at.number_input(key="most_steps").set_value(steps)
    return at.run()


def press(at: AppTest, label: str) -> AppTest:
    button = next(button for button in at.button if button.label.startswith(label))
    return button.click().run()


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def until_ended(at: AppTest) -> AppTest:
    for _ in range(600):
        if "Stop" not in labels(at) and "Leave the queue" not in labels(at):
            assert not at.exception
            return at
        at.run()
    raise AssertionError("it never ended")


def sentences(at: AppTest) -> str:
    elements = (*at.info, *at.warning, *at.caption, *at.markdown, *at.success)
    return "\n".join(element.value for element in elements)


def code(at: AppTest) -> str:
    return str(at.code[0].value)


def noise(seed: int) -> bytes:
    data = io.BytesIO()
    image = Image.effect_noise((60, 60), 40 + seed).convert("RGB")
    image.save(data, "PNG")
    return data.getvalue()


def newest(at: AppTest, runner: LocalRunner) -> Any:
    owner = at.session_state["convviz.visitor"]
    return runner.mine(owner)[0]


def test_what_somebody_computed_from_a_sample_is_there_at_once_also_after_a_restart(
    open_page: OpenPage, runner: LocalRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = until_ended(press(visitor(open_page), "Start"))
    result = newest(first, runner)
    second = press(visitor(open_page), "Start")
    assert KNOWN in sentences(second)
    assert newest(second, runner).newest is result.newest
    other = LocalRunner({"compute": 1})
    monkeypatch.setattr(jobs, "_runner", other)
    third = press(visitor(open_page), "Start")  # from disk
    assert KNOWN in sentences(third)
    again = newest(third, other).newest
    assert again.result.losses == result.newest.result.losses
    assert again.image == result.newest.image
    fourth = until_ended(press(visitor(open_page, steps=3), "Start"))
    assert KNOWN not in sentences(fourth)
    other.close()


def test_a_result_of_a_sample_is_on_disk_though_its_visitor_went_to_another_page(
    open_page: OpenPage, runner: LocalRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = press(visitor(open_page), "Start")
    first.switch_page("app.py").run()
    end = time.monotonic() + 60
    while newest(first, runner).live:
        assert time.monotonic() < end
        time.sleep(0.01)
    other = LocalRunner({"compute": 1})
    monkeypatch.setattr(jobs, "_runner", other)
    assert KNOWN in sentences(press(visitor(open_page), "Start"))
    other.close()


def test_who_presses_start_for_what_is_under_way_watches_that_run(
    open_page: OpenPage, runner: LocalRunner
) -> None:
    first = press(visitor(open_page, steps=MANY), "Start")
    second = press(visitor(open_page, steps=MANY), "Start")
    assert "Somebody had started exactly this run already" in sentences(second)
    assert "Somebody had started" not in sentences(first)
    press(first, "Stop")
    assert "You stopped it" in sentences(first)
    assert "Stop" in labels(second.run())
    assert newest(second, runner).live
    press(second, "Stop")
    until_ended(second)
    assert newest(second, runner).state == "stopped"


def test_a_visitors_own_image_is_shared_with_who_has_the_same_bytes_and_never_on_disk(
    open_page: OpenPage, runner: LocalRunner, cache_folder: Any
) -> None:
    mine = noise(0)
    first = until_ended(press(visitor(open_page, own=mine), "Start"))
    other = until_ended(press(visitor(open_page, own=noise(1)), "Start"))
    assert newest(other, runner).newest is not newest(first, runner).newest
    same = press(visitor(open_page, own=mine, name="theirs.png"), "Start")
    assert newest(same, runner).newest is newest(first, runner).newest
    assert "theirs" in same.header[0].value
    assert "mine.png" not in repr(newest(same, runner))  # nobody learns another's file name
    assert not (cache_folder / "results").exists()
    for at in (first, same):
        at.button(key="forget_my_data").click().run()
    late = until_ended(press(visitor(open_page, own=mine), "Start"))
    assert KNOWN not in sentences(late)


def test_a_run_is_private_until_it_is_shared_and_again_after(open_page: OpenPage) -> None:
    at = until_ended(press(visitor(open_page), "Start"))
    job = at.query_params["job"]
    job = job[0] if isinstance(job, list) else job
    stranger = visitor(open_page, job=job)
    assert "belongs to somebody else" in sentences(stranger)
    press(at, "Share with its image for a day")
    assert not at.exception
    link = code(at)
    (shared,) = re.findall(r"\?shared=([A-Za-z0-9_-]{32})$", link)
    assert job not in link
    guest = open_page(PAGE, **LINK, shared=shared)
    assert "Somebody shared this result with you" in sentences(guest)
    assert "Relative error" in [metric.label for metric in guest.metric]
    assert "Continue from here" not in labels(guest)
    assert not any(label.startswith(("Share", "Stop")) for label in labels(guest))
    guest.run()  # a refresh shows it again
    assert "Somebody shared this result with you" in sentences(guest)
    press(guest, "Close")
    assert "Somebody shared" not in sentences(guest)
    assert "shared" not in guest.query_params
    press(at, "Stop sharing")
    assert "Share with its image for a day" in labels(at)
    late = open_page(PAGE, **LINK, shared=shared)
    assert "is not shared, or no longer" in sentences(late)
    assert not late.exception


def worksheet(at: AppTest) -> Any:
    elements = at.get("bidi_component")
    (found,) = (each for each in elements if each.proto.component_name == "convviz_worksheet")
    return json.loads(found.proto.json)


def test_a_worksheet_is_of_the_run_that_is_shown_and_not_of_the_sidebar(
    open_page: OpenPage,
) -> None:
    at = visitor(open_page, image="cat", seconds="8")
    before = worksheet(at)
    assert (before["image"]["Image"], before["about"]["Layer"]) == ("Cat", "conv1")
    assert (before["settings"], before["linkNote"]) == (None, "")
    assert before["link"] == {"job": None, "shared": None, "present": None}
    assert "sample:cat" in before["command"]
    assert "--layer conv1 --seconds 8 --steps 2 --seed 0" in before["command"]

    at.number_input(key="seed").set_value(7).run()
    at = until_ended(press(at, "Start"))
    made = worksheet(at)
    assert made["image"] == {}
    assert (made["about"]["Image"], made["about"]["Layer"]) == ("Cat", "conv1")
    assert "Stéfan van der Walt" in made["about"]["Photograph by"]
    settings = dict(made["settings"])
    assert (settings["Seed"], settings["Seconds"], settings["Steps at most"]) == ("7", "8", "2")
    assert "--layer conv1 --seconds 8 --steps 2 --seed 7" in made["command"]
    link = made["link"]
    assert (link["image"], link["layer"], link["series"]) == ("cat", "conv1", "layer")

    at.selectbox(key="layer").set_value("conv2")
    at.number_input(key="seed").set_value(9)
    assert worksheet(at.run()) == made
    press(at, "Share with")
    (shared,) = handed_on.RUNS.of(at.session_state["convviz.visitor"])
    guest = open_page(PAGE, **LINK, image="rocket", shared=shared.id)
    assert worksheet(guest) == made
    press(guest, "Close")
    assert worksheet(guest)["image"]["Image"] == "Rocket"


def test_a_worksheet_says_that_an_own_image_must_be_brought(open_page: OpenPage) -> None:
    at = visitor(open_page, own=noise(0))
    assert "bring it again" in worksheet(at)["linkNote"]
    assert " mine.png " in worksheet(at)["command"]
    assert "bring it again" in worksheet(until_ended(press(at, "Start")))["linkNote"]


def test_who_looks_at_a_shared_result_can_start_a_run_of_their_own(
    open_page: OpenPage, runner: LocalRunner
) -> None:
    at = until_ended(press(visitor(open_page), "Start"))
    press(at, "Share with")
    (shared,) = handed_on.RUNS.of(at.session_state["convviz.visitor"])
    guest = visitor(open_page, shared=shared.id, steps=3)
    until_ended(press(guest, "Start"))
    assert "Somebody shared" not in sentences(guest)
    assert newest(guest, runner).newest.step == 3


def test_forget_my_data_ends_sharing(open_page: OpenPage) -> None:
    at = until_ended(press(visitor(open_page), "Start"))
    press(at, "Share with")
    (shared,) = handed_on.RUNS.of(at.session_state["convviz.visitor"])
    at.button(key="forget_my_data").click().run()
    assert "1 shared result" in at.success[0].value
    assert handed_on.RUNS.get(shared.id) is None


def test_what_is_shared_can_be_ended_when_another_run_is_shown(open_page: OpenPage) -> None:
    at = until_ended(press(visitor(open_page), "Start"))
    press(at, "Share with")
    at.number_input(key="most_steps").set_value(3).run()
    until_ended(press(at, "Start"))
    assert "Share with its image for a day" in labels(at)
    press(at, "Stop sharing")
    assert not handed_on.RUNS.of(at.session_state["convviz.visitor"])
    assert not at.exception


@pytest.mark.parametrize("wrong", ["x", "a" * 5000, "[x](https://elsewhere.example)", "\x00"])
def test_an_id_that_is_wrong_says_one_sentence(open_page: OpenPage, wrong: str) -> None:
    at = open_page(PAGE, **LINK, shared=wrong)
    assert sentences(at).count("is not shared, or no longer") == 1
    assert "elsewhere.example" not in sentences(at)
    assert "shared" not in at.query_params
