"""Plotly figures, one module per page; the only room that imports plotly.

Figures are drawn on a transparent ground and take their text colour from Streamlit's theme, so
that they look right in light and dark: show them with
`st.plotly_chart(figure, config=theme.CONFIG)`.
"""
