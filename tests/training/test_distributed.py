"""Every row is one process's, whatever their number."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training import distributed
from pipeline.training.distributed import ProcessGroup


def group(count):
    """As `count` processes would see it, without starting them."""
    found = [ProcessGroup("fp32") for _ in range(count)]
    for number, one in enumerate(found):
        one.number, one.count = number, count
    return found


@given(st.integers(0, 70), st.integers(1, 9))
def test_shares_cover_all_rows_once_in_order(size, count):
    one = ProcessGroup("fp32")
    one.count = count
    shares = [one.share(size, number) for number in range(count)]
    assert [row for share in shares for row in range(size)[share]] == list(range(size))
    sizes = {share.stop - share.start for share in shares}
    assert max(sizes) - min(sizes) <= 1


def test_one_process_sends_nothing(monkeypatch):
    for name in ("gather", "broadcast"):
        monkeypatch.delattr(distributed, name)
    one, rows = ProcessGroup("fp32"), torch.rand(3, 2)
    assert one.is_first
    assert one.all_gather(rows, 3) is rows
    assert one.broadcast(2.5) == 2.5
    assert one.gather_states(rows[0])[0].equal(rows[0])
    one.same_buffers(torch.nn.BatchNorm2d(2))


@pytest.mark.parametrize(("size", "count"), [(7, 3), (6, 3), (2, 3), (1, 2)])
def test_rows_are_put_together_and_a_gradient_reaches_ones_own_alone(monkeypatch, size, count):
    rows = torch.arange(2.0 * size).view(size, 2).requires_grad_()
    longest = -(-size // count)
    members = group(count)

    def gather(padded):
        assert padded.shape == (longest, 2)
        assert not padded.requires_grad
        sent = [rows.detach()[one.share(size)] for one in members]
        return torch.cat([torch.nn.functional.pad(part, (0, 0, 0, longest - len(part))) for part in sent])

    monkeypatch.setattr(distributed, "gather", gather)
    for one in members:
        rows.grad = None
        whole = one.all_gather(rows[one.share(size)], size)
        assert torch.equal(whole, rows)
        whole.sum().backward()
        expected = torch.zeros(size, 2)
        expected[one.share(size)] = 1
        assert torch.equal(rows.grad, expected)


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_each_training_has_its_own_precision(precision):
    one = ProcessGroup(precision)
    network = torch.nn.Linear(2, 2)
    parallel = one.parallel(network)
    with one.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
        assert parallel(torch.ones(1, 2)).dtype == torch.float32
    assert "forward" not in vars(network)  # what Accelerate replaces is not the network's own
