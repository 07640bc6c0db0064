"""What a page shows when something goes wrong: one sentence, never a traceback."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from convviz.errors import ConvvizError

_log = logging.getLogger(__name__)


@contextmanager
def errors() -> Iterator[None]:
    """Show what goes wrong inside as a sentence; the rest of the page goes on.

    A ConvvizError is the user's to mend, so its text is shown. Anything else is a bug: it is
    logged in full under an id, and the page shows the id.
    """
    try:
        yield
    except ConvvizError as error:
        st.error(str(error), icon=":material/error:")
    except Exception:  # noqa: BLE001 - the last line of defence: whatever the bug is, the user gets a sentence
        error_id = secrets.token_hex(4)
        _log.exception("error %s", error_id)
        st.error(
            f"Something went wrong inside convviz (error {error_id}). The server's log has the "
            "details under this number; try again, or choose something else.",
            icon=":material/bug_report:",
        )
