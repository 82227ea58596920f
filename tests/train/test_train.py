"""Training: the record's layout read right, batches drawn as the recipe says, stopped and gone on with, measured."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from octseg.cards.score_tables import summary_table
from octseg.checkpoint import Checkpoint, CheckpointConfig, load_checkpoint, save_checkpoint
from octseg.classes import CLASS_NAMES
from octseg.errors import ConfigError, ReadError
from octseg.export.pictures import overlay_png
from octseg.measurement.depth import lipid_depth_px, visible_lipid
from octseg.model import DeepLabV3Plus, ModelConfig
from octseg.model.mobilenetv2 import MobileNetV2
from octseg.phantom import make_phantom
from octseg.segmenter import Segmenter
from octseg.view.preprocessing import PreprocessingConfig
from tests.fakes.results import withdrawn_result
from train.__main__ import goes_on, has_weights, third_channel
from train.__main__ import main as train_main
from train.dataset import TrainingFrame, open_data, training_frames
from train.evaluate import PROTOCOL, earlier_metrics, main, store_metrics
from train.judging.judge import evaluate
from train.learning.loop import train
from train.learning.pace import learning_rate_factor
from train.learning.recipe import Recipe, Stage
from train.provenance import load_start, provenance

POLAR = PreprocessingConfig(domain="polar", size=(64, 64), wrap_rays=8)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """Two phantoms laid out as one part of a fold of the record."""
    for folder in ("img", "mask"):
        (tmp_path / "train" / folder).mkdir(parents=True)
    for number, seed in enumerate((0, 1), start=1):
        phantom = make_phantom(seed)
        planes = np.stack([phantom.masks[name] for name in CLASS_NAMES], axis=-1).astype(np.uint8) * 255
        Image.fromarray(phantom.frame).save(tmp_path / "train" / "img" / f"001_1_{number:03d}.png")
        Image.fromarray(planes, "RGBA").save(
            tmp_path / "train" / "mask" / f"001_1_{number:03d}.tiff", compression="tiff_lzw"
        )
    return tmp_path / "train"


def test_a_record_part_gives_frames_with_their_truth(part: Path) -> None:
    frames = training_frames(open_data(part, "train"))
    assert [(frame.name, frame.study) for frame in frames] == [("001_1_001", "001"), ("001_1_002", "001")]
    for frame, seed in zip(frames, (0, 1), strict=True):
        masks, spacing_mm = make_phantom(seed).masks, make_phantom(seed).pixel_spacing_mm
        depth_px = lipid_depth_px(spacing_mm, len(masks["lumen"]))
        masks["lipid_core"] = visible_lipid(masks["lipid_core"], masks["lumen"], depth_px)
        assert frame.has == {name for name in CLASS_NAMES if masks[name].any()}
        for plane, name in enumerate(CLASS_NAMES):
            # The ruler tells the scale to a thousandth, and with it how far lipid counts.
            assert ((frame.planes[..., plane] > 127) != masks[name]).mean() < (0.002 if name == "lipid_core" else 1e-9)


def test_results_of_octseg_among_the_frames_are_no_frames(part: Path) -> None:
    drawn = replace(withdrawn_result(), withdrawn=None)
    (part / "img" / "001_1_002_overlay.png").write_bytes(overlay_png(drawn))
    assert open_data(part, "train").studies == ("001", "001")


def test_a_mask_of_another_size_is_refused_by_name(part: Path) -> None:
    Image.fromarray(np.zeros((100, 100, 4), np.uint8)).save(part / "mask" / "001_1_002.tiff")
    with pytest.raises(ReadError, match=r"001_1_002.tiff cannot be used: the mask has 100 x 100 pixels and its frame"):
        training_frames(open_data(part, "train"))


def test_a_folder_without_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no frames in"):
        open_data(tmp_path, "train")


def test_the_learning_rate_warms_up_and_ends_at_nearly_nothing() -> None:
    factors = [learning_rate_factor(step, 100, 0.1) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert max(factors) == pytest.approx(1.0)
    assert factors.index(max(factors)) in (9, 10)
    assert factors[-1] < 0.001


def tiny_training(out: Path, imagenet: Path, frames: list[TrainingFrame], steps: int) -> DeepLabV3Plus:
    config = ModelConfig(aspp_rates=(6,), aspp_channels=16, skip_channels=8)
    return train(
        frames,
        [],
        imagenet=imagenet,
        network_config=config,
        preprocessing=POLAR,
        recipe=Recipe(stages=(Stage(steps=steps, batch=2, size=(64, 64)),), phantom_share=0.0),
        out=out,
    )


def test_training_lowers_the_loss_and_logs_it(part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imagenet = tmp_path / "encoder.safetensors"
    torch.manual_seed(0)
    save_file(MobileNetV2().state_dict(), imagenet)
    monkeypatch.setattr("train.learning.loop.REPORT_EVERY", 10)
    tiny_training(tmp_path / "run", imagenet, training_frames(open_data(part, "train")), steps=40)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [10, 20, 30, 40]
    assert log[-1]["loss"] < 0.95 * log[0]["loss"]


def test_a_finished_run_goes_on_from_its_state_and_does_not_start_anew(part: Path, tmp_path: Path) -> None:
    imagenet = tmp_path / "encoder.safetensors"
    save_file(MobileNetV2().state_dict(), imagenet)
    frames = training_frames(open_data(part, "train"))
    first = tiny_training(tmp_path / "run", imagenet, frames, steps=4)
    again = tiny_training(tmp_path / "run", imagenet, frames, steps=4)
    for one, other in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 1


def test_weights_that_are_there_already_are_known_so_that_their_calibration_stays(tmp_path: Path) -> None:
    config = CheckpointConfig(
        network=ModelConfig(aspp_rates=(6,), aspp_channels=8, skip_channels=8), preprocessing=POLAR
    )
    network, other = DeepLabV3Plus(config.network), DeepLabV3Plus(config.network)
    assert not has_weights(tmp_path / "run", network)
    save_checkpoint(tmp_path / "run", network, replace(config, thresholds={"lumen": 0.4}), "# A card")
    assert has_weights(tmp_path / "run", network)
    assert not has_weights(tmp_path / "run", other)


@pytest.mark.parametrize("name", ["Mueller_Hans_1_001", "900_1_001", "000_1_001", "12_1_001", "001_1"])
def test_frames_that_are_not_named_as_the_record_s_do_not_pass_for_public(tmp_path: Path, name: str) -> None:
    (tmp_path / "img").mkdir()
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "img" / f"{name}.png")
    with pytest.raises(ReadError, match=r"must not pass for public: make a dataset .* train\.prepare"):
        open_data(tmp_path, "train")


def test_a_part_of_the_record_is_measured_frame_by_frame_and_pooled(part: Path, segmenter: Segmenter) -> None:
    """The tiny part measured with the bundled weights: figures of each class, pooled and of each frame."""
    metrics = evaluate(segmenter, open_data(part, "validation").cases())
    assert metrics["n_frames"] == 2
    assert metrics["studies"] == ["001"]
    assert metrics["dice_pooled"]["lumen"] > 0.85
    assert [frame["frame"] for frame in metrics["frames"]] == ["001_1_001", "001_1_002"]
    assert "| tiny | 2 |" in summary_table({"tiny": metrics})


@pytest.mark.usefixtures("without_openvino")
def test_the_command_measures_on_phantoms_of_both_kinds_and_tells_each_frame(
    part: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = CheckpointConfig(
        network=ModelConfig(aspp_rates=(6,), aspp_channels=8, skip_channels=8), preprocessing=POLAR
    )
    save_checkpoint(tmp_path / "run", DeepLabV3Plus(config.network), config, "# No figures yet")
    flags = ["--phantoms", "1", "--other-optics", "1", "--by-frame", "--into-config"]
    assert main(["--model", str(tmp_path / "run"), "--data", str(part), *flags]) == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert list(metrics) == ["unseen patients", "phantoms", "phantoms of other optics"]
    assert metrics["phantoms of other optics"]["frames"][0]["frame"] == "other_optics_950000"
    printed, card = capsys.readouterr().out, (tmp_path / "run" / "README.md").read_text()
    assert "| phantoms of other optics | other_optics_950000 |" in printed
    assert "Dice lipid_core, to 1.2 mm" in card
    assert "lipid counts to 1.2 mm behind the lumen's outline" in card
    assert "Dice, pooled, lipid_core, whatever its depth" in card
    assert main(["--model", str(tmp_path / "run"), "--data", str(part), "--phantoms", "1", "--into-config"]) == 0
    assert "figures of phantoms of other optics stay as they were taken before" in capsys.readouterr().err
    again = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert again["phantoms of other optics"] == metrics["phantoms of other optics"]
    assert list(load_checkpoint(tmp_path / "run").config.measured) == list(metrics)
    assert "phantoms of other optics" in (tmp_path / "run" / "README.md").read_text()


@pytest.mark.parametrize("what", ["the weights", "private frames", "another way of measuring"])
def test_figures_of_before_do_not_stay_where_they_do_not_fit(tmp_path: Path, what: str) -> None:
    """Those of a model that was calibrated since, which has none; of a lab's own frames; by an older protocol."""
    of_set = {"dice_pooled": {"lumen": 0.5}, "n_frames": 1, "studies": [], "private": what == "private frames"}
    held = {"phantoms": {**of_set, "frames": []}}
    (tmp_path / "metrics.json").write_text(json.dumps(held))
    protocol = PROTOCOL.replace("2,000", "1,000") if what == "another way of measuring" else PROTOCOL
    config = CheckpointConfig(
        network=ModelConfig(aspp_rates=(6,), aspp_channels=8, skip_channels=8),
        preprocessing=POLAR,
        metrics={} if what == "the weights" else {"protocol": protocol, "phantoms": of_set},
    )
    assert earlier_metrics(tmp_path, config, {}) == {}
    fitting = {"protocol": PROTOCOL, "phantoms": {**of_set, "private": False}}
    (tmp_path / "metrics.json").write_text(json.dumps({"phantoms": {**of_set, "private": False, "frames": []}}))
    assert list(earlier_metrics(tmp_path, replace(config, metrics=fitting), {})) == ["phantoms"]


