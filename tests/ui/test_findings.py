"""The sentences about links, weights, files and queues say the numbers that they are given."""

import re

import pytest

from convviz.jobs.job import JobView
from convviz.ui import exports, findings, forget, handed_on, jobs
from convviz.ui.sidebar import findings as sidebar

EVIL = "[x](https://elsewhere.example)"


def is_plain(sentence: str) -> bool:
    return not re.search(r"(?<!\\)\]\(|://", sentence)


@pytest.mark.claims(
    "convviz.ui.findings.no_such_choice",
    "convviz.ui.findings.no_such_channel",
    "convviz.ui.findings.no_such_position",
    "convviz.ui.findings.untrained",
)
def test_what_a_link_cannot_have() -> None:
    assert "channels 0 to 191" in findings.no_such_channel("900", 192)
    assert "one channel, number 0" in findings.no_such_channel("1", 1)
    assert "asks for tau “0.123”" in findings.no_such_choice("tau", "0.123")
    assert "position “3,4”" in findings.no_such_position("3,4")
    assert findings.untrained("VGG16").startswith("VGG16 is **untrained** here")
    for sentence in (
        findings.no_such_choice("tau", EVIL),
        findings.no_such_channel(EVIL, 2),
        findings.no_such_position(EVIL),
        findings.untrained(EVIL),
    ):
        assert is_plain(sentence)


@pytest.mark.claims(
    "convviz.ui.sidebar.findings.no_such_image",
    "convviz.ui.sidebar.findings.too_large",
    "convviz.ui.sidebar.findings.refused",
    "convviz.ui.sidebar.findings.what_may_come",
    "convviz.ui.sidebar.findings.whole",
    "convviz.ui.sidebar.findings.hint",
    "convviz.ui.sidebar.findings.no_such_layer",
    "convviz.ui.sidebar.findings.no_such_weights",
)
def test_what_the_sidebar_says() -> None:
    assert "(cat, coffee)" in sidebar.no_such_image("zebra", ["cat", "coffee"])
    assert "has 21 MB; a picture may have at most 20 MB" in sidebar.too_large(21_000_000, 20)
    assert sidebar.refused("Too wide.") == "Too wide. The image in use has not changed."
    assert "at most 25 million pixels" in sidebar.what_may_come("JPEG", 25)
    assert sidebar.whole("Cat", 1, 2000, "") == (
        "Cat, 1 × 2000 pixels. The network sees the part inside the frame."
    )
    assert sidebar.whole("Cat", 3, 4, "N. N. (CC0)").endswith(" Photograph: N. N. (CC0).")
    assert "on mid-grey" not in sidebar.whole("Cat", 3, 4, "")
    assert "transparent in the file lies on mid-grey" in sidebar.whole(
        "Cat", 3, 4, "", is_transparent=True
    )
    assert sidebar.crop(224, 256).startswith("224 × 224 pixels: the shorter side is scaled to 256")
    assert sidebar.hint("JPEG and PNG", 20) == "JPEG and PNG, 20 MB at most"
    assert "VGG16 has no layer called “x”" in sidebar.no_such_layer("VGG16", "x", "relu1")
    assert "others instead (ImageNet)" in sidebar.no_such_weights("VGG16", "gold", "ImageNet")
    for sentence in (
        sidebar.no_such_image(EVIL, ["cat"]),
        sidebar.refused(EVIL),
        sidebar.whole(EVIL, 1, 1, ""),
        sidebar.no_such_layer(EVIL, EVIL, EVIL),
        sidebar.no_such_weights(EVIL, EVIL, EVIL),
    ):
        assert is_plain(sentence)


@pytest.mark.claims("convviz.ui.sidebar.findings.crop")
@pytest.mark.parametrize(
    ("size", "resize", "image_size", "scaled", "is_cut", "is_lost"),
    [
        (128, 128, (28, 28), "28 pixels, is enlarged to 128", False, False),
        (128, 128, (40, 28), "28 pixels, is enlarged to 128", True, False),
        (128, 146, (1, 20), "1 pixel, is enlarged to 146", True, False),
        (224, 256, (256, 256), "has 256 pixels already", True, False),
        (128, 128, (128, 128), "has 128 pixels already", False, False),
        (128, 128, (129, 129), "is scaled to 128", False, True),
        (224, 256, (5000, 257), "is scaled to 256", True, True),
    ],
)
def test_only_what_is_made_smaller_loses_detail(
    size: int,
    resize: int,
    image_size: tuple[int, int],
    scaled: str,
    is_cut: bool,
    is_lost: bool,
) -> None:
    sentence = sidebar.crop(size, resize, image_size)
    assert sentence.startswith(f"{size} × {size} pixels: the shorter side")
    assert scaled in sentence
    assert ("the middle is cut out" in sentence) == is_cut
    assert ("is lost" in sentence) == is_lost


