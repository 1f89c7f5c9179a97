"""The mean is the task's own loss, to the bit."""

import numpy as np
import pandas as pd
import torch

from pipeline.training.risks.mean import Mean
from pipeline.training.tasks.single_label import SingleLabel


def test_it_is_the_loss_of_the_task():
    task, logits, targets = SingleLabel(label_smoothing=0.1), torch.tensor([[1.0, 2.0], [0.5, -1.0]]), torch.eye(2)
    weights = torch.ones(1)
    value, after = Mean()(task, logits, targets, torch.tensor([0, 0]), weights)
    assert value == task.loss(logits, targets)
    assert after is weights
    assert Mean().cells(np.eye(2), pd.DataFrame()).tolist() == [0, 0]
