"""The split stage keeps what the same options assigned before."""

import hashlib
import shutil

import pandas as pd
import pytest
import yaml

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.datasets.assignments import assignment_path
from pipeline.datasets.sources.archive import Archive
from pipeline.datasets.sources.folder import Folder
from pipeline.stages import split as stage

IN = {"name": "a", "path": "here", "watch": "here"}
FOLDER = {"_target_": "pipeline.datasets.sources.folder.Folder", **IN}


@pytest.fixture
def run(project, make_manifest):
    """Runs the stage on so many samples and gives the split of each."""

    def main(
        num_samples,
        seed=0,
        source="one",
        task="pipeline.training.tasks.single_label.SingleLabel",
        labels=None,
        **columns,
    ):
        options = {
            "_target_": "pipeline.datasets.splits.grouped.Grouped",
            "fractions": {"train": 0.6, "val": 0.2, "test": 0.2},
            "max_attribute_values": 0,
            "near_duplicate_bits": 2,
            "seed": seed,
        }
        (project / "params.yaml").write_text(
            yaml.safe_dump({"split": options, "source": {**FOLDER, "name": source}, "task": {"_target_": task}})
        )
        artifacts.write_table(
            artifacts.MANIFEST, make_manifest(labels or ("ab" * num_samples)[:num_samples], **columns)
        )
        artifacts.write_table(artifacts.DUPLICATES, pd.DataFrame({"left": [], "right": []}, dtype="str"))
        (main.line,) = stage.main()
        table = artifacts.read_table(artifacts.SPLITS)
        assert list(table) == ["sample_id", "split", "group"]
        return table["split"].tolist()

    return main


def test_the_same_options_keep_every_sample(run):
    first = run(20)
    written = artifacts.SPLITS.read_bytes()
    assert run(30)[:20] == first
    assert run(20) == first
    assert artifacts.SPLITS.read_bytes() == written


def test_other_options_or_another_source_start_afresh(run):
    first = run(20)
    assert run(20, seed=1) != first
    assert run(20) == first
    assert len(list(artifacts.ASSIGNMENTS.glob("*.parquet"))) == 2
    assert run(10, source="two") != first[:10] or run(20, source="three") == first


def test_a_moved_data_set_and_samples_that_come_back_keep_their_split(run, project):
    first = run(30)
    assert run(20) == first[:20]
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("here", "elsewhere"))
    stage.main()
    assert run(30) == first


def test_without_the_record_a_merged_group_gets_a_new_split(run):
    """As the message advises; without `data/splits.parquet` alone the stage still starts from the record."""
    first = run(20)
    other = next(position for position, split in enumerate(first) if split != first[0])
    merged = ["g" if position in (0, other) else None for position in range(20)]
    advice = r"or delete data/assignments and run dvc repro for a new split, whose figures are not comparable"
    with pytest.raises(UserError, match=advice):
        run(20, group=merged)
    artifacts.SPLITS.unlink()
    with pytest.raises(UserError, match=advice):
        run(20, group=merged)
    shutil.rmtree(artifacts.ASSIGNMENTS)
    second = run(20, group=merged)
    assert second[0] == second[other]


OPTIONS = {"_target_": "pipeline.datasets.splits.random.Random", "seed": 0}


def test_a_record_belongs_to_the_data_set_and_not_to_the_place_of_its_files_or_of_the_code(monkeypatch):
    def record(place, **choices):
        source = Folder(**{"name": "a", "path": place, "watch": place, **choices})
        return assignment_path(OPTIONS, source)

    before = record("here")
    assert before == record("there")
    assert len({before, record("here", name="b"), record("here", label_level=2)}) == 3
    monkeypatch.setattr(Folder, "__module__", "pipeline.elsewhere")
    assert record("here") == before
    assert assignment_path({**OPTIONS, "_target_": "pipeline.elsewhere.Random"}, Folder(**IN)) == before
    assert assignment_path({**OPTIONS, "_target_": "pipeline.elsewhere.Grouped"}, Folder(**IN)) != before


def test_places_of_a_source_within_a_source_do_not_count():
    def record(place, **choices):
        bounds = {"max_bytes": 1, "max_entries": 1}
        inner = Folder(name="a", path=place, watch=place, **choices)
        return assignment_path(OPTIONS, Archive(name="a", path=place, tree=place, watch=place, inner=inner, **bounds))

    assert record("here") == record("there") != record("here", split_folders=False)


