"""What counts as changed between two manifests, and which data are refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from finished_run import paint, write_params
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.retraining.data_changes import DataRefused, compare_manifests, ingest_now, read_reference


def manifest(**samples: tuple[str, str]) -> pd.DataFrame:
    """Name to labels, a letter each, and the digest of the bytes."""
    rows = [(name, list(labels), digest) for name, (labels, digest) in samples.items()]
    return pd.DataFrame(rows, columns=["sample_id", "labels", "content_hash"])


def test_each_kind_of_change_is_counted_once() -> None:
    before = manifest(
        same=("a", "1"), order=("ab", "2"), wrong=("a", "3"), edited=("b", "4"), gone=("b", "5"), bare=("", "6"),
        lost=("a", "7"), unseen=("", "8"),
    )  # fmt: skip
    now = manifest(
        same=("a", "1"), order=("ba", "2"), wrong=("b", "9"), edited=("b", "0"), bare=("a", "6"), lost=("", "7"),
        new=("a", "1"), later=("", "2"),
    )  # fmt: skip
    found = compare_manifests(before, now)
    assert (found.num_before, found.num_now, found.unlabelled) == (6, 6, 2)
    assert (found.new, found.labelled, found.relabelled, found.altered, found.removed) == (1, 1, 1, 1, 2)
    assert found.total == 6
    assert found.sentence == (
        "Since the last finished run: 1 new, 1 labelled, 1 relabelled, 1 altered, 2 removed; 6 labelled samples, "
        "before 6."
    )


def test_without_labels_every_sample_counts_and_no_label_does() -> None:
    before = manifest(same=("", "1"), named=("", "2"), gone=("a", "3"), edited=("", "4"))
    found = compare_manifests(
        before, manifest(same=("", "1"), named=("b", "2"), edited=("", "5"), new=("", "6")), supervised=False
    )
    assert (found.num_before, found.num_now, found.total) == (4, 4, 3)
    assert (found.new, found.altered, found.removed, found.relabelled) == (1, 1, 1, 0)
    assert found.sentence == "Since the last finished run: 1 new, 1 altered, 1 removed; 4 samples, before 4."


def test_without_a_run_before_all_labelled_samples_are_new() -> None:
    found = compare_manifests(None, manifest(one=("a", "1"), two=("", "2")))
    assert (found.num_before, found.new, found.unlabelled) == (None, 1, 1)
    assert found.sentence == "No finished run is known here; there are 1 labelled samples."


samples = st.dictionaries(
    st.sampled_from("abcdefgh"), st.tuples(st.sampled_from(["", "x", "y"]), st.sampled_from("12"))
)


@given(samples, samples)
def test_there_and_back_has_as_many_changes(
    first: dict[str, tuple[str, str]], second: dict[str, tuple[str, str]]
) -> None:
    before, now = manifest(**first), manifest(**second)
    there, back = compare_manifests(before, now), compare_manifests(now, before)
    assert there.total == back.total
    assert there.new + there.labelled == back.removed
    assert compare_manifests(before, before).total == 0
    assert there.num_now == back.num_before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages:\n<<<<<<< HEAD\n  register: {}\n=======\n", r"^dvc\.lock, line \d: not valid YAML; resolve the merge"),
        ("- a\n", r"^dvc\.lock: no record of stages; take the file of a commit"),
    ],
)
def test_a_damaged_dvc_lock_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_reference() is None
    Path("dvc.lock").write_text(text)
    with pytest.raises(UserError, match=message):
        read_reference()


def test_refused_data_are_no_error_of_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = config.load_params(write_params(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="data/raw") as missing:
        ingest_now(params)
    assert not isinstance(missing.value, DataRefused)
    generator = np.random.default_rng(0)
    for number in range(4):
        paint(Path("data/raw/dark"), f"{number}.png", 90, generator)
        paint(Path("data/raw/light"), f"{number}.png", 150, generator)
    assert len(ingest_now(params)) == 8
    for number in range(3):
        Path(f"data/raw/dark/{number}.png").write_bytes(b"no picture")
    with pytest.raises(DataRefused, match=r"^ingest: 3 of 8 items were refused, more than ingest\."):
        ingest_now(params)
