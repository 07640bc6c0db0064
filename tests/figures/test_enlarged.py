"""Figures of presenter mode: everything that is read is larger, the width is the page's."""

import plotly.graph_objects as go

from convviz.figures import theme


def test_an_enlarged_figure_has_large_text_and_more_height_and_no_width_of_its_own() -> None:
    figure = go.Figure(go.Bar(x=[1, 2], y=["a", "b"], textfont_size=10, marker_pattern_size=7))
    figure.update_layout(xaxis_title="Parameters", yaxis_title="Network")
    figure.add_annotation(text="here", ax=10, font_size=12)
    theme.style(figure, height=100, legend=True)
    before = figure.to_json()
    larger = theme.enlarged(figure)
    layout = larger.layout
    assert layout.height == 180
    assert layout.width is None
    assert (layout.margin.t, layout.margin.l) == (65, 14)  # 36 and 8 times 1.8
    assert layout.font.size == 25
    assert larger.data[0].textfont.size == layout.annotations[0].font.size == 24
    assert layout.xaxis.title.font.size == layout.yaxis.title.font.size == 24
    assert layout.xaxis.tickfont.size == layout.yaxis.tickfont.size == 24
    assert layout.annotations[0].ax == 18
    assert larger.data[0].marker.pattern.size == 7
    assert list(larger.data[0].x) == [1, 2]
    assert figure.to_json() == before  # the page keeps figures, so it is a copy
