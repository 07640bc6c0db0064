"""Home: choose an image and a network, and see the whole network at work on one screen.

Streamlit runs this file as the script of the page Home. It also imports it, once, when the server
starts; then it makes the server around all pages.
"""

from convviz.language import later

if __name__ == "__main__":
    from convviz.ui import shell

    choice = shell.open_page(
        later("Look inside a ConvNet"),
        question=later(
            "A ConvNet is a chain of layers that each slide small filters over what the "
            "layer before gave them; every filter draws a feature map of where it found its "
            "pattern, and the last maps decide what the image shows. Choose an image and watch it "
            "pass through."
        ),
        folder="home",
        uses=("network", "weights"),
    )

    with shell.errors(choice):
        from convviz.ui.home import page

        page.draw(choice)
else:
    import streamlit as st

    from convviz.ui import server

    app = st.App("app.py", **server.options())
