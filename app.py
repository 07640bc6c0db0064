"""Home: choose an image and a network, and see what goes in and what comes out.

Streamlit runs this file as the script of the page Home. It also imports it, once, when the server
starts; then it makes the server around all pages.
"""

if __name__ == "__main__":
    from convviz.ui import shell

    choice = shell.open_page(
        "Look inside a ConvNet",
        question="Choose an image, and a network in the sidebar. Here is what goes in and what "
        "comes out; the other pages show what happens in between.",
        image_in_sidebar=False,
    )

    with shell.errors():
        from convviz.ui.home import page

        page.draw(choice)
else:
    import streamlit as st

    from convviz.ui import server

    app = st.App("app.py", **server.options())
