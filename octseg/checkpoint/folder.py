"""A checkpoint folder {config.json, model.safetensors, README.md} <-> a model: strict, hashed, never a pickle.

config.json holds the format version, classes, network, preprocessing, thresholds, what the model was trained on, how
it scored and by which protocol, software versions and the sha256 of model.safetensors. Weights are stored as float16
(BatchNorm's statistics as float32) and computed with as float32.
"""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from octseg.checkpoint.calibration import Calibration
from octseg.errors import CheckpointError, ConfigError
from octseg.model import ModelConfig
from octseg.view.preprocessing import PreprocessingConfig

if TYPE_CHECKING:
    from octseg.model.network import DeepLabV3Plus

FORMAT_MAJOR = 1
FORMAT_VERSION = f"{FORMAT_MAJOR}.0"
CONFIG_FILE, WEIGHTS_FILE, CARD_FILE = "config.json", "model.safetensors", "README.md"
MAX_CONFIG_BYTES = 64 * 1024
MAX_WEIGHTS_BYTES = 500 * 1024**2
PICKLE_ENDINGS = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
PICKLE_ADVICE = "a Python pickle can run code when opened; convert it to safetensors and give that folder"
DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True, kw_only=True)
class CheckpointConfig:
    """All of config.json.

    thresholds: class name -> probability, after calibration, from which a pixel counts as that class.
    calibration: how probability is set right, and how wide intervals are.
    training: datasets with revision and licence, seed, code commit, recipe. metrics: figures with their protocol.
    """

    network: ModelConfig
    preprocessing: PreprocessingConfig
    thresholds: Mapping[str, float] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.thresholds, Mapping):
            raise ConfigError('"thresholds" in config.json must be an object of class names and numbers')
        if unknown := sorted(set(self.thresholds) - set(self.network.classes)):
            raise ConfigError(f'"thresholds" in config.json names {unknown}, which the model does not predict')
        for name, value in self.thresholds.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value < 1.0:
                raise ConfigError(f"the threshold of {name} must lie between 0 and 1, not {value!r}")

    def threshold(self, name: str) -> float:
        """The class's threshold, 0.5 where none was set."""
        return float(self.thresholds.get(name, DEFAULT_THRESHOLD))

    @property
    def datasets(self) -> list[Mapping[str, Any]]:
        """What it was trained on, as far as that is stated."""
        return [data for data in self.training.get("datasets", ()) if isinstance(data, Mapping)]

    @property
    def measured(self) -> dict[str, Mapping[str, Any]]:
        """Name of each set of frames that it was measured on -> the summary of its figures."""
        return {n: held for n, held in self.metrics.items() if isinstance(held, Mapping) and "dice_pooled" in held}

    @property
    def every_threshold(self) -> dict[str, float]:
        """The threshold of each class of the model."""
        return {name: self.threshold(name) for name in self.network.classes}

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Rebuild from the text of config.json; each way of not fitting has its own ConfigError."""
        try:
            given = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"config.json is not JSON: {error}") from None
        if not isinstance(given, dict):
            raise ConfigError(f"config.json must hold an object, not {type(given).__name__}")
        _check_format(given.pop("format_version", None))
        needed = {"classes", "network", "preprocessing", "thresholds", "training", "metrics", "software", "sha256"}
        if missing := sorted(needed - given.keys()):
            raise ConfigError(f"config.json lacks {missing}")
        if unknown := sorted(given.keys() - needed - {"calibration"}):
            raise ConfigError(f"config.json has {unknown}, unknown to this version")
        if not isinstance(given["classes"], list) or not isinstance(given["network"], dict):
            raise ConfigError('"classes" in config.json must be a list and "network" an object')
        classes = given.pop("classes")
        network = ModelConfig.from_mapping({"classes": classes, **given["network"]})
        given["network"] = network
        given["preprocessing"] = PreprocessingConfig.from_mapping(given["preprocessing"])
        if "calibration" in given:
            given["calibration"] = Calibration.from_mapping(given["calibration"], network.classes)
        for section in ("training", "metrics", "software"):
            if not isinstance(given[section], dict):
                raise ConfigError(f'"{section}" in config.json must be an object')
        _check_training(given["training"])
        _check_metrics(given["metrics"])
        return cls(**given)

    def to_json(self) -> str:
        """The text of config.json."""
        network = self.network.to_mapping()
        content = {
            "format_version": FORMAT_VERSION,
            "classes": network.pop("classes"),
            "network": network,
            "preprocessing": self.preprocessing.to_mapping(),
            "thresholds": self.every_threshold,
            "calibration": self.calibration.to_mapping(),
            "training": dict(self.training),
            "metrics": dict(self.metrics),
            "software": dict(self.software),
            "sha256": self.sha256,
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"


class Checkpoint:
    """A network in eval mode with the configuration that it was stored with; bytes of its weights' file, if any.

    is_as_stored: whether the network is that of the file, and nobody has had it in hand, who might have changed it.
    """

    def __init__(
        self, config: CheckpointConfig, network: "DeepLabV3Plus | None", weights_bytes: int | None = None
    ) -> None:
        self.config, self.weights_bytes, self.is_as_stored = config, weights_bytes, False
        self._network, self._lock = network, threading.Lock()
        self._read: Callable[[], DeepLabV3Plus] | None = None

    @classmethod
    def stored(cls, config: CheckpointConfig, weights_bytes: int, read: "Callable[[], DeepLabV3Plus]") -> Self:
        """One whose network `read` gives when it is first asked for."""
        checkpoint = cls(config, None, weights_bytes)
        checkpoint._read, checkpoint.is_as_stored = read, True
        return checkpoint

    @property
    def network(self) -> "DeepLabV3Plus":
        """The network; CheckpointError where the weights of a file that was not looked into yet do not fit."""
        self.is_as_stored = False
        return self.look_into()

    def look_into(self) -> "DeepLabV3Plus":
        """The network for who changes nothing in it."""
        with self._lock:
            if self._network is None:
                if self._read is None:
                    raise ValueError("a checkpoint needs a network")
                self._network, self._read = self._read(), None
            return self._network


def save_checkpoint(folder: Path, network: "DeepLabV3Plus", config: CheckpointConfig, card: str) -> CheckpointConfig:
    """Write the three files and return `config` with the sha256 of the weights; config.json is written last.

    A run that is cut off between the files leaves a folder whose hash does not fit, which is refused when loaded.
    """
    from octseg.checkpoint.weights import bytes_of

    weights = bytes_of(network)
    stored = replace(config, sha256=hashlib.sha256(weights).hexdigest())
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (
        (WEIGHTS_FILE, weights),
        (CARD_FILE, card.encode()),
        (CONFIG_FILE, stored.to_json().encode()),
    ):
        partial = folder / f".{name}.partial"
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / name)
    return stored


def load_checkpoint(
    folder: Path, label: str | None = None, *, is_known: Callable[[CheckpointConfig], bool] | None = None
) -> Checkpoint:
    """The model of a checkpoint folder; CheckpointError says what does not fit, and what to do.

    label: what errors call the folder, its own name by default. is_known: of a configuration, whether the weights of
    its hash were found to fit before; then the network, and torch with it, is loaded when it is asked for.
    """
    label = label or folder.resolve().name or str(folder)
    _check_folder(folder)
    config_bytes = _read_limited(folder / CONFIG_FILE, MAX_CONFIG_BYTES)
    try:
        config = CheckpointConfig.from_json(config_bytes.decode())
    except UnicodeDecodeError:
        raise CheckpointError(f"config.json in {label} is not text in UTF-8") from None
    except ConfigError as error:
        raise CheckpointError(f"the checkpoint {label} cannot be used: {error}") from error
    weights = _read_limited(folder / WEIGHTS_FILE, MAX_WEIGHTS_BYTES)
    _check_is_safetensors(weights, label)
    found = hashlib.sha256(weights).hexdigest()
    if found != config.sha256:
        raise CheckpointError(
            f"model.safetensors in {label} has sha256 {found[:12]}..., config.json says "
            f"{str(config.sha256)[:12]}...; the file is damaged or was exchanged: get the folder again"
        )
    checkpoint = Checkpoint.stored(config, len(weights), partial(_network_of, weights, config.network, label))
    if is_known is None or not is_known(config):
        checkpoint.look_into()
    return checkpoint


def _network_of(weights: bytes, config: ModelConfig, label: str) -> "DeepLabV3Plus":
    from octseg.checkpoint.weights import network_of

    return network_of(weights, config, label)


def _check_format(version: object) -> None:
    if version is None:
        raise ConfigError("config.json has no format_version, so it is not an octseg checkpoint")
    major = str(version).split(".")[0]
    if major != str(FORMAT_MAJOR):
        raise ConfigError(f"config.json has format {version}, this version reads {FORMAT_MAJOR}.x: update octseg")


def _check_training(training: Mapping[str, Any]) -> None:
    """The parts that cards and gates read."""
    datasets = training.get("datasets", [])
    if not isinstance(datasets, list) or not all(isinstance(data, dict) for data in datasets):
        raise ConfigError('"training.datasets" in config.json must be a list of objects')
    for data in datasets:
        if not isinstance(data.get("name"), str):
            raise ConfigError('each of "training.datasets" in config.json must have a name')
        if not isinstance(data.get("studies", []), list):
            raise ConfigError('"studies" of "training.datasets" in config.json must be a list')
    for key in ("validation", "thresholds"):
        if not isinstance(training.get(key) or {}, dict):
            raise ConfigError(f'"training.{key}" in config.json must be an object')
    if not isinstance((training.get("thresholds") or {}).get("studies", []), list):
        raise ConfigError('"studies" of "training.thresholds" in config.json must be a list')


def _check_metrics(metrics: Mapping[str, Any]) -> None:
    """Each set of frames has the figures that every table shows."""
    for name, of_set in metrics.items():
        if not isinstance(of_set, dict):
            continue
        dice = of_set.get("dice_pooled")
        if not isinstance(dice, dict) or not all(value is None or _is_number(value) for value in dice.values()):
            raise ConfigError(f'"metrics.{name}.dice_pooled" in config.json must be an object of numbers')
        if not isinstance(of_set.get("n_frames"), int) or not isinstance(of_set.get("studies", []), list):
            raise ConfigError(f'"metrics.{name}" in config.json must have a number n_frames, and studies as a list')
        for key in ("lipid_arc_dice_pooled", "lipid_area_error_percent_pooled"):
            if of_set.get(key) is not None and not _is_number(of_set[key]):
                raise ConfigError(f'"metrics.{name}.{key}" in config.json must be a number')
        intervals = of_set.get("intervals_95", {})
        if not isinstance(intervals, dict) or not all(map(_is_coverage, intervals.values())):
            raise ConfigError(f'"metrics.{name}.intervals_95" in config.json must be objects with numbers n and inside')


def _is_coverage(held: object) -> bool:
    """In how many of n frames a measure's true value lies inside; None where there is no frame."""
    if not isinstance(held, dict) or not isinstance(held.get("n"), int):
        return False
    return _is_number(held.get("inside")) if held["n"] else held.get("inside") is None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_folder(folder: Path) -> None:
    if folder.is_file():
        if folder.suffix.lower() in PICKLE_ENDINGS:
            raise CheckpointError(f"{folder.name} looks like a pickle and is not opened: {PICKLE_ADVICE}")
        raise CheckpointError(f"{folder.name} is a file; give the folder that holds {CONFIG_FILE} and {WEIGHTS_FILE}")
    if not folder.is_dir():
        raise CheckpointError(
            f"there is no checkpoint folder {folder.name}; give a folder, or org/name[@revision] of the Hub"
        )
    name = folder.resolve().name or str(folder)
    require_files({path.name for path in folder.iterdir() if path.is_file()}, name)


