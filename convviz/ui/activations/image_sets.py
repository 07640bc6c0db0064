"""Which images the strongest patches are looked for in."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import streamlit as st

from convviz.datasets import published, zip_archive
from convviz.datasets.image_set import Files, ImageSet, SampleCrops, Zipped
from convviz.errors import ImageError
from convviz.formatting import size_text
from convviz.images.decode import FILE_SUFFIXES
from convviz.jobs.job import JobView
from convviz.ui import downloads, state
from convviz.ui.jobs import PageJobs
from convviz.ui.keys import Entry, Key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlit.runtime.uploaded_file_manager import UploadedFile


_SETS = ("Samples", "My pictures", "Imagenette")


_COUNTS = (100, 250, 500, 1000)


def choose(page_jobs: PageJobs, view: JobView | None) -> ImageSet | None:
    """Draw the choice of a set and return it; None while there is none.

    Args:
        page_jobs: The page's jobs; one that failed over the set before is dropped.
        view: The job that the page shows, if there is one.
    """
    chosen = st.segmented_control(
        "Set of images",
        _SETS,
        required=True,
        key=state.remember(Key.SET, _SETS[0], allowed=_SETS, in_url=False),
        label_visibility="collapsed",
    )
    if chosen == _SETS[0]:
        return SampleCrops()
    if chosen == _SETS[2]:
        return _imagenette()
    st.file_uploader(
        "Pictures, or one zip of pictures",
        type=[*FILE_SUFFIXES, "zip"],
        accept_multiple_files=True,
        key="activations_set_upload",
        on_change=_take,
        args=(page_jobs, view),
        help=f"A zip may hold up to {zip_archive.MAX_FILES:,} files of at most "
        f"{size_text(zip_archive.MAX_FILE_BYTES)}, {size_text(zip_archive.MAX_BYTES)} "
        "in all. "
        "It stays in this visit: it is neither stored nor passed on.",
    )
    held = st.session_state.get(Entry.IMAGE_SET)
    if isinstance(held, str):
        st.error(held, icon=":material/error:")
        return None
    if isinstance(held, Zipped) and held.archive.left_out:
        _left_out([(each.title, each.reason) for each in held.archive.left_out])
    return held


def _imagenette() -> ImageSet | None:
    """Draw what there is to choose of Imagenette, or the offer to fetch it."""
    if not downloads.set_is_here("imagenette"):
        return None
    count = st.select_slider(
        "Pictures",
        _COUNTS,
        key=state.remember(Key.SET_COUNT, 250, allowed=_COUNTS, in_url=False),
        help="Chosen at random, but the same every time.",
        width=260,
    )
    return published.Imagenette(published.root(), count)


def key(pictures: ImageSet) -> str:
    """Tell sets apart by what is in them."""
    if isinstance(pictures, Zipped):
        return hashlib.sha256(pictures.archive.data).hexdigest()
    if isinstance(pictures, Files):
        digest = hashlib.sha256()
        for title, data in pictures.files:
            digest.update(title.encode() + b"\0" + hashlib.sha256(data).digest())
        return digest.hexdigest()
    return pictures.name


def _take(page_jobs: PageJobs, view: JobView | None) -> None:
    """Take over what was uploaded; taking files away leaves the set as it is."""
    files: Sequence[UploadedFile] = st.session_state.get("activations_set_upload") or []
    if files:
        if view is not None and view.error:
            page_jobs.clear(view.id)  # what was wrong with the set before
        try:
            st.session_state[Entry.IMAGE_SET] = _made(files)
        except ImageError as error:
            st.session_state[Entry.IMAGE_SET] = str(error)


def _made(files: Sequence[UploadedFile]) -> ImageSet:
    zips = [file for file in files if file.name.lower().endswith(".zip")]
    if len(zips) > 1 or (zips and len(files) > 1):
        raise ImageError("Bring either one zip or several pictures, not both: remove some.")
    if zips:
        return Zipped(zip_archive.open_archive(zips[0].getvalue()), state.shorten(zips[0].name, 40))
    if len(files) > zip_archive.MAX_FILES:
        raise ImageError(f"At most {zip_archive.MAX_FILES:,} pictures can be looked through.")
    size = sum(file.size for file in files)
    if size > zip_archive.MAX_BYTES:
        most = zip_archive.MAX_BYTES // 1_000_000
        raise ImageError(f"The pictures have more than {most} MB together; bring fewer.")
    large = [file.name for file in files if file.size > zip_archive.MAX_FILE_BYTES]
    if large:
        raise ImageError(
            f"{state.shorten(large[0], 40)} has more than "
            f"{zip_archive.MAX_FILE_BYTES // 1_000_000} "
            "MB: choose a smaller picture."
        )
    return Files(tuple((state.shorten(file.name, 80), file.getvalue()) for file in files))


def _left_out(rows: Sequence[tuple[str, str]]) -> None:
    said = "1 file of the zip is" if len(rows) == 1 else f"{len(rows)} files of the zip are"
    with st.expander(f"{said} not used"):
        st.dataframe(
            {"File": [name for name, _ in rows], "Why": [reason for _, reason in rows]},
            hide_index=True,
            key="activations_set_left_out",
        )
