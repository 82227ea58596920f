"""What was asked for last, of much that is made when it is asked for."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")
MOST_BYTES = 40 << 20  # a dozen frames of 1024 x 1024 px


class Recent(Generic[Value]):
    """At most `most` values by name; the one that was not asked for the longest is let go.

    bytes_of: what a value takes; all that are held take `most_bytes` at most, unless a single one takes more.
    """

    def __init__(self, most: int, bytes_of: Callable[[Value], int] = lambda _: 0, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._bytes_of, self._most_bytes = most, bytes_of, most_bytes
        self._held: OrderedDict[str, Value] = OrderedDict()

    def get(self, name: str, make: Callable[[str], Value]) -> Value:
        """The value that is held, or what `make` gives."""
        if name not in self._held:
            self._held[name] = make(name)
        self._held.move_to_end(name)
        while len(self._held) > self._most or (len(self._held) > 1 and self._is_too_much()):
            self._held.popitem(last=False)
        return self._held[name]

    def _is_too_much(self) -> bool:
        return sum(map(self._bytes_of, self._held.values())) > self._most_bytes

    def held(self, name: str) -> Value | None:
        """The value, if it is held."""
        return self._held.get(name)
