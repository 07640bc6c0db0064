"""The view “Compare”: two images, layers or networks side by side, and a table over networks."""

from __future__ import annotations

from typing import cast

import streamlit as st

from convviz import images, networks, sprites
from convviz.errors import ConvvizError
from convviz.features import ORDERS, Activations
from convviz.features.dead import DeadStep
from convviz.features.runs import dead_run
from convviz.images.sets import SampleCrops
from convviz.networks import Layer, Network
from convviz.ui import cache, export, jobs, layer_picker, pictures, results, state
from convviz.ui.inspector import progress
from convviz.ui.pictures import ChosenImage
from convviz.ui.shell import Choice

TITLE = "Compare"
_WHAT = ("Two images", "Two layers", "Two networks")
_ORDERS = {"index": "Number", "strength": "Strongest first", "active": "Most active first"}
_TILE = 72  # pixels; the pictures are drawn at about two thirds of their size
_MOST = 64  # channels shown of each side


def draw(choice: Choice, shown: Activations, threshold: float) -> None:
    """Draw both sides with the same controls, and the table."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare_controls"):
        what = st.segmented_control(
            "Compare",
            _WHAT,
            required=True,
            key=state.remember("compare", _WHAT[0], allowed=_WHAT),
        )
        image, network, layer = _other(choice, shown.layer, str(what))
        order = st.selectbox(
            "Order",
            ORDERS,
            format_func=_ORDERS.__getitem__,
            key=state.remember("compare_order", "strength", allowed=ORDERS, in_url=False),
            width=190,
        )
        contrast = st.selectbox(
            "Contrast",
            sprites.CONTRASTS,
            format_func={"channel": "Per channel", "shared": "Shared"}.__getitem__,
            key=state.remember(
                "compare_contrast", "channel", allowed=sprites.CONTRASTS, in_url=False
            ),
            width=160,
        )
    if network is None or layer is None:
        st.info("The weights of that network are not here: choose it in the sidebar to fetch them.")
    else:
        other = cache.activations(image, network, layer)
        same = what == _WHAT[0]  # the same channels: they are shown in the same order
        first = shown.order(order).tolist()
        second = first if same else other.order(order).tolist()
        left, right = st.columns(2, gap="large")
        with left:
            _side(choice.image, choice.network, shown, threshold, contrast, first, "left")
        with right:
            _side(image, network, other, threshold, contrast, second, "right")
    st.subheader("Empty and dead channels by layer and network", anchor=False)
    _table(choice, threshold)


def _other(
    choice: Choice, layer: Layer, what: str
) -> tuple[ChosenImage, Network | None, Layer | None]:
    """Draw the choice of what stands on the right."""
    used = choice.network
    if what == _WHAT[0]:
        titles = {each.name: each.title for each in images.samples()}
        names = [name for name in titles if name != choice.image.name]
        key = state.remember("compare_image", names[0], allowed=names, in_url=False)
        name = st.selectbox("With", names, format_func=titles.__getitem__, key=key, width=220)
        return pictures.of_sample(name), used, layer
    if what == _WHAT[1]:
        listed = {each.name: each for each in layer_picker.choices(cache.layers(used))}
        names = [name for name in listed if name != layer.name]
        key = state.remember("compare_layer", names[-1], allowed=names, in_url=False)
        name = st.selectbox(
            "With",
            names,
            format_func=lambda name: layer_picker.label(listed[name]),
            key=key,
            width=320,
        )
        return choice.image, used, listed[name]
    names = [name for name in networks.available() if name != used.name]
    usual = next(name for name in ("googlenet", "alexnet") if name != used.name)
    key = state.remember("compare_network", usual, allowed=names, in_url=False)
    name = st.selectbox(
        "With", names, format_func=lambda name: networks.spec(name).title, key=key, width=220
    )
    found = _network(name)
    if found is None:
        return choice.image, None, None
    mine = [each for each in cache.layers(used) if each.in_encoder]
    depth = mine.index(layer) / max(len(mine) - 1, 1) if layer in mine else 1.0
    return choice.image, found, layer_picker.comparable(cache.layers(found), depth)


def _network(name: str) -> Network | None:
    """Load a network from the best weights that are here; None if there are none."""
    try:
        return cache.network(name, "auto")
    except ConvvizError:
        return None


def _side(
    image: ChosenImage,
    network: Network,
    shown: Activations,
    threshold: float,
    contrast: sprites.Contrast,
    order: list[int],
    key: str,
) -> None:
    layer = shown.layer
    st.markdown(f"**{image.title}**, {layer.title} of {network.title}. {shown.sentence(threshold)}")
    picture = sprites.grid_picture(
        shown,
        title=f"{image.title}, {network.title}",
        order=order[:_MOST],
        contrast=contrast,
        threshold=threshold,
        tile=_TILE,
    )
    st.image(picture, width="stretch", output_format="PNG", alt=f"Channels of {layer.title}")
    if len(order) > _MOST:
        st.caption(f"The first {_MOST} of {len(order)} channels in this order.")
    st.download_button(
        "Save as PNG",
        lambda: export.png(picture),
        file_name=f"{network.name}-{layer.name}-{key}.png",
        mime="image/png",
        key=f"save_compare_{key}",
        icon=":material/download:",
        on_click="ignore",
    )


def _table(choice: Choice, threshold: float) -> None:
    names = networks.available()
    st.session_state.setdefault("table_networks", [choice.network_name])
    st.multiselect(
        "Networks",
        names,
        format_func=lambda name: networks.spec(name).title,
        key="table_networks",
        max_selections=3,
        help="Those whose weights are here.",
    )
    desk = jobs.desk("compare", dead_run)
    view = desk.find()
    if view is not None:
        results.keep(view)
    pictures_ = SampleCrops()
    rows: list[dict[str, object]] = []
    for name in st.session_state["table_networks"]:
        used = choice.network if name == choice.network_name else _network(name)
        if used is None:
            st.info(f"The weights of {networks.spec(name).title} are not here.")
            continue
        subject = ("dead", name, used.weights.source, pictures_.name)
        run = results.find(subject)
        if run is None:
            st.button(
                f"Count the dead channels of {used.title} over {len(pictures_)} pictures",
                icon=":material/play_arrow:",
                key=f"start_dead_{name}",
                disabled=view is not None and view.live,
                on_click=desk.start,
                args=(dead_run,),
                kwargs={
                    "title": f"Dead channels of {used.title}",
                    "seconds": None,
                    "subject": subject,
                    "network": used,
                    "pictures": pictures_,
                },
            )
        step = cast(DeadStep, run.step) if run else None
        dead = {each.layer.name: each for each in step.layers} if step else {}
        for each in cache.empty_by_depth(choice.image, used, threshold):
            found = dead.get(each.layer.name)
            rows.append(
                {
                    "Network": used.title,
                    "Layer": each.layer.title,
                    "Kind": each.layer.kind,
                    "Channels": each.channels,
                    f"Empty for {choice.image.title}": each.share,
                    f"Dead over N = {step.seen if step else len(pictures_)}": (
                        found.share if found else None
                    ),
                }
            )
    progress.draw(desk, view)
    if not rows:
        return
    header = list(dict.fromkeys(name for row in rows for name in row))
    table = {name: [row.get(name) for row in rows] for name in header}
    shares = [name for name in header if name.startswith(("Empty", "Dead"))]
    share = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        table,
        hide_index=True,
        column_config=dict.fromkeys(shares, share),
        placeholder="not counted yet",
        key="empty_and_dead",
    )
    st.caption(
        "Empty: no activation above the threshold for this one image. Dead: no activation above 0 "
        "in any of the N pictures; a larger or other set may still wake a channel up."
    )
    st.download_button(
        "Save as CSV",
        lambda: export.table(header, ([row.get(name) for name in header] for row in rows)),
        file_name=export.file_name(choice, "empty-and-dead", ending="csv"),
        mime="text/csv",
        key="save_empty_and_dead",
        icon=":material/download:",
        on_click="ignore",
    )
