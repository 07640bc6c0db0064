"""The view “How classes separate”: accuracy by depth, images as points, and the nearest images."""

from __future__ import annotations

import streamlit as st
from PIL import Image
from torch import Tensor

from convviz.datasets.labelled_set import Dataset
from convviz.figures import theme
from convviz.figures import transfer as figures
from convviz.images.encode import jpeg
from convviz.images.preprocess import crop
from convviz.jobs.job import JobView
from convviz.language import again, later, numeral, tr, trp
from convviz.learning import embedding, separation_findings
from convviz.learning.plan import untrained_copy
from convviz.learning.separation import (
    Separation,
    SeparationStep,
    StageSeparation,
    archive,
    features_of,
    separate,
)
from convviz.learning.significance import interval
from convviz.networks.network import Network
from convviz.ui import cache, charts, exports, jobs, state, widgets
from convviz.ui.choice import Choice
from convviz.ui.components.image_scatter import image_scatter
from convviz.ui.datasets import plain_name
from convviz.ui.how_we_know import how_we_know
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Entry, Key
from convviz.ui.transfer import findings
from convviz.weights.load import load

_THUMBNAIL = 64  # pixels
_NEAREST = 8
_PCA, _TSNE = "pca", "tsne"
_PLANES = {_PCA: later("Principal components"), _TSNE: "t-SNE"}
_TRAINED, _UNTRAINED = "Trained", "Untrained"


def draw(choice: Choice, dataset: Dataset | None) -> None:
    """Draw the button that starts, and the work that runs or has ended."""
    network = choice.network
    is_untrained = network.weights.source == "random"
    st.markdown(
        tr(
            "Each stage of the encoder turns a picture into numbers, one for each channel. "
            "How well do these numbers alone tell the classes apart, without any training of "
            "the encoder?"
        )
    )
    page_jobs = jobs.page_jobs("separation")
    view = page_jobs.find()
    page_jobs.start_button(
        tr("Start"),
        view,
        ready=dataset is not None,
        on_click=_start,
        args=(page_jobs, network, dataset, not is_untrained),
        what="run",
    )
    if dataset is None:
        st.caption(tr("Choose pictures with classes first."))
    if view is not None:
        page_jobs.show(
            view,
            live=lambda view: _draw_live,
            ended=lambda view: _draw_ended(view.id, view.newest, choice),
            phase=lambda view: view.newest.separation is None,
        )
    how_we_know(
        "probe accuracy",
        "accuracy_interval",
        "accuracies_compared",
        "largest_class",
        "points of images",
        "nearest images",
    )


def _start(page_jobs: PageJobs, network: Network, dataset: Dataset, compare: bool) -> None:
    page_jobs.start(
        separate,
        title=tr("{dataset}, by {network}", dataset=dataset.name, network=network.title),
        network=network,
        dataset=dataset,
        compare=compare,
    )


def _draw_live(view: JobView) -> None:
    step: SeparationStep = view.newest
    jobs.progress(view, again(step.doing))


def _draw_ended(job: str, step: SeparationStep, choice: Choice) -> None:
    separation = step.separation
    if separation is None:
        st.caption(
            tr("It ended before the last picture, so there is nothing to show: start it again.")
        )
        return
    figure = figures.separation(separation)
    charts.draw(figure, config=theme.CONFIG, key="transfer_separation_chart")
    st.markdown(separation_findings.separates(separation))
    st.caption(separation_findings.probed(separation))
    for title, reason in separation.gaps:
        st.caption(f"{state.plain(title)}: {state.plain(reason)}")
    with st.container(horizontal=True, gap="small", key="transfer_separation_save"):
        name = f"{separation.network}-separation"
        exports.save_button(
            tr("Accuracies (CSV)"),
            lambda: _accuracies(separation),
            f"{name}.csv",
            key="transfer_save_separation",
        )
        exports.save_button(
            tr("Features (NPZ)"),
            lambda: archive(separation),
            f"{name}.npz",
            key="transfer_save_features",
            help=tr(
                "Of each stage the features, a row for each picture; labels, names, and the "
                "part in which each picture was tested."
            ),
        )
    st.header(tr("The pictures as points"), anchor=False)
    _points(job, separation, choice)


