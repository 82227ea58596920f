"""Calibration: probabilities and widths fitted to answers known beforehand, stored, checked, and put to use."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit, logit

from octseg.cards.score_tables import coverage_table
from octseg.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from octseg.checkpoint.calibration import Calibration, Platt
from octseg.errors import CheckpointError
from octseg.inference import choose_backend
from octseg.measurement import FrameMeasures
from octseg.measurement.intervals import Reach, Signs, Width
from octseg.model import DeepLabV3Plus
from octseg.phantom import make_phantom, random_spec, render
from octseg.pretrained import BUNDLED, from_pretrained
from octseg.segmenter import Segmenter
from octseg.view.preprocessing import to_input, view_frame
from tests.fakes.prepared import phantoms_fold, prepare_folder
from tests.fakes.tiny import TINY
from train.calibrate import (
    Reading,
    calibrate_cores,
    calibrate_intervals,
    calibrate_probability,
    core_logits,
    fitted_core_logit,
    fitted_platt,
    fitted_widths,
    main,
    phantoms,
)
from train.calibrate import readings as readings_of
from train.dataset import Case, Data, phantom_case
from train.judging.judge import evaluate
from train.judging.reliability import Reliability
from train.judging.scores import true_and_found


@pytest.fixture
def bundled(tmp_path: Path) -> Path:
    """A copy of the bundled model that knows of no calibration."""
    known = load_checkpoint(BUNDLED)
    config = replace(known.config, calibration=Calibration())
    save_checkpoint(tmp_path / "model", known.network, config, "# A copy")
    return tmp_path / "model"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_probability_is_moved_by_slope_and_intercept_of_its_class_alone(backend: str) -> None:
    torch.manual_seed(0)
    network = DeepLabV3Plus(TINY.network).eval()
    grey = to_input(view_frame(make_phantom(0).frame), TINY.preprocessing)[None]
    calibration = Calibration(probability={"lipid_core": Platt(slope=0.5, intercept=-1.0)})
    plain, moved = (
        choose_backend(Checkpoint(replace(TINY, calibration=each), network), "cpu", backend)
        for each in (Calibration(), calibration)
    )
    before, after = plain(grey)[0], moved(grey)[0]
    np.testing.assert_array_equal(after[0], before[0])
    between = (before[1] > 0.01) & (before[1] < 0.99)
    np.testing.assert_allclose(after[1][between], expit(0.5 * logit(before[1][between]) - 1.0), atol=1e-4)
    assert between.sum() > 100


def test_a_core_must_be_as_sure_as_nearly_none_of_the_invented_ones() -> None:
    without = [*[-np.inf] * 80, *np.linspace(0.5, 2.4, 20)]  # 4 of these 100 are surer than 2.0
    assert fitted_core_logit([3.0] * 50, without) == pytest.approx(2.1, abs=0.1)


def test_but_never_so_sure_that_many_true_ones_are_missed() -> None:
    with_lipid = [*np.linspace(1.0, 2.0, 101), *[-np.inf] * 20]
    assert fitted_core_logit(with_lipid, [*[0.5] * 10, *[5.0] * 20]) == pytest.approx(1.02, abs=0.02)


@pytest.mark.parametrize(("spared", "least"), [(2, 0.0), (10, pytest.approx(1.02, abs=0.02))])
def test_nor_at_all_where_true_cores_would_go_for_about_as_many_invented_ones(spared: int, least: float) -> None:
    with_lipid = list(np.linspace(1.0, 2.0, 101))  # 2 of these are less sure than 1.02
    without = [*[0.5] * spared, *[5.0] * (100 - spared)]
    assert fitted_core_logit(with_lipid, without) == least


def test_without_frames_of_both_kinds_every_core_counts() -> None:
    assert fitted_core_logit([], [1.0]) == 0.0
    assert fitted_core_logit([1.0], []) == 0.0


def test_a_core_below_the_models_least_logit_is_not_outlined(bundled: Path) -> None:
    frame = make_phantom(0).frame
    result = from_pretrained(bundled, backend="torch").segment(frame)
    surest = max(core_logits(result, 0.5))
    known = load_checkpoint(bundled)
    for least, found in ((surest - 0.5, True), (surest + 0.5, False)):
        calibration = replace(known.config.calibration, least_core_logit=least)
        save_checkpoint(bundled, known.network, replace(known.config, calibration=calibration), "# A copy")
        assert from_pretrained(bundled, backend="torch").segment(frame).masks["lipid_core"].any() == found


def test_a_calibration_from_before_cores_were_asked_takes_every_core() -> None:
    stored = Calibration().to_mapping()
    del stored["least_core_logit"]
    assert Calibration.from_mapping(stored, ("lumen",)).least_core_logit == 0.0


def test_a_slope_and_an_intercept_that_are_known_are_found() -> None:
    """A model that says `p` where the truth comes with sigmoid(0.6 logit(p) + 0.4)."""
    rng = np.random.default_rng(0)
    told = expit(rng.normal(-1.0, 2.0, (1000, 1000)))
    bins = Reliability.empty()
    bins.add(told.astype(np.float32), rng.random(told.shape) < expit(0.6 * logit(told) + 0.4))
    platt = fitted_platt(bins)
    assert platt is not None
    assert platt.slope == pytest.approx(0.6, abs=0.01)
    assert platt.intercept == pytest.approx(0.4, abs=0.02)
    nothing = Reliability.empty()
    nothing.add(told.astype(np.float32), np.zeros(told.shape, bool))
    assert fitted_platt(nothing) is None


def readings(off: np.ndarray, spread: np.ndarray, value: np.ndarray, rise: np.ndarray | None = None) -> list[Reading]:
    """Frames whose true value lies `off` above the one found."""
    rises = np.zeros_like(value) if rise is None else rise
    told = zip(value + off, value, spread, rises, strict=True)
    return [Reading(float(t), float(v), Signs(float(s), 0.0, float(r))) for t, v, s, r in told]


def inside(width: Width, frames: list[Reading]) -> float:
    ends = [width.interval(each.value, each.signs) for each in frames]
    return float(np.mean([low <= each.true <= high for (low, high), each in zip(ends, frames, strict=True)]))


def test_widths_hold_95_of_100_of_new_distances_and_go_by_what_tells() -> None:
    rng = np.random.default_rng(1)
    n = 3000
    spread, value, told = rng.uniform(0.5, 5.0, n), rng.uniform(1.0, 100.0, n), rng.normal(0.0, 1.0, n)
    frames = {
        "lipid_arc_deg": readings(told * spread, spread, value),
        "lumen_area_mm2": readings(told * 0.2 * value, np.zeros(n), value),
        "lipid_core_area_mm2": readings(told * 3.0, spread, value),
    }
    widths = fitted_widths({name: of_measure[:1000] for name, of_measure in frames.items()})
    for name, width in widths.items():
        assert inside(width, frames[name][1000:]) == pytest.approx(0.95, abs=0.025)
    assert widths["lipid_arc_deg"].high.spread == pytest.approx(1.96, rel=0.2)
    assert widths["lumen_area_mm2"].low.share == pytest.approx(1.96 * 0.2, rel=0.2)
    assert widths["lipid_core_area_mm2"].low.of(1.0, 10.0, 0.0) == pytest.approx(1.96 * 3.0, rel=0.2)
    assert fitted_widths({"lipid_arc_deg": frames["lipid_arc_deg"][:79]}) == {}
    assert fitted_widths({"vasa_vasorum_count": frames["lipid_arc_deg"]}) == {}


def test_ends_are_as_uneven_as_the_errors_are() -> None:
    """Values that are never too low by more than a tenth of what they are too high by."""
    rng = np.random.default_rng(2)
    n = 1500
    spread, value, side = rng.uniform(0.5, 5.0, n), rng.uniform(50.0, 100.0, n), rng.random(n) < 0.5
    off = np.where(side, -spread, 0.1 * spread) * rng.random(n)
    width = fitted_widths({"lipid_arc_deg": readings(off, spread, value)})["lipid_arc_deg"]
    assert width.low.of(2.0, 75.0, 0.0) > 7 * width.high.of(2.0, 75.0, 0.0)


def test_frames_in_which_nothing_was_found_do_not_widen_the_intervals_of_the_others() -> None:
    """Each third of those with nothing found was missed, with a rise that tells of it."""
    rng = np.random.default_rng(3)
    n = 400
    found = readings(rng.normal(0.0, 0.1, n), np.full(n, 0.1), rng.uniform(2.0, 6.0, n))
    missed = np.where(np.arange(n) % 3 == 0, rng.uniform(2.0, 4.0, n), 0.0)
    nothing = readings(missed, np.zeros(n), np.zeros(n), rise=missed / 4)
    width = fitted_widths({"lipid_core_area_mm2": [*found, *nothing]})["lipid_core_area_mm2"]
    assert width.high.of(0.1, 4.0, 0.0) < 0.3
    assert width.none.of(0.0, 0.0, 0.0) < 0.3
    assert width.none.of(0.0, 0.0, 1.0) == pytest.approx(4.0, rel=0.1)


def test_intervals_are_fitted_on_phantoms_of_either_optics_by_turns() -> None:
    names = [case.name for case in phantoms(3)]
    assert names == ["phantom_800000", "other_optics_850000", "phantom_800001"]


def test_the_configuration_keeps_a_calibration(tmp_path: Path) -> None:
    calibration = Calibration(
        probability={"lumen": Platt(slope=1.5, intercept=0.25)},
        intervals={"lipid_arc_deg": Width(low=Reach(spread=2.5), high=Reach(share=0.25, floor=10.0), none=Reach())},
        made_from={"intervals": "3 phantoms"},
    )
    save_checkpoint(tmp_path, DeepLabV3Plus(TINY.network), replace(TINY, calibration=calibration), "# Tiny")
    assert load_checkpoint(tmp_path).config.calibration == calibration


def test_intervals_that_were_written_with_one_factor_are_read_as_they_were_meant(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, DeepLabV3Plus(TINY.network), TINY, "# Tiny")
    old = {"lipid_arc_deg": {"factor": 2.0, "share": 0.1, "floor": 5.0}}
    change(tmp_path, lambda config: config["calibration"].update(intervals=old))
    width = load_checkpoint(tmp_path).config.calibration.intervals["lipid_arc_deg"]
    assert width.interval(100.0, Signs(3.0, drop=50.0)) == (100 - 2 * (3 + 10 + 5), 100 + 2 * (3 + 10 + 5))


def drop_calibration(config: dict[str, Any]) -> None:
    del config["calibration"]


def test_a_checkpoint_without_a_calibration_is_taken_as_it_is(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, DeepLabV3Plus(TINY.network), TINY, "# Tiny")
    change(tmp_path, drop_calibration)
    assert load_checkpoint(tmp_path).config.calibration == Calibration()


def change(folder: Path, how: Callable[[dict[str, Any]], None]) -> None:
    config = json.loads((folder / "config.json").read_text())
    how(config)
    (folder / "config.json").write_text(json.dumps(config))


BELOW_0 = {"spread": -1.0, "share": 0.0, "shift": 0.0, "floor": 0.0}


@pytest.mark.parametrize(
    ("section", "name", "held", "words"),
    [
        ("probability", "calcium", {"slope": 1.0, "intercept": 0.0}, r"names \['calcium'\], unknown to this model"),
        (
            "probability",
            "lumen",
            {"slope": 0.0, "intercept": 0.0},
            "slope of calibration.probability.lumen must be above",
        ),
        ("probability", "lumen", {"slope": "1", "intercept": 0.0}, "slope.* must be a finite number, not '1'"),
        (
            "probability",
            "lumen",
            {"slope": 1.0},
            r"calibration.probability.lumen\" in config.json lacks \['intercept'\]",
        ),
        ("probability", "lumen", {"slope": 1.0, "intercept": 1e999}, "intercept.* must be a finite number"),
        ("intervals", "plaque_burden", {"factor": 2.0, "share": 0.0, "floor": 0.0}, r"names \['plaque_burden'\]"),
        ("intervals", "lipid_arc_deg", {"factor": 2.0, "share": 0.0, "floor": -1.0}, "share and floor from 0 on"),
        ("intervals", "lipid_arc_deg", [2.0, 1.0], "must be an object"),
        ("intervals", "lipid_arc_deg", {"low": {}, "high": {}}, r"lipid_arc_deg\" in config.json lacks \['none'\]"),
        ("intervals", "lipid_arc_deg", {"low": {"spread": 1.0}, "high": BELOW_0, "none": BELOW_0}, r"low\" .* lacks"),
        ("intervals", "lipid_arc_deg", {"low": BELOW_0, "high": BELOW_0, "none": BELOW_0}, "must be from 0 on"),
    ],
)
def test_a_calibration_that_does_not_fit_is_refused_by_name(
    tmp_path: Path, section: str, name: str, held: Any, words: str
) -> None:
    save_checkpoint(tmp_path, DeepLabV3Plus(TINY.network), TINY, "# Tiny")
    change(tmp_path, lambda config: config["calibration"][section].update({name: held}))
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("without_openvino")
def test_probabilities_and_thresholds_come_from_validation_and_older_figures_go(
    bundled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Phantoms as a dataset: of three studies one is for validation. Before, a threshold that is far too high."""
    change(bundled, lambda config: config.update(thresholds={"lipid_core": 0.99}, metrics={"protocol": "old"}))
    fold = phantoms_fold(tmp_path / "fold", dict.fromkeys(("011", "012", "013"), True), per_study=2)
    assert prepare_folder(fold, tmp_path / "data", "--size", "512", "--validation-share", "0.34") == 0
    assert main(["--model", str(bundled), "--data", str(tmp_path / "data"), "--phantoms", "2"]) == 0
    told = capsys.readouterr()
    assert "thresholds will follow 2 validation frames of 1 patients" in told.err
    assert "no intervals can be fitted: that takes 80 frames" in told.err
    config = load_checkpoint(bundled).config
    assert config.threshold("lipid_core") < 0.9
    assert set(config.calibration.probability) == {"lipid_core"}  # the dataset speaks of no other
    assert config.metrics == {}
    assert config.calibration.made_from["probability"] == "2 validation frames of 1 patients"
    assert "intervals" not in config.calibration.made_from
    assert "intervals of 0 measures" in told.out  # two frames are too few


