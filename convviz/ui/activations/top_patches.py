"""The patches that stimulate a channel most: over which set of images, and which they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st
from PIL import Image, ImageOps

from convviz.datasets import published, zip_archive
from convviz.datasets.image_set import Files, ImageSet, SampleCrops, Zipped
from convviz.datasets.stimuli import Stimuli
from convviz.errors import ImageError
from convviz.features import channel_findings
from convviz.features.activations import Activations
from convviz.features.top_patches import TopPatchesStep, find_top_patches, patch_picture
from convviz.formatting import size_text
from convviz.images.formats import FILE_SUFFIXES
from convviz.images.samples import names_of_samples
from convviz.jobs.job import JobView
from convviz.language import again, later, numeral, tr, trn
from convviz.ui import downloads, exports, state, tables
from convviz.ui.activations import jobs
from convviz.ui.activations.jobs import About
from convviz.ui.choice import Choice
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Entry, Key

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_SETS = (later("Samples"), later("Patterns"), later("My pictures"), "Imagenette")
_COUNTS = (100, 250, 500, 1000)
_TILE = 150  # side of a patch on the page, in pixels
_BESIDE = (128, 128, 128)  # colour beside a patch that is no square
_CUTS_KEPT = 48  # channels whose patches stay cut out

Cut = tuple[Image.Image, float, str]  # a patch, its score and its image's title


def draw(
    choice: Choice,
    activations: Activations,
    channel: int,
    page_jobs: PageJobs,
    job: JobView | None,
) -> None:
    """Draw the choice of a set, the pass over it, and the channel's strongest patches."""
    layer = activations.layer
    images = _choose_set(page_jobs, job)
    if images is None:
        jobs.draw(page_jobs, job)
        return
    about = About.of("top patches", choice.network, layer, _key_of(images), images=images.name)
    step = jobs.find(about, TopPatchesStep)
    if step is None or step.fraction < 1:
        left = len(images) - (step.done if step else 0)
        row = st.container(horizontal=True, vertical_alignment="center", key="activations_look_row")
        with row:
            jobs.start_button(
                page_jobs,
                job,
                find_top_patches,
                key="activations_start_patches",
                help=tr("One pass serves all channels of this layer."),
                title=tr(
                    "What stimulates {layer} of {network}",
                    layer=layer.title,
                    network=choice.network.title,
                ),
                about=about,
                images=(),
                own=not isinstance(images, SampleCrops | Stimuli),
                network=choice.network,
                layer_name=layer.name,
                pictures=images,
                after=step,
            )
            st.caption(
                tr("another {count} pictures", count=left)
                if step
                else tr("{count} pictures", count=left),
                width="content",
            )
    jobs.draw(page_jobs, job)
    if step is not None:
        _draw_patches(choice, about, step, images, channel)


def _choose_set(page_jobs: PageJobs, job: JobView | None) -> ImageSet | None:
    """Draw the choice of a set and return it; None while there is none.

    Args:
        page_jobs: The page's jobs; one that failed over the set before is dropped.
        job: The job that the page shows, if there is one.
    """
    kind = st.segmented_control(
        tr("Set of images"),
        _SETS,
        format_func=tr,
        required=True,
        key=state.remember(Key.SET, _SETS[0], allowed=_SETS, in_url=False),
        label_visibility="collapsed",
        wrap=True,
    )
    if kind == "Samples":
        return SampleCrops(photographs=names_of_samples())
    if kind == "Patterns":
        return Stimuli()
    if kind == "Imagenette":
        return _imagenette()
    st.file_uploader(
        tr("Pictures, or one zip of pictures"),
        type=[*FILE_SUFFIXES, "zip"],
        accept_multiple_files=True,
        key="activations_set_upload",
        on_change=_take,
        args=(page_jobs, job),
        help=zip_help(),
    )
    images = st.session_state.get(Entry.IMAGE_SET)
    if isinstance(images, str):  # why the last upload was refused
        st.error(state.plain(images), icon=":material/error:")
        return None
    if isinstance(images, Zipped):
        _draw_left_out(images)
    return images


