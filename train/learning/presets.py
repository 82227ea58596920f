"""What is trained where nothing else is asked for: recipes with their steps, and how the network sees a frame."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from octseg.view.preprocessing import PreprocessingConfig
from train.learning.recipe import Recipe, Stage, plain_recipe, seed_recipe

POLAR = PreprocessingConfig(domain="polar", size=(416, 512), second_look="along_lumen")
CARTESIAN = PreprocessingConfig(domain="cartesian", size=(512, 512))
DOMAINS = {each.domain: each for each in (POLAR, CARTESIAN)}


@dataclass(frozen=True)
class Preset:
    """What is trained where nothing else is asked for; coarse_steps: of each cycle at half the size."""

    recipe: Callable[[tuple[Stage, ...]], Recipe]
    coarse_steps: tuple[int, ...]
    preprocessing: PreprocessingConfig


PRESETS = {
    "ours": Preset(lambda asked: Recipe(stages=asked), (2400,), POLAR),
    "plain": Preset(plain_recipe, (1600, 900), POLAR),
    "seed": Preset(seed_recipe, (2500,), CARTESIAN),
}


def coarse_stage(steps: int, size: tuple[int, int] = POLAR.size) -> Stage:
    """Many quick steps at half the input `size`: a quarter of the positions."""
    return Stage(steps=steps, batch=8, size=(size[0] // 2, size[1] // 2))


def fine_stage(steps: int, size: tuple[int, int] = POLAR.size) -> Stage:
    """Fewer steps at the full input size, at lower rates."""
    return Stage(steps=steps, batch=4, size=size).of_trained()


def stages(
    coarse_steps: Sequence[int], fine_steps: Sequence[int], size: tuple[int, int] = POLAR.size
) -> tuple[Stage, ...]:
    """Coarse cycles of so many steps each, then fine ones at the full input `size`."""
    coarse = (coarse_stage(steps, size) for steps in coarse_steps)
    return (*coarse, *(fine_stage(steps, size) for steps in fine_steps))
