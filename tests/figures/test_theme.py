"""What all figures share: the short way of setting it comes to what plotly's own way does."""

import plotly.graph_objects as go
import pytest
from plotly.subplots import make_subplots

from convviz.figures import theme
from convviz.language import speaking


def _by_plotly(figure: go.Figure, *, height: int, legend: bool, saveable: bool) -> go.Figure:
    """Set the same with plotly's update_…, which look at every value on its own."""
    grid = "rgba(128, 145, 158, 0.28)"
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 36 if legend else 12, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=legend,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": {"text": ""}},
        font={"size": 14},
        hoverlabel={"font": {"size": 14}, "align": "left"},
        dragmode=False,
        bargap=0.25,
        separators=".,",
    )
    figure.update_xaxes(gridcolor=grid, zerolinecolor=grid, linecolor=grid, automargin=True)
    figure.update_yaxes(gridcolor=grid, zerolinecolor=grid, linecolor=grid, automargin=True)
    if saveable:
        figure.update_layout(
            modebar={
                "bgcolor": "rgba(0,0,0,0)",
                "color": theme.GREY,
                "activecolor": theme.BLUE,
            },
            legend={"traceorder": "normal", "font": {"size": 15}},
        )
        figure.update_xaxes(tickfont={"size": 14}, title={"font": {"size": 15}})
        figure.update_yaxes(tickfont={"size": 15}, title={"font": {"size": 15}})
    return figure


def _bars() -> go.Figure:
    figure = go.Figure(go.Bar(x=[1, 2], y=["a", "b"], orientation="h"))
    figure.update_xaxes(range=[0, 3], title="Before", tickfont={"color": "red"})
    figure.update_layout(legend={"title": {"font": {"size": 9}}}, margin={"pad": 4})
    return figure


def _several() -> go.Figure:
    figure = make_subplots(1, 3, subplot_titles=("a", "b", "c"))
    for column in (1, 2, 3):
        figure.add_scatter(x=[0, 1], y=[0, 1], row=1, col=column)
    figure.update_yaxes(showticklabels=False)
    return figure


@pytest.mark.parametrize("legend", [False, True])
@pytest.mark.parametrize("saveable", [False, True])
@pytest.mark.parametrize("make", [go.Figure, _bars, _several])
def test_style_sets_what_plotlys_own_functions_set(
    make: type[go.Figure], legend: bool, saveable: bool
) -> None:
    figure = make()
    styled = theme.style(figure, height=280, legend=legend, saveable=saveable)
    assert styled is figure
    wanted = _by_plotly(make(), height=280, legend=legend, saveable=saveable)
    assert styled.to_plotly_json() == wanted.to_plotly_json()


def test_two_figures_share_no_part_of_their_layout() -> None:
    first, second = (theme.style(_bars(), height=100) for _ in range(2))
    first.update_xaxes(gridcolor="red")
    first.update_layout(margin={"l": 99})
    assert second.layout.xaxis.gridcolor == "rgba(128, 145, 158, 0.28)"
    assert second.layout.margin.l == 8


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 1, ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
        (0, 0.05, ["0 %", "1 %", "2 %", "3 %", "4 %", "5 %"]),
        (0, 0.0007, ["0 %", "0.02 %", "0.04 %", "0.06 %"]),
        (0.5, 0.78, ["50 %", "55 %", "60 %", "65 %", "70 %", "75 %"]),
        (0, 2.6, ["0 %", "50 %", "100 %", "150 %", "200 %", "250 %"]),
    ],
)
def test_shares_on_an_axis_are_written_as_percentages_are(
    low: float, high: float, texts: list[str]
) -> None:
    axis = theme.percent_axis(high, low)
    assert axis["ticktext"] == texts
    assert axis["tickvals"] == pytest.approx([float(text[:-2]) / 100 for text in texts])


@pytest.mark.parametrize("high", [1e-5, 0.013, 0.09, 0.1, 0.34, 0.72, 1, 1.04, 7, 0.0])
def test_an_axis_of_shares_has_a_few_ticks(high: float) -> None:
    assert 3 <= len(theme.percent_axis(high)["tickvals"]) <= 7 or not high


def test_percentage_points_on_an_axis_have_a_sign() -> None:
    ticks = theme.percent_axis(0.2, -0.1, points=True)["ticktext"]
    assert ticks == ["−10", "−5", "0", "+5", "+10", "+15", "+20"]


def test_large_numbers_on_an_axis_are_written_as_beside_the_bars() -> None:
    assert theme.amount_axis(141e6)["ticktext"] == ["0", "25 M", "50 M", "75 M", "100 M", "125 M"]
    axis = theme.amount_axis(2e3, log=True)
    assert axis["ticktext"] == ["1", "10", "100", "1 k", "10 k"]
    assert axis["tickvals"] == [1, 10, 100, 1e3, 1e4]


def test_numbers_are_written_as_the_readers_language_writes_them() -> None:
    with speaking("da"):
        figure = theme.style(_bars(), height=200)
        ticks = theme.percent_axis(0.006)["ticktext"]
    assert figure.layout.separators == ",."
    assert "0,2 %" in ticks
    assert "0.2 %" in theme.percent_axis(0.006)["ticktext"]
