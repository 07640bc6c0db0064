"""The camera, live: the route that frames are sent to, and who may send them.

The browser sends one frame as a JPEG and waits for what the layer answers before it sends the
newest one; so frames are dropped where the server cannot keep up, and none waits behind another.
Nothing of a frame is stored.

A page that is live has a `Camera`: what its frames pass through, under a secret that only this
visitor's browser is told. The route answers a request only if it comes from a page of this server
(its Origin), knows the secret, and does not carry the cookie of another visitor. A frame is bounded
in bytes and pixels; each camera has one pass at a time, at most 30 a second.
"""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from PIL import Image
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from streamlit import config

from convviz import limits
from convviz.errors import ConvvizError, ImageError
from convviz.language import again, current, speaking, tr
from convviz.ui import errors, visitor

if TYPE_CHECKING:
    from convviz.networks.network import Network
    from convviz.sprites.grid import Contrast

MOST_FRAME_BYTES = 400_000
MOST_FRAME_PIXELS = 1024 * 1024

_PATH = "/convviz/camera"
_LEAST_SECONDS = 1 / 30  # between the passes of one camera
_CLASSES = 5
_MOST_CAMERAS = 200
_RESTS_AFTER_SECONDS = 60.0  # a camera that sends nothing; its network is let go
_KEPT_SECONDS = 3600.0  # and then the camera itself
_SECRET_BYTES = 64  # at most, of what a request says is its secret
_AT_WORK_SECONDS = 1.0  # a camera that sent a frame in the last … shares the cores


@dataclass(frozen=True)
class Through:
    """What the frames of a camera pass through.

    Attributes:
        network: The network.
        layer: Dotted name of the layer.
        contrast: As in `sprites.grid.atlas`.
        threshold: τ, up to which a channel counts as empty.
    """

    network: Network
    layer: str
    contrast: Contrast
    threshold: float


@dataclass
class Camera:
    """A page that is live.

    Attributes:
        owner: The visitor's secret.
        through: What its frames pass through; None while it rests.
        language: What the visitor reads.
        used: When it last sent a frame, by the monotonic clock.
        busy: Whether a frame of it is in its pass.
    """

    owner: str
    through: Through | None
    language: str
    used: float = field(default_factory=time.monotonic)
    busy: bool = False


_cameras: dict[str, Camera] = {}
_lock = threading.Lock()


def live(secret: str, owner: str, through: Through) -> str:
    """Let a page be live, or change what its frames pass through; it is answered as it reads now.

    Args:
        secret: The page's secret; "" for a new one.
        owner: The visitor's secret.
        through: What the frames pass through.

    Returns:
        The page's secret.
    """
    with _lock:
        known = _cameras.get(secret)
        if known is not None and known.owner == owner:
            known.through, known.used = through, time.monotonic()
            known.language = current()
            return secret
        while len(_cameras) >= _MOST_CAMERAS:
            del _cameras[min(_cameras, key=lambda key: _cameras[key].used)]
        secret = secrets.token_urlsafe(32)
        _cameras[secret] = Camera(owner, through, current())
        return secret


def end(secret: str) -> None:
    """End what one page has live; its next frame is refused."""
    with _lock:
        _cameras.pop(secret, None)


def end_all(owner: str) -> None:
    """End everything that a visitor has live."""
    with _lock:
        for secret in [key for key, each in _cameras.items() if each.owner == owner]:
            del _cameras[secret]


def sweep() -> None:
    """Let go of the networks of pages that have sent no frame for a minute, as left ones do.

    Such a camera rests. If its page was hidden only, its next frame is told so, and the page's next
    run calls `live` again.
    """
    now = time.monotonic()
    with _lock:
        for secret, each in list(_cameras.items()):
            if now - each.used > _KEPT_SECONDS:
                del _cameras[secret]
            elif now - each.used > _RESTS_AFTER_SECONDS:
                each.through = None


def path() -> str:
    """Return the address that frames are sent to, without the host."""
    base = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{_PATH}" if base else _PATH


def routes() -> list[Route]:
    """Return the route for the server."""
    return [Route(path(), _answer, methods=["POST"])]


async def _answer(request: Request) -> Response:
    """Answer a frame in its visitor's language."""
    camera = _camera_of(request)
    if camera is None:
        # Whoever guesses is not told whether the secret or the origin was wrong.
        return PlainTextResponse("This page is no longer live.\n", status_code=403)
    with speaking(camera.language):
        return await _answer_of(camera, request)


