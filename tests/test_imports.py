"""Who may import whom: the table of rooms, held by reading the source of every module."""

import ast
import re
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
    "huggingface_hub": ("octseg/pretrained/", "hub/"),
    "datasets": ("hub/", "train/"),
    "pydicom": ("octseg/reading/dicom/", "octseg/export/dicom/"),
    "openvino": ("octseg/inference/",),
    "ray": ("octseg/cohort/",),
    "accelerate": ("train/learning/engine.py",),
    "monai": ("train/",),
    "trackio": ("train/learning/tracking.py",),
    "torchvision": (),
    "timm": (),
    "segmentation_models_pytorch": (),
    "train": ("train/",),
    "hub": ("app.py", "hub/", "train/__main__.py"),
    "octseg.ui": ("app.py", "octseg/ui/", "octseg/commands/review.py"),
    "uvicorn": ("octseg/ui/",),
}
# Each room looks only at rooms before it; a name is a folder of that package, or a module of it.
ORDER = {
    "octseg": (
        *(
            "errors",
            "classes",
            "cores",
            "caches",
            "values",
            "pullback",
            "boxed",
            "reading",
            "model",
            "view",
            "measurement",
            "checkpoint",
        ),
        *(
            "inference",
            "decoding",
            "drawing",
            "phantom",
            "result",
            "export",
            "comparison",
            "pipeline",
            "correction",
            "segmenter",
        ),
        *("pretrained", "dataset", "cards", "cohort", "ui", "commands", "cli", "__main__"),
    ),
    "train": (
        *("code_version", "preparing", "dataset", "judging", "learning", "provenance", "reporting"),
        *("prepare", "evaluate", "calibrate", "average", "report", "__main__"),
    ),
}
OLD_PLACES = ("octseg/reading/grey.py",)  # hand on what lies elsewhere now
ROOMS = [(package, room) for package, rooms in ORDER.items() for room in rooms]
NO_TORCH = (
    *("octseg/reading/", "octseg/view/", "octseg/measurement/", "octseg/decoding/", "octseg/drawing/"),
    *("octseg/pipeline/", "octseg/pretrained/", "octseg/segmenter.py", "octseg/checkpoint/folder.py"),
    *("octseg/inference/on_openvino.py", "octseg/inference/kept.py", "octseg/inference/core.py"),
    *("octseg/phantom/", "octseg/export/", "octseg/correction/", "octseg/commands/", "octseg/cli.py"),
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


@pytest.mark.parametrize("package", ORDER)
def test_every_room_has_its_place_in_the_order(package: str) -> None:
    entries = {path.relative_to(ROOT / package).parts[0].removesuffix(".py") for path in (ROOT / package).rglob("*.py")}
    assert entries - {"__init__"} == set(ORDER[package])


@pytest.mark.parametrize(("package", "room"), ROOMS, ids=lambda name: name)
def test_a_room_looks_only_at_rooms_before_it(package: str, room: str) -> None:
    later = ORDER[package][ORDER[package].index(room) + 1 :]
    home = ROOT / package / room
    files = [path for path in SOURCES if path.is_relative_to(home) or path == home.with_suffix(".py")]
    files = [path for path in files if str(path.relative_to(ROOT)) not in OLD_PLACES]
    assert files
    wrong = [
        (str(path.relative_to(ROOT)), other)
        for path in files
        for other in later
        if reaches(imported(path), f"{package}.{other}")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "statement",
    [
        "from octseg.cli import main",
        "from octseg.pretrained import load",
        "from octseg.reading import find_pixel_scale, find_ruler, sepia_to_grey",
        "from octseg.reading.grey import grey_to_sepia",
    ],
)
def test_names_that_scripts_import_are_where_they_were(statement: str) -> None:
    subprocess.run([sys.executable, "-c", statement], cwd=ROOT, check=True)


def test_no_module_takes_what_is_private_to_another() -> None:
    wrong = [
        (str(path.relative_to(ROOT)), name)
        for path in SOURCES
        for name in imported(path)
        if name.split(".")[0] in (*PARTS, "app") and re.search(r"\._(?!_)", name)
    ]
    assert wrong == []


def test_arrays_are_measured_and_drawn_without_torch() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if str(path.relative_to(ROOT)).startswith(NO_TORCH) and reaches(imported(path), "torch")
    ]
    assert wrong == []


def test_importing_the_library_loads_no_network_library() -> None:
    network = "('torch', 'openvino', 'gradio')"
    code = f"import octseg, octseg.cli, sys; print([m for m in {network} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_importing_the_app_starts_nothing() -> None:
    code = "import app, threading, sys; print(threading.active_count(), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "1 False"
