"""Card, README and docs say of the bundled model what its config.json holds, so that each figure can be traced."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from octseg.cards.score_tables import lipid_table, summary_table
from octseg.checkpoint import load_checkpoint
from octseg.pretrained import BUNDLED

ROOT = Path(__file__).parent.parent.parent
CONFIG = load_checkpoint(BUNDLED).config
SETS: dict[str, Mapping[str, Any]] = {
    name: of_set for name, of_set in CONFIG.metrics.items() if isinstance(of_set, Mapping)
}
IN_PAGES = ("lumen", "fibrous_cap", "lipid_core")


def test_the_card_has_the_tables_of_its_config() -> None:
    card = (BUNDLED / "README.md").read_text(encoding="utf-8")
    assert summary_table(SETS) in card
    assert lipid_table(SETS) in card
    assert str(CONFIG.calibration.made_from["intervals"]) in card


@pytest.mark.parametrize("page", ["README.md", "docs/training.md"])
@pytest.mark.parametrize("name", SETS)
def test_a_page_has_the_figures_of_each_set_of_frames(page: str, name: str) -> None:
    of_set = SETS[name]
    dices = [of_set["dice_pooled"][tissue] for tissue in IN_PAGES]
    dices += [of_set["lipid_unlimited"]["dice_pooled"], of_set["dice_pooled"]["vasa_vasorum"]]
    figures = [f"{each:.2f}" for each in (*dices, of_set["lipid_arc_dice_pooled"])]
    error = f"{of_set['lipid_area_error_percent_pooled']:+.0f} %"
    assert f"| {' | '.join([str(of_set['n_frames']), *figures, error])} |" in (ROOT / page).read_text(encoding="utf-8")


def test_the_page_on_training_calibrates_with_as_many_phantoms_as_were_used() -> None:
    count = str(CONFIG.calibration.made_from["intervals"]).split()[0]
    assert f"train.calibrate --model RUN --phantoms {count}\n" in (ROOT / "docs/training.md").read_text(
        encoding="utf-8"
    )
