"""Train the network: `python -m train --data DIR --out RUN`.

DIR is a dataset of `python -m train.prepare`, of which the training split is used, or one part of an unpacked fold of
the Zenodo record; or it is org/name[@revision], a dataset of the Hub. The model's classes are those of the dataset. It
starts from ImageNet weights of the Hub, or from a file (--imagenet). Stopped at any moment, the same command goes on
from the last saved state. Every --validate-every steps the averaged network is looked at on frames of other patients,
and at the end RUN/report.html tells of it all.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, get_args

import torch
from torch import nn
from tqdm import tqdm

from octseg import __version__
from octseg.cards.model import model_card
from octseg.checkpoint import Checkpoint, CheckpointConfig, load_checkpoint, save_checkpoint
from octseg.checkpoint.weights import bytes_of
from octseg.commands.counts import from_0, from_1, number_from_0, share
from octseg.commands.stopping import STOPPED_STATUS, until_stopped
from octseg.dataset.publishing import require_publishable_weights
from octseg.errors import ConfigError, OctsegError
from octseg.model import DeepLabV3Plus, ModelConfig
from octseg.pretrained import is_repository
from octseg.view.preprocessing import PreprocessingConfig, ThirdChannel
from train.dataset import Case, Data, TrainingFrame, load_phantom, open_data, refuse_without, training_frames
from train.judging.judge import told_of
from train.learning.engine import Engine, Precision
from train.learning.imagenet import TIMM_REPOSITORY, locate
from train.learning.loop import ElsewhereError, Report, StoppedError, preprocessing_of, train
from train.learning.presets import DOMAINS, PRESETS, Preset, stages
from train.learning.recipe import Loss, Recipe
from train.learning.state import states_in
from train.learning.tracking import Tracker, open_tracker
from train.learning.watching import SCORE, Look, Watch, best_of, chosen_cases, load_best, validation_data
from train.provenance import FIRST_PHANTOM_SEED, load_start, provenance
from train.reporting.page import REPORT_FILE, write_report

Say: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What a run is to be, asked of nothing but flags and what the data say of themselves.

    start: a model to train on; where there is none the encoder begins with the weights of `imagenet`.
    """

    data: Data
    validation: Data | None
    start: Checkpoint | None
    imagenet: Path | None
    network: ModelConfig
    preprocessing: PreprocessingConfig
    recipe: Recipe


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 with one line on stderr where something does not fit."""
    options = _parser().parse_args(argv)
    torch.set_num_threads(options.threads)
    say: Say = _say
    try:
        engine = Engine(options.precision)
        say = _say if engine.is_main_of_host else _hold
        _run(options, engine, say)
    except OctsegError as error:
        if not isinstance(error, ElsewhereError):
            say(str(error))
        return STOPPED_STATUS if isinstance(error, StoppedError) else 1
    return 0


def _run(options: argparse.Namespace, engine: Engine, say: Say) -> None:
    """Train, and let the main process write the checkpoint with its report."""
    plan = _planned(options, say)
    tracker = _tracker(options, plan)
    if options.resume and not states_in(options.out):
        raise OctsegError(f"there is no run to go on with in {options.out.name}; leave out --resume to begin one")
    hidden = not engine.is_main_of_host
    shown_frames = _shown("frames", len(plan.data.studies), hidden=hidden)
    real = training_frames(plan.data, shown_frames, negatives_only=options.negatives_only)
    phantoms = _load_phantoms(options.phantoms if plan.recipe.phantom_share else 0, plan.data.classes, hidden=hidden)
    config = CheckpointConfig(
        network=plan.network,
        preprocessing=plan.preprocessing,
        training=provenance(plan.data, len(phantoms), plan.recipe, options.imagenet, plan.start),
        software={"octseg": __version__, "torch": torch.__version__},
    )
    frames = f"{len(real)} frames of {len(set(plan.data.studies))} studies and {len(phantoms)} phantoms"
    say(f"{frames}; the run is in {options.out}")
    if options.push_to_hub:
        require_publishable_weights(config.training, config.metrics, options.out.name)
    shown = None if engine.is_main else True
    with _finished(tracker), tqdm(total=plan.recipe.steps, desc="steps", unit="step", disable=shown) as bar:
        network = train(
            real,
            phantoms,
            imagenet=plan.imagenet,
            start=plan.start,
            network_config=plan.network,
            preprocessing=plan.preprocessing,
            recipe=plan.recipe,
            out=options.out,
            save_every_s=60.0 * options.save_every,
            show=_all_of(shown_by(bar, plan.recipe), *([] if tracker is None else [tracker.report])),
            observe=_watch(options, plan, config, bar, tracker),
            engine=engine,
        )
    engine.close()
    if engine.is_main:
        _finish(options, network, config, plan.validation)


def _finish(
    options: argparse.Namespace, network: DeepLabV3Plus, config: CheckpointConfig, validation: Data | None
) -> None:
    """Write the checkpoint with its card and report, and publish it where that was asked for."""
    config = kept(options.keep, options.out, network, config, validation)
    if has_weights(options.out, network):
        _say(f"{options.out} has these very weights, whose calibration and figures stay")
    else:
        save_checkpoint(options.out, network, config, model_card(config))
    write_report(options.out, validation)
    _say(f"the weights are in {options.out}, and {options.out / REPORT_FILE} tells of the training")
    if options.push_to_hub:
        _push(options)


def has_weights(folder: Path, network: DeepLabV3Plus) -> bool:
    """Whether a checkpoint in a folder has the very weights of a network: those of a training that was over before."""
    try:
        return load_checkpoint(folder).config.sha256 == hashlib.sha256(bytes_of(network)).hexdigest()
    except OctsegError:
        return False


def _planned(options: argparse.Namespace, say: Say) -> Plan:
    """OctsegError where flags, data and models do not fit together; what flags alone tell, before any is fetched."""
    preset = PRESETS[options.preset]
    seen = preset.preprocessing if options.domain is None else DOMAINS[options.domain]
    recipe = _recipe(options, preset, seen)
    start = None if options.start is None else load_start(options.start)
    if start is not None and not start.config.datasets:
        raise ConfigError("the model to start from does not say what it was trained on, so its training could not")
    imagenet = locate(options.imagenet) if start is None else None
    data = open_data(options.data, "train", streaming=options.streaming)
    for sentence in (*data.warnings, *data.notes):
        say(sentence)
    data = replace(data, classes=chosen_classes(options.classes, data))
    if not options.negatives_only:
        refuse_without(data.frames_with, data.classes, "training", say=say)
    seen = replace(seen, third_channel=third_channel(options.third_channel, start))
    network = ModelConfig(classes=data.classes, circular_rows=seen.domain == "polar")
    if start is not None:
        network = goes_on(start, network)
    preprocessing = preprocessing_of(recipe.stages[-1], seen)
    return Plan(data, _validation(options, data, recipe, say), start, imagenet, network, preprocessing, recipe)


def _push(options: argparse.Namespace) -> None:
    from hub.client import How
    from hub.model import push_model
    from hub.options import tell

    tell(push_model(options.out, options.push_to_hub, How(private=options.private)))


def shown_by(bar: tqdm, recipe: Recipe) -> Callable[[Report], None]:
    """What moves the progress bar: the first report may be of a run that goes on in its middle."""

    def show(report: Report) -> None:
        done = recipe.run_step(int(report["stage"]), int(report["step"]))
        if bar.n == 0:
            bar.initial = done
        bar.n = done
        bar.set_postfix(loss=f"{report['loss']:.3f}")

    return show


def kept(
    keep: str, out: Path, network: nn.Module, config: CheckpointConfig, validation: Data | None
) -> CheckpointConfig:
    """The configuration with which weights are kept; for "best" the network gets those of the best look."""
    best = load_best(out, network) if keep == "best" else best_of(out)
    told: dict[str, Any] = {"weights": "averaged weights of the last step"}
    if best is not None and validation is not None:
        told["validation"] = {
            "used": validation.told.get("used"),
            "private": validation.told.get("private") is not False,
            "best_step": best.run_step,
            "best_score": best.score,
            "score": SCORE,
        }
        if keep == "best":
            told["validation"] |= told_of(validation)
            told["weights"] = f"averaged weights of step {best.run_step}, the best on validation frames"
    return replace(config, training={**config.training, **told})


def third_channel(asked: ThirdChannel | None, start: Checkpoint | None) -> ThirdChannel:
    """What the network's third channel shows; ConfigError where that is not what `start` was trained on."""
    if start is None:
        return asked or "grey"
    known = start.config.preprocessing.third_channel
    if asked not in (None, known):
        raise ConfigError(
            f"the model to start from was trained with a third channel of {known}; leave out --third-channel {asked}, "
            "or --start"
        )
    return known


