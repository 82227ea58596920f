"""The network: weights and features known from elsewhere, shapes for any size, folding that changes nothing."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from octseg.errors import ConfigError
from octseg.model import DeepLabV3Plus, ModelConfig
from octseg.model.circular import CircularDilatedDepthwise, circular_bilinear
from octseg.model.complexity import count_multiply_adds, count_weights
from octseg.model.eca import ECA, eca_kernel_size
from octseg.model.mobilenetv2 import MobileNetV2
from octseg.model.network import fold_batch_norm

IMAGENET = Path(__file__).parents[3] / "shared" / "weights" / "mobilenet_v2_imagenet.safetensors"
# torchvision publishes 3,504,872 weights for mobilenet_v2, of which its classifier of 1280 x 1000 + 1000 is not ours.
PUBLISHED_WEIGHTS = 3_504_872 - 1_281_000


def test_the_encoder_has_the_published_number_of_weights() -> None:
    assert count_weights(MobileNetV2()) == PUBLISHED_WEIGHTS


def test_the_encoder_takes_the_published_multiply_adds_at_224() -> None:
    # 300 M with the classifier's 1.28 M in the paper's table 4; output stride 32 is what the paper counts.
    encoder = MobileNetV2(output_stride=32)
    assert count_multiply_adds(encoder, 224, 224) == pytest.approx(300e6 - 1.28e6, rel=0.01)


@pytest.mark.parametrize("output_stride", [8, 16])
def test_imagenet_weights_load_with_every_key_accounted_for(output_stride: int) -> None:
    if not IMAGENET.is_file():
        pytest.skip("the ImageNet weights of ../shared/weights are not here")
    state = load_file(IMAGENET)
    encoder = MobileNetV2(output_stride)
    assert set(encoder.state_dict()) == set(state)
    encoder.load_state_dict(state, strict=True)


def test_imagenet_features_tell_a_texture_from_its_blur_the_same_at_both_strides() -> None:
    """Dilation in place of stride keeps what the weights mean: every other position of the finer grid is the same."""
    if not IMAGENET.is_file():
        pytest.skip("the ImageNet weights of ../shared/weights are not here")
    frames = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 3, 256, 256), np.float32))
    features = {}
    for output_stride in (8, 16, 32):
        encoder = MobileNetV2(output_stride).eval()
        encoder.load_state_dict(load_file(IMAGENET))
        with torch.inference_mode():
            features[output_stride] = encoder(frames)[1]
    torch.testing.assert_close(features[16][..., ::2, ::2], features[32], atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(features[8][..., ::4, ::4], features[32], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("channels", "kernel"),
    # By hand: |log2(C) / 2 + 1 / 2|, the whole part, the next odd number where it is even.
    [(8, 3), (16, 3), (24, 3), (64, 3), (128, 5), (256, 5), (512, 5), (1024, 5), (1280, 5), (2048, 7)],
)
def test_eca_kernel_grows_with_the_logarithm_of_the_channels(channels: int, kernel: int) -> None:
    assert eca_kernel_size(channels) == kernel
    assert ECA(channels).interact.weight.shape == (1, 1, kernel)


def test_eca_weighs_each_channel_by_a_factor_between_0_and_1() -> None:
    features = torch.rand(2, 24, 5, 7) + 0.1
    factor = ECA(24)(features) / features
    assert torch.allclose(factor, factor[..., :1, :1].expand_as(factor))
    assert ((factor > 0) & (factor < 1)).all()


@pytest.mark.parametrize("output_stride", [8, 16])
@pytest.mark.parametrize(("height", "width"), [(512, 512), (33, 65), (75, 101), (32, 500)])
def test_logits_have_the_size_of_the_input(output_stride: int, height: int, width: int) -> None:
    network = DeepLabV3Plus(ModelConfig(output_stride=output_stride)).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, height, width)).shape == (2, 4, height, width)


@pytest.mark.parametrize("output_stride", [8, 16])
@pytest.mark.parametrize("training", [False, True])
def test_where_rows_go_around_a_turned_frame_has_turned_logits(output_stride: int, training: bool) -> None:
    torch.manual_seed(0)
    network = DeepLabV3Plus(ModelConfig(output_stride=output_stride, circular_rows=True)).train(training)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()  # in training its statistics count the repeated rows
    frames = torch.randn(1, 3, 96, 64)
    with torch.no_grad():
        logits, turned = network(frames), network(frames.roll(32, dims=2))
    assert logits.shape == (1, 4, 96, 64)
    torch.testing.assert_close(turned, logits.roll(32, dims=2), atol=1e-5, rtol=1e-4)
    assert logits.std() > 1e-4


@pytest.mark.parametrize("dilation", [2, 5, 6, 8, 18])
def test_dilated_taps_go_around_as_often_as_it_takes(dilation: int) -> None:
    """Against three turns of the rows laid one behind the other, of which torch filters the middle one."""
    torch.manual_seed(0)
    circular = CircularDilatedDepthwise(3, dilation)
    features = torch.randn(1, 3, 6, 20)
    turns = features.repeat(1, 1, 7, 1)
    expected = torch.nn.functional.conv2d(turns, circular.weight, padding=dilation, dilation=dilation, groups=3)[
        :, :, 18:24
    ]
    for training in (False, True):
        torch.testing.assert_close(circular.train(training)(features), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("times", [1, 2, 4, 16])
@pytest.mark.parametrize("wrapped", [0, 1, 2, 3])
def test_rows_are_widened_without_a_seam(times: int, wrapped: int) -> None:
    """Against three turns of the rows laid one behind the other, of which the middle one is looked at."""
    torch.manual_seed(0)
    features = torch.randn(1, 3, 6, 5)
    turn = 6 * times
    turns = torch.nn.functional.interpolate(features.repeat(1, 1, 3, 1), size=(3 * turn, 20), mode="bilinear")
    expected = turns[:, :, turn - wrapped : 2 * turn + wrapped]
    torch.testing.assert_close(circular_bilinear(features, (turn, 20), wrapped), expected, atol=1e-6, rtol=1e-5)


def test_rows_that_go_around_have_the_weights_of_those_that_do_not() -> None:
    plain, circular = (DeepLabV3Plus(ModelConfig(circular_rows=each)).state_dict() for each in (False, True))
    assert {name: value.shape for name, value in plain.items()} == {name: v.shape for name, v in circular.items()}


def test_a_configuration_from_before_rows_went_around_says_that_they_do_not() -> None:
    stored = ModelConfig().to_mapping()
    del stored["circular_rows"]
    assert ModelConfig.from_mapping(stored) == ModelConfig(circular_rows=False)


def test_the_output_stride_is_the_ratio_of_frame_and_feature_height() -> None:
    for output_stride in (8, 16):
        with torch.inference_mode():
            low_level, deep = MobileNetV2(output_stride).eval()(torch.zeros(1, 3, 128, 128))
        assert low_level.shape == (1, 24, 32, 32)
        assert deep.shape == (1, 1280, 128 // output_stride, 128 // output_stride)


def test_one_plane_per_class() -> None:
    network = DeepLabV3Plus(ModelConfig(classes=("lipid_core",))).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 1, 64, 64)


@pytest.mark.parametrize("circular_rows", [False, True])
def test_folding_batch_norm_leaves_the_logits_as_they_are(circular_rows: bool) -> None:
    torch.manual_seed(0)
    network = DeepLabV3Plus(ModelConfig(circular_rows=circular_rows)).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2.0)
    folded = fold_batch_norm(copy.deepcopy(network))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    frames = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(folded(frames), network(frames), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"output_stride": 32}, "output_stride must be 8 or 16, not 32"),
        ({"classes": ()}, "one or more different names"),
        ({"classes": ("lumen", "calcium")}, "'calcium'"),
        ({"aspp_rates": (0,)}, "aspp_rates must be whole numbers"),
        ({"aspp_rates": (6,) * 9}, "aspp_rates must be whole numbers from 1 to 64, 8 at most"),
    ],
)
def test_a_configuration_that_makes_no_network_is_refused_by_name(wrong: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ModelConfig(**wrong)
