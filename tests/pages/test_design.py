"""The page Design without a browser: table, text, link and buttons say the same network."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from convviz.networks.design import Design
from convviz.networks.design_link import from_link, to_link
from convviz.networks.design_reading import MOST_CHARACTERS
from convviz.networks.design_starts import start_text
from convviz.structure.design_costs import count_design

PAGE = "pages/9_Design.py"
TEXT = "name mine\ninput 3x16x16\nconv 4 3x3 p1  # first\nrelu\nmaxpool 2x2\nfc 7\n"

OpenPage = Callable[..., AppTest]


def sound(app: AppTest) -> AppTest:
    assert [each.value for each in app.exception] == []
    return app


def linked(app: AppTest) -> str:
    """The text of the link in the address."""
    value = app.query_params.get("design", "lenet5")
    return from_link(value[0] if isinstance(value, list) else value)


def table(app: AppTest) -> dict[str, list[str]]:
    frame = app.dataframe[0].value
    return {name: list(frame[name]) for name in frame.columns}


def test_the_page_counts_what_the_link_says(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE, design=to_link(TEXT)))
    assert app.text_area(key="design_text").value == TEXT
    costs = count_design(Design.parse(TEXT))
    shown = table(app)
    assert shown["line"] == [2, 3, 4, 5, 6]
    assert shown["block"][1] == "conv 4 3x3 p1"
    assert shown["output"] == ["3×16×16", "4×16×16", "4×16×16", "4×8×8", "7"]
    assert shown["parameters"] == ["0", "112", "0", "0", f"{4 * 64 * 7 + 7:,}"]
    assert shown["field"][3] == "4"
    assert [each.value for each in app.metric][:1] == [f"{costs.parameters:,}"]


def test_lines_are_changed_added_moved_deleted_and_undone(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE, design=to_link(TEXT)))
    app.selectbox(key="design_line").set_value(3).run()
    (block,) = [each for each in app.text_input if str(each.key).startswith("design_block_3")]
    block.set_value("conv 8 5×5 p2").run()
    lines = app.text_area(key="design_text").value.splitlines()
    assert lines[2] == "conv 8 5×5 p2  # first"
    app.text_input(key="design_added").set_value("batchnorm").run()
    assert app.text_area(key="design_text").value.splitlines()[3] == "batchnorm"
    assert app.selectbox(key="design_line").value == 4
    app.button(key="design_move_1").click().run()
    assert app.text_area(key="design_text").value.splitlines()[3:5] == ["relu", "batchnorm"]
    app.button(key="design_delete").click().run()
    after = app.text_area(key="design_text").value
    assert after.splitlines()[2:] == ["conv 8 5×5 p2  # first", "relu", "maxpool 2x2", "fc 7"]
    assert linked(sound(app)) == after
    for _ in range(4):
        app.button(key="design_undo").click().run()
    assert app.text_area(key="design_text").value == TEXT
    assert app.button(key="design_undo").disabled


def test_wrong_text_stays_as_typed_with_its_sentence(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE))
    typed = "input 3x6x6\nconv 4 3x3\nmaxpool 2x2\nconv 8 5x5 # too large\nrelu"
    app.text_area(key="design_text").set_value(typed).run()
    assert app.text_area(key="design_text").value == typed
    assert linked(sound(app)) == typed
    (error,) = app.error
    assert "Line 4" in error.value
    assert "padding 2" in error.value
    shown = table(app)
    assert shown["block"] == [*("input 3x6x6", "conv 4 3x3", "maxpool 2x2", "✗ conv 8 5x5", "relu")]
    assert shown["output"] == ["3×6×6", "4×4×4", "4×2×2", "", ""]


def test_a_start_and_one_change_replace_the_design(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE))
    app.selectbox(key="design_start").set_value("small-googlenet").run()
    assert app.text_area(key="design_text").value == start_text("small-googlenet")
    app.selectbox(key="change").set_value("no-auxiliary").run()
    before_and_after = app.dataframe[1].value.set_index("what")
    assert (
        before_and_after.loc["With auxiliary classifiers", "after"]
        == (before_and_after.loc["Parameters", "before"])
    )
    app.button(key="design_make_change").click().run()
    assert "auxiliary" not in "".join(
        line.partition("#")[0] for line in app.text_area(key="design_text").value.splitlines()
    )
    sound(app)


def test_a_damaged_link_is_said_and_the_page_begins_with_lenet(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE, design="!!!"))
    assert app.text_area(key="design_text").value == start_text("lenet5")
    assert len(app.info) == 1


def test_a_network_begins_from_an_empty_text(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE, design=to_link("")))
    assert app.text_area(key="design_text").value == ""
    assert not [each for each in app.selectbox if each.key == "design_line"]
    app.text_input(key="design_added").set_value("input 3×8×8").run()
    assert app.text_area(key="design_text").value == "input 3×8×8\n"
    assert app.selectbox(key="design_line").value == 1
    app.text_input(key="design_added").set_value("fc 5").run()
    assert sound(app).text_area(key="design_text").value == "input 3×8×8\nfc 5\n"
    assert app.metric[0].value == f"{3 * 64 * 5 + 5}"
    app.text_area(key="design_text").set_value("# a plan\nname mine\n").run()
    app.text_input(key="design_added").set_value("input 3x8x8").run()
    assert sound(app).text_area(key="design_text").value == "# a plan\nname mine\ninput 3x8x8\n"


def test_a_second_name_is_a_row_that_is_wrong_and_can_be_deleted(open_page: OpenPage) -> None:
    app = sound(open_page(PAGE, design=to_link(TEXT.replace("relu", "name other"))))
    (error,) = app.error
    assert "Line 4: the design has its name from line 1: leave this one out." in error.value
    assert table(app)["block"][2] == "✗ name other"
    app.selectbox(key="design_line").set_value(4).run()
    app.button(key="design_delete").click().run()
    assert not sound(app).error
    assert app.text_area(key="design_text").value == TEXT.replace("relu\n", "")


def test_a_change_leaves_comments_and_all_other_lines_as_they_were_typed(
    open_page: OpenPage,
) -> None:
    typed = (
        "# my first\nname mine\ninput 3×16×16\n\n# sees 5\nCONV 5×5 4   # few\nrelu\n"
        "# the end\nmaxpool 2x2 # halves\nfc 7\n# after\n"
    )
    app = sound(open_page(PAGE, design=to_link(typed), change="two-3x3"))
    app.button(key="design_make_change").click().run()
    assert sound(app).text_area(key="design_text").value == (
        "# my first\nname mine\ninput 3×16×16\n\n# sees 5\nconv 4 3x3\nrelu\nconv 4 3x3\nrelu\n"
        "# the end\nmaxpool 2x2 # halves\nfc 7\n# after\n"
    )
    app.selectbox(key="change").set_value("auxiliary").run()
    app.button(key="design_make_change").click().run()
    after = app.text_area(key="design_text").value
    assert sound(app).metric[0].value == f"{count_design(Design.parse(after)).parameters:,}"
    assert [line for line in after.splitlines() if line.startswith("#")] == [
        *("# my first", "# sees 5", "# the end", "# after")
    ]
    app.selectbox(key="change").set_value("no-auxiliary").run()
    app.button(key="design_make_change").click().run()
    assert "auxiliary" not in app.text_area(key="design_text").value
    assert "# halves" in sound(app).text_area(key="design_text").value


def test_a_text_that_no_link_could_carry_is_refused(open_page: OpenPage) -> None:
    full = TEXT + "#" * (MOST_CHARACTERS - len(TEXT))
    app = sound(open_page(PAGE, design=to_link(full)))
    app.text_input(key="design_added").set_value("relu").run()
    assert [each.value for each in sound(app).error] == [
        "The text would be longer than 40,000 characters, so it stays as it was."
    ]
    assert app.text_area(key="design_text").value == full
    assert app.text_area(key="design_text").proto.max_chars == MOST_CHARACTERS


def test_a_change_that_does_not_fit_is_said_where_it_is_chosen(open_page: OpenPage) -> None:
    typed = "input 3x16x16\nconv 4 1x1\nmaxpool 2x2 p1\nconv 4 9x9\ngap\nfc 6"
    sentence = "The changed design does not fit at its line 3, “conv 4 9x9”: a 9×9 kernel on an 8×8"
    app = sound(open_page(PAGE, design=to_link(typed), change="strides"))
    assert any(each.value.startswith(sentence) for each in app.info)
    app = sound(
        open_page(PAGE, design=to_link(typed), design_view="train", design_b="change-strides")
    )
    assert any(each.value.startswith(sentence) for each in app.error)
