"""The only room of the package that imports Streamlit.

A page starts with `shell.open_page(...)`, which draws what all pages share and says what the user
chose. Only after that does it import the rooms that compute, so that a machine where PyTorch
cannot be loaded shows a sentence instead of a traceback.
"""
