"""Architectures: what does each network's design cost, and why was it built that way?"""

from convviz.language import later
from convviz.ui import shell
from convviz.ui.architectures import views

choice = shell.open_page(
    later("Architectures"),
    question=later(
        "What does each network's design cost, and why was it built that way? Every number "
        "is counted from the networks themselves."
    ),
    needs_network=False,
    uses=views.uses,
    folder="architectures",
)

with shell.errors(choice):
    from convviz.ui.architectures import page

    page.draw(choice)
