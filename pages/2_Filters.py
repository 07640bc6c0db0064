"""Filters: what did the channels of a layer learn to look for?"""

from convviz.language import later
from convviz.ui import shell

choice = shell.open_page(
    later("Filters"),
    question=later(
        "A filter is a small pattern of weights that slides over its input and answers where "
        "the pattern is found. Training made these patterns from random numbers."
    ),
    layer=True,
    folder="filters",
)

with shell.errors(choice):
    from convviz.ui.filters import page

    page.draw(choice)
