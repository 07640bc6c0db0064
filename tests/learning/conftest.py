"""A tiny data set to learn from."""

import pytest

from convviz.datasets.labelled_set import Dataset, Split, split
from convviz.datasets.shapes import shapes


@pytest.fixture(scope="session")
def few() -> Dataset:
    return shapes(per_class=8)


@pytest.fixture(scope="session")
def few_split(few: Dataset) -> Split:
    return split(few)
