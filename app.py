"""Home: choose an image and a network, and see what goes in and what comes out."""

from convviz.ui import shell

choice = shell.open_page("Home", image_in_sidebar=False)
