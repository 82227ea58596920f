"""README.md and ATTRIBUTION.md of a dataset, made from its provenance and from nothing else.

The front matter is what the Hub reads, the text is `templates/dataset.md`. `card_faults` checks it without a network.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from octseg.cards import markdown
from octseg.cards.markdown import TEMPLATES, filled, table
from octseg.classes import BY_NAME, PALETTE_INDEX
from octseg.dataset.folder import HISTOGRAM_FILE, SHEET_FILE, SPLITS, columns_of
from octseg.dataset.origin import RADIALMAMBA, Origin
from octseg.dataset.publishing import PROVENANCE_FILE, SHAREABLE_LICENCES, SUMS_FILE
from octseg.reading.names import natural_key

CARD_FILE, ATTRIBUTION_FILE = "README.md", "ATTRIBUTION.md"
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
PRIVATE = (
    "> **Private data: not to be published.** Names are replaced by keyed hashes; the key is not part of this folder."
)
PLACEHOLDERS = ("[More Information Needed]", "{{", "TODO", "TBD", "FIXME")


def write(
    folder: Path,
    provenance: Mapping[str, Any],
    data_files: Mapping[str, str],
    bytes_of: Mapping[str, int],
    repository: str | None = None,
) -> None:
    """Both files into the dataset folder; see `front_matter` and `body`."""
    text = front_matter(provenance, data_files, bytes_of) + body(provenance, repository)
    (folder / CARD_FILE).write_bytes(text.encode())
    (folder / ATTRIBUTION_FILE).write_bytes(f"{attribution(provenance)}\n".encode())


def write_beside_pictures(folder: Path, provenance: Mapping[str, Any]) -> None:
    """Both files into a dataset folder of pictures."""
    bytes_of = {
        split: sum(path.stat().st_size for path in (folder / split).rglob("*") if path.is_file())
        for split in provenance["counts"]
    }
    write(folder, provenance, {split: f"{split}/**" for split in bytes_of}, bytes_of)


def front_matter(provenance: Mapping[str, Any], data_files: Mapping[str, str], bytes_of: Mapping[str, int]) -> str:
    """The YAML between two lines of `---`; `data_files` is split -> pattern, `bytes_of` split -> size in bytes."""
    counts = provenance["counts"]
    total = sum(of_split["frames"] for of_split in counts.values())
    origin = provenance["origin"]
    features = [{"name": name, "dtype": kind} for name, kind in columns_of(provenance).items()]
    tags = ["medical", "oct", "intravascular", "coronary", "lipid-plaque", "segmentation"]
    content: dict[str, Any] = {
        "pretty_name": title(provenance),
        "license": provenance["licence"] or "other",
        **({} if provenance["licence"] else {"license_name": "none-given"}),
        "task_categories": ["image-segmentation"],
        "task_ids": ["semantic-segmentation"],
        "annotations_creators": ["expert-generated"],
        "size_categories": [next((name for below, name in SIZES if total < below), "1M<n<10M")],
        "tags": tags
        + ([f"doi:{origin['doi']}"] if origin["doi"] else [])
        + (["leaking-split"] if provenance["split"]["leaks"] else [])
        + (["private"] if provenance["private"] else []),
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": data_files[split]} for split in SPLITS if split in counts],
            }
        ],
        "dataset_info": {
            "features": features,
            "splits": [
                {"name": split, "num_bytes": bytes_of[split], "num_examples": counts[split]["frames"]}
                for split in SPLITS
                if split in counts
            ],
            "download_size": sum(bytes_of.values()),
            "dataset_size": sum(bytes_of.values()),
        },
    }
    return f"{markdown.front_matter(content)}\n"


def title(provenance: Mapping[str, Any]) -> str:
    """What the dataset is called."""
    return f"{_labels(provenance)} in intravascular OCT, {provenance['size']} x {provenance['size']}"


def body(provenance: Mapping[str, Any], repository: str | None = None) -> str:
    """Everything below the front matter; of a folder, or of the dataset as it stands in a repository of the Hub."""
    origin, split, counts = provenance["origin"], provenance["split"], provenance["counts"]
    studies = len({study for of_split in counts.values() for study in of_split["by_study"]})
    total, with_scale = (sum(each[key] for each in counts.values()) for key in ("frames", "frames_with_scale"))
    values = {
        "title": title(provenance),
        "warnings": _warnings(provenance),
        "frames": total,
        "studies": f"{studies} {'study' if studies == 1 else 'studies'}",
        "labels": _labels(provenance).lower(),
        "source": origin["title"],
        "creators": f" by {origin['creators'].rstrip('.')}" if origin["creators"] else "",
        "contact_sheet": SHEET_FILE,
        "size": provenance["size"],
        "palette": ", ".join(f"{value} {_spoken(name)}" for value, name in provenance["palette"].items()),
        "place": repository or "path/to/this/folder",
        "first_split": next(iter(counts)),
        "first_value": PALETTE_INDEX[provenance["classes"][0]],
        "first_class": provenance["classes"][0],
        "classes": _class_table(provenance),
        "changes": "\n".join(f"* {_sentence(change)}" for change in provenance["changes"]),
        "provenance_file": PROVENANCE_FILE,
        "sums_file": SUMS_FILE,
        "except": " but this one" if repository else "",
        "split": f"{_sentence(split['description'])} {_split_details(split)}",
        "split_table": _split_table(provenance),
        "study_table": _study_table(provenance),
        "histogram": HISTOGRAM_FILE,
        "frames_with_scale": with_scale,
        "duplicates": _duplicates(provenance),
        "excluded": _excluded(provenance),
        "remarks": "".join(f"* {_sentence(remark)}\n" for remark in provenance.get("remarks", ())),
        "attribution": attribution(provenance),
        "citation": _citation(origin),
    }
    return filled(TEMPLATES / "dataset.md", values)


def attribution(provenance: Mapping[str, Any]) -> str:
    """Creators, title, link, licence, changes and disclaimer, as the licence asks for."""
    return Origin(**provenance["origin"]).attribution(provenance["changes"])


def card_faults(text: str) -> list[str]:
    """What the Hub would not take, or what is left over from a template; a sentence each."""
    found = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    if found is None:
        return ["the card does not begin with front matter between two lines of ---"]
    try:
        content = yaml.safe_load(found[1])
    except yaml.YAMLError:
        return ["the card's front matter is not YAML"]
    if not isinstance(content, dict):
        return ["the card's front matter is no mapping"]
    needed = ("license", "pretty_name", "task_categories", "tags", "size_categories", "configs", "dataset_info")
    faults = [f"the card's front matter lacks {key}" for key in needed if not content.get(key)]
    if content.get("license") not in {*SHAREABLE_LICENCES, "other", "unknown"}:
        faults.append(f"the card names the licence {content.get('license')!r}, which the Hub does not know")
    if content.get("license") == "other" and not content.get("license_name"):
        faults.append('the card\'s licence is "other" without a license_name')
    faults += [
        "a configuration in the card has no config_name or no data_files"
        for config in content.get("configs") or ()
        if not isinstance(config, dict) or not config.get("config_name") or not config.get("data_files")
    ]
    faults += [f"the card still holds {word!r}" for word in PLACEHOLDERS if word in text]
    faults += [
        f"the card links to {link}, outside of the folder"
        for link in re.findall(r"!\[[^]]*\]\(((?:/|\.\./)[^)]*)\)", text)
    ]
    return faults


def _labels(provenance: Mapping[str, Any]) -> str:
    labels = [BY_NAME[name].label for name in provenance["classes"]]
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}".capitalize()


def _spoken(class_name: str) -> str:
    return class_name.replace("_", " ")


def _warnings(provenance: Mapping[str, Any]) -> str:
    """What is to be read before all else, each a paragraph with the empty line after it."""
    split = provenance["split"]
    private = f"{PRIVATE}\n\n" if provenance["private"] else ""
    return private + (f"> **{split['description']}**\n\n" if split["leaks"] else "")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _split_details(split: Mapping[str, Any]) -> str:
    told = []
    if split["folds"]:
        told.append(
            f"Column `fold` numbers {split['folds']} folds by study; fold {split['validation_fold']} is validation "
            "(0: held out)."
        )
    elif split["rule"] != "none":
        told.append(f"Validation is as near to {100 * split['validation_share']:.0f} % of the frames as that allows.")
    if split["rule"] == "study" and not split["folds"]:
        told.append("The frames with the class are balanced in the same way.")
    if split["holdout"] == "radialmamba":
        told.append(
            f"Test holds those of the studies {', '.join(RADIALMAMBA)} that are here: the ones on which RadialMamba "
            "and Swin-UMamba were reported."
        )
    elif split["holdout"]:
        told.append("Test holds studies that were named for it.")
    if split["rule"] != "none":
        told.append(f"Seed {split['seed']}.")
    return " ".join(told)


def _split_table(provenance: Mapping[str, Any]) -> str:
    classes = provenance["classes"]
    header = ["split", "studies", "frames", *(f"frames with {_spoken(name)}" for name in classes), "with a scale"]
    rows = [
        [
            *(split, of_split["studies"], of_split["frames"]),
            *(of_split["frames_with"][name] for name in classes),
            of_split["frames_with_scale"],
        ]
        for split, of_split in provenance["counts"].items()
    ]
    return table(header, rows)


def _class_table(provenance: Mapping[str, Any]) -> str:
    counts = provenance["counts"].values()
    pixels = sum(of_split["frames"] for of_split in counts) * provenance["size"] ** 2
    rows = [["0", "background", "", "", ""]]
    for name in provenance["classes"]:
        with_it, own = (sum(of_split[key][name] for of_split in counts) for key in ("frames_with", "pixels_of"))
        colour = "#{:02x}{:02x}{:02x}".format(*BY_NAME[name].colour)
        rows.append([str(PALETTE_INDEX[name]), f"`{name}`", colour, str(with_it), f"{100 * own / pixels:.2f} %"])
    return table(["value", "class", "colour", "frames with it", "of all pixels"], rows)


def _study_table(provenance: Mapping[str, Any]) -> str:
    classes = provenance["classes"]
    header = ["study", "split", "frames", *(f"with {_spoken(name)}" for name in classes)]
    rows = [
        [study, split, counts["frames"], *(counts["frames_with"][name] for name in classes)]
        for split, of_split in provenance["counts"].items()
        for study, counts in of_split["by_study"].items()
    ]
    return table(header, sorted(rows, key=lambda row: [natural_key(str(cell)) for cell in row[:2]]))


def _duplicates(provenance: Mapping[str, Any]) -> str:
    found = provenance["duplicates_across_studies"]
    if not found:
        return "* No frame was found under two studies (compared by their speckle).\n"
    named = ", ".join(f"{pair['first']} = {pair['second']}" for pair in found[:8])
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    kept = (
        "; such frames are on both sides"
        if provenance["split"]["leaks"]
        else "; such studies are on one side of the split"
    )
    return f"* {len(found)} pairs of frames of different studies show the same: {named}{more}{kept}.\n"


def _excluded(provenance: Mapping[str, Any]) -> str:
    left_out = provenance["excluded"]
    return (
        f"* {len(left_out)} files were left out; `{PROVENANCE_FILE}` names each with the reason.\n" if left_out else ""
    )


def _citation(origin: Mapping[str, Any]) -> str:
    if not origin["creators"]:
        return f"{origin['title']}."
    authors = " and ".join(part.strip() for part in origin["creators"].split(";"))
    fields = {
        "author": authors,
        "title": origin["title"],
        "publisher": origin["publisher"],
        "version": origin["version"],
        "year": origin["year"],
        "doi": origin["doi"],
    }
    lines = "".join(f"  {key} = {{{value}}},\n" for key, value in fields.items() if value)
    return f"```bibtex\n@dataset{{source,\n{lines}}}\n```"
