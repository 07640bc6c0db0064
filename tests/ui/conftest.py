"""The parts of pages, some of them run as a page."""

from tests.scanned_once import components_are_looked_for_once

__all__ = ["components_are_looked_for_once"]  # holds for all tests of this folder