def test_figures_stay_where_config_json_is_of_a_time_before_intervals_stood_in_it(tmp_path: Path) -> None:
    of_set = {"dice_pooled": {"lumen": 0.5}, "n_frames": 1, "studies": [], "private": False}
    inside = {"lipid_core_area_mm2": {"n": 1, "inside": 1.0}}
    (tmp_path / "metrics.json").write_text(json.dumps({"phantoms": {**of_set, "frames": [], "intervals_95": inside}}))
    config = CheckpointConfig(
        network=ModelConfig(), preprocessing=POLAR, metrics={"protocol": PROTOCOL, "phantoms": of_set}
    )
    assert list(earlier_metrics(tmp_path, config, {})) == ["phantoms"]
    other = {**of_set, "intervals_95": {"lipid_core_area_mm2": {"n": 1, "inside": 0.0}}}
    assert earlier_metrics(tmp_path, replace(config, metrics={"protocol": PROTOCOL, "phantoms": other}), {}) == {}


def test_scores_of_a_model_stand_in_its_config_and_card(tmp_path: Path) -> None:
    config = CheckpointConfig(
        network=ModelConfig(aspp_rates=(6,), aspp_channels=8, skip_channels=8), preprocessing=POLAR
    )
    save_checkpoint(tmp_path / "run", DeepLabV3Plus(config.network), config, "# No figures yet")
    overlap = {"pooled": 0.5, "pooled_ci95": None, "frames_with_class": 0.5, "nnunet": 0.5, "empty_is_1": 0.5}
    of_class = {"dice": overlap | {"patient_mean": 0.5}, "iou": {"pooled": 0.33}}
    of_class |= dict.fromkeys(("precision", "recall", "nsd", "hd95_mm", "ece"))
    inside = {"n": 5, "inside": 0.6, "median_half_width": 1.4, "n_all": 6, "inside_all": 0.67}
    metrics = {
        "dice_pooled": {"lumen": 0.5},
        "classes": {"lumen": of_class},
        "lipid_arc_dice_pooled": None,
        "lipid_area_error_percent_pooled": -12.4,
        "n_frames": 4,
        "studies": ["003"],
        "frames": [],
        "intervals_95": {"lipid_core_area_mm2": inside, "lumen_circularity": inside},
    }
    store_metrics(tmp_path / "run", {"unseen patients": metrics})
    loaded = load_checkpoint(tmp_path / "run")
    assert list(loaded.config.metrics["unseen patients"]["intervals_95"]) == ["lipid_core_area_mm2"]
    assert loaded.config.metrics["unseen patients"]["dice_pooled"] == {"lumen": 0.5}
    assert "No study of a set was trained on" in loaded.config.metrics["protocol"]
    assert "| unseen patients | 4 | 0.50 | - | -12 % |" in (tmp_path / "run" / "README.md").read_text()