def test_frames_that_thresholds_are_chosen_on_stand_in_config_json_and_on_the_card(bundled: Path) -> None:
    told = {"name": "Drawn", "doi": None, "used": "1 frames of the study 7", "private": False}
    case = replace(phantom_case(1), study="7")
    calibrate_probability(bundled, Data(tuple(case.truth), ("7",), lambda: iter([case]), told))
    assert load_checkpoint(bundled).config.training["thresholds"] == {**told, "studies": ["7"]}
    assert "; chosen on 1 frames of the study 7" in (bundled / "README.md").read_text()


def test_a_card_says_of_intervals_what_was_done(bundled: Path) -> None:
    """Fitted before on phantoms; of no frames none can be."""
    change(bundled, lambda config: config["calibration"].update(made_from={"intervals": "400 phantoms"}))
    calibrate_intervals(bundled, [], "no frame")
    assert "intervals" not in load_checkpoint(bundled).config.calibration.made_from
    assert "widths of 95 % intervals: not checked against any truth" in (bundled / "README.md").read_text()


def test_figures_and_pictures_of_outlines_that_a_calibration_changes_go(bundled: Path) -> None:
    for name in ("metrics.json", "failures.png"):
        (bundled / name).write_bytes(b"{}")
    calibrate_cores(bundled, phantoms(1), "a phantom")
    assert load_checkpoint(bundled).config.metrics == {}
    assert not (bundled / "metrics.json").exists()
    assert not (bundled / "failures.png").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--data", "x", "--split", "test"], "calibrated on validation, never on test"),
        (["--phantoms", "0"], "nothing to calibrate on"),
        (["--phantoms", "1"], "one phantom cannot set a model right"),
    ],
)
def test_what_cannot_be_calibrated_on_is_told_and_changes_nothing(
    bundled: Path, capsys: pytest.CaptureFixture[str], flags: list[str], words: str
) -> None:
    before = (bundled / "config.json").read_bytes()
    assert main(["--model", str(bundled), *flags]) == 1
    assert words in capsys.readouterr().err
    assert (bundled / "config.json").read_bytes() == before


