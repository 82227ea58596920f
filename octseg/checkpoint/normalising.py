"""The layer before the network, as a model's configuration has it."""

from octseg.model import ModelConfig
from octseg.model.normalise import Normalise
from octseg.view.preprocessing import PreprocessingConfig


def normalise_of(preprocessing: PreprocessingConfig, network: ModelConfig) -> Normalise:
    """Grey levels (N, rows, columns) uint8 to what the network takes, (N, 3, rows, columns) float."""
    return Normalise(
        preprocessing.mean,
        preprocessing.std,
        slope=preprocessing.third_channel == "slope",
        circular=network.circular_rows,
    )
