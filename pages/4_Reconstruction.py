"""Reconstruction: what does a layer still know about the image?"""

from convviz.language import later
from convviz.ui import shell
from convviz.ui.reconstruction import view

choice = shell.open_page(
    later("Reconstruction"),
    question=later(
        "What does a layer still know about the image? Make an image from its feature maps "
        "alone, and see what comes back and what does not."
    ),
    layer=True,
    first_depth=view.FIRST_DEPTH,
    uses=view.uses,
    folder="reconstruction",
)

with shell.errors(choice):
    from convviz.ui.reconstruction import page

    page.draw(choice)
