"""What a visitor is told of something that went wrong."""

import errno
import logging

from octseg.errors import OctsegError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_DISK = "The server's disk is full; try again in a few minutes."

logger = logging.getLogger(__name__)


def sentence_of(error: OctsegError | OSError) -> str:
    """What a visitor is told; a failing of the system other than a full disk is a bug and goes on.

    A file that could not be written whole says so in the command's words; the page has its own. Of a full disk the log
    learns no more than that: the error names the file, and a file's name may name a patient.
    """
    cause = error.__cause__ if isinstance(error, OctsegError) else error
    if not isinstance(cause, OSError) or cause.errno not in FULL:
        if isinstance(error, OctsegError):
            return str(error)
        raise error
    logger.error("no space left for visitors' files")
    return FULL_DISK
