"""Sentences that travel between the machines of a cluster."""

import numpy as np
import pytest

from convviz.formatting import percent
from convviz.jobs.sentences import received, sent
from convviz.language import Told, again, tr, trn


@pytest.mark.parametrize(
    "text",
    [
        "",
        "as it is",
        tr("{count:,} of {share}", count=np.int64(1234), share=percent(0.5)),
        tr("{inner}: {number:.2f}", inner=tr("a {name}", name="b"), number=np.float32(0.5)),
        trn("{count} run of {name}", "{count} runs of {name}", 2, name="Anna"),
    ],
)
def test_a_sentence_arrives_as_it_was_told(text: str) -> None:
    arrived = received(str.__str__(sent(text)))
    assert arrived == text
    assert isinstance(arrived, Told) == isinstance(text, Told)
    assert again(arrived) == text


@pytest.mark.parametrize(
    "text", ["\0{", "\0[]", '\0["print", "x"]', '\0["_tell"]', '\0["_tell", 1, 2]']
)
def test_what_is_damaged_runs_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="of another version"):
        received(text)
