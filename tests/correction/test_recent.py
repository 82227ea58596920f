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
