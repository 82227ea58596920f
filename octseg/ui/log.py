"""What the log learns of an error that nobody foresaw: its kind and its place.

Its words, and those of the errors behind it, may hold what a visitor sent, and a file's name may name a patient.
"""

import logging
import sys
import traceback
from asyncio import CancelledError
from pathlib import Path
from typing import Any

from gradio import queueing, route_utils, routes, utils
from starlette.exceptions import HTTPException

logger = logging.getLogger(__name__)
PRINTING = (queueing, route_utils, routes, utils)  # modules of Gradio that print errors with all their words
SERVER_LOG = "uvicorn.error"
PAGES_WERE_OPEN = "Cancel %s running task"  # uvicorn's words where answers are cut off by the server's end


def log_no_values() -> None:
    """Have Gradio and its server log errors by kind and place alone, in this process from now on."""
    for module in PRINTING:
        vars(module)["traceback"] = _KindsAlone()
    logging.getLogger(SERVER_LOG).addFilter(_without_words)


def kind_and_place(error: BaseException) -> str:
    """Such as "ValueError in blocks.py, line 2061"."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


class _KindsAlone:
    """Stands for the module `traceback`."""

    def print_exc(self, *_: Any, **__: Any) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            logger.error("a call ended with %s", kind_and_place(error))

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)


def _without_words(record: logging.LogRecord) -> bool:
    """Whether a record is kept, with its error's kind and place for its words."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, CancelledError) or str(record.msg).startswith(PAGES_WERE_OPEN):
        return False  # the server was told to stop
    if error is not None and isinstance(error.__cause__, HTTPException):
        return False  # Gradio refuses a session that is none after its answer has begun
    if error is not None:
        record.msg, record.args = "a request ended with %s", (kind_and_place(error),)
        record.exc_info = record.exc_text = None
    return True