def test_a_batch_that_cannot_be_made_ends_the_training_and_does_not_hang_it(tmp_path: Path) -> None:
    """A frame whose planes have another size than it has."""
    broken = TrainingFrame("x", "x", np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8), (4.0, 4.0), 4.5, 2.0, 2.0)
    imagenet = tmp_path / "encoder.safetensors"
    save_file(MobileNetV2().state_dict(), imagenet)
    with pytest.raises(ValueError, match=r"broadcast|shape|size"):
        tiny_training(tmp_path / "run", imagenet, [broken], steps=2)


def test_a_model_trained_on_starts_from_its_own_weights_and_names_what_they_were_made_from(part: Path) -> None:
    start = load_start(Path("bundled"))
    data = open_data(part, "train")
    told = provenance(data, 0, Recipe(stages=()), "timm/mobilenetv2_100.ra_in1k", start)
    names = [each["name"] for each in told["datasets"]]
    assert set(names) >= {each["name"] for each in start.config.datasets}
    assert start.config.sha256 in told["start"]
    assert told["notes"] == start.config.training["notes"]  # which frames it was chosen by
    assert goes_on(start, ModelConfig(circular_rows=True)).circular_rows
    with pytest.raises(
        ConfigError, match=r"the model to start from outlines lumen, .* of lipid_core: leave out --start"
    ):
        goes_on(start, ModelConfig(classes=("lipid_core",)))
    of_lipid = replace(start.config, network=ModelConfig(classes=("lipid_core",)), thresholds={})
    alone = Checkpoint(of_lipid, start.network)
    with pytest.raises(ConfigError, match=r"choose --classes lipid_core$"):
        goes_on(alone, ModelConfig(classes=("lumen", "lipid_core")))
    assert third_channel(None, start) == "grey"
    with pytest.raises(ConfigError, match=r"trained with a third channel of grey; leave out --third-channel slope"):
        third_channel("slope", start)


