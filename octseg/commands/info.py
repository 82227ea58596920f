"""`octseg info`: what the model is, what it was trained on, how it scored and where it would run."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from octseg.commands.models import add_model_flags, loaded
from octseg.commands.telling import NOTICE, Commands, printable

# torch and OpenVINO take seconds to load: they are imported where a command needs them, not for `--help`.
if TYPE_CHECKING:
    from octseg.segmenter import Segmenter


NOT_SCORED = "none: `python -m train.evaluate --model DIR --data DIR --into-config` puts them into config.json"


def add_command(commands: Commands) -> None:
    """`octseg info`."""
    parser = commands.add_parser("info", help="describe the model and where it would run")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_model_flags(parser)
    parser.set_defaults(run=lambda args: info(args.model, args.device, args.backend, args.precision, as_json=args.json))


def info(model: str | None, device: str, backend: str, precision: str, *, as_json: bool) -> int:
    """Print what the model is, what it was trained on, how it scored and where it would run."""
    segmenter = loaded(model, device, backend, precision)
    described = {**describe(segmenter), "checkpoint_bytes": segmenter.weights_bytes}
    print(json.dumps(described, indent=2, allow_nan=False) if as_json else "\n".join(map(printable, _lines(described))))
    return 0


def describe(segmenter: "Segmenter") -> dict[str, Any]:
    """What `octseg info` tells, as plain values."""
    from octseg.export.provenance import run_record
    from octseg.measurement.records import json_value
    from octseg.model.complexity import count_multiply_adds, count_weights

    config = segmenter.config
    rows, columns = config.preprocessing.size
    described = {
        **run_record(segmenter.identity, segmenter.device, segmenter.backend, segmenter.precision),
        "classes": list(config.network.classes),
        "network": config.network.to_mapping(),
        "preprocessing": config.preprocessing.to_mapping(),
        "thresholds": config.every_threshold,
        "calibration": config.calibration.to_mapping(),
        "weights": count_weights(segmenter.network),
        "multiply_adds": count_multiply_adds(segmenter.network, rows, columns),
        "training": dict(config.training),
        "metrics": dict(config.metrics),
        "software": dict(config.software),
    }
    return {name: json_value(value) for name, value in described.items()}


def _lines(described: dict[str, Any]) -> Iterator[str]:
    model, network, preprocessing = described["model"], described["network"], described["preprocessing"]
    rows, columns = preprocessing["size"]
    rates = "/".join(map(str, network["aspp_rates"]))
    size = f"{described['checkpoint_bytes'] / 1e6:.2f} MB"
    yield from (
        f"Model          {model['name']} ({model['source']}), revision {model['revision'] or 'none'}",
        f"Classes        {', '.join(described['classes'])}",
        f"Network        DeepLabV3+ on MobileNetV2, ECA, output stride {network['output_stride']}, ASPP {rates}",
        f"Input          {preprocessing['domain']}, {rows} x {columns}",
        f"Weights        {described['weights']:,}",
        f"Multiply-adds  {described['multiply_adds'] / 1e9:.2f} G a frame",
        f"Checkpoint     {size}, sha256 {model['sha256']}",
        f"Runs on        {described['device']}, {described['backend']}, {described['precision']}",
        f"octseg         {described['octseg']}",
    )
    told = {section: described[section] for section in ("training", "metrics", "software")}
    yield from _outline({**told, "metrics": told["metrics"] or NOT_SCORED}, "")
    yield NOTICE


def _outline(values: dict[str, Any], indent: str) -> Iterator[str]:
    """Nested values as indented lines, the members of a list numbered."""
    for key, held in values.items():
        if isinstance(held, list) and any(isinstance(member, dict) for member in held):
            held = {str(number): member for number, member in enumerate(held, start=1)}
        if isinstance(held, dict):
            yield f"{indent}{key}:"
            yield from _outline(held, indent + "  ")
        else:
            yield f"{indent}{key}: {', '.join(map(str, held)) if isinstance(held, list) else held}"
