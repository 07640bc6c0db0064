"""The question “Map and field”: the channel's map, and what each of its positions can see."""

from __future__ import annotations

import streamlit as st

from convviz.features import channel_findings, findings
from convviz.features.activations import Activations
from convviz.features.effective_field import effective_field, map_box
from convviz.figures import activations as figures
from convviz.figures import theme
from convviz.language import tr
from convviz.sprites.overlay import ends, heatmap, overlay
from convviz.structure.costs import receptive_field
from convviz.structure.findings import whole_image_sentence
from convviz.ui import cache, charts, colour_scales, exports, state
from convviz.ui.activations import second_image
from convviz.ui.activations.display import STRETCHED
from convviz.ui.choice import Choice
from convviz.ui.components import position_map
from convviz.ui.how_we_know import how_we_know

_PIXELS = 448


def draw(choice: Choice, activations: Activations, channel: int) -> None:
    """Draw the map beside the image, and what can be said of one position and of all."""
    values = activations.maps[channel]
    field = receptive_field(choice.network, activations.layer.name, channel)
    if field:
        st.caption(
            tr(
                "Point at the map or the image, or move with the arrow keys on the map: the frame "
                "is all that this number can have been computed from."
            )
        )
    else:
        point = tr("Point at the map or the image, or move with the arrow keys on the map.")
        st.caption(f"{point} {tr(STRETCHED)}")
    if field and field.mixed_by:
        st.caption(whole_image_sentence(field))
    context = position_context(choice, activations)
    label = tr("Map of channel {channel}", channel=channel)
    # style.css lays these out: beside one another where there is room.
    with st.container(key="activations_map_and_values"):
        with st.container(gap="small"):
            position_map.draw(context, choice.crop(), values, field, "viridis", label)
            low, high = ends(values)
            if low < high:
                st.html(colour_scales.numbered("viridis", low, high))
        with st.container(gap="small"):
            st.markdown(tr("**Values of the map**"))
            figure = figures.histogram(values)
            charts.draw(figure, config=theme.CONFIG, key="activations_map_histogram")
    row, column = position_map.position(context, values)
    left, right = st.columns(2, gap="large")
    with left:
        _effective_field(choice, activations, channel, row, column)
    with right:
        _second_image(choice, activations, channel)
    how_we_know("map on the image", "effective field", "maximum and rank")


def position_context(choice: Choice, activations: Activations) -> str:
    """Name what a position belongs to, as `position_map.position` takes it."""
    return f"{choice.image.sha256[:16]}/{choice.network_name}/{activations.layer.name}"


def _effective_field(
    choice: Choice, activations: Activations, channel: int, row: int, column: int
) -> None:
    st.markdown(channel_findings.field_heading(row, column))
    layer = activations.layer
    field = effective_field(choice.network, choice.image.pixels, layer.name, channel, row, column)
    brightness = field.weights.sqrt()
    image = heatmap(brightness, brightness.shape[0], "magma")
    with st.container(key="activations_effective_field"):
        st.image(
            image, width="stretch", output_format="PNG", alt=tr("The effective receptive field")
        )
    st.caption(channel_findings.effective_field(field))
    if field.core is None:
        return
    exports.save_button(
        tr("Save as PNG"),
        lambda: heatmap(brightness, _PIXELS, "magma"),
        exports.file_name(
            choice, layer.name, f"channel{channel}", f"field{row + 1}-{column + 1}", ending="png"
        ),
        key="activations_save_effective_field",
    )


def _second_image(choice: Choice, activations: Activations, channel: int) -> None:
    image = second_image.choose(choice.image, tr("The same channel for another image"), "stretch")
    if image is None:
        st.caption(tr("Bring a picture to see this channel's map for it."))
        return
    other: Activations = cache.activations(image, choice.network, activations.layer)
    scale = ends(activations.maps[channel], other.maps[channel])
    crop = image.crop(choice.network, enlarged=_PIXELS)
    box = map_box(choice.network, activations.layer.name, channel)
    side = choice.network.input_size
    over = overlay(crop, other.maps[channel], 0.75, "viridis", *scale, box=box, side=side)
    alt = tr("Channel {channel}, {image}", channel=channel, image=image.title)
    with st.container(key="activations_second_image_over"):
        st.image(over, width="stretch", output_format="JPEG", alt=alt)
    with st.container(key="activations_second_image_map"):
        alone = heatmap(other.maps[channel], _PIXELS // 2, "viridis", *scale)
        st.image(
            alone,
            width="stretch",
            output_format="PNG",
            alt=tr("Map of channel {channel}", channel=channel),
        )
    names = [state.plain(state.shorten(each.title, 40)) for each in (choice.image, image)]
    st.caption(findings.second_image(activations, other, channel, names))
