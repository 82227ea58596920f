"""What the Hub's client raises becomes a sentence of ours; what is a bug stays one, with its own traceback."""

import pytest

from octseg.errors import HubUnreachableError
from octseg.pretrained import hide_tokens, patiently


def raising(error: Exception) -> None:
    raise error


def test_a_bug_comes_back_as_it_is_and_is_not_its_own_cause() -> None:
    bug = RuntimeError("sent with hf_abcdefgh")
    with pytest.raises(RuntimeError, match=r"sent with hf_\.\.\.") as caught:
        patiently(lambda: raising(bug), "lab/net")
    assert caught.value is bug
    assert bug.__cause__ is None
    hide_tokens(bug)  # follows causes to their end


def test_an_answer_of_another_shape_is_told_with_what_led_to_it() -> None:
    with pytest.raises(HubUnreachableError, match="something that is not the Hub answers for lab/net") as caught:
        patiently(lambda: raising(KeyError("sha")), "lab/net")
    assert isinstance(caught.value.__cause__, KeyError)