@pytest.mark.claims(
    "convviz.ui.jobs.queued", "convviz.ui.jobs.under_way", "convviz.ui.jobs.exact_seconds"
)
def test_what_the_queue_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert jobs.queued(1, 0).startswith("Next to run: it will probably start in a moment.")
    assert jobs.queued(7, 600).startswith("Number 7 in the queue: it will probably start in about")
    assert "stays closed for 2 minutes" in jobs.queued(2, 5)
    monkeypatch.setenv("CONVVIZ_GONE_SECONDS", "90")
    assert "stays closed for 90 seconds" in jobs.queued(2, 5)
    assert [jobs.exact_seconds(n) for n in (1, 59, 60, 61, 120)] == [
        *("1 second", "59 seconds", "1 minute", "61 seconds", "2 minutes"),
    ]
    assert is_plain(jobs.under_way(EVIL))


@pytest.mark.claims("convviz.ui.jobs.taking_turns")
def test_what_a_run_says_that_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVVIZ_TURN_SECONDS", "4")

    def say(**more: object) -> str:
        return jobs.taking_turns(JobView("id", "t", "p", None, **more))  # type: ignore[arg-type]

    assert say(state="running", others=0) == ""
    assert say(state="done", others=3) == ""
    assert say(state="running", others=3, stopping=True) == ""
    assert say(state="running", others=1) == (
        "1 other run takes turns with this run, 4 seconds each at most. Times count its own turns."
    )
    assert say(state="running", others=7, paused=True, expected_wait_seconds=20.0) == (
        "7 others take turns with this run, 4 seconds each at most. "
        "It will probably go on in about 20 seconds. Times count its own turns."
    )
    assert say(state="queued", others=2, expected_wait_seconds=20.0) == (
        "2 others take turns with this run, 4 seconds each at most."
    )


@pytest.mark.claims(
    "convviz.ui.handed_on.share_label",
    "convviz.ui.handed_on.sharing_ends",
    "convviz.ui.handed_on.hours",
)
def test_what_is_said_of_sharing() -> None:
    assert handed_on.share_label(24) == "Share with its image for a day"
    assert handed_on.share_label(1) == "Share with its image for an hour"
    assert handed_on.share_label(8) == "Share with its image for 8 hours"
    assert handed_on.sharing_ends(24 * 3600).endswith("for about a day more.")
    assert handed_on.sharing_ends(2.4 * 3600).endswith("for about 2 hours more.")
    assert handed_on.sharing_ends(1800).endswith("for about 30 minutes more.")
    assert handed_on.share_label(24, "pictures") == "Share with its pictures for a day"
    assert handed_on.sharing_ends(1800, "pictures") == (
        "Whoever has this link sees the result and its pictures, for about 30 minutes more."
    )
    assert handed_on.share_label(24, "nothing") == "Share for a day"
    assert handed_on.sharing_ends(1800, "nothing") == (
        "Whoever has this link sees the result, for about 30 minutes more."
    )


@pytest.mark.claims("convviz.ui.forget.forgotten")
def test_what_was_forgotten() -> None:
    say = forget.forgotten
    assert say(has_image=False, runs=0, networks=0).startswith("Forgotten: all choices.")
    assert say(has_image=True, runs=0, networks=0).startswith("Forgotten: your image.")
    assert "your image and 1 run with" in say(has_image=True, runs=1, networks=0)
    assert "your image, 2 runs with what came of them and 3 networks you" in say(
        has_image=True, runs=2, networks=3
    )
    assert say(has_image=True, runs=0, networks=0).endswith(
        "holds nothing that you brought to this tab any more; if you have others open, forget in "
        "each of them."
    )
    assert "1 network you trained" in say(has_image=False, runs=0, networks=1)
    assert say(has_image=True, runs=0, networks=0, shared=2).startswith(
        "Forgotten: your image and 2 shared results."
    )


@pytest.mark.claims("convviz.ui.exports.why_not_made")
def test_a_file_that_cannot_be_made_is_logged_under_the_id_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> bytes:
        raise RuntimeError("secret /home/u")

    with pytest.raises(RuntimeError):
        exports._made(fail, "session")
    sentence = exports.why_not_made("session")
    (record,) = caplog.records
    assert record.getMessage().removeprefix("error ") in sentence
    assert "secret" not in sentence
