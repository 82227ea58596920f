"""Training and evaluation; `python -m train` and `python -m train.evaluate`."""

import sys
from importlib.util import find_spec

NEEDED = ("accelerate", "matplotlib", "monai", "pyarrow", "requests")  # of the extra `train`, sooner or later by all

_missing = [name for name in NEEDED if find_spec(name) is None]
if _missing and sys.argv[0] == "-m":  # one of its commands, not somebody's import
    sys.exit(
        f"training needs {' and '.join(_missing)}, not installed here: pip install -e '.[train]' in octseg's checkout"
    )
