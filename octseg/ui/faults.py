"""What a visitor is told of something that went wrong."""

import errno
import logging

from octseg.errors import OctsegError

FULL_DISK = "The server's disk is full; try again in a few minutes."

logger = logging.getLogger(__name__)


def sentence_of(error: OctsegError | OSError) -> str:
    """What a visitor is told; a failing of the system other than a full disk is a bug and goes on.

    Of a full disk the log learns no more than that: the error names the file, and a file's name may name a patient.
    """
    if isinstance(error, OctsegError):
        return str(error)
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    logger.error("no space left for visitors' files")
    return FULL_DISK
