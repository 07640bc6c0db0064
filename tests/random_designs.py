"""Texts of random designs, for hypothesis: most have a line that does not fit, some run."""

from hypothesis import strategies as st


def numbers(least: int, most: int) -> st.SearchStrategy[str]:
    return st.integers(least, most).map(str)


def options(*each: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Join words in any order; an empty word is left out."""
    return st.tuples(*each).flatmap(lambda words: st.permutations(list(words))).map(" ".join)


def perhaps(word: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), word)


SIZES = st.tuples(numbers(1, 5), st.sampled_from("x×X"), numbers(1, 5)).map("".join)
STRIDES = perhaps(st.integers(1, 3).map("/{}".format))
PADDINGS = perhaps(st.integers(0, 3).map("p{}".format))
COLUMNS = st.tuples(numbers(1, 3), numbers(1, 3)).map(">".join)
LINES = st.one_of(
    options(
        *(numbers(1, 6), SIZES, STRIDES, PADDINGS),
        perhaps(st.sampled_from(["g1", "g2", "g3"])),
        perhaps(st.sampled_from(["d1", "d2"])),
    ).map("conv {}".format),
    *(st.just(word) for word in ("batchnorm", "relu", "flatten", "gap", "lrn", "residual", "end")),
    options(SIZES, STRIDES, PADDINGS, perhaps(st.just("ceil"))).map("maxpool {}".format),
    options(SIZES, STRIDES, PADDINGS, perhaps(st.just("ceil"))).map("avgpool {}".format),
    SIZES.map("avgpool to {}".format),
    st.sampled_from(["dropout 0", "dropout .5"]),
    numbers(1, 8).map("fc {}".format),
    st.tuples(
        *(numbers(1, 4), st.one_of(COLUMNS, numbers(1, 3)), COLUMNS),
        numbers(1, 3).map(">{}".format),
        st.sampled_from(["", "3x3", "3x3s", "bn", "3x3s bn"]),
    ).map(lambda words: "inception " + " ".join(words)),
)
HEADS = st.sampled_from(["", "", "", "auxiliary 0.3", "auxiliary 1 bn"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    lines = draw(st.lists(LINES, min_size=1, max_size=9))
    if head := draw(HEADS):
        lines.insert(draw(st.integers(0, len(lines))), head)
    height, width = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    return "\n".join([f"input {draw(st.integers(1, 3))}x{height}x{width}", *lines])
