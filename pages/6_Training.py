"""Training: how do feature maps grow while a network learns?"""

from convviz.language import later
from convviz.ui import shell

choice = shell.open_page(
    later("Training"),
    question=later(
        "How do feature maps grow while a network learns? Scrub through a training that was "
        "recorded, or train a small network here and watch."
    ),
    uses=("image",),
    folder="training",
)

with shell.errors(choice):
    from convviz.ui.training import page

    page.draw(choice)
