"""Activations: which channels of a layer answer to the image, and which stay empty?"""

from convviz.language import later
from convviz.ui import shell

choice = shell.open_page(
    later("Activations"),
    question=later(
        "Each **channel** of a layer looks for one pattern. Its **feature map** is bright "
        "where it finds it; an **empty** channel finds it nowhere."
    ),
    layer=True,
    folder="activations",
)

with shell.errors(choice):
    from convviz.ui.activations import page

    page.draw(choice)