@pytest.mark.parametrize("given", ["-3", "many", "2.5"])
def test_a_number_of_phantoms_that_is_none_is_told_and_changes_nothing(
    bundled: Path, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    before = {path.name: path.read_bytes() for path in bundled.iterdir()}
    with pytest.raises(SystemExit, match="2"):
        main(["--model", str(bundled), f"--phantoms={given}"])
    assert f"must be a whole number from 0, not {given}" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in bundled.iterdir()} == before


@pytest.mark.slow
def test_areas_that_were_calibrated_in_pixels_have_no_intervals_and_that_is_said(bundled: Path) -> None:
    change(
        bundled,
        lambda config: config["calibration"].update(
            intervals={"lumen_area_px": {"factor": 2.0, "share": 0.1, "floor": 9.0}}
        ),
    )
    result = from_pretrained(bundled, backend="torch").segment(make_phantom(0).frame, uncertainty=True)
    assert result.intervals_95 is not None
    assert result.intervals_95["lumen_area_px"] is result.intervals_95["lumen_area_mm2"] is None
    assert any("calibrated in pixels, by an earlier version" in warning for warning in result.warnings)


def test_intervals_of_a_model_that_was_never_calibrated_say_so(bundled: Path) -> None:
    result = from_pretrained(bundled, backend="torch").segment(make_phantom(0).frame, uncertainty=True)
    assert any("were not checked against any truth" in warning for warning in result.warnings)


