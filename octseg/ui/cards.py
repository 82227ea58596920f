"""Small cards of the page: the scale and where it came from, the model, a sentence for what went wrong."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from octseg.classes import BY_NAME
from octseg.measurement.wording import NOTHING_SAID
from octseg.pullback import PixelScale
from octseg.result import ModelIdentity
from octseg.ui.markup import number, sentences, signed, text, whole_sentence
from octseg.view.catheter import CATHETER_DIAMETER_MM

if TYPE_CHECKING:  # it loads torch, which what is said of saved results needs not
    from octseg.checkpoint import CheckpointConfig

SOURCES = {
    "dicom": "DICOM header",
    "ruler": "Ruler burned into the frame",
    "bar": "Scale bar burned into the frame",
    "user": "Entered by you",
    "preset": "Preset",
    None: "Not known",
}
BEFORE_PRESET = {
    "dicom": "the file's header was used",
    "ruler": "the ruler in the frame was used",
    "bar": "the scale bar in the frame was used",
    "user": "the number that you entered was used",
}
INTERVALS_INFO = "How sure each measure is, from variants of the frame. {}. Takes several times as long."
MIN_STUDIES = 5  # below, patients say little of others


def scale_html(scale: PixelScale, preset: str | None = None, *, is_withdrawn: bool = False) -> str:
    """Value, source and cross-check of the scale; how to give one where it is unknown, what became of a preset.

    What is to be careful about stands with the numbers.
    """
    if scale.pixel_spacing_mm is None:
        given = f"the preset {text(preset)} does not fit this frame" if preset else "no scale is given"
        so = (
            ". Of a withdrawn frame nothing is measured, with a scale or without."
            if is_withdrawn
            else ", so areas stay in pixels. "
            "Enter the millimetres per pixel or choose the display's field below to get mm², mm and µm."
        )
        body = f"<p>No ruler or scale bar could be used and {given}{so}</p>"
    else:
        body = (
            f'<p class="oct-scale-value"><b data-scale="{scale.pixel_spacing_mm!r}">'
            f"{scale.pixel_spacing_mm:.5f}</b> mm per pixel <span>({number(1 / scale.pixel_spacing_mm, 1)} px per mm)"
            f"</span></p>{f'<p>{text(scale.evidence)}</p>' if scale.evidence else ''}"
        )
    return (
        f'<section class="oct-card oct-scale" data-source="{scale.source or "none"}"><h3>Scale'
        f'<span class="oct-badge">{SOURCES[scale.source]}</span></h3>{body}'
        + _unused(scale, preset)
        + _cross_check(scale)
        + "</section>"
    )


def _unused(scale: PixelScale, preset: str | None) -> str:
    """What went before a preset that was asked for; nothing where it was used or does not fit."""
    if preset is None or scale.source not in BEFORE_PRESET:
        return ""
    return f"<p>Not the preset {text(preset)}: {BEFORE_PRESET[scale.source]}, which goes before it.</p>"


def _cross_check(scale: PixelScale) -> str:
    if scale.pixel_spacing_mm is None:
        return ""
    if scale.catheter_diameter_mm is None:
        return "<p>Cross-check: no catheter ring was found to measure.</p>"
    return (
        f"<p>Cross-check: the catheter measures <b>{scale.catheter_diameter_mm:.3f} mm</b> with this scale; "
        f"a 2.7 F catheter is {CATHETER_DIAMETER_MM:.2f} mm.</p>"
    )


def error_html(sentence: str, title: str = "This file was not measured") -> str:
    """One sentence where the picture would be."""
    return (
        f'<div class="oct-error" role="alert" tabindex="-1"><h3>{text(title)}</h3><p>{_with_code(sentence)}</p></div>'
    )


def _with_code(sentence: str) -> str:
    """A sentence with what stands between backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", text(whole_sentence(sentence)))


def withdrawn_html(sentence: str | None) -> str:
    """Above the picture: why nothing is said of it; nothing where its numbers stand."""
    if sentence is None:
        return ""
    return (
        f'<div class="oct-withdrawn" role="alert"><h3>{NOTHING_SAID}</h3><p>{text(whole_sentence(sentence))}</p></div>'
    )


def correct_html(key: str, *, shown: bool = True) -> str:
    """The way to the review of a result, in a page of its own; not shown where there is nothing to correct yet."""
    return (
        f'<div class="oct-card oct-correct"{"" if shown else " hidden"}>'
        f'<a href="octseg/review/{text(key)}/" target="_blank" rel="noopener">Correct these outlines</a>'
        "<p>Drag, paint or erase in a page of its own; numbers follow, and nothing is overwritten.</p></div>"
    )


def notice_html(sentence: str) -> str:
    """What stands where the picture will be."""
    return f'<div class="oct-empty" role="status"><p>{text(sentence)}</p></div>'


def model_html(identity: ModelIdentity, config: "CheckpointConfig", notice: str = "") -> str:
    """Which weights made the numbers, what they learnt from and how they did on patients they had not seen.

    notice: why they are not those that were asked for, where they are not.
    """
    where = {"bundled": "comes with octseg", "hub": "from the Hub", "folder": "from a folder"}[identity.source]
    lines = [
        ("Name", f"{text(identity.name)}, {where}"),
        ("Commit", f"<code>{text(identity.revision)}</code>" if identity.revision else "none, told by its hash"),
        ("SHA-256", f"<code>{text(identity.sha256[:16])}…</code>"),
        ("Trained on", trained_on_html(config)),
    ]
    items = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in lines)
    said = f'<ul class="oct-warnings">{sentences([notice])}</ul>' if notice else ""
    return (
        f'<section class="oct-card oct-model"><h3>Model</h3>{said}{unseen_html(config)}<dl>{items}</dl>'
        f"{dice_html(config)}"
        f"<details><summary>All that is known of its training</summary>{facts_html(config.training)}</details>"
        "</section>"
    )


