"""What was asked for last is held, and is made once."""

from octseg.correction.recent import Recent


def test_what_was_not_asked_for_the_longest_is_let_go_and_made_anew() -> None:
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name.upper()

    recent: Recent[str] = Recent(2)
    assert [recent.get(name, make) for name in "abacb"] == ["A", "B", "A", "C", "B"]
    assert made == ["a", "b", "c", "b"]
    assert (recent.held("a"), recent.held("b"), recent.held("c")) == (None, "B", "C")


def test_what_is_held_takes_no_more_than_it_may() -> None:
    recent: Recent[bytes] = Recent(9, len, most_bytes=10)
    for name, length in (("a", 4), ("b", 4), ("c", 4)):
        recent.get(name, lambda _, length=length: bytes(length))
    assert [recent.held(name) is not None for name in "abc"] == [False, True, True]
    recent.get("large", lambda _: bytes(50))
    assert [recent.held(name) is not None for name in ("b", "c", "large")] == [False, False, True]
