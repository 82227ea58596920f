"""The README.md beside a checkpoint: what the model is, what it was trained on, how it scored, what it is not for."""

from octseg.checkpoint import CheckpointConfig

TITLE = "Tissue outlines in intravascular OCT: improved DeepLabV3+"


def model_card(config: CheckpointConfig, figures: str | None = None) -> str:
    """Markdown with front matter; `figures` is the table of `train.evaluate`, None before any evaluation."""
    measured = f"{config.metrics.get('protocol')}\n\n{figures}" if figures else "Not evaluated yet."
    classes = ", ".join(config.network.classes)
    rows, columns = config.preprocessing.size
    return f"""---
license: apache-2.0
library_name: octseg
pipeline_tag: image-segmentation
tags: [medical, oct, intravascular, coronary, lipid-plaque]
---

# {TITLE}

Research use only, not a medical device.

**Input**: one intravascular OCT frame, RGB or grey, of any size. **Output**: probability of {classes}, each plane for
itself, at the frame's own resolution. Inside, the frame is seen in {config.preprocessing.domain} coordinates at
{rows} x {columns}.

```python
import octseg

result = octseg.from_pretrained("this/folder").segment("frame.png")
```

## Trained on
{_training(config)}

## How it scores
{measured}

## What it must not be used for
Diagnosis, treatment, or any decision about a patient. It knows the frames listed above and no others; it has not been
tested on stents, on other scanners, or on frames with much residual blood. The deep border of lipid is diffuse and
drawn by habit: its area is the visible lipid area.

## Attribution
{_attribution(config)}
"""


def _training(config: CheckpointConfig) -> str:
    lines = [f"* {dataset['name']}: {dataset['used']}" for dataset in config.training.get("datasets", ())]
    lines += [f"* {key}: {config.training[key]}" for key in ("start", "notes") if key in config.training]
    return "\n".join(lines) or "Not stated."


def _attribution(config: CheckpointConfig) -> str:
    lines = [dataset["attribution"] for dataset in config.training.get("datasets", ()) if "attribution" in dataset]
    return "\n\n".join(lines) or "None needed."
