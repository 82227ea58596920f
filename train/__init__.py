"""Training and evaluation; `python -m train` and `python -m train.evaluate`."""

import sys
from importlib.util import find_spec

NEEDED = ("accelerate", "matplotlib", "monai", "pyarrow", "requests")  # of the extra `train`, sooner or later by all

if sys.argv[:1] == ["-m"]:  # one of its commands, not somebody's import
    _missing = [name for name in NEEDED if find_spec(name) is None]
    if _missing:
        advice = "pip install -e '.[train]' in octseg's checkout"
        sys.exit(f"training needs {' and '.join(_missing)}, not installed here: {advice}")
