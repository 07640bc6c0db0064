"""The receptive field of a layer's positions, drawn on the image."""

from __future__ import annotations

import base64

from PIL import Image

from convviz.images.encode import jpeg
from convviz.language import again
from convviz.structure.receptive_field import ReceptiveField
from convviz.ui.components import texts
from convviz.ui.components.declare import declare
from convviz.ui.keys import Component


def field_on_image(
    image: Image.Image, field: ReceptiveField, *, name: str, title: str, key: str
) -> None:
    """Draw what goes into the network with what one position sees; the visitor moves the position.

    Args:
        image: What goes into the network, at its full size.
        field: The layer's receptive field.
        name: What the saved image is called, without its ending.
        title: The layer's title.
        key: The widget's key.
    """
    data = jpeg(image, quality=92)
    _field(
        key=key,
        data={
            "image": f"data:image/jpeg;base64,{base64.b64encode(data).decode()}",
            "side": image.width,
            "rows": field.rows.seen,
            "columns": field.columns.seen,
            # Of what depends on the whole image, nothing reaches beyond it.
            "field": [0, 0] if field.mixed_by else [field.rows.size, field.columns.size],
            "name": name,
            "title": again(title),
            "texts": texts.told(Component.RECEPTIVE_FIELD),
        },
    )


_field = declare(Component.RECEPTIVE_FIELD, "buttons")
