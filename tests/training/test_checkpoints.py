"""Checkpoints come back bit for bit or not at all, and are few."""

import os

import pytest
import torch

from pipeline.training import checkpoints
from pipeline.training.checkpoints import Checkpoints

TENSORS = {
    "a": torch.tensor([[0.1, -0.0], [1e-40, 3.0]]),
    "b": torch.arange(6, dtype=torch.uint8),
    "c": torch.tensor(7, dtype=torch.int64),
    "d": torch.rand(3, 4, 5, 6).to(memory_format=torch.channels_last),
    "e": torch.zeros(0, dtype=torch.float64),
    "f": torch.rand(1, 1).expand(1, 1),
    "g": torch.rand(5).bfloat16(),
}
FACTS = {"step": 3, "loss": 0.1 + 0.2, "best": float("inf"), "history": [{"epoch": 1}], "nothing": None}


@pytest.fixture
def lines():
    return []


@pytest.fixture
def kept(tmp_path, lines):
    return Checkpoints(tmp_path / "made" / "key", lines.append)


def names(kept):
    return sorted(path.name for path in kept.folder.iterdir())


def test_what_is_written_comes_back(kept, lines):
    assert kept.latest() is None
    kept.save(3, TENSORS, FACTS)
    tensors, facts = kept.latest()
    assert facts == FACTS
    assert set(tensors) == set(TENSORS)
    for name, one in TENSORS.items():
        assert one.dtype == tensors[name].dtype
        assert torch.equal(one, tensors[name])
    assert str(tensors["a"][0, 1].item()) == "-0.0"
    assert lines == []


def test_two_are_kept_and_all_can_be_removed(kept):
    for step in (3, 20, 100, 1000):
        kept.save(step, TENSORS, {"step": step})
    assert names(kept) == ["000000000100.safetensors", "000000001000.safetensors"]
    assert kept.latest()[1] == {"step": 1000}
    kept.save(1000, TENSORS, {"step": -1})  # the same step again, at the end of its epoch
    assert names(kept) == ["000000000100.safetensors", "000000001000.safetensors"]
    assert kept.latest()[1] == {"step": -1}
    kept.clear()
    assert not kept.folder.exists()
    kept.clear()
    assert kept.latest() is None


@pytest.mark.parametrize("damage", ["empty", "cut", "header", "a bit of a tensor", "a bit of the facts", "text"])
def test_a_damaged_one_is_passed_over_in_one_line(kept, lines, damage):
    for step in (1, 2):
        kept.save(step, TENSORS, {"step": step, "text": "unlikely"})
    newest = kept.folder / "000000000002.safetensors"
    data = bytearray(newest.read_bytes())
    if damage == "a bit of a tensor":
        data[-1] ^= 1
    elif damage == "a bit of the facts":
        data[data.index(b"unlikely")] ^= 1
    left = {"empty": b"", "cut": data[:-9], "header": b"\xff" * 8 + data[8:], "text": b"not a checkpoint at all"}
    newest.write_bytes(left.get(damage, bytes(data)))
    assert kept.latest()[1]["step"] == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"{newest} cannot be read (")
    assert lines[0].endswith(") and is skipped; an earlier checkpoint, or the start, is used")
    assert "\n" not in lines[0]
    (kept.folder / "000000000001.safetensors").write_bytes(b"")
    assert kept.latest() is None
    assert len(lines) == 3


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_an_interrupted_write_leaves_the_earlier_ones(kept, monkeypatch, moment):
    kept.save(1, TENSORS, {"step": 1})

    def fails(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails) if moment == "fsync" else monkeypatch.setattr("pathlib.Path.replace", fails)
    with pytest.raises(OSError, match="No space left"):
        kept.save(2, TENSORS, {"step": 2})
    monkeypatch.undo()
    assert names(kept) == ["000000000001.safetensors"]
    assert kept.latest()[1] == {"step": 1}


def test_other_trainings_keep_the_last_few(tmp_path, lines):
    for number, key in enumerate("abcdef"):
        Checkpoints(tmp_path / ".checkpoints" / key, lines.append).save(number, TENSORS, {})
        os.utime(tmp_path / ".checkpoints" / key, (number, number))
    half = tmp_path / ".checkpoints" / "b" / ".000000000009.safetensors.77.tmp"
    half.write_bytes(b"half")
    mine = checkpoints.open_checkpoints("b", tmp_path, lines.append)
    assert sorted(path.name for path in (tmp_path / ".checkpoints").iterdir()) == ["b", "d", "e", "f"]
    assert mine.latest()[1] == {}
    assert not half.exists()
    assert checkpoints.open_checkpoints("z", tmp_path, lines.append).latest() is None


def test_nothing_of_them_is_an_output_or_tracked():
    for name in (".gitignore", ".dvcignore"):
        text = (checkpoints.Path(__file__).parents[2] / name).read_text()
        assert any(line.strip("/") == ".checkpoints" for line in text.splitlines())
