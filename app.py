"""The page in the browser: `python app.py`, then open http://127.0.0.1:7860. Also the entry of a Hugging Face Space.

Environment: OCTSEG_MODEL names the model (a folder or a repository of the Hub); without it a file of that name beside
this one does, as on a Space; without both it is the bundled one. GRADIO_SERVER_NAME and GRADIO_SERVER_PORT are the
address, and OCTSEG_... changes any limit of octseg/ui/limits.py.
"""

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from octseg.errors import OctsegError
from octseg.ui.gpu import zero_gpu
from octseg.ui.limits import ServerLimits
from octseg.ui.ports import check_free
from octseg.ui.private import PrivateFolders, private_folders

MODEL = "OCTSEG_MODEL"


def main() -> int:
    """Build the page and serve it until the process is told to stop."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, _stop)
    try:
        limits = ServerLimits.from_environment(os.environ)
        check_free(os.environ)
    except OctsegError as error:
        return _complain(str(error))
    model = os.environ.get(MODEL) or _published_with()
    if model is not None and Path(model).is_dir():
        model = str(Path(model).resolve())  # before the working folder changes
    with private_folders(os.environ) as folders:
        _serve(model, limits, folders)
    return 0


def _serve(model: str | None, limits: ServerLimits, folders: PrivateFolders) -> None:
    lent = zero_gpu()  # first of all that imports torch
    from hub import results
    from octseg.pretrained import load, load_or_bundled
    from octseg.ui.desk import Desk
    from octseg.ui.page import build_page
    from octseg.ui.server import serve
    from octseg.ui.share import Share, door

    desk = None
    try:
        segmenter = load_or_bundled(model)
        if segmenter.notice:
            _complain(segmenter.notice)
        desk = Desk(segmenter, limits, folders.visitors, lent(segmenter) if lent else None)
        share = Share(results, door(os.environ, limits))
        page = build_page(desk, share=share, load=load if share.door == "own" else None)
    except OctsegError as error:
        _complain(str(error))
        page = build_page(None, str(error))  # the page says what is missing
    serve(page, limits, folders, os.environ, desk)


def _published_with() -> str | None:
    """The model that `python -m hub push-space` put beside this file; None in a checkout."""
    file = Path(__file__).with_name(MODEL)
    return file.read_text(encoding="utf-8").strip() if file.is_file() else None


def _complain(sentence: str) -> int:
    sys.stderr.write(f"octseg: {sentence}\n")
    return 1


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End by SIGTERM as by Ctrl-C, so that visitors' files are deleted."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
