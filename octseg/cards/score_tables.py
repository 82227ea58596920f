"""Figures of merit as Markdown tables, from what `train.evaluate` writes into metrics.json."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from octseg.cards.markdown import table
from octseg.measurement.depth import LIPID_DEPTH_MM

METRICS_FILE = "metrics.json"  # beside config.json, which holds a summary of it
SHOWN_INTERVALS = ("lipid_core_area_mm2", "lipid_arc_deg", "fibrous_cap_thickness_min_um", "lumen_area_mm2")
Metrics: TypeAlias = Mapping[str, Mapping[str, Any]]  # name of a set of frames -> its figures


def metrics_of(folder: Path, stored: Metrics) -> dict[str, Any]:
    """The figures of metrics.json that `stored`, of config.json, sums up; none of other weights or other frames."""
    return {
        name: of_set
        for name, of_set in metrics_in(folder).items()
        if isinstance(of_set, dict) and name in stored and of_set.get("dice_pooled") == stored[name].get("dice_pooled")
    }


def metrics_bytes(metrics: Metrics) -> bytes:
    """The text of metrics.json."""
    return (json.dumps(metrics, indent=2) + "\n").encode()


def metrics_in(folder: Path) -> dict[str, Any]:
    """What metrics.json of a folder holds, of whatever weights; nothing where it is none."""
    try:
        held = json.loads((folder / METRICS_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


def summary_table(metrics: Metrics) -> str:
    """The pooled figures of each set of frames as a Markdown table, those of all lipid beside those to its depth."""
    classes = list(next(iter(metrics.values()))["dice_pooled"])
    header = ["frames", "n", *(f"Dice {_tissue(name, metrics)}" for name in classes), "arc-Dice lipid"]
    header += ["lipid area error", "unlimited: Dice lipid", "arc-Dice", "area error"]
    rows = []
    for name, of_set in metrics.items():
        dices = [of_set["dice_pooled"].get(each) for each in classes]
        shown = [figure(each) for each in (*dices, of_set.get("lipid_arc_dice_pooled"))]
        shown.append(_percent_off(of_set.get("lipid_area_error_percent_pooled")))
        unlimited = of_set.get("lipid_unlimited") or {}
        shown += [figure(unlimited.get(key)) for key in ("dice_pooled", "arc_dice_pooled")]
        rows.append([name, str(of_set["n_frames"]), *shown, _percent_off(unlimited.get("area_error_percent_pooled"))])
    return table(header, rows)


def lipid_table(metrics: Metrics) -> str:
    """Of each set how right the visible lipid is frame by frame, and how its outlines look; true in brackets."""
    header = ["frames", "with lipid", "area within a third", "within 15 %", "found where there is none"]
    header += ["beyond 1.3 mm", "beyond 2 mm", "roughness", "pieces a frame", "at most", "withdrawn"]
    rows = []
    for name, of_set in metrics.items():
        if (held := of_set.get("lipid_visible")) is not None:
            n = held["n_with_lipid"]
            within = [f"{held[key]} of {n}" for key in ("area_within_a_third", "area_within_15_percent")]
            invented = f"{held['found_without_lipid']} of {held['n_without_lipid']}"
            beyond = [_percent(share) for share in held["found_beyond"].values()]
            looks = [_sides(held[key]) for key in ("roughness_median", "pieces_mean", "pieces_greatest")]
            rows.append([name, str(n), *within, invented, *beyond, *looks, str(len(of_set.get("withdrawn", ())))])
    return table(header, rows)


def frame_table(metrics: Metrics) -> str:
    """Every frame of each set: Dice of each class, lipid's arc and visible area, found (true in brackets)."""
    classes = list(next(iter(metrics.values()))["dice_pooled"])
    header = ["frames", "frame", *(f"Dice {_tissue(name, metrics)}" for name in classes), "arc-Dice lipid"]
    header += ["visible lipid, mm²", "arc, degrees", "pieces", "withdrawn"]
    rows = []
    for name, of_set in metrics.items():
        for frame in of_set["frames"]:
            dices = [frame["dice"].get(each) for each in classes]
            shown = [figure(each) for each in (*dices, frame.get("lipid_arc_dice"))]
            shown += [_sides(frame.get(key)) for key in ("lipid_area_mm2", "lipid_arc_deg", "lipid_pieces")]
            rows.append([name, frame["frame"], *shown, frame.get("withdrawn") or "no"])
    return table(header, rows)


def class_table(metrics: Metrics) -> str:
    """Every class of each set: Dice in all conventions, IoU, precision, recall, outlines in mm, calibration."""
    header = [
        "frames",
        "class",
        "Dice, pooled",
        "95 % interval",
        "frames with it",
        "nnU-Net",
        "empty = 1",
        "by patient",
    ]
    header += ["IoU", "precision", "recall", "NSD", "HD95, mm", "ECE"]
    rows = []
    for name, of_set in metrics.items():
        for tissue, figures in of_set["classes"].items():
            dice, interval = figures["dice"], figures["dice"]["pooled_ci95"]
            conventions = (dice["frames_with_class"], dice["nnunet"], dice["empty_is_1"], dice["patient_mean"])
            rest = (
                figures["iou"]["pooled"],
                figures["precision"],
                figures["recall"],
                figures["nsd"],
                figures["hd95_mm"],
            )
            spread = "-" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"
            shown = [figure(each) for each in (*conventions, *rest)]
            ece = "-" if figures["ece"] is None else f"{figures['ece']:.3f}"
            rows.append([name, _tissue(tissue, metrics), figure(dice["pooled"]), spread, *shown, ece])
    return table(header, rows)


def coverage_table(metrics: Metrics) -> str:
    """Of each set and leading measure: in how many frames the true value lies in the interval, and how wide that is."""
    rows = []
    for name, of_set in metrics.items():
        for measure in SHOWN_INTERVALS:
            held = of_set["intervals_95"].get(measure)
            if held is not None:
                width = held["median_half_width"]
                every = [str(held["n_all"]), _percent(held["inside_all"])] if "n_all" in held else ["-", "-"]
                inside = [str(held["n"]), _percent(held["inside"]), "-" if width is None else f"{width:.3g}"]
                rows.append([name, measure, *inside, *every])
    header = ["frames", "measure", "n", "true value inside", "median half width"]
    return table([*header, "n with frames that have none", "inside"], rows)


def figure(value: float | None) -> str:
    """Two digits, or a dash."""
    return "-" if value is None else f"{value:.2f}"


def _tissue(name: str, metrics: Metrics) -> str:
    """A class as a heading; lipid core with its depth, where the figures were taken to it."""
    limited = name == "lipid_core" and all("lipid_visible" in of_set for of_set in metrics.values())
    return f"{name}, to {LIPID_DEPTH_MM:g} mm" if limited else name


def _sides(held: Mapping[str, float | None] | None) -> str:
    """Found, and in brackets true."""
    return "-" if held is None else f"{_short(held['found'])} ({_short(held['true'])})"


def _short(value: float | None) -> str:
    """At most two digits after the point, or a dash."""
    return "-" if value is None else f"{round(value, 2):g}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"


def _percent_off(error: float | None) -> str:
    return "-" if error is None else f"{error:+.0f} %"
