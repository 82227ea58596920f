"""What it takes to rebuild the network; its fields stand under "network" in a checkpoint's config.json."""

import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from typing_extensions import Self

from octseg.classes import CLASS_NAMES
from octseg.errors import ConfigError

MAX_RATES = 8  # a file of 20 kB could ask for 10,000 branches, which take 16 GB


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The improved DeepLabV3+: K = len(classes) logit planes, in the order of `classes`."""

    classes: tuple[str, ...] = CLASS_NAMES
    output_stride: int = 16  # frame height / feature height; 8 is finer, at 4x the positions to compute
    aspp_rates: tuple[int, ...] = (6, 12, 18)  # spacing of the taps, in feature-map pixels
    aspp_channels: int = 256
    skip_channels: int = 48
    circular_rows: bool = False  # row 0 follows the last, as rays about a catheter do

    def __post_init__(self) -> None:
        _check_classes(self.classes)
        if self.output_stride not in (8, 16):
            raise ConfigError(f"output_stride must be 8 or 16, not {self.output_stride}")
        _check_rates(self.aspp_rates)
        if not isinstance(self.circular_rows, bool):
            raise ConfigError(f"circular_rows must be true or false, not {self.circular_rows!r}")
        for name in ("aspp_channels", "skip_channels"):
            channels = getattr(self, name)
            if not isinstance(channels, int) or not 8 <= channels <= 1024:
                raise ConfigError(f"{name} must be a whole number from 8 to 1024, not {channels!r}")

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Self:
        """Rebuild from the JSON object; JSON has no tuples, so its lists become tuples again.

        Checkpoints of octseg 0.1 did not say whether rows go around: there they did not.
        """
        return cls(**checked_fields(cls, given, "network", {"circular_rows": False}))

    def to_mapping(self) -> dict[str, Any]:
        """Fields as JSON knows them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def _check_classes(classes: object) -> None:
    names = classes if isinstance(classes, tuple) else ()
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise ConfigError(f"classes must be one or more different names, not {classes!r}")
    if unknown := [name for name in names if name not in CLASS_NAMES]:
        raise ConfigError(f"classes has {unknown}, unknown to this version, which knows {list(CLASS_NAMES)}")


def _check_rates(aspp_rates: object) -> None:
    rates = aspp_rates if isinstance(aspp_rates, tuple) else ()
    if not 1 <= len(rates) <= MAX_RATES or any(not isinstance(rate, int) or not 1 <= rate <= 64 for rate in rates):
        raise ConfigError(
            f"aspp_rates must be whole numbers from 1 to 64, {MAX_RATES} at most, not {reprlib.repr(aspp_rates)}"
        )


def checked_fields(
    cls: type, given: Mapping[str, Any], section: str, added: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The fields of one section of config.json, lists as tuples; an unknown or missing one is refused by name.

    added: fields that older files lack, with what they meant.
    """
    if not isinstance(given, Mapping):
        raise ConfigError(f'"{section}" in config.json must be an object, not {type(given).__name__}')
    given = {**(added or {}), **given}
    known = {field.name for field in fields(cls)}
    if unknown := sorted(given.keys() - known):
        raise ConfigError(f'"{section}" in config.json has {unknown}, unknown to this version: {sorted(known)}')
    if missing := sorted(known - given.keys()):
        raise ConfigError(f'"{section}" in config.json lacks {missing}')
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
