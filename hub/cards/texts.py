"""The texts of cards: files in `templates/` that read as the cards do, `$names` standing for what differs."""

from pathlib import Path
from string import Template

TEMPLATES = Path(__file__).parent / "templates"


def filled(template: str, **values: str) -> str:
    """The file of that name in `templates/` with each `$name` replaced; KeyError for one that is not given."""
    return Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(values)
