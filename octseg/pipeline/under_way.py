"""How many runs of one model are under way, in whatever threads."""

import threading


class UnderWay:
    """A context that each run is within for as long as it goes on."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    @property
    def is_one(self) -> bool:
        """Whether no other run is under way beside the one that asks."""
        return self._count <= 1

    def __enter__(self) -> None:
        with self._lock:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._count -= 1