def test_a_model_of_its_own_has_the_third_channel_that_is_asked_for() -> None:
    assert third_channel(None, None) == "grey"
    assert third_channel("slope", None) == "slope"


@pytest.mark.parametrize(("flag", "least"), [("--coarse-steps", 0), ("--fine-steps", 1), ("--threads", 1)])
@pytest.mark.parametrize("given", ["-3", "2.5", "many"])
def test_a_count_of_steps_or_threads_that_is_none_is_told_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, least: int, given: str
) -> None:
    run = tmp_path / "run"
    with pytest.raises(SystemExit, match="2"):
        train_main(["--data", str(tmp_path / "none"), "--out", str(run), flag, given])
    assert f"argument {flag}: must be a whole number from {least}, not {given}" in capsys.readouterr().err
    assert not run.exists()


@pytest.mark.parametrize(
    ("shares", "why"),
    [
        (("--phantoms", "0", "--phantom-share", "0.75"), "--phantom-share is of no phantoms with --phantoms 0"),
        (("--phantom-share", "1"), "--phantom-share 1 would draw no frame of the data"),
    ],
)
def test_a_share_that_cannot_be_drawn_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shares: tuple[str, ...], why: str
) -> None:
    none = str(tmp_path / "none")
    assert train_main(["--data", none, "--start", none, "--out", str(tmp_path / "run"), "--threads", "1", *shares]) == 1
    assert why in capsys.readouterr().err


def test_a_start_that_tells_no_data_is_refused_before_frames_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = CheckpointConfig(
        network=ModelConfig(aspp_rates=(6,), aspp_channels=8, skip_channels=8), preprocessing=POLAR
    )
    save_checkpoint(tmp_path / "start", DeepLabV3Plus(config.network), config, "# A card")
    flags = ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "run"), "--threads", "1"]
    assert train_main([*flags, "--start", str(tmp_path / "start")]) == 1
    assert "the model to start from does not say what it was trained on" in capsys.readouterr().err


def test_a_training_of_no_steps_is_refused_before_data_or_model_are_looked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    flags = ["--start", str(tmp_path / "none"), "--threads", "1", "--coarse-steps", "0"]
    assert train_main(["--data", str(tmp_path / "none"), "--out", str(run), *flags]) == 1
    assert "no steps to train for; give how many with --coarse-steps or --fine-steps" in capsys.readouterr().err
    assert not run.exists()
