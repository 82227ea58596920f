"""Markdown as the Hub reads it: tables, the front matter of a card, and texts in files of their own filled in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import yaml

TEMPLATES = Path(__file__).parent / "templates"


def filled(template: Path, values: Mapping[str, object]) -> str:
    """A file that reads as the text it is for, its `$names` replaced; KeyError for one that `values` lacks."""
    return Template(template.read_text(encoding="utf-8")).substitute(values)


def table(header: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A table without alignment."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (header, ["---"] * len(header), *rows))


def front_matter(content: Mapping[str, Any]) -> str:
    """YAML between two lines of `---`."""
    return f"---\n{yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=1000)}---\n"
