"""The route for a camera's frames: who may send, how much, how often, and what comes back."""

from __future__ import annotations

import base64
import io
import json
import threading
import zlib
from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image
from starlette.applications import Starlette
from torch import nn

from convviz.errors import ImageError
from convviz.language import speaking
from convviz.sprites.grid import LEVELS
from convviz.ui import camera
from convviz.ui.camera import Through
from convviz.ui.components.camera import kept_frame
from tests import asgi
from tests.networks_for_tests import network_of

OWNER, OTHER = "a" * 43, "b" * 43
ORIGIN = "http://here:8501"


def red_network() -> Any:
    convolution = nn.Conv2d(3, 1, 1, bias=False)
    convolution.weight = nn.Parameter(torch.tensor([1.0, 0, 0]).reshape(1, 3, 1, 1))
    return network_of(nn.Sequential(convolution, nn.ReLU()), side=16)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    """A page that is live, with a tiny network."""
    monkeypatch.setattr(camera, "_cameras", {})
    return camera.live("", OWNER, Through(red_network(), "0", "shared", 0.0))


def jpeg(colour: tuple[int, int, int] = (255, 0, 0), side: int = 16, kind: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(file, kind)
    return file.getvalue()


def post(
    secret: str,
    data: bytes,
    *,
    origin: str | None = ORIGIN,
    owner: str = OWNER,
    host: str = "here:8501",
    app: Any = None,
) -> tuple[int, bytes]:
    """Send a frame and return the status and the body, as the server would send them."""
    headers = {"host": host, "x-convviz-camera": secret, "cookie": f"convviz_visitor={owner}"}
    if origin is not None:
        headers["origin"] = origin
    scope = {
        "type": "http",
        "method": "POST",
        "path": camera.path(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    pieces = [data[i : i + 65536] for i in range(0, len(data), 65536)] or [b""]
    messages = [{"type": "http.request", "body": p, "more_body": True} for p in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    sent = asgi.call(app or Starlette(routes=[*camera.routes()]), scope, *messages)
    return int(sent[0]["status"]), b"".join(each.get("body", b"") for each in sent[1:])


def read(body: bytes) -> tuple[dict[str, Any], bytes]:
    data = zlib.decompress(body)
    length = int.from_bytes(data[:4], "little")
    return json.loads(data[4 : 4 + length]), data[4 + length :]


def test_a_frame_is_answered_with_the_layers_maps(secret: str) -> None:
    status, body = post(secret, jpeg((255, 0, 0)))
    header, levels = read(body)
    assert status == 200
    assert (header["layer"], header["channels"], header["side"]) == ("0", 1, 16)
    assert header["classes"] == []
    assert set(levels) <= {LEVELS - 2, LEVELS - 1}  # JPEG is not exact
    _, levels = read(post(secret, jpeg((0, 0, 0)))[1])
    assert set(levels) == {0}


@pytest.mark.parametrize(
    ("language", "shares"), [("en", ["> 99.9 %", "< 0.1 %"]), ("da", ["> 99,9 %", "< 0,1 %"])]
)
def test_no_class_is_called_certain_or_impossible(
    monkeypatch: pytest.MonkeyPatch, language: str, shares: list[str]
) -> None:
    linear = nn.Linear(1, 2, bias=False)
    linear.weight = nn.Parameter(torch.tensor([[20.0], [-20.0]]))
    convolution = next(red_network().module.children())
    module = nn.Sequential(convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)
    network = network_of(module, side=16, classes=("red", "no red"))
    monkeypatch.setattr(camera, "_cameras", {})
    with speaking(language):
        live = camera.live("", OWNER, Through(network, "0", "shared", 0.0))
    header, _ = read(post(live, jpeg((255, 0, 0)))[1])
    assert [(label, text) for label, _, text in header["classes"]] == list(
        zip(("red", "no red"), shares, strict=True)
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": None},
        {"origin": "http://elsewhere:8501"},
        {"origin": "http://here:9999"},
        {"origin": "null"},
        {"owner": OTHER},
        {"secret": "c" * 43},
        {"secret": ""},
        {"secret": "d" * 5000},
    ],
)
def test_others_are_refused(secret: str, wrong: dict[str, Any]) -> None:
    asked = {"secret": secret, **wrong}
    assert post(asked.pop("secret"), jpeg(), **asked)[0] == 403


def test_frames_are_bounded_in_bytes_and_pixels(secret: str) -> None:
    assert post(secret, bytes(camera.MOST_FRAME_BYTES + 1))[0] == 413
    assert post(secret, b"no image")[0] == 422
    assert post(secret, jpeg(kind="PNG"))[0] == 422
    assert post(secret, jpeg(side=1100))[0] == 422
    with pytest.raises(ImageError, match="too many pixels"):
        camera.opened(jpeg(side=1100))
    assert post(secret, jpeg())[0] == 200  # nothing of it lasts


def test_one_pass_at_a_time(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(through: Through, data: bytes) -> bytes:
        begun.set()
        assert go_on.wait(30)
        return b"done"

    monkeypatch.setattr(camera, "_pass", slow)
    first: list[int] = []
    thread = threading.Thread(target=lambda: first.append(post(secret, jpeg())[0]))
    thread.start()
    assert begun.wait(30)
    assert post(secret, jpeg())[0] == 429
    go_on.set()
    thread.join()
    assert first == [200]
    assert post(secret, jpeg())[0] == 200


def test_a_pass_that_fails_is_told_without_its_details(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(through: Through, data: bytes) -> bytes:
        raise RuntimeError("/home/somebody/secret")

    monkeypatch.setattr(camera, "_pass", broken)
    status, body = post(secret, jpeg())
    assert status == 500
    assert b"somebody" not in body
    assert b"error" in body


def test_what_is_live_can_be_changed_and_ended_by_its_visitor_alone(secret: str) -> None:
    other = Through(red_network(), "1", "shared", 0.0)
    assert camera.live(secret, OWNER, other) == secret
    assert read(post(secret, jpeg())[1])[0]["layer"] == "1"
    assert camera.live(secret, OTHER, other) != secret
    camera.end_all(OTHER)
    assert post(secret, jpeg())[0] == 200
    camera.end_all(OWNER)
    assert post(secret, jpeg())[0] == 403
    again = camera.live(secret, OWNER, other)
    assert again != secret
    camera.end(again)
    assert post(again, jpeg())[0] == 403


def test_the_number_of_cameras_is_bounded(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "_MOST_CAMERAS", 3)
    through = Through(red_network(), "0", "shared", 0.0)
    secrets = [camera.live("", OWNER, through) for _ in range(3)]
    assert post(secret, jpeg())[0] == 403  # the one that was used longest ago
    assert post(secrets[-1], jpeg())[0] == 200


def test_the_network_of_who_sends_no_frame_for_a_minute_is_let_go(secret: str) -> None:
    through = Through(red_network(), "0", "shared", 0.0)
    sending, left = (camera.live("", OWNER, through) for _ in range(2))
    for each, seconds in ((secret, 61), (sending, 30), (left, 3601)):
        camera._cameras[each].used -= seconds
    camera.sweep()
    assert {key: each.through for key, each in camera._cameras.items()} == {
        secret: None,
        sending: through,
    }
    assert post(secret, jpeg())[0] == 410
    assert camera.live(secret, OWNER, through) == secret  # the page runs again
    camera.sweep()
    assert post(secret, jpeg())[0] == 200


def test_a_frame_to_keep_may_be_anything() -> None:
    assert kept_frame({"jpeg": base64.b64encode(b"data").decode()}) == b"data"
    for wrong in (None, "x", {}, {"jpeg": 5}, {"jpeg": "é"}, {"jpeg": "a"}):
        assert kept_frame(wrong) == b""


def test_a_frame_is_answered_in_the_language_that_its_page_is_read_in(
    secret: str, bracketed: None
) -> None:
    def headline_and_refusal() -> tuple[str, str]:
        header, _ = read(post(secret, jpeg())[1])
        return header["headline"], post(secret, b"no picture")[1].decode()

    assert not any(text.startswith("⟦") for text in headline_and_refusal())
    with speaking("da"):  # the page runs again
        assert camera.live(secret, OWNER, Through(red_network(), "0", "shared", 0.0)) == secret
    assert all(text.startswith("⟦") for text in headline_and_refusal())


def test_a_network_for_grey_images_gets_the_frames_in_grey(monkeypatch: pytest.MonkeyPatch) -> None:
    convolution = nn.Conv2d(1, 1, 1, bias=False)
    convolution.weight = nn.Parameter(torch.ones(1, 1, 1, 1))
    network = network_of(nn.Sequential(convolution, nn.ReLU()), side=16)
    network = replace(network, spec=replace(network.spec, mean=(0.0,), std=(1.0,)))
    monkeypatch.setattr(camera, "_cameras", {})
    live = camera.live("", OWNER, Through(network, "0", "shared", 0.0))
    status, body = post(live, jpeg((0, 0, 255)))
    header, levels = read(body)
    assert (status, header["channels"], header["side"]) == (200, 1, 16)
    assert len(set(levels)) == 1  # one grey everywhere
    assert levels[0] > 0
