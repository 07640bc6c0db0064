"""Training: how do feature maps grow while a network learns?"""

from convviz.ui import shell

choice = shell.open_page(
    "Training",
    question="How do feature maps grow while a network learns? Here is one that was recorded, "
    "from random numbers to the end.",
    needs_network=False,
)

with shell.errors():
    from convviz.ui.learning import recorded

    recorded.draw(choice)
