"""torch.compile by one choice, and one line where there is no compiler."""

import pytest
import torch
from torch import nn
from train_choices import CHOICES

from pipeline.core.errors import UserError
from pipeline.models.encoders.small import Small
from pipeline.training.compilation import compile_network
from pipeline.training.risks.mean import Mean
from pipeline.training.tasks.single_label import SingleLabel
from pipeline.training.trainers.finetune import FineTune

TASK = SingleLabel(label_smoothing=0.0)


def test_without_a_compiler(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    message = (
        r"^train\.compile needs a C\+\+ compiler at run time and found none \(looked for g\+\+, clang\+\+, c\+\+\); "
    )
    with pytest.raises(UserError, match=message):
        compile_network(Small(width=1))
    monkeypatch.setenv("CXX", "my-compiler")
    with pytest.raises(UserError, match=r"\(looked for my-compiler\); install one, name it in CXX, or set train\.comp"):
        compile_network(Small(width=1))
    with pytest.raises(UserError, match=r"^pretrain\.compile needs .* or set pretrain\.compile=false$"):
        compile_network(Small(width=1), "pretrain")


def test_the_loop_steps_what_was_compiled_and_keeps_the_network(monkeypatch, stripes):
    """What torch.compile does takes half a minute; docs/evidence/performance.md has its figures."""
    calls = []

    class Fast(nn.Module):
        def __init__(self, network):
            super().__init__()
            self.network = network

        def forward(self, x):
            calls.append(len(x))
            return self.network(x)

    monkeypatch.setattr(torch, "compile", Fast)

    def fit(**choices):
        torch.manual_seed(0)
        trainer = FineTune(**{**CHOICES, "dropout": 0.2, **choices})
        return trainer.fit(Small(width=2), TASK, Mean(), stripes(16), stripes(4, seed=1), lambda *told: None)

    fast, history = fit(compile=True)
    assert calls == [8] * 6  # in training only
    plain, same = fit(compile=False)
    assert history == same
    assert list(fast.network.state_dict()) == list(plain.network.state_dict())
    assert all(map(torch.equal, fast.network.state_dict().values(), plain.network.state_dict().values()))
