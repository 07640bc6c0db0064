"""Results that are handed on: by whom, for how long, and how many."""

import re

import pytest

from convviz.errors import JobError
from convviz.jobs.handed_on import MOST_OF_ONE, HandedOn, HandedOnRuns
from tests.jobs.conftest import Clock, Item

DAY = 24 * 3600.0


def runs(clock: Clock, most: int = 100, most_bytes: int = 10**6) -> HandedOnRuns:
    return HandedOnRuns(lambda: DAY, lambda: most, lambda: most_bytes, clock)


def share(shared: HandedOnRuns, owner: str, job: str = "job", result: object = "it") -> HandedOn:
    return shared.share(owner, job, page="reconstruction", title="cat", result=result)


def test_an_id_opens_the_result_and_cannot_be_guessed() -> None:
    shared = runs(Clock())
    each = share(shared, "ann")
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", each.id)
    assert shared.get(each.id) == each
    assert shared.get("job") is None
    assert "ann" not in repr(each)


def test_sharing_twice_makes_one_link() -> None:
    shared = runs(Clock())
    assert share(shared, "ann") is share(shared, "ann")
    assert share(shared, "ann", "another").id != share(shared, "bob").id
    assert len(shared.of("ann")) == 2


def test_it_ends_after_a_day_whoever_looks() -> None:
    clock = Clock()
    shared = runs(clock)
    each = share(shared, "ann")
    clock.now += DAY - 1
    assert shared.get(each.id) is not None
    assert shared.seconds_left(each) == 1
    clock.now += 1
    shared.sweep()
    assert not shared._by_id
    assert shared.get(each.id) is None


def test_only_who_shared_it_can_end_it() -> None:
    shared = runs(Clock())
    each = share(shared, "ann")
    shared.stop(each.id, "bob")
    shared.stop("nothing", "ann")
    assert shared.get(each.id) is not None
    shared.stop(each.id, "ann")
    assert shared.get(each.id) is None


def test_forget_ends_all_of_one_visitor_and_none_of_another() -> None:
    shared = runs(Clock())
    share(shared, "ann", "1")
    share(shared, "ann", "2")
    kept = share(shared, "bob")
    assert shared.forget_all("ann") == 2
    assert shared.forget_all("") == 0
    assert (shared.of("ann"), shared.get(kept.id)) == ((), kept)


def test_they_are_bounded_in_number_in_bytes_and_for_each_visitor(item: type[Item]) -> None:
    shared = runs(Clock(), most=2)
    share(shared, "ann")
    share(shared, "bob")
    with pytest.raises(JobError, match="as many shared results as it may"):
        share(shared, "cy")
    shared = runs(Clock(), most_bytes=1000)
    first = share(shared, "ann", result=item(nbytes=600))
    with pytest.raises(JobError, match="as many shared results as it may"):
        share(shared, "bob", result=item(nbytes=600))
    shared.stop(first.id, "ann")
    share(shared, "bob", result=item(nbytes=600))
    shared = runs(Clock())
    for number in range(MOST_OF_ONE):
        share(shared, "ann", str(number))
    with pytest.raises(JobError, match=f"share {MOST_OF_ONE} results already"):
        share(shared, "ann", "one more")
    share(shared, "bob")


def test_a_result_without_owner_is_a_bug() -> None:
    with pytest.raises(ValueError, match="owner"):
        share(runs(Clock()), "")
