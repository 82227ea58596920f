"""The README.md beside a checkpoint: what the model is, what it was trained on, how it scored, what it is not for.

Everything in it comes from config.json and, for the figures of each class, from metrics.json of `train.evaluate`; its
text is `templates/model.md`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from octseg.cards import markdown
from octseg.cards.score_tables import Metrics, class_table, coverage_table, figure, lipid_table, summary_table
from octseg.checkpoint import CheckpointConfig
from octseg.measurement.depth import LIPID_DEPTH_MM

TAGS = ("medical", "oct", "intravascular", "coronary", "lipid-plaque", "semantic-segmentation")
LICENCE = "apache-2.0"  # of the weights
WITHOUT_LUMEN = (
    "**This model outlines no lumen**, so what it outlines is not cut there, and it gives neither an arc about the "
    "lumen nor a cap's thickness."
)
FAILURES_FILE = "failures.png"
AGREEING = (  # of metrics.json: key, what it is, unit
    ("lipid_area_mm2", "lipid area", "mm²"),
    ("lipid_arc_deg", "lipid arc", "°"),
    ("lipid_arc_measured_deg", "lipid arc as results have it", "°"),
)


def model_card(
    config: CheckpointConfig, metrics: Metrics | None = None, *, name: str = "this/folder", failures: bool = False
) -> str:
    """Markdown with front matter.

    metrics: of metrics.json; of a set that is not there, the summary in config.json is shown. name: what is given to
    from_pretrained. failures: whether failures.png lies beside it.
    """
    sets = {**config.measured, **(metrics or {})}
    rows, columns = config.preprocessing.size
    shown = markdown.filled(markdown.TEMPLATES / "model_failures.md", {"file": FAILURES_FILE}) + "\n"
    values = {
        "front_matter": markdown.front_matter(front_matter(config, sets)),
        "name": name,
        "lipid_depth_mm": f"{LIPID_DEPTH_MM:g}",
        "without_lumen": "" if "lumen" in config.network.classes else f" {WITHOUT_LUMEN}",
        "classes": ", ".join(config.network.classes),
        "domain": config.preprocessing.domain,
        "rows": rows,
        "columns": columns,
        "training": _training(config),
        "scores": _scores(config, sets),
        "failures": shown if failures else "",
        "calibration": _calibration(config, sets),
        "attribution": _attribution(config),
    }
    return markdown.filled(markdown.TEMPLATES / "model.md", values)


def front_matter(config: CheckpointConfig, sets: Metrics) -> dict[str, Any]:
    """What the Hub reads: licence, library, tags, data, and the figures as a model-index."""
    datasets = config.datasets
    front: dict[str, Any] = {
        "license": LICENCE,
        "library_name": "octseg",
        "pipeline_tag": "image-segmentation",
        "tags": list(dict.fromkeys([*TAGS, *(f"doi:{data['doi']}" for data in datasets if data.get("doi"))])),
    }
    if repositories := [str(data["repository"]) for data in datasets if data.get("repository")]:
        front["datasets"] = repositories
    if results := [_result(name, of_set) for name, of_set in sets.items()]:
        front["model-index"] = [{"name": "octseg", "results": results}]
    return front


def _result(name: str, of_set: Mapping[str, Any]) -> dict[str, Any]:
    """One set of frames as an entry of the model-index."""
    metrics = []
    for tissue, dice in of_set["dice_pooled"].items():
        if dice is not None:
            interval = of_set.get("classes", {}).get(tissue, {}).get("dice", {}).get("pooled_ci95")
            args = {"args": {"ci95": interval}} if interval else {}
            metrics.append({"type": "dice", "value": dice, "name": f"Dice, pooled, {tissue}", **args})
    if (arc := of_set.get("lipid_arc_dice_pooled")) is not None:
        metrics.append({"type": "dice", "value": arc, "name": "arc-Dice, pooled, lipid_core"})
    if (error := of_set.get("lipid_area_error_percent_pooled")) is not None:
        metrics.append({"type": "relative_error", "value": error, "name": "lipid area error, percent"})
    if (dice := of_set.get("lipid_unlimited", {}).get("dice_pooled")) is not None:
        metrics.append({"type": "dice", "value": dice, "name": "Dice, pooled, lipid_core, whatever its depth"})
    studies = ", ".join(study for study in of_set.get("studies", ()) if study != "phantom")
    frames = f"{name}: {of_set['n_frames']} frames" + (f", studies {studies}" if studies else "")
    return {
        "task": {"type": "image-segmentation", "name": "Tissue outlines in intravascular OCT"},
        "dataset": {"type": name.replace(" ", "-"), "name": frames, "split": "test"},
        "metrics": metrics,
    }


def _training(config: CheckpointConfig) -> str:
    lines = []
    for data in config.datasets:
        parts = [_plain(data["name"])]
        if data.get("doi"):
            doi = _plain(data["doi"])
            parts.append(f"[{doi}](https://doi.org/{doi})")
        parts += [f"{key} {_plain(data[key])}" for key in ("repository", "revision", "licence") if data.get(key)]
        lines.append(f"* {', '.join(parts)}: {_plain(data.get('used', 'not stated how much of it'))}")
    keys = ("start", "weights", "seed", "code_commit", "notes")
    lines += [f"* {key.replace('_', ' ')}: {_plain(config.training[key])}" for key in keys if key in config.training]
    if validation := config.training.get("validation"):
        used, score = _plain(validation.get("used")), _plain(validation.get("score"))
        lines.append(f"* looked at while it trained: {used}, for the {score}")
    if not lines:
        return "Not stated."
    return "\n".join(lines) + (
        "\n\nFrames are split by patient: no patient of a set below was trained on. The whole recipe stands in "
        "`config.json` under `training`."
    )


def _scores(config: CheckpointConfig, sets: Metrics) -> str:
    if not sets:
        return "Not evaluated yet."
    tables = [summary_table(sets)]
    if any("lipid_visible" in of_set for of_set in sets.values()):
        tables.append(lipid_table(sets))
    if in_full := {name: of_set for name, of_set in sets.items() if "classes" in of_set}:
        tables.append(class_table(in_full))
    agreement = list(_agreement(sets))
    tables += ["\n".join(agreement)] if agreement else []
    protocol = config.metrics.get("protocol")
    return "\n\n".join([*([_plain(protocol)] if protocol else []), *tables])


def _agreement(sets: Metrics) -> Iterator[str]:
    """Bland-Altman and ICC of each set, a line for each measure."""
    for name, of_set in sets.items():
        for key, label, unit in AGREEING:
            held = of_set.get(key) or {}
            limits = held.get("bland_altman")
            if limits and limits.get("bias") is not None:
                icc = held.get("icc_2_1")
                yield (
                    f"* {name}, {label}: bias {limits['bias']:+.2f} {unit}, limits of agreement "
                    f"{limits['lower']:.2f} to {limits['upper']:.2f} {unit} (n {limits['n']}), ICC(2,1) {figure(icc)}"
                )


def _calibration(config: CheckpointConfig, sets: Metrics) -> str:
    thresholds = ", ".join(f"{name} {value:g}" for name, value in config.every_threshold.items())
    made_from = config.calibration.made_from
    chosen = config.training.get("thresholds")
    lines = [f"* thresholds: {thresholds}" + (f"; chosen on {_plain(chosen.get('used'))}" if chosen else "")]
    lines.append(f"* probability: {_fitted(made_from.get('probability'), 'as the network gives it')}")
    lines.append(f"* widths of 95 % intervals: {_fitted(made_from.get('intervals'), 'not checked against any truth')}")
    covered = {name: of_set for name, of_set in sets.items() if "intervals_95" in of_set}
    return "\n".join(lines) + (f"\n\n{coverage_table(covered)}" if covered else "")


def _fitted(source: object, otherwise: str) -> str:
    return f"fitted on {_plain(source)}" if source else otherwise


def _attribution(config: CheckpointConfig) -> str:
    lines = [_inline(data["attribution"]) for data in config.datasets if data.get("attribution")]
    return "\n\n".join(lines) or "None needed."


def _plain(value: object) -> str:
    """Text of config.json on one line, in which nothing is markup."""
    return _inline(value).replace("[", "\\[")


def _inline(value: object) -> str:
    """Text of config.json on one line, without HTML; links stay."""
    return " ".join(str(value).split()).replace("<", "&lt;")
