"""Checkpoint folders: what is saved comes back equal, and each way of not fitting has its own sentence."""

import contextlib
import hashlib
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from octseg.checkpoint import CheckpointConfig, load_checkpoint, save_checkpoint
from octseg.errors import CheckpointError, ConfigError
from octseg.model import DeepLabV3Plus, ModelConfig
from octseg.view.preprocessing import PreprocessingConfig

CONFIG = CheckpointConfig(
    network=ModelConfig(classes=("lumen", "lipid_core"), aspp_rates=(6,), aspp_channels=32, skip_channels=8),
    preprocessing=PreprocessingConfig(domain="polar", size=(64, 64), wrap_rays=8),
    thresholds={"lipid_core": 0.4},
    training={"seed": 3},
    metrics={"dice": 0.5},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "tiny", DeepLabV3Plus(CONFIG.network), CONFIG, "# Tiny")
    return tmp_path / "tiny"


def change_config(folder: Path, change: Callable[[dict], None]) -> None:
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Exchange weights and their hash, so that only what the change did is left to be found."""
    state = load_file(folder / "model.safetensors")
    change(state)
    save_file(state, folder / "model.safetensors")
    sha256 = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    change_config(folder, lambda config: config.update(sha256=sha256))


def test_a_loaded_model_gives_the_logits_of_the_weights_that_were_stored(folder: Path) -> None:
    torch.manual_seed(0)
    network = DeepLabV3Plus(CONFIG.network)
    for parameter in network.parameters():
        parameter.data = parameter.data.half().float()  # what float16 keeps
    frames = torch.randn(1, 3, 64, 64)
    loaded = load_checkpoint(folder)
    with torch.inference_mode():
        assert torch.equal(loaded.network(frames), network.eval()(frames))


def test_the_configuration_comes_back_as_it_was(folder: Path) -> None:
    config = load_checkpoint(folder).config
    assert config.network == CONFIG.network
    assert config.preprocessing == CONFIG.preprocessing
    assert (config.threshold("lipid_core"), config.threshold("lumen")) == (0.4, 0.5)
    assert config.training == {"seed": 3}
    assert config.metrics == {"dice": 0.5}
    assert config.sha256 == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def test_a_folder_holds_just_the_three_files(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]


def test_one_flipped_bit_in_the_weights_is_noticed(folder: Path) -> None:
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-7] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(CheckpointError, match="damaged or was exchanged"):
        load_checkpoint(folder)


class Bomb:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.mark,))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth", "model.pkl", "last.ckpt"])
def test_a_folder_with_a_pickle_in_place_of_weights_is_refused_unopened(
    folder: Path, tmp_path: Path, name: str
) -> None:
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(pickle.dumps(Bomb(tmp_path / "mark")))
    with pytest.raises(CheckpointError, match=f"{name}.*pickle can run code"):
        load_checkpoint(folder)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("as_zip", [True, False])
def test_a_pickle_under_the_name_of_safetensors_is_refused_unopened(folder: Path, tmp_path: Path, as_zip: bool) -> None:
    path = folder / "model.safetensors"
    if as_zip:
        torch.save({"bomb": Bomb(tmp_path / "mark")}, path)
    else:
        path.write_bytes(pickle.dumps(Bomb(tmp_path / "mark")))
    with pytest.raises(CheckpointError, match="is a pickle by content"):
        load_checkpoint(folder)
    assert not (tmp_path / "mark").exists()


def test_a_pickle_given_by_its_own_path_is_refused_unopened(tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Bomb(tmp_path / "mark")))
    with pytest.raises(CheckpointError, match="looks like a pickle"):
        load_checkpoint(tmp_path / "model.pt")
    assert not (tmp_path / "mark").exists()


def rename_first(state: dict[str, torch.Tensor]) -> None:
    state["encoder.renamed"] = state.pop("encoder.features.0.0.weight")


def drop_one(state: dict[str, torch.Tensor]) -> None:
    del state["classify.bias"]


def reshape_one(state: dict[str, torch.Tensor]) -> None:
    state["classify.bias"] = torch.zeros(3, dtype=torch.float16)


def spoil_one(state: dict[str, torch.Tensor]) -> None:
    state["classify.bias"][0] = float("nan")


def add_one(state: dict[str, torch.Tensor]) -> None:
    state["surplus"] = torch.zeros(1)


def store_too_large(state: dict[str, torch.Tensor]) -> None:
    state["classify.bias"] = torch.full((2,), 1e300, dtype=torch.float64)


def make_whole_numbers(state: dict[str, torch.Tensor]) -> None:
    state["classify.bias"] = torch.zeros(2, dtype=torch.int64)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (rename_first, r"lacks 1 weights of config.json's network, first encoder.features.0.0.weight"),
        (drop_one, "lacks 1 weights of config.json's network, first classify.bias"),
        (add_one, "has 1 weights unknown to config.json's network, first surplus"),
        (reshape_one, r"classify.bias.* has shape \(3,\), config.json's network \(2,\)"),
        (spoil_one, "classify.bias.* not finite"),
        (store_too_large, "classify.bias.* not finite"),
        (make_whole_numbers, "classify.bias.* is torch.int64"),
    ],
)
def test_weights_that_do_not_fit_the_network_are_refused_by_name(folder: Path, change: Callable, words: str) -> None:
    change_weights(folder, change)
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(format_version="2.0"), "format 2.0, this version reads 1.x"),
        (lambda c: c.pop("format_version"), "no format_version, so it is not an octseg checkpoint"),
        (lambda c: c.update(classes=["lumen", "calcium"]), "'calcium'"),
        (lambda c: c.update(surprise=1), r"\['surprise'\], unknown to this version"),
        (lambda c: c.pop("thresholds"), r"lacks \['thresholds'\]"),
        (lambda c: c["network"].update(width=2), r'"network" in config.json has \[\'width\'\]'),
        (lambda c: c["network"].pop("aspp_rates"), r"\"network\" in config.json lacks \['aspp_rates'\]"),
        (lambda c: c["network"].update(output_stride=4), "output_stride must be 8 or 16, not 4"),
        (lambda c: c["preprocessing"].update(domain="elliptic"), "'elliptic'"),
        (lambda c: c["preprocessing"].update(size=[512]), r"size must be two whole numbers"),
        (lambda c: c["preprocessing"].update(third_channel="hue"), 'third_channel must be "grey" or "slope"'),
        (lambda c: c["preprocessing"].update(second_look="twice"), 'second_look must be "nearer" or "along_lumen"'),
        (
            lambda c: c["preprocessing"].update(domain="cartesian", wrap_rays=0, third_channel="slope"),
            "a slope with depth belongs to the polar domain",
        ),
        (lambda c: c["thresholds"].update(lumen=1.5), "threshold of lumen must lie between 0 and 1"),
        (lambda c: c["thresholds"].update(calcium=0.5), r"\['calcium'\], which the model does not predict"),
        (lambda c: c.update(classes=["lumen"]), "lipid_core.*does not predict"),
        (lambda c: c.update(classes=["lumen", "fibrous_cap", "lipid_core"]), r"classify.weight.* has shape \(2, 32"),
        (lambda c: c["network"].update(aspp_channels=64), r"has shape .* config.json's network"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused_by_name(folder: Path, change: Callable, words: str) -> None:
    change_config(folder, change)
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(folder)


@pytest.mark.parametrize(("name", "meant"), [("third_channel", "grey"), ("second_look", "nearer")])
def test_a_checkpoint_of_before_means_what_it_does_not_speak_of(folder: Path, name: str, meant: str) -> None:
    change_config(folder, lambda c: c["preprocessing"].pop(name))
    assert getattr(load_checkpoint(folder).config.preprocessing, name) == meant


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{not json", "is not JSON"),
        (b"[]", "must hold an object, not list"),
        (b"\xff\xfe", "not text in UTF-8"),
        (b" " * 70_000, "70,000 bytes; more than 65,536 is not read"),
        (b"[" * 60_000, "is not JSON"),
    ],
)
def test_a_config_file_that_is_no_configuration_is_refused(folder: Path, content: bytes, words: str) -> None:
    (folder / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("file", "words"),
    [("config.json", "has no config.json"), ("model.safetensors", "has no model.safetensors, so there are no weights")],
)
def test_a_missing_file_is_named(folder: Path, file: str, words: str) -> None:
    (folder / file).unlink()
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(folder)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_subnormal=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data(), value=ANY_JSON)
def test_any_value_in_any_place_of_the_configuration_is_taken_or_refused_with_a_sentence(
    data: st.DataObject, value: object
) -> None:
    config = json.loads(replace(CONFIG, sha256="0" * 64).to_json())
    section = data.draw(st.sampled_from([config, config["network"], config["preprocessing"], config["thresholds"]]))
    section[data.draw(st.sampled_from(sorted(section)))] = value
    with contextlib.suppress(ConfigError):
        CheckpointConfig.from_json(json.dumps(config))


def test_a_truncated_weights_file_is_refused(folder: Path) -> None:
    weights = (folder / "model.safetensors").read_bytes()[:5000]
    (folder / "model.safetensors").write_bytes(weights)
    change_config(folder, lambda config: config.update(sha256=hashlib.sha256(weights).hexdigest()))
    with pytest.raises(CheckpointError, match=r"model.safetensors in tiny is damaged"):
        load_checkpoint(folder)


def test_weights_of_a_kind_that_torch_barely_knows_are_taken_as_numbers(folder: Path) -> None:
    def store_as_float8(state: dict[str, torch.Tensor]) -> None:
        state["classify.bias"] = torch.tensor([0.5, -2.0]).to(torch.float8_e4m3fn)

    change_weights(folder, store_as_float8)
    assert load_checkpoint(folder).network.state_dict()["classify.bias"].tolist() == [0.5, -2.0]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint folder nowhere"):
        load_checkpoint(tmp_path / "nowhere")


def test_weights_that_are_not_finite_are_not_stored(tmp_path: Path) -> None:
    network = DeepLabV3Plus(CONFIG.network)
    network.classify.bias.data[0] = 1e6  # past the largest float16
    with pytest.raises(CheckpointError, match=r"classify.bias is not finite in float16"):
        save_checkpoint(tmp_path / "tiny", network, CONFIG, "")
    assert not (tmp_path / "tiny").exists()


@pytest.mark.parametrize(
    ("section", "held", "words"),
    [
        ("training", {"datasets": None}, "training.datasets"),
        ("training", {"datasets": 5}, "training.datasets"),
        ("training", {"datasets": ["frames"]}, "training.datasets"),
        ("training", {"datasets": [{}]}, "must have a name"),
        ("training", {"validation": "frames"}, "training.validation"),
        ("metrics", {"unseen": {"dice_pooled": None}}, "metrics.unseen.dice_pooled"),
        ("metrics", {"unseen": {"dice_pooled": {"lumen": "good"}}}, "metrics.unseen.dice_pooled"),
        ("metrics", {"unseen": {"dice_pooled": {"lumen": 0.9}}}, "n_frames"),
        ("metrics", {"unseen": {"dice_pooled": {}, "n_frames": 3, "studies": 5}}, "studies as a list"),
        ("metrics", {"unseen": {"dice_pooled": {}, "n_frames": 3, "intervals_95": []}}, "intervals_95"),
        ("metrics", {"unseen": {"dice_pooled": {}, "n_frames": 3, "intervals_95": {"a": 3}}}, "intervals_95"),
        ("metrics", {"unseen": {"dice_pooled": {}, "n_frames": 3, "intervals_95": {"a": {"inside": 1}}}}, "numbers n"),
        ("metrics", {"unseen": {"dice_pooled": {}, "n_frames": 3, "intervals_95": {"a": {"n": 1}}}}, "n and inside"),
    ],
)
def test_what_cards_read_has_the_shape_that_they_expect(folder: Path, section: str, held: dict, words: str) -> None:
    change_config(folder, lambda config: config.update({section: held}))
    with pytest.raises(CheckpointError, match=f"the checkpoint tiny cannot be used: .*{words}"):
        load_checkpoint(folder)
