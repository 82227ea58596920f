"""A model as it is stored: its folder {config.json, model.safetensors, README.md}, and its calibration."""

from octseg.checkpoint.folder import (
    CARD_FILE,
    CONFIG_FILE,
    MAX_CONFIG_BYTES,
    MAX_WEIGHTS_BYTES,
    WEIGHTS_FILE,
    Checkpoint,
    CheckpointConfig,
    check_size,
    load_checkpoint,
    require_files,
    save_checkpoint,
)

__all__ = [
    "CARD_FILE",
    "CONFIG_FILE",
    "MAX_CONFIG_BYTES",
    "MAX_WEIGHTS_BYTES",
    "WEIGHTS_FILE",
    "Checkpoint",
    "CheckpointConfig",
    "check_size",
    "load_checkpoint",
    "require_files",
    "save_checkpoint",
]