def goes_on(start: Checkpoint, wanted: ModelConfig) -> ModelConfig:
    """The network of `start` with rows that go around as wanted; ConfigError where its classes are not those wanted."""
    own = start.config.network.classes
    if own != wanted.classes:
        do = f"choose --classes {' '.join(own)}"
        if any(name not in wanted.classes for name in own):
            do = "leave out --start, or have the data speak of all of them"
        raise ConfigError(
            f"the model to start from outlines {', '.join(own)}, the training is to be of "
            f"{', '.join(wanted.classes)}: {do}"
        )
    return replace(start.config.network, circular_rows=wanted.circular_rows)


def _recipe(options: argparse.Namespace, preset: Preset, seen: PreprocessingConfig) -> Recipe:
    """The preset's recipe with the stages, loss and seed that were asked for."""
    steps = options.coarse_steps or preset.coarse_steps
    if not any((*steps, *options.fine_steps)):
        raise ConfigError("no steps to train for; give how many with --coarse-steps or --fine-steps")
    recipe = preset.recipe(stages(steps, options.fine_steps, seen.size))
    if options.start is not None:
        recipe = replace(recipe, stages=tuple(stage.of_trained() for stage in recipe.stages))
    phantom_share = options.phantom_share if options.phantoms else 0.0
    if options.phantom_share and not options.phantoms:
        raise ConfigError("--phantom-share is of no phantoms with --phantoms 0; leave one of them out")
    if phantom_share == 1:
        raise ConfigError("--phantom-share 1 would draw no frame of the data; give less than 1")
    asked = {"loss": options.loss, "phantom_share": phantom_share, "lipid_share": options.lipid_share}
    return replace(recipe, seed=options.seed, **{name: value for name, value in asked.items() if value is not None})


