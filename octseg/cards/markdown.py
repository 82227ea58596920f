"""Markdown as the Hub reads it: tables, the front matter of a card, and the texts in `templates/` filled in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import yaml

TEMPLATES = Path(__file__).parent / "templates"


def filled(template: str, values: Mapping[str, object]) -> str:
    """The file of that name in `templates/` with its `$names` replaced; KeyError for one that `values` lacks."""
    return Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(values)


def table(header: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A table without alignment."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (header, ["---"] * len(header), *rows))


def front_matter(content: Mapping[str, Any]) -> str:
    """YAML between two lines of `---`."""
    return f"---\n{yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=1000)}---\n"
