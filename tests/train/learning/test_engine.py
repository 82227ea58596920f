"""Which precision a training takes on the machine that it finds."""

from types import SimpleNamespace

import pytest
import torch

from train.learning.engine import has_bf16


def test_a_torch_without_onednn_as_on_a_mac_does_not_compute_in_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch._C, "_has_mkldnn", False)
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace())  # torch 2.13 for macOS has no operator there
    assert not has_bf16()
