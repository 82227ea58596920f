"""How the network is trained; stored with the weights."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from typing_extensions import Self

Loss = Literal["bce_dice", "bce_focal_tversky"]
Optimiser = Literal["adamw", "rmsprop"]
Schedule = Literal["cosine", "plateau"]  # plateau: lower when the Dice on validation frames stands still


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stretch of training at one input size."""

    steps: int
    batch: int
    size: tuple[int, int]
    learning_rate: float = 1e-3
    encoder_learning_rate: float = 2e-4

    def of_trained(self) -> Self:
        """At the lower peak rates of a network that has been trained before: in an earlier stage, or another run."""
        return replace(self, learning_rate=4e-4, encoder_learning_rate=1e-4)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How differently a frame may be seen each time. A chance of 0 and a range of one value switch a piece off.

    Off by default is what was not measured to help (docs/training.md); `every_piece` has it on.

    zoom: how far the input reaches, as a part of the frame's disc. near_chance: of reaching `near_mm` behind the lumen
    instead, as the second look does in use. before_mm, lumen_off_mm: where that goes along the lumen, how far before it
    rays begin, and by how much (standard deviation, mm) its outline may be off. offset: greatest shift of the catheter,
    as a part of the disc. pixel_um, coarse_chance: pixels as wide as other zooms have them. dim_chance: of light lost
    with depth; dim_per_mm: grey levels, at most. floor_chance: of noise that goes on behind the rim; black_level:
    greatest grey of what is black, by black_chance.
    gamma, gain: ranges. range_cut: how much of the displayed dB range may be cut at either end.
    tone_chance: of another grey map, as another palette gives. shadow, blood, ruler, wedge: chances of a guide wire's
    shadow, of blood left in the lumen, of a ruler drawn and painted out, of a wedge taken from another frame.
    """

    turn: bool = True
    mirror: bool = True
    zoom: tuple[float, float] = (0.45, 2.0)
    near_chance: float = 0.5
    near_mm: tuple[float, float] = (1.25, 1.8)
    before_mm: tuple[float, float] = (0.05, 0.3)
    lumen_off_mm: float = 0.05
    offset: float = 0.08
    gamma: tuple[float, float] = (0.6, 1.6)
    gain: tuple[float, float] = (0.75, 1.3)
    pixel_um: tuple[float, float] = (7.0, 15.0)
    coarse_chance: float = 0.6
    dim_chance: float = 0.4
    dim_per_mm: float = 25.0
    floor_chance: float = 0.7
    black_level: float = 25.0
    black_chance: float = 0.15
    range_cut: float = 0.0
    tone_chance: float = 0.0
    blur_chance: float = 0.4
    speckle_chance: float = 0.4
    shadow_chance: float = 0.15
    blood_chance: float = 0.0
    ruler_chance: float = 0.0
    wedge_chance: float = 0.0

    @classmethod
    def every_piece(cls) -> Self:
        """With the pieces that are off by default."""
        return cls(range_cut=0.08, tone_chance=0.3, blood_chance=0.15, ruler_chance=0.15, wedge_chance=0.25)

    def without(self, *pieces: str) -> Self:
        """All but the named pieces."""
        return replace(self, **{name: _OFF[name] for name in pieces})


_OFF: dict[str, Any] = {
    **{piece.name: 0.0 for piece in fields(Augmentation) if piece.name.endswith("_chance")},
    **dict.fromkeys(("turn", "mirror"), False),
    **dict.fromkeys(("offset", "range_cut", "lumen_off_mm"), 0.0),
    **{name: getattr(Augmentation, name) for name in ("near_mm", "before_mm", "pixel_um", "dim_per_mm", "black_level")},
    **dict.fromkeys(("zoom", "gamma", "gain"), (1.0, 1.0)),
}
PLAIN_FLIPS = Augmentation().without(*(set(_OFF) - {"mirror"}))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All stages, and what is drawn and minimised in each."""

    stages: tuple[Stage, ...]
    augmentation: Augmentation = field(default_factory=Augmentation)
    loss: Loss = "bce_focal_tversky"
    phantom_share: float = 0.4  # of each batch
    lipid_share: float = 0.5  # of the real frames of each batch, at least
    balance_studies: bool = True  # each study as often as the others, however many frames it has
    optimiser: Optimiser = "adamw"
    schedule: Schedule = "cosine"
    weight_decay: float = 1e-2
    ema_decay: float = 0.99
    warm_up: float = 0.1  # part of a stage's steps
    seed: int = 0

    @property
    def steps(self) -> int:
        """Of all stages."""
        return self.run_step(len(self.stages), 0)

    def run_step(self, stage: int, step: int) -> int:
        """Steps of the whole run that are done where `step` of a stage are; stages count from 0."""
        return sum(each.steps for each in self.stages[:stage]) + step


def plain_recipe(stages: Sequence[Stage]) -> Recipe:
    """The baseline: cross-entropy and Dice; frames as they come, but for flips; no phantoms."""
    return Recipe(
        stages=tuple(stages),
        augmentation=PLAIN_FLIPS,
        loss="bce_dice",
        phantom_share=0.0,
        lipid_share=0.0,
        balance_studies=False,
    )


def seed_recipe(stages: Sequence[Stage]) -> Recipe:
    """The baseline's frames and loss with RMSprop at 1e-5 and plateau on Dice."""
    return replace(
        plain_recipe([replace(stage, learning_rate=1e-5, encoder_learning_rate=1e-5) for stage in stages]),
        optimiser="rmsprop",
        schedule="plateau",
        weight_decay=0.0,
        ema_decay=0.0,
    )
