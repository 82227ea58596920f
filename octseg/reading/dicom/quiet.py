"""Keeps what pydicom and the decoders say to themselves: their warnings and log lines repeat values of the header."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

LOGGERS = ("pydicom", "openjpeg", "_openjpeg", "jpeg_ls", "rle", "libav")


class _OfOtherThreads(logging.Filter):
    """Passes what other threads log."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing that the libraries warn of or log in this thread comes out while it lasts."""
    kept_back = _OfOtherThreads()
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addFilter(kept_back)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger in loggers:
            logger.removeFilter(kept_back)
