"""The loop that one would write around the network: `python plain_loop.py [--bare] PICTURES OUT`.

PyTorch as it comes, eager, on all cores; a picture after the other. Frames are seen, joined, outlined and measured as
`segment` of the octseg that is imported does it; masks and overlays by Pillow, a JSON file each. --bare: seen in the
same way, then one look, each class's probability enlarged and cut at one half, the classes laid over the frame, their
pixels counted; no outlines, no measures, no checks.
"""

import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

import octseg
from octseg.checkpoint import load_checkpoint
from octseg.checkpoint.normalising import normalise_of
from octseg.pretrained import BUNDLED

COLOURS = np.array([(90, 160, 255), (80, 220, 120), (255, 210, 60), (255, 90, 200)])


class Eager:
    """The network as the training left it, in the place of a backend."""

    batch = at_once = 1
    device, name = "cpu", "eager"

    def __init__(self) -> None:
        checkpoint = load_checkpoint(BUNDLED)
        self.network = checkpoint.network.eval()
        self.normalise = normalise_of(checkpoint.config.preprocessing, checkpoint.config.network)

    def __call__(self, inputs):  # type: ignore[no-untyped-def]
        with torch.inference_mode():
            return self.network(self.normalise(torch.from_numpy(inputs))).sigmoid().numpy()

    def begin(self, inputs):  # type: ignore[no-untyped-def]
        probability = self(inputs)
        return lambda: probability


def segmented(model: octseg.Segmenter, path: Path, out: Path) -> None:
    result = model.segment(path)
    result.palette_mask().save(out / f"{path.stem}_mask.png")
    (out / f"{path.stem}.json").write_text(json.dumps(result.to_record()))
    result.overlay(legend=True).save(out / f"{path.stem}_overlay.png")


def bare(model: octseg.Segmenter, path: Path, out: Path) -> None:
    from octseg.decoding.reaches import joined
    from octseg.view.preprocessing import to_input, view_frame

    frame, config = np.asarray(Image.open(path).convert("RGB")), model.config.preprocessing
    view = view_frame(frame)
    planes = Eager.__call__(model._run, to_input(view, config)[None])[0]
    masks = np.stack(list(joined([planes], [view], config, model.config.network.classes))) > 0.5
    labels, shown = np.zeros(frame.shape[:2], np.uint8), frame.astype(np.float32)
    for number, mask in enumerate(masks):
        labels[mask] = number + 1
        shown[mask] = 0.6 * shown[mask] + 0.4 * COLOURS[number % len(COLOURS)]
    Image.fromarray(labels).save(out / f"{path.stem}_mask.png")
    areas = masks.sum(axis=(1, 2)).tolist()
    (out / f"{path.stem}.json").write_text(json.dumps(dict(zip(model.config.network.classes, areas, strict=True))))
    Image.fromarray(shown.astype(np.uint8)).save(out / f"{path.stem}_overlay.png")


def main() -> None:
    *_, folder, place = sys.argv
    files, out = sorted(Path(folder).iterdir()), Path(place)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    cv2.setNumThreads(len(os.sched_getaffinity(0)))
    model = octseg.from_pretrained(device="cpu", backend="torch")
    model._run = Eager()
    out.mkdir()
    for file in files:
        (bare if "--bare" in sys.argv else segmented)(model, file, out)


if __name__ == "__main__":
    main()
