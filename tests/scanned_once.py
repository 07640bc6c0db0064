"""Streamlit looks through all that is installed for components whenever a page is opened in a test.

What is installed does not change while tests run, and the search takes half a second, so it is done
once. A server does it once by itself.
"""

from collections.abc import Iterator
from functools import cache

import pytest


@pytest.fixture(scope="session", autouse=True)
def components_are_looked_for_once() -> Iterator[None]:
    """Keep what the search finds."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        found = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", found)
        yield
