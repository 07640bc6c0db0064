"""The page Training: a recorded training, moment by moment."""

from typing import Any

from convviz.learning import recording

PAGE = "pages/6_Training.py"


def test_opens_at_the_first_moment_without_any_weights(open_page: Any) -> None:
    app = open_page(PAGE, network="alexnet")
    assert not app.exception
    assert not app.error
    assert app.select_slider(key="moment").value == 0
    captions = " ".join(each.value for each in app.caption)
    assert "after 0 steps" in captions
    assert "each of 64 channels" in captions


def test_the_slider_moves_kernels_maps_and_mark(open_page: Any) -> None:
    app = open_page(PAGE)
    first = [each.value for each in app.caption]
    app.select_slider(key="moment").set_value(recording.steps()[-1]).run()
    last = [each.value for each in app.caption]
    assert not app.exception
    assert first != last
    assert any("after 8,302 steps" in each for each in last)


def test_a_link_opens_a_moment_and_a_layer(open_page: Any) -> None:
    app = open_page(PAGE, moment="300", recorded_layer="inception3a", image="coffee")
    assert app.select_slider(key="moment").value == 300
    assert any("each of 256 channels" in each.value for each in app.caption)
    assert {each.label for each in app.get("download_button")} == {
        "Kernels (PNG)",
        "Maps (PNG)",
        "Loss (CSV)",
    }


def test_a_moment_that_was_not_recorded_is_said_so(open_page: Any) -> None:
    app = open_page(PAGE, moment="7")
    assert not app.exception
    assert any("moment “7”" in each.value for each in app.info)
