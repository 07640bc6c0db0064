"""Transfer learning: a trained encoder, a new decoder."""

from convviz.language import later
from convviz.ui import shell

choice = shell.open_page(
    later("Transfer learning"),
    question=later(
        "How does a trained encoder help a new task with few images? Keep what it has "
        "learned to see, and teach it new names."
    ),
    folder="transfer",
)

with shell.errors(choice):
    from convviz.ui.transfer import page

    page.draw(choice)
