"""Markdown as the Hub reads it: tables, and the front matter of a card."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml


def table(header: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A table without alignment."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (header, ["---"] * len(header), *rows))


def front_matter(content: Mapping[str, Any]) -> str:
    """YAML between two lines of `---`."""
    return f"---\n{yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=1000)}---\n"