@state.fragment
def _points(job: str, separation: Separation, choice: Choice) -> None:
    """Draw the plane of one stage and the nearest images; only this runs when a choice changes."""
    stages = {each.layer.name: each for each in separation.stages}
    last = separation.stages[-1].layer.name
    key = state.remember(Key.SEPARATION_LAYER, last, allowed=list(stages))
    if len(stages) > 1:
        name = st.select_slider(
            tr("Stage"),
            list(stages),
            format_func=lambda name: again(stages[name].layer.title),
            key=key,
        )
    else:
        name = last
    stage = stages[name]
    with st.container(horizontal=True, gap="large", key="transfer_separation_choices"):
        plane = widgets.one_of(tr("Plane"), _PLANES, Key.SEPARATION_PLANE, _PCA)
        is_untrained = stage.untrained_features is not None and (
            st.segmented_control(
                tr("Encoder"),
                (_TRAINED, _UNTRAINED),
                format_func=_encoder_title,
                default=_TRAINED,
                key="transfer_separation_encoder",
                label_visibility="collapsed",
                required=True,
                wrap=True,
            )
            == _UNTRAINED
        )
    if plane == _TSNE and not embedding.has_tsne():
        st.info(findings.no_tsne(), icon=":material/info:")
        plane = _PCA
    features = stage.untrained_features if is_untrained else stage.features
    if features is None:  # the same as not untrained
        features = stage.features
    own = cache.once(
        lambda: _own_features(separation, stage, choice, is_untrained),
        *("separation photo", choice.image, separation.network, separation.source),
        *(separation.side, stage.layer.name, is_untrained),
    )
    make = embedding.tsne if plane == _TSNE else embedding.pca
    with st.spinner(tr("Laying the pictures out…")):
        drawn = cache.once(
            lambda: make(features, own[None]),
            *("separation plane", job, plane, stage.layer.name, is_untrained, choice.image),
        )
    labels, count = separation.labels, len(separation.indices)
    titles = [again(separation.dataset.images.titles[index]) for index in separation.indices]
    shares = drawn.shares
    row = image_scatter(
        drawn.points,
        (*labels, len(separation.dataset.classes)),
        [again(name) for name in separation.dataset.classes],
        (*titles, again(choice.image.title)),
        (*_thumbnails(job, separation), jpeg(_thumbnail(choice.image.pixels))),
        colours=theme.SERIES,
        axes=("", "") if shares is None else (findings.axis(1, shares), findings.axis(2, shares)),
        label=findings.points(stage.layer.title, count),
        picked=count,
        key=f"transfer_separation_points_{job}",
    )
    st.caption(
        tr(
            "Point at a picture to see it, click on it to look for its neighbours; the star "
            "is your image, which had no part in choosing the plane of the principal "
            "components."
        )
        if plane == _PCA
        else tr(
            "Point at a picture to see it, click on it to look for its neighbours; the star "
            "is your image. t-SNE keeps neighbours together; how far apart groups lie means "
            "nothing."
        )
    )
    query = own if row == count else features[row]
    _nearest(separation, stage, features, query, row, choice.image.title)


def _encoder_title(encoder: str) -> str:
    if encoder == _TRAINED:
        return trp("of an encoder", "Trained")
    return trp("of an encoder", "Untrained")


def _nearest(
    separation: Separation,
    stage: StageSeparation,
    features: Tensor,
    query: Tensor,
    row: int,
    own_title: str,
) -> None:
    dataset, count = separation.dataset, len(separation.indices)
    found = embedding.nearest(features, query, min(_NEAREST + 1, count))
    found = tuple(each for each in found if each[0] != row)[:_NEAREST]
    title = own_title if row == count else dataset.images.titles[separation.indices[row]]
    st.markdown(findings.nearest_to(title, stage.layer.title))
    with st.container(horizontal=True, gap="small", key="transfer_nearest"):
        for each, distance in found:
            index = separation.indices[each]
            with st.container(width=112, gap=None):
                image = crop(dataset.images.image(index), size=112, resize=112)
                st.image(
                    image, width=112, output_format="PNG", alt=again(dataset.images.titles[index])
                )
                name = plain_name(dataset.classes[dataset.labels[index]])
                st.caption(f"{name} ({numeral(f'{distance:.3f}')})")
    label = None if row == count else dataset.labels[separation.indices[row]]
    names = [dataset.classes[dataset.labels[separation.indices[each]]] for each, _ in found]
    st.caption(findings.nearest(names, None if label is None else dataset.classes[label]))


def _own_features(
    separation: Separation, stage: StageSeparation, choice: Choice, is_untrained: bool
) -> Tensor:
    network = load(separation.network, separation.source)
    if is_untrained:
        network = untrained_copy(network)
    return features_of(network, choice.image.pixels, separation, stage)


def _thumbnails(job: str, separation: Separation) -> tuple[bytes, ...]:
    """Scale all images down, once for each result."""
    kept: dict[str, tuple[bytes, ...]] = st.session_state.get(Entry.SEPARATION_THUMBNAILS, {})
    if job not in kept:
        images = separation.dataset.images
        with st.spinner(tr("Scaling the pictures down…")):
            made = tuple(jpeg(_thumbnail(images.image(index))) for index in separation.indices)
        kept = {job: made}  # of one result at a time
        st.session_state[Entry.SEPARATION_THUMBNAILS] = kept
    return kept[job]


def _thumbnail(image: Image.Image) -> Image.Image:
    return crop(image, size=_THUMBNAIL, resize=_THUMBNAIL)


def _accuracies(separation: Separation) -> str:
    """Write the accuracies as CSV, a row for each stage, encoder and classifier."""
    count, different = len(separation.indices), len(separation.different)
    rows: list[list[object]] = []
    for stage in separation.stages:
        for encoder, answers in (("trained", stage.answers), ("untrained", stage.untrained)):
            if answers is None:
                continue
            for name, correct in (
                ("linear probe", answers.linear),
                ("class mean", answers.mean),
            ):
                right = sum(correct)
                ends = interval(right, count, different)
                layer = stage.layer
                rows.append([layer.name, layer.title, encoder, name, right / count, *ends])
    header = ["layer", "title", "encoder", "classifier", "accuracy", "low", "high"]
    return exports.table([*header, "guessing"], [[*row, separation.guessing] for row in rows])
