"""The view “This layer”: all channels as a grid, and beside it the picked one, enlarged."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape

import streamlit as st
from PIL import Image

from convviz.features import findings
from convviz.features.activations import Activations
from convviz.features.arrays import archive
from convviz.features.dead import DeadChannels
from convviz.features.effective_field import map_box
from convviz.formatting import percent
from convviz.jobs.job import JobView
from convviz.language import again, current, later, numeral, tr
from convviz.sprites.grid import Atlas, Section, branch_sections, grid_picture
from convviz.sprites.overlay import ends, heatmap, overlay
from convviz.ui import cache, colour_scales, exports, state
from convviz.ui.activations import dead as dead_channels
from convviz.ui.activations import jobs
from convviz.ui.activations.display import STRETCHED, DisplayOptions, atlas_of, legend
from convviz.ui.choice import Choice
from convviz.ui.components.channel_grid import Picture, channel_grid
from convviz.ui.components.channel_map import Under, channel_map, shares
from convviz.ui.components.layer_keys import followed
from convviz.ui.how_we_know import how_we_know
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Key

_NOTHING = {
    "hide": later("Every channel is empty for this image, so none is left to show."),
    "only": later("No channel is empty for this image, so there is none to show."),
}


def draw(choice: Choice, activations: Activations, options: DisplayOptions) -> None:
    """Draw the grid and, beside it, the picked channel; a click draws only these again."""
    page_jobs, job = jobs.open_jobs()
    dead = dead_channels.known(choice.network, activations.layer)
    remember_channel(choice, activations)
    atlas = atlas_of(choice.image, choice.network, activations, options)
    legend(atlas, options, activations, dead)
    _grid_and_panel(choice, activations, options, atlas, dead)
    _dead_channels(choice, activations, dead, page_jobs, job)
    how_we_know(
        "empty channels",
        "soft threshold",
        "maximum and rank",
        "map on the image",
        "dead channels",
    )


def remember_channel(choice: Choice, activations: Activations) -> None:
    """Make sure that the picked channel is one of the layer's, at first its most salient.

    It stays picked in the layers that work on each of these channels by itself, such as a pooling.
    """
    place = cache.channels_origin(choice.network, activations.layer)
    state.remember_channel(activations.most_salient, activations.channels, place)


def grid_id(choice: Choice, layer: str, options: DisplayOptions) -> str:
    """Name a layer's grid: by everything that it and its texts depend on."""
    weights = choice.network.weights.source
    return f"{choice.image.sha256}/{choice.network_name}/{weights}/{options}/{current()}/{layer}"


def sections_of(activations: Activations, options: DisplayOptions) -> tuple[Section, ...]:
    """Group the channels that are to be shown by branch, each group in the order chosen."""
    empty = activations.empty(options.threshold).tolist()
    wanted = {"all": (True, False), "hide": (False,), "only": (True,)}[options.show]
    channels = activations.order(options.order).tolist()
    channels = [channel for channel in channels if empty[channel] in wanted]
    return branch_sections(activations, channels, options.threshold)


def picture_of(
    atlas: Atlas, activations: Activations, threshold: float, dead: DeadChannels | None
) -> Picture:
    """Put together what the browser needs to draw and name every channel."""
    after = "" if activations.layer.pre_relu is None else " " + tr("after the ReLU")
    return Picture(
        tiles=atlas,
        empty=activations.empty(threshold).tolist(),
        maximum=[f"{numeral(f'{value:.3g}')}{after}" for value in activations.maximum.tolist()],
        active=[percent(value) for value in activations.active_share.tolist()],
        dead=dead.of(activations) if dead else (),
        dead_over=dead.images if dead else "",
    )


def save_grid(
    label: str,
    name: str,
    *,
    key: str,
    title: str,
    activations: Activations,
    sections: Sequence[Section],
    options: DisplayOptions,
    dead: DeadChannels | None,
    ends: tuple[float, float] | None = None,
) -> None:
    """Draw a button that saves a grid as it is shown, with a title and a legend.

    Args:
        label: What the button says.
        name: The file's name.
        key: The widget's key.
        title: What stands above the grid in the file.
        activations: The layer's activations.
        sections: The channels, as they are grouped.
        options: How the grid is drawn.
        dead: What is known of the layer's dead channels.
        ends: Ends of the colour scale; None for the layer's own.
    """

    def image() -> Image.Image:
        return grid_picture(
            activations,
            title=title,
            sections=sections,
            contrast=options.contrast,
            threshold=options.threshold,
            colormap=options.colours,
            dead=dead,
            ends=ends,
        )

    exports.save_button(label, image, name, key=key)


def numbers(
    activations: Activations,
    threshold: float,
    channel: int,
    classes: Sequence[str],
    dead: DeadChannels | None = None,
) -> None:
    """Draw a channel's numbers: maximum, mean, share of active positions, rank, class, branch."""
    st.html(numbers_html(activations, threshold, channel, classes, dead))