def require_files(names: Set[str], label: str) -> None:
    """CheckpointError where the files of a folder or repository are not those of a checkpoint."""
    if WEIGHTS_FILE not in names:
        pickles = sorted(name for name in names if Path(name).suffix.lower() in PICKLE_ENDINGS)
        if pickles:
            raise CheckpointError(f"{label} has {pickles[0]} but no {WEIGHTS_FILE}: {PICKLE_ADVICE}")
        raise CheckpointError(f"{label} has no {WEIGHTS_FILE}, so there are no weights to load")
    if CONFIG_FILE not in names:
        raise CheckpointError(f"{label} has no {CONFIG_FILE}, so the network of its weights is unknown")


def check_size(label: str, size: int, limit: int) -> None:
    """CheckpointError where a file is larger than is read."""
    if size > limit:
        raise CheckpointError(f"{label} has {size:,} bytes; more than {limit:,} is not read")


def _read_limited(path: Path, limit: int) -> bytes:
    check_size(path.name, path.stat().st_size, limit)
    return path.read_bytes()


def _check_is_safetensors(weights: bytes, label: str) -> None:
    """Safetensors begin with 8 bytes of length and a JSON object; zips and pickles are named as what they are."""
    if weights[8:9] == b"{":
        return
    if weights[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise CheckpointError(f"{WEIGHTS_FILE} in {label} is a pickle by content and is not opened: {PICKLE_ADVICE}")
    raise CheckpointError(f"{WEIGHTS_FILE} in {label} is no safetensors file; get the folder again")
