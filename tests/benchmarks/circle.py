"""What it costs to see the circle as a circle: `python -m tests.benchmarks.circle [--rounds 30]`.

The same weights by turns on OpenVINO f32, in one process: 384 rows of which 160 repeat the other end, as octseg 0.1 had
them; and the bundled model's rays, whose rows go around. Prints medians as a ratio.
"""

import argparse
import time
from dataclasses import replace

import numpy as np

from octseg.checkpoint import Checkpoint, load_checkpoint
from octseg.inference.on_openvino import OpenVINOBackend
from octseg.model import DeepLabV3Plus
from octseg.pretrained import BUNDLED

REPEATED = {"size": (384, 256), "wrap_rays": 80}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    bundled = load_checkpoint(BUNDLED)
    network = replace(bundled.config.network, circular_rows=False)
    plain = DeepLabV3Plus(network)
    plain.load_state_dict(bundled.network.state_dict())
    config = replace(bundled.config, network=network, preprocessing=replace(bundled.config.preprocessing, **REPEATED))
    kinds = {"160 of 384 rows repeated": Checkpoint(config, plain.eval()), "rows go around": bundled}
    runs = {name: OpenVINOBackend(checkpoint) for name, checkpoint in kinds.items()}
    inputs = {
        name: np.random.default_rng(0).integers(0, 256, (1, *checkpoint.config.preprocessing.size), np.uint8)
        for name, checkpoint in kinds.items()
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 3):
        for name, run in runs.items():
            began = time.perf_counter()
            run(inputs[name])
            times[name].append(time.perf_counter() - began)
    medians = {name: float(np.median(each[3:])) for name, each in times.items()}
    first = next(iter(medians.values()))
    print("| rows | input | median, ms | ratio |\n|---|---|---|---|")
    for name, median in medians.items():
        print(f"| {name} | {inputs[name].shape[1:]} | {1e3 * median:.1f} | {median / first:.2f} |")


if __name__ == "__main__":
    main()
