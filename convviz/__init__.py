"""convviz: look inside the ConvNets AlexNet, VGG and GoogLeNet.

The package does all the compute; the Streamlit app in app.py and pages/ only draws.
Importing convviz imports neither streamlit nor plotly.
"""

__version__ = "0.1.0"
