"""What the loopback Hub makes of a README: its YAML front matter, what is wrong with it, and the tags it yields."""

import re
from typing import Any

import yaml
from starlette.responses import JSONResponse, Response

from tests.fakes.hub.calls import Call, route

LICENCES = """
    apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
    afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0
    cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0
    cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0
    cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl
    gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc intel-research lppl-1.3c ms-pl mpl-2.0 odc-by odbl openrail++
    osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4
    gemma unknown other
"""
COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


def front_matter(content: str) -> dict[str, Any]:
    """The metadata of a README, {} where it has none. Raises ValueError on what is no YAML mapping."""
    found = FRONT_MATTER.match(content)
    if found is None:
        return {}
    try:
        told = yaml.safe_load(found[1])
    except yaml.YAMLError as error:
        raise ValueError(f"Invalid YAML in the front matter: {error}") from error
    if told is not None and not isinstance(told, dict):
        raise ValueError('"front matter" must be of type object')
    return told or {}


def card_data(content: str) -> dict[str, Any]:
    """`front_matter` of a README that was let in, whatever it says."""
    try:
        return front_matter(content)
    except ValueError:
        return {}


def as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def problems(content: str, kind: str) -> tuple[list[str], list[str]]:
    """Errors, for which the Hub refuses the README, and warnings. `kind` is model, dataset or space."""
    try:
        told = front_matter(content)
    except ValueError as error:
        return [str(error)], []
    errors = []
    if not set(LICENCES.split()).issuperset(map(str, as_list(told.get("license")))):
        errors.append(f'"license" must be one of [{", ".join(LICENCES.split())}]')
    errors += [
        f'"{key}" must be an array of strings'
        for key in ("tags", "task_categories", "size_categories", "annotations_creators", "source_datasets", "models")
        if not all(isinstance(each, str) for each in as_list(told.get(key)))
    ]
    if "model-index" in told:
        errors += _index_problems(told["model-index"])
    if kind == "space":
        errors += [
            f'"{key}" must be one of {list(COLOURS)}'
            for key in ("colorFrom", "colorTo")
            if told.get(key, "red") not in COLOURS
        ]
        if told.get("sdk") not in ("gradio", "docker", "static", "streamlit"):
            errors.append('"sdk" must be one of [gradio, docker, static, streamlit]')
    for config in as_list(told.get("configs")) if kind == "dataset" else []:
        if not isinstance(config, dict) or not isinstance(config.get("config_name"), str):
            errors.append('"configs[].config_name" is required')
    return errors, [] if told else ["empty or missing yaml metadata in repo card"]


def _index_problems(index: Any) -> list[str]:
    if not isinstance(index, list):
        return ['"model-index" must be an array']
    found = []
    for at, model in enumerate(index):
        model = model if isinstance(model, dict) else {}
        found += [] if isinstance(model.get("name"), str) else [f'"model-index[{at}].name" is required']
        for number, result in enumerate(as_list(model.get("results"))):
            place = f"model-index[{at}].results[{number}]"
            for path in ("task.type", "dataset.type", "dataset.name"):
                outer, inner = path.split(".")
                if not isinstance((result.get(outer) or {}).get(inner), str):
                    found.append(f'"{place}.{path}" is required')
            for metric in as_list(result.get("metrics")) or [{}]:
                found += [f'"{place}.metrics[].{key}" is required' for key in ("type", "value") if key not in metric]
    return found


def tags_of(card: dict[str, Any]) -> list[str]:
    """Tags that the Hub shows and filters by: those of the card, then licence, library, task and data."""
    found = [str(tag) for tag in as_list(card.get("tags"))]
    found += [str(card[key]) for key in ("library_name", "pipeline_tag") if card.get(key)]
    for key, word in (("license", "license"), ("datasets", "dataset"), ("base_model", "base_model")):
        found += [f"{word}:{value}" for value in as_list(card.get(key))]
    for key in ("task_categories", "task_ids", "size_categories", "language"):
        found += [f"{key}:{value}" for value in as_list(card.get(key))]
    return list(dict.fromkeys(found))


@route("POST", "/api/validate-yaml")
async def validate_yaml(call: Call) -> Response:
    told = await call.json()
    errors, warnings = problems(told["content"], told.get("repoType", "model"))
    body = {"errors": [{"message": each} for each in errors], "warnings": [{"message": each} for each in warnings]}
    return JSONResponse(body, 400 if errors else 200)
