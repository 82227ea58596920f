"""What a user can meet and mend. Each message says what was wrong, what came instead, and what to do."""


class OctsegError(Exception):
    """Base of all errors that a user can meet and mend."""


class ReadError(OctsegError):
    """A file that cannot be read as an OCT frame or pullback."""


class OwnResultError(ReadError):
    """A picture that this program made of a frame, such as a mask or an overlay, in a frame's place."""


class ConfigError(OctsegError):
    """A configuration that does not describe a network or a run."""


class CheckpointError(OctsegError):
    """A checkpoint folder or name from which no trustworthy model can be loaded."""


class HubUnreachableError(CheckpointError):
    """The Hub does not answer, and what is asked for is not in its cache here."""


class MeasurementError(OctsegError):
    """A mask on which a measure is not defined."""


class DatasetError(OctsegError):
    """A source of frames that cannot become a dataset, or a dataset folder that is not what it says."""


class HeldError(OctsegError):
    """A folder that another run works in, or whose disk cannot say whether one does."""


class PublishingError(OctsegError):
    """Data that must not leave this machine: private, without a licence, or changed since it was made."""


class NotExportedError(OctsegError):
    """Frames that a kind of export cannot be made of; the other kinds are."""


class CorrectionError(OctsegError):
    """A correction that does not fit the outlines, or a log of other frames."""
