"""The page of a training, RUN/report.html, as `python -m train.report` writes it.

What was trained and on what, the curves of its log, and where frames are given the figures on them, the worst of them,
calibration and agreement. The file stands alone: pictures lie in it, it asks nothing of any network. Made from private
data, it says so.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from octseg.cards.markdown import filled
from octseg.cards.score_tables import METRICS_FILE, class_table, lipid_table, summary_table
from octseg.checkpoint import CheckpointConfig
from octseg.dataset.publishing import PRIVATE_TEXT, mark_of
from octseg.export.files import write_file
from octseg.export.pictures import SMALL, png_bytes
from octseg.measurement.depth import LIPID_DEPTH_MM
from octseg.pretrained import from_pretrained
from octseg.segmenter import Segmenter
from train.dataset import Data
from train.judging.judge import CHOSEN_ON, kind_of, refuse_seen, score, shown
from train.judging.panels import told
from train.judging.scores import DEG_PER_RAY, FrameScore, SetScore
from train.judging.worst import Worst, WorstFrames
from train.learning.loop import LOG_FILE
from train.reporting.plots import Plot, Series, agreement, curve, reliability, validation_curve

REPORT_FILE = "report.html"
N_WORST = 12
DOI = re.compile(r"10\.\d{4,9}/[\w.()/:;-]+")

MARKDOWN = re.compile(r"\*\*|\[([^\]]*)\](?=\()")  # bold, and the brackets of a link; its address stays

Lines = Sequence[Mapping[str, Any]]  # of log.jsonl
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Measured:
    """A set of frames measured: `name` says of what kind, `worst` is ordered from the worst on."""

    name: str
    scores: SetScore
    worst: Sequence[Worst]


def write_report(run: Path, data: Data | None) -> Path:
    """RUN/report.html, with figures on `data` where there are any; its path."""
    segmenter = from_pretrained(run)
    private = any(each.get("private") for each in _datasets(segmenter.config, data))
    measured = None
    if data is not None:
        refuse_seen(segmenter.config.training, data)
        measured = measure(segmenter, data)
    write_file(run / REPORT_FILE, page(run, segmenter.config, measured, private=private).encode())
    return run / REPORT_FILE


def measure(segmenter: Segmenter, data: Data) -> Measured:
    """All figures of a set, and its `N_WORST` worst frames."""
    worst = WorstFrames(N_WORST)
    scores = score(segmenter, shown(data, "report"), worst=worst)
    return Measured(kind_of(data, segmenter.config.training), scores, worst.frames)


def page(run: Path, config: CheckpointConfig, measured: Measured | None, *, private: bool) -> str:
    """The whole page."""
    lines = read_log(run / LOG_FILE)
    mark = "<p class=private role=note>PRIVATE: do not publish. Made from frames that stay here.</p>\n"
    values = {
        "rights": f'<meta name="rights" content="{PRIVATE_TEXT}">\n' if private else "",
        "private": "PRIVATE: " if private else "",
        "title": _text(f"Training report: {run.resolve().name}"),
        "style": (TEMPLATES / "report.css").read_text(encoding="utf-8"),
        "mark": mark if private else "",
        "facts": _facts(config, lines),
        "curves": _curves(config, lines),
        "figures": _figures(run, config, measured),
        "measured": "" if measured is None or not measured.scores.frames else _measured(measured, private=private),
    }
    return filled(TEMPLATES / "report.html", values)


def _measured(measured: Measured, *, private: bool) -> str:
    """The sections that tell of frames."""
    values = {
        "worst": _worst(measured.worst, private=private),
        "calibration": _plots([reliability(*each) for each in measured.scores.reliability.items()]),
        "agreement": _agreement(measured.scores.frames),
    }
    return filled(TEMPLATES / "measured.html", values)


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of log.jsonl, none where there is no such file; a last line that was cut off is left out."""
    if not path.exists():
        return []
    whole, _, _ = path.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def duration_s(lines: Lines) -> float:
    """Seconds that steps and looks took, without those of stops between."""
    total, before = 0.0, (0, 0)
    for line in lines:
        stage, step = int(line["stage"]), int(line["step"])
        if "validation" in line:
            total += line["validation"]["seconds"]
        else:
            total += (step - (before[1] if stage == before[0] else 0)) / line["steps_per_s"]
            before = (stage, step)
    return total


def _datasets(config: CheckpointConfig, data: Data | None) -> list[Mapping[str, Any]]:
    return [*config.datasets, *([] if data is None else [data.told])]