def _imagenette() -> ImageSet | None:
    """Draw how many images of Imagenette to look through, or the offer to fetch it."""
    if not downloads.set_is_here("imagenette"):
        return None
    count = st.select_slider(
        tr("Pictures"),
        _COUNTS,
        key=state.remember(Key.SET_COUNT, 250, allowed=_COUNTS, in_url=False),
        help=tr("Chosen at random, but the same every time."),
        width=260,
    )
    return published.Imagenette(published.root(), count)


def _take(page_jobs: PageJobs, job: JobView | None) -> None:
    """Take over what was uploaded; taking files away leaves the set as it is."""
    files: Sequence[UploadedFile] = st.session_state.get("activations_set_upload") or []
    if files:
        if job is not None and job.error:
            page_jobs.clear(job.id)  # what was wrong with the set before
        try:
            st.session_state[Entry.IMAGE_SET] = _set_of(files)
        except ImageError as error:
            st.session_state[Entry.IMAGE_SET] = str(error)


def _set_of(files: Sequence[UploadedFile]) -> ImageSet:
    zips = [file for file in files if file.name.lower().endswith(".zip")]
    if len(zips) > 1 or (zips and len(files) > 1):
        raise ImageError(tr("Bring either one zip or several pictures, not both: remove some."))
    if zips:
        return Zipped(zip_archive.open_archive(zips[0].getvalue()), state.shorten(zips[0].name, 40))
    if len(files) > zip_archive.MAX_FILES:
        raise ImageError(
            tr(
                "At most {most:,} pictures can be looked through.",
                most=zip_archive.MAX_FILES,
            )
        )
    if sum(file.size for file in files) > zip_archive.MAX_BYTES:
        most = zip_archive.MAX_BYTES // 1_000_000
        raise ImageError(
            tr("The pictures have more than {most} MB together; bring fewer.", most=most)
        )
    for file in files:
        if file.size > zip_archive.MAX_FILE_BYTES:
            most = zip_archive.MAX_FILE_BYTES // 1_000_000
            raise ImageError(
                tr(
                    "{file} has more than {most} MB: choose a smaller picture.",
                    file=state.shorten(file.name, 40),
                    most=most,
                )
            )
    return Files(tuple((state.shorten(file.name, 80), file.getvalue()) for file in files))


def _key_of(images: ImageSet) -> str:
    """Tell sets apart by what is in them."""
    if isinstance(images, Zipped):
        return hashlib.sha256(images.archive.data).hexdigest()
    if isinstance(images, Files):
        digest = hashlib.sha256()
        for title, data in images.files:
            digest.update(title.encode() + b"\0" + hashlib.sha256(data).digest())
        return digest.hexdigest()
    return images.name


def _draw_left_out(images: Zipped) -> None:
    """List the files of a zip that are not used, where there are any."""
    left_out = images.archive.left_out
    if not left_out:
        return
    with st.expander(not_used(len(left_out))):
        tables.draw(
            {
                tr("File"): [file.title for file in left_out],
                tr("Why"): [again(file.reason) for file in left_out],
            },
            key="activations_set_left_out",
        )


def not_used(count: int) -> str:
    """Say how many files of a zip are not used."""
    return trn(
        "{count} file of the zip is not used", "{count} files of the zip are not used", count
    )


def could_not_be_read(count: int) -> str:
    """Say how many images of a set could not be read."""
    return trn("{count} picture could not be read", "{count} pictures could not be read", count)


def zip_help() -> str:
    """Say what a zip may hold."""
    return tr(
        "A zip may hold up to {count:,} files of at most {size}, "
        "{all} in all. It stays in this visit: it is neither stored nor passed on.",
        count=zip_archive.MAX_FILES,
        size=size_text(zip_archive.MAX_FILE_BYTES),
        all=size_text(zip_archive.MAX_BYTES),
    )


