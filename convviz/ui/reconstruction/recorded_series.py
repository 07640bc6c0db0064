"""The depth series that comes with convviz, shown as a series that has just ended here."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from convviz.errors import RecordingError
from convviz.networks.network import Network
from convviz.reconstruction import findings, recorded
from convviz.reconstruction.recorded import RecordedSeries
from convviz.ui import cache
from convviz.ui.choice import Choice
from convviz.ui.reconstruction import series


def draw(choice: Choice, otherwise: Callable[[], None]) -> None:
    """Draw the recorded series of the image and the network, or say why there is none.

    Args:
        choice: The sidebar's choices.
        otherwise: Draws what is to come, where nothing is recorded.
    """
    image, network = choice.image, choice.network
    is_sample = image.origin == "sample"
    if not (is_sample and recorded.is_offered(network.name)):
        st.info(findings.no_record(network, is_sample=is_sample), icon=":material/play_arrow:")
        otherwise()
        return
    try:
        kept = _read(network, image.name)
    except RecordingError as error:
        st.info(str(error), icon=":material/play_arrow:")
        otherwise()
        return
    st.header(findings.recorded_title(kept.series), anchor=False)
    series.ended(kept.series, about=findings.recorded_settings(kept))


# The images of one series take 3 MB, decoded.
@st.cache_resource(max_entries=9, show_spinner=False, hash_funcs=cache.KEYS)
def _read(network: Network, sample: str) -> RecordedSeries:
    return recorded.read(network, sample)
