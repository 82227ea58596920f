"""Figures of merit as Markdown tables, from what `train.evaluate` writes into metrics.json."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from octseg.export.markdown import table

METRICS_FILE = "metrics.json"  # beside config.json, which holds a summary of it
SHOWN_INTERVALS = ("lipid_core_area_mm2", "lipid_arc_deg", "fibrous_cap_thickness_min_um", "lumen_area_mm2")
Metrics: TypeAlias = Mapping[str, Mapping[str, Any]]  # name of a set of frames -> its figures


def summary_table(metrics: Metrics) -> str:
    """The pooled figures of each set of frames as a Markdown table."""
    classes = list(next(iter(metrics.values()))["dice_pooled"])
    header = ["frames", "n", *(f"Dice {name}" for name in classes), "arc-Dice lipid", "lipid area error"]
    rows = []
    for name, of_set in metrics.items():
        dices = [of_set["dice_pooled"].get(each) for each in classes]
        error = of_set.get("lipid_area_error_percent_pooled")
        shown = [figure(each) for each in (*dices, of_set.get("lipid_arc_dice_pooled"))]
        rows.append([name, str(of_set["n_frames"]), *shown, "-" if error is None else f"{error:+.0f} %"])
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
            rows.append([name, tissue, figure(dice["pooled"]), spread, *shown, ece])
    return table(header, rows)


def coverage_table(metrics: Metrics) -> str:
    """Of each set and leading measure: in how many frames the true value lies in the interval, and how wide that is."""
    rows = []
    for name, of_set in metrics.items():
        for measure in SHOWN_INTERVALS:
            held = of_set["intervals_95"].get(measure)
            if held is not None:
                inside = f"{100 * held['inside']:.0f} %"
                rows.append([name, measure, str(held["n"]), inside, f"{held['median_half_width']:.3g}"])
    return table(["frames", "measure", "n", "true value inside", "median half width"], rows)


def figure(value: float | None) -> str:
    """Two digits, or a dash."""
    return "-" if value is None else f"{value:.2f}"
