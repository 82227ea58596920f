"""What was asked for last, of much that is made when it is asked for."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """At most `most` values by name; the one that was not asked for the longest is let go."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[str, Value] = OrderedDict()

    def get(self, name: str, make: Callable[[str], Value]) -> Value:
        """The value that is held, or what `make` gives."""
        if name not in self._held:
            self._held[name] = make(name)
        self._held.move_to_end(name)
        while len(self._held) > self._most:
            self._held.popitem(last=False)
        return self._held[name]

    def held(self, name: str) -> Value | None:
        """The value, if it is held."""
        return self._held.get(name)
