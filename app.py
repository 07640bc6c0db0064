"""Home: choose an image and a network, and see what goes in and what comes out."""

from convviz.ui import shell

choice = shell.open_page(
    "Look inside a ConvNet",
    question="Choose an image, and a network in the sidebar. Here is what goes in and what comes "
    "out; the other pages show what happens in between.",
    image_in_sidebar=False,
)

with shell.errors():
    from convviz.ui.home import page

    page.draw(choice)
