"""Auxiliary classifiers: do small classifiers on the way help a deep network learn?"""

from convviz.language import later
from convviz.ui import shell

choice = shell.open_page(
    later("Auxiliary classifiers"),
    question=later(
        "Do small classifiers on the way help a deep network learn? Train the same network "
        "twice at once, with and without them, and watch the gradients."
    ),
    uses=(),
    folder="auxiliary",
)

with shell.errors(choice):
    from convviz.ui.auxiliary import page

    page.draw()
