"""Design: what does a network cost that you put together, and what does one change to it?"""

from convviz.language import later
from convviz.ui import shell

choice = shell.open_page(
    later("Design"),
    question=later(
        "Put a network together, one line a block: every size, number and field is counted "
        "from the network that the lines make."
    ),
    needs_network=False,
    uses=(),
    folder="design",
)

with shell.errors(choice):
    from convviz.ui.design import page

    page.draw()
