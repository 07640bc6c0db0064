"""Architectures: what does each network's design cost, and why was it built that way?"""

from convviz.ui import shell
from convviz.ui.keys import Key

choice = shell.open_page(
    "Architectures",
    question="What does each network's design cost, and why was it built that way? Every number "
    "is counted from the networks themselves.",
    needs_network=False,
    folder="architectures",
)

with shell.errors():
    from convviz.ui.architectures import by_layer, compare, page, papers
    from convviz.ui.widgets import one_of

    VIEWS = {
        "compare": "Compare",
        "layers": "Layer by layer",
        "lessons": "Lessons",
        "papers": "Papers",
    }
    view = one_of("View", VIEWS, Key.ARCHITECTURES_VIEW, "compare", formerly=Key.ACTIVATIONS_VIEW)
    if view == "compare":
        compare.draw()
    elif view == "layers":
        by_layer.draw(choice)
    elif view == "lessons":
        page.draw(choice)
    else:
        papers.draw()