def trained_on_html(config: "CheckpointConfig") -> str:
    """A line for each dataset: its name, what of it was used, its licence."""
    keys = ("name", "doi", "used", "licence")
    lines = [", ".join(text(data[key]) for key in keys if data.get(key)) for data in config.datasets]
    return "<br>".join(lines) or "not stated"


def unseen_html(config: "CheckpointConfig") -> str:
    """A sentence for each set of frames of patients that it learnt nothing from; nothing where there is none."""
    return "".join(f'<p class="oct-unseen">{text(_unseen_sentence(facts))}</p>' for facts in _unseen(config))


def _unseen(config: "CheckpointConfig") -> list[Mapping[str, Any]]:
    """What was measured on each set of frames of patients that it learnt nothing from."""
    known = (*config.datasets, *(config.training.get(what) or {} for what in ("validation", "thresholds")))
    learnt = {str(study) for data in known for study in data.get("studies", ())}
    return [facts for facts in config.measured.values() if (seen := _patients(facts)) and learnt.isdisjoint(seen)]


def _unseen_sentence(facts: Mapping[str, Any]) -> str:
    patients = len(_patients(facts))
    figures = [f"lipid Dice {_dice(facts['dice_pooled'].get('lipid_core'))}"]
    if isinstance(error := facts.get("lipid_area_error_percent_pooled"), (int, float)):
        figures.append(f"area off by {signed(error, 0)} %")
    few = "; too few to speak for others" if patients < MIN_STUDIES else ""
    return f"On {_counted(facts['n_frames'], 'frame')} of {_counted(patients, 'patient')} it had not seen: " + (
        f"{', '.join(figures)}{few}."
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def _patients(facts: Mapping[str, Any]) -> list[str]:
    """Those whose frames are in a set; none of phantoms."""
    return [study for study in facts.get("studies") or () if study != "phantom"]


def dice_html(config: "CheckpointConfig") -> str:
    """Dice of each tissue on each set of frames that the model had not seen; a sentence where none is stated."""
    sets = dict(sorted(config.measured.items(), key=lambda held: not _patients(held[1])))  # phantoms after patients
    if not sets:
        return "<p>How well it does on patients it has not seen is not stated.</p>"
    classes = list(dict.fromkeys(tissue for facts in sets.values() for tissue in facts["dice_pooled"]))
    head = "".join(
        f'<th scope="col">{text(name)}<small>{_frames_sentence(facts)}</small></th>' for name, facts in sets.items()
    )
    rows = "".join(
        f'<tr><th scope="row">{text(label_of(tissue))}</th>'
        + "".join(f"<td>{_dice(facts['dice_pooled'].get(tissue))}</td>" for facts in sets.values())
        + "</tr>"
        for tissue in classes
    )
    protocol = f"<p>{text(config.metrics['protocol'])}</p>" if config.metrics.get("protocol") else ""
    return (
        f'<table class="oct-dice"><caption>Dice, 1 is perfect</caption><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>{protocol}"
    )


def label_of(tissue: str) -> str:
    """The tissue's label, or the name itself of one that this version does not know."""
    return BY_NAME[tissue].label if tissue in BY_NAME else tissue


def _frames_sentence(facts: Mapping[str, Any]) -> str:
    studies = _patients(facts)
    frames = _counted(facts["n_frames"], "frame") if "n_frames" in facts else ""
    if not studies:
        return text(frames)
    patients = f" of {_counted(len(studies), 'patient')}"
    few = ", too few to speak for others" if len(studies) < MIN_STUDIES else ""
    return text(frames + patients + few)


def _dice(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, (int, float)) else "–"


def facts_html(facts: object) -> str:
    """What config.json says, whatever its depth: objects as nested lists, lists as one line, numbers short."""
    if isinstance(facts, Mapping):
        items = "".join(
            f"<li><span>{text(str(key).replace('_', ' '))}</span> {facts_html(value)}</li>"
            for key, value in facts.items()
            if value not in (None, "", [], {})
        )
        return f'<ul class="oct-facts">{items}</ul>' if items else "not stated"
    if isinstance(facts, Sequence) and not isinstance(facts, str):
        if any(isinstance(fact, Mapping) for fact in facts):
            return "".join(map(facts_html, facts))
        return ", ".join(map(facts_html, facts))
    return f"{facts:.3g}" if isinstance(facts, float) else text(facts)


def intervals_info(config: "CheckpointConfig") -> str:
    """What an interval is, on what kind of frames its width was fitted, and in how many unseen ones it held."""
    fitted_on = config.calibration.made_from.get("intervals", "").partition(", seeds ")[0]
    said = [f"Fitted on {text(fitted_on)}" if fitted_on else "Checked against no truth yet"]
    for facts in _unseen(config):
        held = facts.get("intervals_95", {}).get("lipid_core_area_mm2")
        if held and held["n"]:
            inside = f"{round(held['inside'] * held['n'])} of {_counted(held['n'], 'frame')}"
            said.append(f"in {inside} of patients it had not seen the plaque area that was drawn lay inside")
    return INTERVALS_INFO.format("; ".join(said))
