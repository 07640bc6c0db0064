"""A cache that is bounded by the memory it takes, where the sizes of its entries differ widely."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class ByteStore(Generic[T]):
    """What was computed, up to a number of bytes; entries used last stay.

    A number of entries would not do: with it thirty visitors push one another out between two
    clicks, though all that they look at may be small.

    Args:
        most_bytes: What all entries together may take; a single one may take more.
        measure: Counts the bytes of an entry.
    """

    def __init__(self, most_bytes: int, measure: Callable[[T], int]) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self._measure = measure
        self._entries: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> T | None:
        """Return what is kept under a key, or None."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: Hashable, entry: T) -> None:
        """Keep an entry, and let go of those that were not used for longest."""
        with self._lock:
            old = self._entries.pop(key, None)
            self._entries[key] = entry
            self.bytes += self._measure(entry) - (0 if old is None else self._measure(old))
            while self.bytes > self.most_bytes and len(self._entries) > 1:
                _, gone = self._entries.popitem(last=False)
                self.bytes -= self._measure(gone)

    def keys(self) -> tuple[Hashable, ...]:
        """List the keys, the one used last at the end."""
        with self._lock:
            return tuple(self._entries)

    def drop(self, is_gone: Callable[[Hashable], bool]) -> None:
        """Let go of the entries whose keys a function says yes to."""
        with self._lock:
            for key in [key for key in self._entries if is_gone(key)]:
                self.bytes -= self._measure(self._entries.pop(key))

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._entries.clear()
            self.bytes = 0