def _draw_patches(
    choice: Choice, about: About, step: TopPatchesStep, images: ImageSet, channel: int
) -> None:
    """Draw a channel's strongest patches, with their scores.

    Args:
        choice: The image and the network.
        about: What the pass over the set is about.
        step: Where it ended.
        images: The set.
        channel: The channel.
    """
    top_patches = step.stimuli
    layer = top_patches.layer
    cuts = _cuts(choice, about, step, images, channel)
    text = channel_findings.patches(top_patches, channel, images.name, is_partial=step.fraction < 1)
    if not top_patches.patches(channel):
        st.info(text)
    else:
        st.markdown(text)
        with st.container(horizontal=True, key="activations_patches"):
            for image, score, title in cuts:
                with st.container(width=_TILE, gap="small"):
                    st.image(image, width=_TILE, output_format="PNG", alt=again(title))
                    number = numeral(f"{score:.3g}")
                    st.caption(f"{number} · {state.plain(title)}")
    if step.left_out:
        with st.expander(could_not_be_read(len(step.left_out))):
            tables.draw(
                {
                    tr("Picture"): [again(image.title) for image in step.left_out],
                    tr("Why"): [again(image.reason) for image in step.left_out],
                },
                key="activations_unread_images",
            )
    with st.container(horizontal=True, vertical_alignment="center", key="activations_patches_save"):
        if cuts:
            exports.save_button(
                tr("Save as PNG"),
                lambda: _sheet([image for image, _, _ in cuts]),
                exports.file_name(choice, layer.name, f"channel{channel}", "patches", ending="png"),
                key="activations_save_patch_sheet",
            )
        exports.save_button(
            tr("Save all channels' patches as CSV"),
            lambda: _table(step),
            exports.file_name(choice, layer.name, "patches", ending="csv"),
            key="activations_save_patches",
        )
        dead = channel_findings.patches_dead(top_patches)
        if dead:
            st.caption(dead)


def _cuts(
    choice: Choice, about: About, step: TopPatchesStep, images: ImageSet, channel: int
) -> list[Cut]:
    """Cut the patches out of their images; they stay for the visit, a bounded number of them."""
    kept: dict[tuple[About, int, int], list[Cut]]
    kept = st.session_state.setdefault(Entry.PATCH_CUTS, {})
    key = (about, step.done, channel)
    if key not in kept:
        cuts = []
        for patch in step.stimuli.patches(channel):
            try:
                image = patch_picture(choice.network, images, patch)
            except ImageError:
                continue  # it could be read a moment ago: nothing the visitor could do
            # At the image's edge a patch is no square; it keeps its shape, on grey.
            size = (2 * _TILE, 2 * _TILE)
            square = ImageOps.pad(image, size, Image.Resampling.BILINEAR, color=_BESIDE)
            cuts.append((square, patch.score, patch.title))
        kept[key] = cuts
        while len(kept) > _CUTS_KEPT:
            kept.pop(next(iter(kept)))
    return kept.get(key, [])


def _sheet(cuts: Sequence[Image.Image]) -> Image.Image:
    """Lay patches out in rows of three, the strongest first."""
    side, gap, columns = 2 * _TILE, 6, min(3, len(cuts))
    rows = -(-len(cuts) // columns)
    step = side + gap
    sheet = Image.new("RGB", (columns * step - gap, rows * step - gap), "white")
    for index, cut in enumerate(cuts):
        row, column = divmod(index, columns)
        sheet.paste(cut, (column * step, row * step))
    return sheet


def _table(step: TopPatchesStep) -> str:
    """Write the patches of all channels as CSV."""
    rows = []
    for channel in range(step.stimuli.layer.shape[0]):
        for rank, patch in enumerate(step.stimuli.patches(channel), start=1):
            box = patch.box
            edges = [box.top, box.left, box.bottom, box.right] if box else [""] * 4
            rows.append([channel, rank, patch.score, patch.title, patch.row, patch.column, *edges])
    header = ["channel", "rank", "score", "picture", "row", "column"]
    return exports.table([*header, "top", "left", "bottom", "right"], rows)