def _facts(config: CheckpointConfig, lines: Lines) -> str:
    """A table of what the run was."""
    training = config.training
    rows = [("Classes", _text(", ".join(config.network.classes)))]
    rows += [("Data", _dataset(each)) for each in training.get("datasets", ())]
    rows += [
        (label, _text(training[key])) for key, label in (("start", "Start"), ("weights", "Weights")) if key in training
    ]
    rows.append(("Input", _text(f"{config.preprocessing.domain}, {' x '.join(map(str, config.preprocessing.size))}")))
    averaged = training.get("averaged", ())
    rows += [] if averaged else _recipe(training)
    for number, model in _numbered(averaged):
        rows += [(f"Model {number}: {name}", value) for name, value in _recipe(model)]
    rows += [("Code", _text(training.get("code_commit") or "not a checkout"))]
    rows.append(("Software", _text(_named(config.software))))
    if lines:
        minutes = duration_s(lines) / 60.0
        rows.append(("Duration", f"{_run_step(config, lines[-1])} steps in {minutes:.1f} min, looks included"))
    body = "".join(f"<tr><th scope=row>{name}</th><td>{value}</td></tr>" for name, value in rows)
    return f"<div class=scroll><table class=facts>{body}</table></div>"


def _numbered(averaged: Iterable[Mapping[str, Any]], of: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The trainings of a mean with their numbers; 2.1 is the first of a mean that was the second."""
    for number, model in enumerate(averaged, start=1):
        if inner := model.get("averaged"):
            yield from _numbered(inner, f"{of}{number}.")
        else:
            yield f"{of}{number}", model


def _dataset(told_of: Mapping[str, Any]) -> str:
    """Name, revision, DOI, licence, use and attribution of one source of frames."""
    doi = told_of.get("doi")
    shown = [_text(told_of.get(key)) for key in ("name", "revision") if told_of.get(key)]
    if doi:
        link = f'<a href="https://doi.org/{_text(doi)}">doi:{_text(doi)}</a>'
        shown.append(link if DOI.fullmatch(str(doi)) else _text(f"doi:{doi}"))
    if told_of.get("licence"):
        shown.append(f"licence {_text(told_of['licence'])}")
    if told_of.get("used"):
        shown.append(_text(told_of["used"]))
    return ", ".join(shown) + (
        f"<br>{_text(MARKDOWN.sub(chr(92) + '1', told_of['attribution']))}" if told_of.get("attribution") else ""
    )


def _curves(config: CheckpointConfig, lines: Lines) -> str:
    """Loss, learning rate and what the looks saw, over the steps of the run."""
    reports, looks = ([line for line in lines if ("validation" in line) is kind] for kind in (False, True))
    if not reports:
        return "<p>The run has no log.</p>"
    loss = [(_run_step(config, line), line["loss"]) for line in reports]
    ends = _stage_ends(config)
    plots = [curve({"loss": loss}, "loss", "Training loss over the steps of the run.", ends[:-1])]
    if all("learning_rate" in line for line in reports):
        rates = {
            label: [(_run_step(config, line), line[key]) for line in reports]
            for label, key in (("encoder", "encoder_learning_rate"), ("rest", "learning_rate"))
        }
        plots.append(curve(rates, "learning rate", "Learning rate of encoder and rest over the steps.", ends[:-1]))
    if not looks:
        return _plots(plots) + "<p class=faint>No validation frames were looked at while it ran.</p>"
    plots.append(validation_curve(*_seen(looks), best_step(looks)))
    n = looks[-1]["validation"]["n_frames"]
    words = f"<p class=faint>The looks are at {n} validation frames, always the same, with the averaged weights.</p>"
    return _plots(plots) + words


def best_step(looks: Lines) -> int | None:
    """Step of the run at the look with the greatest score, the first of equals; None where none has one."""
    scored = [each["validation"] for each in looks if each["validation"]["score"] is not None]
    return max(scored, key=lambda each: each["score"])["run_step"] if scored else None


def _recipe(training: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of a table that tell a recipe and its seed."""
    recipe = dict(training.get("recipe") or {})
    rows = [(f"Stage {number}", _text(_named(stage))) for number, stage in enumerate(recipe.pop("stages", ()), start=1)]
    if augmentation := recipe.pop("augmentation", None):
        rows.append(("Each view", _text(_named(augmentation))))
    return [*rows, ("Recipe", _text(_named(recipe))), ("Seed", _text(training.get("seed")))]


def _seen(looks: Lines) -> tuple[dict[str, Series], Series]:
    """Dice of each class, and arc-Dice, over the steps of the run; what is not defined is left out."""
    seen = [each["validation"] for each in looks]
    dices = {
        name: [(each["run_step"], each["dice"][name]) for each in seen if each["dice"].get(name) is not None]
        for name in seen[0]["dice"]
    }
    arc = [(each["run_step"], each["lipid_arc_dice"]) for each in seen if each["lipid_arc_dice"] is not None]
    return {name: values for name, values in dices.items() if values}, arc


def _stage_ends(config: CheckpointConfig) -> list[int]:
    return [int(end) for end in np.cumsum([stage["steps"] for stage in config.training["recipe"]["stages"]])]


def _run_step(config: CheckpointConfig, line: Mapping[str, Any]) -> int:
    return ([0, *_stage_ends(config)])[int(line["stage"])] + int(line["step"])


def _figures(run: Path, config: CheckpointConfig, measured: Measured | None) -> str:
    """The tables of train.evaluate: of the frames measured now, else of metrics.json."""
    if measured is not None and measured.scores.frames:
        metrics: Mapping[str, Any] = {measured.name: measured.scores.summary()}
    elif (run / METRICS_FILE).exists():
        metrics = json.loads((run / METRICS_FILE).read_text())
    else:
        return "<p>Not measured: no frames of unseen patients were given.</p>"
    is_untold = "studies" not in (config.training.get("validation") or {})  # as in runs of before these were kept
    is_best = "best" in config.training.get("weights", "")
    words = "<p>The weights were chosen on such frames, so these figures flatter.</p>" if is_best and is_untold else ""
    if any(CHOSEN_ON in name for name in metrics):
        words += "<p>Figures on frames that weights or thresholds were chosen on flatter.</p>"
    lipid = _table(lipid_table(metrics)) if any("lipid_visible" in of_set for of_set in metrics.values()) else ""
    return words + _table(summary_table(metrics)) + lipid + _table(class_table(metrics))


def _worst(worst: Iterable[Worst], *, private: bool) -> str:
    shown = []
    for each in worst:
        name, dices = _text(each.name), _text(told(each.dice))
        source = _data_uri(png_bytes(Image.fromarray(each.picture), mark_of(private=private), SMALL), "image/png")
        alt = f"Frame {name} with outlines found (solid) and true (dashed); Dice: {dices}"
        shown.append(
            f'<figure><img loading="lazy" src="{source}" alt="{alt}">'
            f"<figcaption><strong>{name}</strong><br>Dice: {dices}</figcaption></figure>"
        )
    words = "Lowest Dice of the lipid core first. Solid lines: found. Dashed, paler lines: true."
    return f"<p class=faint>{words}</p><div class=frames>{''.join(shown)}</div>"


def _agreement(frames: Sequence[FrameScore]) -> str:
    """Bland-Altman plots of lipid area, on the frames with a scale, and of arc, by rays and as results have it."""
    plots = []
    if areas := [area for each in frames if (area := each.lipid_area_mm2) is not None]:
        found, true = (np.array([getattr(area, side) for area in areas], float) for side in ("found", "true"))
        plots.append(agreement(found, true, f"Lipid area to {LIPID_DEPTH_MM:g} mm", "mm²"))
    if arcs := [each.arc for each in frames if each.arc is not None]:
        found, true = (np.array([getattr(arc, side) for arc in arcs]) * DEG_PER_RAY for side in ("found", "true"))
        plots.append(agreement(found, true, "Lipid arc", "degrees"))
    if measured := [arc for each in frames if (arc := each.arc_measured) is not None]:
        found, true = (np.array([getattr(arc, side) for arc in measured], float) for side in ("found", "true"))
        plots.append(agreement(found, true, "Lipid arc as results have it", "degrees"))
    return _plots(plots) if plots else "<p>The model has no lipid core to measure.</p>"


def _plots(plots: Iterable[Plot]) -> str:
    shown = []
    for plot in plots:
        dark, light = _data_uri(plot.dark, "image/svg+xml"), _data_uri(plot.light, "image/svg+xml")
        shown.append(
            f'<figure><picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
            f'<img src="{light}" alt="{_text(plot.alt)}"></picture></figure>'
        )
    return f"<div class=plots>{''.join(shown)}</div>"


def _table(markdown: str) -> str:
    """A Markdown table as HTML; its cells hold no bars."""
    header, _, *rows = [[_text(cell.strip()) for cell in row.strip("| ").split(" | ")] for row in markdown.splitlines()]
    head = "".join(f"<th scope=col>{cell}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _named(values: Mapping[str, Any]) -> str:
    """Names and values in one line; two numbers are a size, or from where to where."""

    def shown(name: str, value: Any) -> str:
        if isinstance(value, (list, tuple)):
            return (" x " if name == "size" else " to ").join(map(str, value))
        return str(value)

    return ", ".join(f"{name.replace('_', ' ')} {shown(name, value)}" for name, value in values.items())


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)