def test_a_split_without_a_sample_stops_the_run(run):
    message = r"no sample is left for test, val: 12 samples in 1 groups; add samples or change split\.fractions"
    with pytest.raises(UserError, match=message):
        run(12, group=["g"] * 12)
    assert not artifacts.SPLITS.exists()


def test_without_a_manifest(project):
    options = {"_target_": "pipeline.datasets.splits.random.Random", "max_attribute_values": 0, "seed": 0}
    options["fractions"] = {"train": 0.6, "val": 0.2, "test": 0.2}
    (project / "params.yaml").write_text(yaml.safe_dump({"split": options, "source": FOLDER}))
    with pytest.raises(UserError, match=r"data/manifest\.parquet does not exist; run dvc repro"):
        stage.main()


def test_the_task_decides_whether_negatives_take_part(run):
    negative = [False] * 24 + [True] * 6
    several = run(
        30,
        negative=negative,
        labels=[["a"], ["b"]] * 12 + [[]] * 6,
        task="pipeline.training.tasks.multi_label.MultiLabel",
    )
    assert set(several[24:]) == {"train", "val", "test"}
    single = run(30, negative=negative, labels=[["a"], ["b"]] * 12 + [[]] * 6)
    assert set(single[24:]) == {"pool"}
    assert single[:24] == several[:24]


def test_the_pool_is_no_assignment_and_a_picture_that_gets_a_label_is_a_new_one(run, capsys):
    labels = [["a"], ["b"]] * 12
    alone = run(24, labels=labels)
    val, train = alone.index("val"), alone.index("train")
    group = [{val: "v", 24: "v", train: "t", 25: "t"}.get(row) for row in range(30)]
    found = run(30, labels=labels + [[]] * 6, group=group)
    assert found == [*alone, "none", *["pool"] * 5]
    assert run.line.endswith("; 5 without a label in the pool, for pretraining")
    assert "in neither the pool nor a split: 1 belong together with pictures of val or test" in capsys.readouterr().out
    (record,) = artifacts.ASSIGNMENTS.glob("*.parquet")
    assert artifacts.read_table(record)["split"].tolist() == [*alone, *["none"] * 6]  # as where nobody pretrains
    later = run(30, labels=[["a"], ["b"]] * 15, group=group)
    assert later[:24] == alone
    assert later[24:26] == ["val", "train"]
    assert set(later[26:]) <= {"train", "val", "test"}


def lock(project, seed=0, md5=None):
    """dvc.lock as DVC leaves it after a run by the options in params.yaml."""
    params = yaml.safe_load((project / "params.yaml").read_text())
    recorded = {"split": {**params["split"], "seed": seed}, "source": params["source"]}
    digest = md5 or hashlib.md5(artifacts.SPLITS.read_bytes()).hexdigest()
    outs = [{"path": "data/assignments", "md5": "0.dir"}, {"path": "data/splits.parquet", "md5": digest}]
    content = {"stages": {"split": {"params": {"params.yaml": recorded}, "outs": outs}}}
    (project / "dvc.lock").write_text(yaml.safe_dump(content))


def test_a_clone_without_the_record_hears_that_samples_may_have_moved(run, project, capsys):
    run(20)
    lock(project)
    shutil.rmtree(artifacts.ASSIGNMENTS)
    run(20)
    assert capsys.readouterr().err == ""  # the same data give the same split
    shutil.rmtree(artifacts.ASSIGNMENTS)
    run(31)
    assert "split: dvc.lock records another split by these options, and data/assignments does not hold it: samples" in (
        capsys.readouterr().err
    )
    run(33)  # which remembers
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("text", [None, "", "stages: {}", "stages: {split: {params: 3, outs: []}}", "a: [", "options"])
def test_no_record_or_one_by_other_options_says_nothing(run, project, capsys, text):
    run(20)
    if text == "options":
        lock(project, seed=7, md5="0")
    elif text is not None:
        (project / "dvc.lock").write_text(text)
    shutil.rmtree(artifacts.ASSIGNMENTS)
    run(31)
    assert capsys.readouterr().err == ""


def test_groups_that_are_larger_than_test_are_counted(run, capsys):
    run(60, group=["one"] * 30 + [f"g{row}" for row in range(30)])
    assert "split: 1 of 31 groups holds more samples than the whole test split (12), so test has smaller groups" in (
        capsys.readouterr().err
    )
