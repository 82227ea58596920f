"""What a checkpoint knows of how far it is off: probability set right, and how wide each measure's interval must be.

Stands under "calibration" in config.json; `python -m train.calibrate` puts it there.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from typing_extensions import Self

from octseg.errors import ConfigError
from octseg.measurement.intervals import INTERVAL_MEASURES, Reach, Width
from octseg.model.config import checked_fields


@dataclass(frozen=True, kw_only=True)
class Platt:
    """Probability becomes sigmoid(slope * logit + intercept) (Platt 1999); the network's own by default."""

    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """probability: of a class. intervals: of a measure. made_from: which frames each of these was fitted on.

    least_core_logit: mean logit of lipid, over that of its threshold, from which a core is told from none.
    """

    probability: Mapping[str, Platt] = field(default_factory=dict)
    intervals: Mapping[str, Width] = field(default_factory=dict)
    made_from: Mapping[str, str] = field(default_factory=dict)
    least_core_logit: float = 0.0

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any], classes: tuple[str, ...]) -> Self:
        """Rebuild from the JSON object; ConfigError for what does not fit a model of these classes.

        Checkpoints of octseg 0.1 took every core for one.
        """
        sections = checked_fields(cls, given, "calibration", {"least_core_logit": 0.0})
        least = _number(sections["least_core_logit"], "calibration.least_core_logit")
        for section, known in (("probability", classes), ("intervals", INTERVAL_MEASURES)):
            if not isinstance(sections[section], Mapping):
                raise ConfigError(f'"calibration.{section}" in config.json must be an object')
            if unknown := sorted(set(sections[section]) - set(known)):
                raise ConfigError(f'"calibration.{section}" in config.json names {unknown}, unknown to this model')
        if not isinstance(sections["made_from"], Mapping):
            raise ConfigError('"calibration.made_from" in config.json must be an object')
        probability = {
            name: Platt(**_numbers(Platt, held, f"calibration.probability.{name}"))
            for name, held in sections["probability"].items()
        }
        intervals = {
            name: _width(held, f"calibration.intervals.{name}") for name, held in sections["intervals"].items()
        }
        for name, platt in probability.items():
            if platt.slope <= 0:
                raise ConfigError(f"the slope of calibration.probability.{name} must be above 0, not {platt.slope}")
        return cls(
            probability=probability, intervals=intervals, made_from=sections["made_from"], least_core_logit=least
        )

    def to_mapping(self) -> dict[str, Any]:
        """Fields as JSON knows them."""
        return asdict(self)


def _width(given: Any, section: str) -> Width:
    """As it is written today, or with one factor for both ends as it was before."""
    if isinstance(given, Mapping) and "factor" in given:
        held = _numbers(_Symmetrical, given, section)
        if held["factor"] <= 0 or held["share"] < 0 or held["floor"] < 0:
            raise ConfigError(f"{section} must have a factor above 0, and share and floor from 0 on")
        return Width.symmetrical(**held)
    ends = checked_fields(Width, given, section)
    reaches = {end: Reach(**_numbers(Reach, held, f"{section}.{end}")) for end, held in ends.items()}
    if any(value < 0 for reach in reaches.values() for value in asdict(reach).values()):
        raise ConfigError(f"what {section} reaches by must be from 0 on")
    return Width(**reaches)


@dataclass(frozen=True)
class _Symmetrical:
    """An interval that reaches factor * (spread + share * value + floor) to either side."""

    factor: float
    share: float
    floor: float


def _numbers(cls: type, given: Any, section: str) -> dict[str, float]:
    """The fields of `cls`, each a finite number."""
    fields = checked_fields(cls, given, section)
    return {name: _number(value, f"{section}.{name}") for name, value in fields.items()}


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ConfigError(f'"{name}" in config.json must be a finite number, not {value!r}')
    return float(value)
