"""A model that is as small as one can be: what it says means nothing, and it is ready at once."""

from octseg.checkpoint import CheckpointConfig
from octseg.model import ModelConfig
from octseg.view.preprocessing import PreprocessingConfig

TINY = CheckpointConfig(
    network=ModelConfig(classes=("lumen", "lipid_core"), aspp_rates=(6,), aspp_channels=8, skip_channels=8),
    preprocessing=PreprocessingConfig(domain="polar", size=(64, 64), wrap_rays=8),
)