def _say(message: str) -> None:
    print(f"train: {message}", file=sys.stderr)


def _hold(_message: str) -> None:
    """What another process of this host says already."""


def _validation(options: argparse.Namespace, data: Data, recipe: Recipe, say: Say) -> Data | None:
    """The frames to look at while it runs, with what there is to say about them."""
    validation = validation_data(data, options.validation, streaming=options.streaming)
    if validation is None and options.keep == "best":
        raise ConfigError("--keep best needs frames of other patients to choose by; give them with --validation DIR")
    if validation is None and recipe.schedule == "plateau":
        raise ConfigError(
            "--preset seed lowers its rate when the Dice on validation frames stands still, and there are none; give "
            "frames of other patients with --validation DIR"
        )
    if validation is None:
        say("no validation frames of other patients, so the run is not looked at")
    for warning in () if validation is None else validation.warnings:
        say(f"validation: {warning}")
    return validation


def _watch(
    options: argparse.Namespace, plan: Plan, config: CheckpointConfig, bar: tqdm, tracker: Tracker | None
) -> Watch | None:
    if plan.validation is None:
        return None
    cases = chosen_cases(plan.validation, options.validation_frames)

    def show(look: Look, _picture: Path) -> None:
        bar.set_description(f"steps (validation {'-' if look.score is None else f'{look.score:.2f}'})")

    tell = _all_of(show, *([] if tracker is None else [tracker.look]))
    private = bool(plan.validation.told.get("private"))
    return Watch(options.out, plan.recipe, config, cases, options.validate_every, private, tell)


def _tracker(options: argparse.Namespace, plan: Plan) -> Tracker | None:
    if options.track is None:
        return None
    private = any(each is not None and each.told.get("private", False) for each in (plan.data, plan.validation))
    return open_tracker(options.track, options.out, plan.recipe, asdict(plan.recipe), private=private)


def _finished(tracker: Tracker | None) -> AbstractContextManager[object]:
    return nullcontext() if tracker is None else closing(tracker)


def _all_of(*calls: Callable[..., object]) -> Callable[..., None]:
    def call(*given: object) -> None:
        for each in calls:
            each(*given)

    return call


