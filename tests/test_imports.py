"""Who may import whom: the table of rooms, held by reading the source of every module."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("octseg", "train", "hub")
SOURCES = [*sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py")), ROOT / "app.py"]

# Package -> the only places that may import it, as paths from the root.
ONLY_IN = {
    "gradio": ("app.py", "octseg/ui/"),
    "starlette": ("app.py", "octseg/ui/"),
    "spaces": ("app.py", "octseg/ui/"),
    "huggingface_hub": ("octseg/pretrained.py", "hub/"),
    "datasets": ("hub/", "train/"),
    "pydicom": ("octseg/reading/", "octseg/export/"),
    "openvino": ("octseg/inference/",),
    "accelerate": ("train/engine.py",),
    "monai": ("train/",),
    "trackio": ("train/tracking.py",),
    "torchvision": (),
    "timm": (),
    "segmentation_models_pytorch": (),
    "train": ("train/",),
    "hub": ("app.py", "hub/", "train/__main__.py"),
    "octseg.ui": ("app.py", "octseg/ui/"),
}
# Inside octseg, a room looks only at rooms before it.
ORDER = ("reading", "preprocessing", "inference", "measurement", "decoding", "drawing", "export")
NO_TORCH = (
    "octseg/measurement/",
    "octseg/decoding/",
    "octseg/drawing/",
    "octseg/export/",
    "octseg/reading/",
    "octseg/phantom/",
)


@cache
def imported(path: Path) -> set[str]:
    """Full dotted names that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def reaches(names: set[str], package: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for name in names)


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_package_is_imported_only_where_it_belongs(package: str) -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if reaches(imported(path), package) and not str(path.relative_to(ROOT)).startswith(ONLY_IN[package] or ("-",))
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ORDER)
def test_a_room_looks_only_at_rooms_before_it(room: str) -> None:
    later = ORDER[ORDER.index(room) + 1 :]
    files = [
        path for path in SOURCES if str(path.relative_to(ROOT)).startswith((f"octseg/{room}/", f"octseg/{room}.py"))
    ]
    assert files
    wrong = [(path.name, other) for path in files for other in later if reaches(imported(path), f"octseg.{other}")]
    assert wrong == []


def test_arrays_are_measured_and_drawn_without_torch() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if str(path.relative_to(ROOT)).startswith(NO_TORCH) and reaches(imported(path), "torch")
    ]
    assert wrong == []


def test_importing_the_library_loads_no_network_library() -> None:
    code = "import octseg, octseg.cli, sys; print([m for m in ('torch', 'openvino', 'gradio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_importing_the_app_starts_nothing() -> None:
    code = "import app, threading, sys; print(threading.active_count(), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "1 False"
