from convviz.sprites.lettering import drawable


def test_letters_that_the_font_lacks_are_spelled() -> None:
    assert drawable("inception4a · 3×3 “5×5” τ ≥ é\n") == "inception4a · 3x3 “5x5” tau ? e "