def chosen_classes(wanted: Sequence[str], data: Data) -> tuple[str, ...]:
    """The classes to train, in the order of the data's; "all" are those of the data.

    Raises ConfigError where the data do not speak of one.
    """
    if list(wanted) == ["all"]:
        return data.classes
    if unknown := sorted(set(wanted) - set(data.classes)):
        raise ConfigError(f"the data say nothing of {', '.join(unknown)}; they have {', '.join(data.classes)}")
    return tuple(name for name in data.classes if name in wanted)


def _load_phantoms(count: int, classes: Sequence[str], *, hidden: bool) -> list[TrainingFrame]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        seeds = range(FIRST_PHANTOM_SEED, FIRST_PHANTOM_SEED + count)
        made = pool.map(lambda seed: load_phantom(seed, classes), seeds)
        return list(tqdm(made, total=count, desc="phantoms", disable=hidden or None))


def _shown(what: str, total: int, *, hidden: bool) -> Callable[[Iterable[Case]], Iterable[Case]]:
    return lambda cases: tqdm(cases, total=total, desc=what, disable=hidden or None)


def _hub_name(text: str) -> str:
    if not is_repository(text):
        raise argparse.ArgumentTypeError(f"must be org/name, not {text}")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="dataset folder, org/name of the Hub, or folder with img/ and mask/"
    )
    parser.add_argument("--streaming", action="store_true", help="keep none of the Hub's Parquet files on the disk")
    parser.add_argument(
        "--imagenet",
        default=TIMM_REPOSITORY,
        help="MobileNetV2 weights: a safetensors file or a Hub name (%(default)s)",
    )
    parser.add_argument(
        "--start", type=Path, help="checkpoint folder, or bundled: train it on, at lower rates, instead of ImageNet's"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of this run")
    parser.add_argument(
        "--preset",
        choices=tuple(PRESETS),
        default="ours",
        help="plain: the baseline, flips alone and no phantoms; seed: RMSprop 1e-5, CE + Dice, plateau, Cartesian",
    )
    parser.add_argument("--classes", nargs="+", default=("all",), help="to train, or all that the data have")
    parser.add_argument("--negatives-only", action="store_true", help="it is meant that no frame bears the class")
    parser.add_argument("--loss", choices=get_args(Loss), help="instead of the preset's")
    parser.add_argument(
        "--third-channel",
        choices=get_args(ThirdChannel),
        help="slope: how fast grey levels rise with depth; grey, or as the model to start from has it",
    )
    parser.add_argument("--domain", choices=tuple(DOMAINS), help="instead of the preset's")
    parser.add_argument("--phantoms", type=from_0, default=1000, help="how many phantoms to mix in")
    parser.add_argument(
        "--phantom-share", type=share, metavar="SHARE", help="of each batch that are phantoms; the preset's"
    )
    parser.add_argument(
        "--lipid-share",
        type=share,
        metavar="SHARE",
        help="of each batch's real frames that bear lipid, at least; the preset's",
    )
    parser.add_argument("--coarse-steps", type=from_0, nargs="+", help="of each cycle at half size; plain: 1600 900")
    parser.add_argument(
        "--fine-steps", type=from_1, nargs="*", default=(), help="of each cycle at full size after them"
    )
    parser.add_argument("--save-every", type=number_from_0, default=5.0, metavar="MINUTES", help="between saved states")
    parser.add_argument("--resume", action="store_true", help="only go on: refuse where there is no run yet")
    parser.add_argument("--validation", type=Path, metavar="DIR", help="frames to look at; the data's own split")
    parser.add_argument("--validate-every", type=from_1, default=200, metavar="STEPS", help="between two looks")
    parser.add_argument("--validation-frames", type=from_1, default=24, metavar="N", help="at most, of each look")
    parser.add_argument(
        "--keep", choices=("last", "best"), default="last", help="whose averaged weights are the result"
    )
    parser.add_argument("--track", nargs="?", const="octseg", metavar="PROJECT", help="also tell trackio, locally")
    parser.add_argument("--push-to-hub", type=_hub_name, metavar="ORG/NAME", help="publish the weights in the end")
    parser.add_argument("--private", action="store_true", help="make the repository of --push-to-hub private")
    parser.add_argument("--precision", choices=get_args(Precision), default="auto", help="auto: bf16 where it is had")
    parser.add_argument("--threads", type=from_1, default=2)
    parser.add_argument("--seed", type=from_0, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(until_stopped(main, "train", "run the same command again"))  # while it steps, the loop heeds them
