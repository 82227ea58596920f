"""What goes wrong on the way of a commit."""

from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub import HfApi

from hub.client import Publication, publish
from octseg.pretrained import hide_tokens


class BrokenApi(HfApi):
    """The Hub's client with an empty repository of anybody's, and a bug where it commits."""

    def repo_info(self, *_arguments: Any, **_named: Any) -> Any:
        return SimpleNamespace(sha="0" * 40, siblings=[], private=True)

    def create_commit(self, *_arguments: Any, **_named: Any) -> Any:
        raise ZeroDivisionError("sent with hf_abcdefgh")


def test_a_bug_in_a_commit_comes_back_as_it_is_and_is_not_its_own_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.client.HfApi", BrokenApi)
    with pytest.raises(ZeroDivisionError, match=r"sent with hf_\.\.\.") as caught:
        publish(
            Publication(kind="model", repository="lab/net", files={"a.txt": b"a"}, summary="Add a file"), token="hf_x"
        )
    assert caught.value.__cause__ is None
    hide_tokens(caught.value)  # follows causes to their end
