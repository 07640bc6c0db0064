"""Images that are sent to the browser once and shown there by another component."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from convviz.ui.components.declare import declare
from convviz.ui.keys import Component


def pack(header: Mapping[str, object], images: Sequence[Sequence[bytes]]) -> tuple[str, bytes]:
    """Pack images for the browser.

    Args:
        header: What the component that shows them must know.
        images: PNG files, in groups; b"" for none.

    Returns:
        A token that names them, and the message for `store` (see store.js).
    """
    header = {**header, "sizes": [[len(image) for image in group] for group in images]}
    data = b"".join(image for group in images for image in group)
    token = hashlib.sha256(data + json.dumps(header).encode()).hexdigest()[:16]
    text = json.dumps({**header, "token": token}).encode()
    return token, len(text).to_bytes(4, "little") + text + data


store = declare(Component.STORE)