async def _answer_of(camera: Camera, request: Request) -> Response:
    """Answer a frame with what the layer makes of it."""
    with _lock:
        through = camera.through
        if through is None:
            return _refusal(tr("The camera goes on in a moment."), 410)
        if camera.busy:
            return PlainTextResponse("One frame at a time.\n", status_code=429)
        camera.busy = True
    try:
        wait = camera.used + _LEAST_SECONDS - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        camera.used = time.monotonic()
        data = await _body(request)
        if data is None:
            return _refusal(tr("The frame is too large."), 413)
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(_executor(), copy_context().run, _pass, through, data)
    except ConvvizError as error:
        return _refusal(again(str(error)), 422)
    except Exception as error:  # noqa: BLE001 - logged; the page shows its number
        error_id = errors.log(error)
        return _refusal(tr("The frame failed (error {error_id}).", error_id=error_id), 500)
    finally:
        camera.busy = False
    # Named as compressed, so that Streamlit does not do it again, and more slowly.
    headers = {"Content-Encoding": "deflate", "Cache-Control": "no-store"}
    return Response(answer, media_type="application/octet-stream", headers=headers)


def _refusal(sentence: str, status: int) -> PlainTextResponse:
    return PlainTextResponse(sentence + "\n", status_code=status)


def _camera_of(request: Request) -> Camera | None:
    """Return the camera that a request is of; None if it may not send frames."""
    origin = urlsplit(request.headers.get("origin", ""))
    if origin.scheme not in ("http", "https") or origin.netloc != request.headers.get("host"):
        return None
    secret = request.headers.get("x-convviz-camera", "")
    if not 0 < len(secret) <= _SECRET_BYTES:
        return None
    camera = _cameras.get(secret)
    cookie = visitor.secret_in(request.cookies)
    if camera is None or (cookie and not secrets.compare_digest(cookie, camera.owner)):
        return None
    return camera


async def _body(request: Request) -> bytes | None:
    """Read a frame; None as soon as it is too large."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MOST_FRAME_BYTES:
            return None
    return bytes(data)


def _pass(through: Through, data: bytes) -> bytes:
    """Pass a frame through the network.

    Returns:
        The length of a header (4 bytes, little endian), the header as JSON, and the maps' levels,
        all of it compressed.
    """
    import torch

    from convviz.features.capture import input_for
    from convviz.features.predictions import activations_and_predictions
    from convviz.formatting import probability
    from convviz.sprites.camera_frame import camera_frame

    # One thread for each of several cameras does more than all threads for one after the other.
    torch.set_num_threads(max(1, limits.threads() // _at_work()))
    batch = input_for(through.network, opened(data))
    activations, predictions = activations_and_predictions(
        through.network, batch, through.layer, _CLASSES
    )
    frame = camera_frame(
        activations, predictions, contrast=through.contrast, threshold=through.threshold
    )
    header = {
        "layer": through.layer,
        "network": through.network.name,
        "channels": frame.channels,
        "side": frame.side,
        "empty": frame.empty,
        "classes": [
            [guess.label, guess.probability, probability(guess.probability)]
            for guess in frame.predictions
        ],
        "headline": frame.headline,
    }
    text = json.dumps(header).encode()
    # Of maps, runs of zeros are all that repeats: looking for more costs time and saves nothing.
    packing = zlib.compressobj(1, strategy=zlib.Z_RLE)
    packed = packing.compress(len(text).to_bytes(4, "little") + text + frame.levels)
    return packed + packing.flush()


def _at_work() -> int:
    """Count the cameras that send frames now, at least 1."""
    since = time.monotonic() - _AT_WORK_SECONDS
    with _lock:
        return max(1, sum(each.used > since for each in _cameras.values()))


def opened(data: bytes) -> Image.Image:
    """Open a frame, having looked at its size before it is decoded.

    Raises:
        ImageError: It is no JPEG, too large or damaged.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=["JPEG"])
        if image.width * image.height > MOST_FRAME_PIXELS:
            raise ImageError(tr("The camera's frame has too many pixels: send a smaller one."))
        return image.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(tr("The camera's frame is no JPEG: start the camera anew.")) from error


_pool: ThreadPoolExecutor | None = None


def _executor() -> ThreadPoolExecutor:
    """Return the threads that frames are passed in: one for every core."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(limits.threads(), "camera")
        return _pool
