"""What can go wrong while something is published, beyond what the library itself tells."""

from octseg.errors import OctsegError


class HubError(OctsegError):
    """The Hub refuses, or holds something other than what is to be published."""


class RaceError(HubError):
    """Somebody else committed meanwhile, so nothing of theirs was overwritten."""