@pytest.mark.slow
@pytest.mark.parametrize("spacing_mm", [0.01, None])
def test_of_an_area_that_in_mm2_alone_is_fitted_without_a_scale_too(
    segmenter: Segmenter, spacing_mm: float | None
) -> None:
    phantom = render(random_spec(3, size_px=704, ruler=False, lipid=True))
    case = Case("phantom_3", "phantom", phantom.frame, phantom.masks, spacing_mm)
    read = readings_of(segmenter, [case])
    pixel_mm2 = (7 / 704) ** 2 if spacing_mm is None else spacing_mm**2
    assert not any(name.endswith(("_px", "_percent_of_disc")) for name in read)
    [of_lumen] = read["lumen_area_mm2"]
    assert of_lumen.true == pytest.approx(phantom.masks["lumen"].sum() * pixel_mm2)


def test_coverage_counts_true_values_inside_and_keeps_apart_what_is_absent_in_both(segmenter: Segmenter) -> None:
    case = phantom_case(900_000)
    sure = segmenter.segment(case.frame, case.pixel_spacing_mm, uncertainty=True)
    both = true_and_found(sure, case)
    true_mm2 = case.truth["lumen"].sum() * (sure.pixel_spacing_mm or 0) ** 2
    assert both["lumen_area_mm2"][0] == pytest.approx(true_mm2)
    assert both["lumen_area_mm2"][1] == sure.measures.lumen_area_mm2
    absent = replace(sure, measures=FrameMeasures())
    empty = replace(case, truth={name: np.zeros_like(plane) for name, plane in case.truth.items()})
    assert true_and_found(absent, empty)["lipid_core_area_px"] == (0.0, 0.0)
    assert "fibrous_cap_thickness_min_um" not in true_and_found(absent, empty)
    metrics = evaluate(segmenter, [case], uncertainty=True)
    low, high = (sure.intervals_95 or {})["lumen_area_mm2"] or (1.0, 0.0)
    held = metrics["intervals_95"]["lumen_area_mm2"]
    inside = float(low <= true_mm2 <= high)
    assert (held["n"], held["inside"], held["inside_all"]) == (1, inside, inside)
    assert held["median_half_width"] == pytest.approx((high - low) / 2, abs=1e-4)
    assert "| phantoms | lumen_area_mm2 | 1 |" in coverage_table({"phantoms": metrics})


def test_each_phantom_counts_as_a_patient_of_its_own_in_the_bootstrap(segmenter: Segmenter) -> None:
    metrics = evaluate(segmenter, [phantom_case(900_000 + number) for number in range(3)])
    low, high = metrics["classes"]["lumen"]["dice"]["pooled_ci95"]
    assert low < metrics["dice_pooled"]["lumen"] < high
