"""Cards: what a repository says of itself."""

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