def numbers_html(
    activations: Activations,
    threshold: float,
    channel: int,
    classes: Sequence[str],
    dead: DeadChannels | None,
) -> str:
    """Write a channel's numbers, its class or branch, and whether it is empty or dead."""
    layer = activations.layer
    rows = number_rows(activations, channel)
    if len(classes) == activations.channels and not layer.in_encoder:
        rows.append((tr("Class"), escape(classes[channel].split(",")[0])))
    branches = [branch for branch in layer.branches if branch.start <= channel < branch.stop]
    rows += [(tr("Branch"), escape(again(branch.title))) for branch in branches[:1]]
    cells = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    if bool(activations.empty(threshold)[channel]):
        empty = tr("Empty for this image")
        cells += f'<dd class="whole">{empty}</dd>'
    if dead is not None and channel in dead.numbers:
        over = tr("Dead over N = {images}", images=dead.images)
        cells += f'<dd class="whole">{over}</dd>'
    return f'<dl class="convviz-numbers">{cells}</dl>'


def number_rows(activations: Activations, channel: int) -> list[tuple[str, str]]:
    """Name a channel's maximum, mean, share of active positions, and rank by its maximum.

    The numbers are those that count: after the ReLU where one is still to come.
    """
    values = activations.maps[channel]
    if values.numel() == 1:
        rows = [(tr("Value"), numeral(f"{float(values):.3g}"))]
    else:
        maximum, mean, active = (
            (tr("Maximum"), tr("Mean"), tr("Active share"))
            if activations.layer.pre_relu is None
            else (tr("Maximum after ReLU"), tr("Mean after ReLU"), tr("Active share after ReLU"))
        )
        rows = [
            (maximum, numeral(f"{float(activations.maximum[channel]):.3g}")),
            (mean, numeral(f"{float(activations.mean[channel]):.3g}")),
            (active, percent(float(activations.active_share[channel]))),
        ]
    ranks = activations.ranks()
    rank, sharing = int(ranks[channel]), int((ranks == ranks[channel]).sum())
    place = (
        tr("{rank} of {channels}", rank=rank, channels=activations.channels)
        if sharing == 1
        else tr(
            "{rank} of {channels}, shared by {count}",
            rank=rank,
            channels=activations.channels,
            count=sharing,
        )
    )
    return [*rows, (tr("Rank by maximum"), place)]


def _dead_channels(
    choice: Choice,
    activations: Activations,
    dead: DeadChannels | None,
    page_jobs: PageJobs,
    job: JobView | None,
) -> None:
    """Say which channels are dead, as far as is known; offer to find out, and draw the search.

    Some of the channels that are empty for this image answer to an image of the set, so there are
    fewer dead channels than empty ones; and this image may excite a channel that no image of the
    set did.
    """
    if dead is not None:
        st.markdown(findings.dead_list(activations, dead))
        excited = findings.dead_yet_excited(activations, dead)
        if excited:
            st.caption(excited)
    elif len(activations.layer.shape) == 3 and not (job and job.live):
        with st.container(
            horizontal=True, vertical_alignment="center", key="activations_dead_or_silent"
        ):
            st.caption(
                tr(
                    "A channel that is empty here may answer to other images. One that is empty "
                    "for every image of a set is called dead: look through a set to find out."
                )
            )
            dead_channels.count_button(choice.network, page_jobs, job)
    jobs.draw(page_jobs, job)


@state.fragment
def _grid_and_panel(
    choice: Choice,
    activations: Activations,
    options: DisplayOptions,
    atlas: Atlas,
    dead: DeadChannels | None,
) -> None:
    sections = sections_of(activations, options)
    channel = state.channel()
    # style.css lays these out: side by side, or on a phone the picked channel above the grid.
    with st.container(key="activations_explorer"):
        with st.container(key="activations_explorer_grid"):
            channel_grid(
                picture_of(atlas, activations, options.threshold, dead),
                sections,
                selected=channel,
                on_pick=state.pick_channel,
                nothing=tr(_NOTHING[options.show]) if options.show in _NOTHING else "",
                given=True,
                folds=True,
                picked=state.visit().channel is not None,
                id=grid_id(choice, activations.layer.name, options),
                channels=cache.channels_origin(choice.network, activations.layer),
                steps=followed(),
            )
            _save(choice, activations, options, sections, dead)
        with st.container(key="activations_explorer_panel"):
            listed = [channel for section in sections for channel in section.indices]
            _panel(choice, activations, options, atlas, channel, listed, dead)


def _save(
    choice: Choice,
    activations: Activations,
    options: DisplayOptions,
    sections: Sequence[Section],
    dead: DeadChannels | None,
) -> None:
    layer = activations.layer
    with st.container(horizontal=True, key="activations_save_grid_buttons"):
        save_grid(
            tr("Save the grid as PNG"),
            exports.file_name(choice, layer.name, ending="png"),
            key="activations_save_grid",
            title=tr("{image}, {network}", image=choice.image.title, network=choice.network.title),
            activations=activations,
            sections=sections,
            options=options,
            dead=dead,
        )
        exports.save_button(
            tr("Save the numbers as CSV"),
            lambda: exports.statistics(activations, options.threshold, dead),
            exports.file_name(choice, layer.name, ending="csv"),
            key="activations_save_numbers",
        )
        exports.save_button(
            tr("Save the maps as NPZ"),
            lambda: archive(activations, options.threshold),
            exports.file_name(choice, layer.name, ending="npz"),
            key="activations_save_arrays",
            help=tr("NumPy arrays: the maps, and each channel's numbers."),
        )


