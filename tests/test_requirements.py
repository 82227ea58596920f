"""What is asked of other people's packages: no version known for a fault, none that shuts out what was tested."""

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
QUOTED = re.compile(r'"([A-Za-z0-9_.\[\]-]+(?:[<>=~!][^"]*)?)"')
SAFE_GRADIO = Version("6.31")  # 6.30 reads on without end where a range of a file ends behind the file's own end


def asked() -> list[Requirement]:
    """Every requirement with a bound, of pyproject.toml, of what a Space installs, and the Space's own version."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    project = (ROOT / "pyproject.toml").read_text()
    found += [Requirement(text) for text in QUOTED.findall(project) if re.search(r"[a-z\]]>=\d", text)]
    space = re.search(r"^sdk_version: (\S+)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert space is not None
    return [*found, Requirement(f"gradio>={space[1]}")]


def floor(requirement: Requirement) -> Version:
    (lowest,) = (Version(each.version) for each in requirement.specifier if each.operator == ">=")
    return lowest


def test_gradio_is_asked_for_where_ranges_of_files_come_to_an_end() -> None:
    floors = [floor(each) for each in asked() if each.name == "gradio"]
    assert len(floors) == 4
    assert min(floors) >= SAFE_GRADIO


def test_what_is_asked_for_takes_what_was_tested() -> None:
    tested = re.findall(r"^([\w.-]+)==([^ ;\n]+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    names = {canonicalize_name(name) for name, _ in tested}
    assert {canonicalize_name(each.name) for each in asked()} <= names
    assert [
        (str(each), version)
        for each in asked()
        for name, version in tested
        if canonicalize_name(name) == canonicalize_name(each.name) and not each.specifier.contains(version)
    ] == []
