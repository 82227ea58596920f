"""A name or a folder to a Segmenter: the bundled model, a checkpoint folder, a repository of the Hub and its cache."""

from octseg.pretrained.faults import PAUSES_S, hide_tokens, may_pass, patiently, status_of, told
from octseg.pretrained.fetching import (
    HUB_NAME,
    HubName,
    Kind,
    Snapshot,
    Token,
    cached_snapshot,
    fetch_file,
    fetch_from,
    find_snapshot,
    good_commits,
    is_repository,
)
from octseg.pretrained.loading import (
    BUNDLED,
    BUNDLED_NAME,
    HubWarning,
    from_pretrained,
    load,
    load_or_bundled,
)

__all__ = [
    "BUNDLED",
    "BUNDLED_NAME",
    "HUB_NAME",
    "PAUSES_S",
    "HubName",
    "HubWarning",
    "Kind",
    "Snapshot",
    "Token",
    "cached_snapshot",
    "fetch_file",
    "fetch_from",
    "find_snapshot",
    "from_pretrained",
    "good_commits",
    "hide_tokens",
    "is_repository",
    "load",
    "load_or_bundled",
    "may_pass",
    "patiently",
    "status_of",
    "told",
]