def _panel(
    choice: Choice,
    activations: Activations,
    options: DisplayOptions,
    atlas: Atlas,
    channel: int,
    listed: Sequence[int],
    dead: DeadChannels | None,
) -> None:
    """Draw the panel of the picked channel: its map over the image, its numbers, and its map alone.

    Args:
        choice: The image and the network.
        activations: The layer's activations.
        options: How the grid is drawn; the panel uses the same colours and scale.
        atlas: The image of all channels, for its scale.
        channel: The picked channel.
        listed: The channels that the grid shows, in its order: what previous and next step through.
        dead: What is known of the layer's dead channels.
    """
    values = activations.maps[channel]
    has_map = values.numel() > 1
    with st.container(key="activations_channel_main"):
        _panel_heading(channel, listed)
        with st.container(key="activations_channel_look"):
            enlarged = st.container(key="activations_channel_image") if has_map else None
            classes = choice.network.weights.classes
            numbers(activations, options.threshold, channel, classes, dead)
    with st.container(key="activations_channel_details"):
        _look_closer()
        if enlarged is None:
            st.caption(
                tr("Each channel of this layer is a single number: there is no map to enlarge.")
            )
            return
        blend = st.slider(
            tr("Map over image"),
            0,
            100,
            step=5,
            format="%d %%",
            key=state.remember(Key.BLEND, 75, allowed=range(101), in_url=False),
            help=tr(
                "How much the map covers the image. Each value of the map is drawn over the "
                "middle of the part that the layer has looked at to compute it; that part is "
                "larger. Where the map does not reach the image's edge, no value has its "
                "middle there."
            ),
        )
        low, high = (atlas.low, atlas.high) if atlas.contrast == "shared" else ends(values)
        layer_name, network = activations.layer.name, choice.network
        box = map_box(network, layer_name, channel)
        side = network.input_size
        draw_map = partial(channel_map, values, colours=options.colours, low=low, high=high)
        photograph = cache.photograph(choice.image, network)
        with enlarged:
            draw_map(
                key="activations_channel_over",
                label=tr("Channel {channel} over the image", channel=channel),
                under=Under(photograph, shares(box, side), blend / 100),
            )
        if box is None:
            st.caption(tr(STRETCHED))
        height, width = values.shape
        st.caption(tr("The map alone, {height} × {width} values:", height=height, width=width))
        with st.container(key="activations_channel_map"):
            draw_map(
                key="activations_channel_alone",
                label=tr("Map of channel {channel}", channel=channel),
            )
        if low < high:
            st.html(colour_scales.numbered(options.colours, low, high))

        def over() -> Image.Image:
            crop = choice.crop(enlarged=cache.PHOTOGRAPH_PIXELS)
            return overlay(
                crop, values, blend / 100, options.colours, low, high, box=box, side=side
            )

        def alone() -> Image.Image:
            return heatmap(values, cache.PHOTOGRAPH_PIXELS, options.colours, low, high)

        with st.container(horizontal=True, key="activations_save_channel_buttons"):
            for label, image, kind in (
                (tr("Save over image"), over, "over"),
                (tr("Save map"), alone, "map"),
            ):
                exports.save_button(
                    label,
                    image,
                    exports.file_name(choice, layer_name, f"channel{channel}", kind, ending="png"),
                    key=f"activations_save_channel_{kind}",
                )


def _panel_heading(channel: int, listed: Sequence[int]) -> None:
    index = listed.index(channel) if channel in listed else -1
    with st.container(
        horizontal=True, vertical_alignment="center", key="activations_channel_heading"
    ):
        st.header(tr("Channel {channel}", channel=channel), anchor=False, width="stretch")
        st.button(
            tr("Previous"),
            icon=":material/arrow_back:",
            key="activations_channel_previous",
            disabled=index <= 0,
            on_click=_pick_listed,
            args=(listed, index - 1),
        )
        st.button(
            tr("Next"),
            icon=":material/arrow_forward:",
            key="activations_channel_next",
            disabled=index == len(listed) - 1,
            on_click=_pick_listed,
            args=(listed, index + 1),
        )


def _pick_listed(listed: Sequence[int], index: int) -> None:
    state.pick_channel(listed[index])


def _look_closer() -> None:
    """Offer the view of one channel; the page must run anew, not this fragment alone."""
    pressed = st.button(
        tr("Look closer"),
        icon=":material/frame_inspect:",
        key="activations_look_closer",
        type="primary",
        width="stretch",
        on_click=state.open_view,
        args=("One channel",),
        help=tr(
            "Its values, what each can see, what stimulates it, its arithmetic, and what "
            "happens when it is switched off."
        ),
    )
    if pressed:
        st.rerun()
