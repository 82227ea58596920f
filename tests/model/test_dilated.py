"""The filter that training uses against torch's own dilated convolution, in values and gradients."""

import pytest
import torch
from torch.nn import functional

from octseg.model.dilated import DilatedDepthwise


@pytest.mark.parametrize(
    ("size", "dilation"),
    [((16, 16), 2), ((16, 16), 6), ((16, 16), 12), ((16, 16), 18), ((24, 16), 18), ((17, 31), 6), ((5, 40), 2)],
)
def test_a_filter_in_training_is_torchs_dilated_convolution(size: tuple[int, int], dilation: int) -> None:
    torch.manual_seed(0)
    layer = DilatedDepthwise(5, dilation).double().train()
    features = torch.randn(2, 5, *size, dtype=torch.float64).to(memory_format=torch.channels_last).requires_grad_()
    toward = torch.randn(2, 5, *size, dtype=torch.float64)
    layer(features).backward(toward)
    found = features.grad, layer.weight.grad
    weight = layer.weight.detach().clone().requires_grad_()
    again = features.detach().clone().requires_grad_()
    expected = functional.conv2d(again, weight, padding=dilation, dilation=dilation, groups=5)
    expected.backward(toward)
    torch.testing.assert_close(layer(features), expected)
    torch.testing.assert_close(found[0], again.grad)
    torch.testing.assert_close(found[1], weight.grad)


def test_under_bf16_autocast_it_is_as_torchs_within_its_rounding() -> None:
    torch.manual_seed(0)
    layer = DilatedDepthwise(5, 12)
    features = torch.randn(2, 5, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer.train()(features.bfloat16())
        expected = layer.eval()(features.bfloat16())
    assert found.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected.float(), rtol=0.03, atol=0.03)
