"""The table of what convviz accepts is what becomes of its inputs."""

from tests.accepted import FILE, table


def test_the_table_is_what_becomes_of_each_input(fresh_registry: None) -> None:
    assert table() == FILE.read_text(encoding="utf-8")
