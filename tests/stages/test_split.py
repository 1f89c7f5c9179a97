"""The split stage keeps what the same options assigned before."""

import pandas as pd
import pytest
import yaml

from pipeline.core import files
from pipeline.core.errors import UserError
from pipeline.stages import split as stage


@pytest.fixture
def run(project, make_manifest):
    """Runs the stage on so many samples and gives the split of each."""

    def main(num_samples, seed=0, source="one", task="pipeline.tasks.single_label.SingleLabel", labels=None, **columns):
        options = {
            "_target_": "pipeline.splits.grouped.Grouped",
            "fractions": {"train": 0.6, "val": 0.2, "test": 0.2},
            "max_attribute_values": 0,
            "near_duplicate_bits": 2,
            "seed": seed,
        }
        (project / "params.yaml").write_text(
            yaml.safe_dump({"split": options, "source": {"name": source}, "task": {"_target_": task}})
        )
        files.write_table(files.MANIFEST, make_manifest(labels or ("ab" * num_samples)[:num_samples], **columns))
        files.write_table(files.TWINS, pd.DataFrame({"left": [], "right": []}, dtype="str"))
        stage.main()
        table = files.read_table(files.SPLITS)
        assert list(table) == ["sample_id", "split", "group"]
        return table["split"].tolist()

    return main


def test_the_same_options_keep_every_sample(run):
    first = run(20)
    written = files.SPLITS.read_bytes()
    assert run(30)[:20] == first
    assert run(20) == first
    assert files.SPLITS.read_bytes() == written


def test_other_options_or_another_source_start_afresh(run):
    first = run(20)
    assert run(20, seed=1) != first
    assert run(20) == first
    assert len(list(files.ASSIGNMENTS.glob("*.parquet"))) == 2
    assert run(10, source="two") != first[:10] or run(20, source="three") == first


def test_a_moved_data_set_and_samples_that_come_back_keep_their_split(run, project):
    first = run(30)
    assert run(20) == first[:20]
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("name: one", "name: one\n  path: elsewhere\n  watch: elsewhere"))
    stage.main()
    assert run(30) == first


def test_places_of_a_source_within_a_source_do_not_count():
    def record(path, name):
        inner = {"_target_": "x", "path": path, "name": name}
        return stage.record_of({}, {"_target_": "y", "url": path, "tree": path, "inner": inner})

    assert record("here", "a") == record("there", "a") != record("here", "b")


def test_a_split_without_a_sample_stops_the_run(run):
    message = r"no sample is left for test, val: 12 samples in 1 groups; add samples or change split\.fractions"
    with pytest.raises(UserError, match=message):
        run(12, group=["g"] * 12)
    assert not files.SPLITS.exists()


def test_without_a_manifest(project):
    options = {"_target_": "pipeline.splits.random.Random", "max_attribute_values": 0, "seed": 0}
    options["fractions"] = {"train": 0.6, "val": 0.2, "test": 0.2}
    (project / "params.yaml").write_text(yaml.safe_dump({"split": options, "source": {}}))
    with pytest.raises(UserError, match=r"data/manifest\.parquet does not exist; run dvc repro"):
        stage.main()


def test_the_task_decides_whether_negatives_take_part(run):
    negative = [False] * 24 + [True] * 6
    several = run(
        30, negative=negative, labels=[["a"], ["b"]] * 12 + [[]] * 6, task="pipeline.tasks.multi_label.MultiLabel"
    )
    assert set(several[24:]) == {"train", "val", "test"}
    single = run(30, negative=negative, labels=[["a"], ["b"]] * 12 + [[]] * 6)
    assert set(single[24:]) == {"none"}
    assert single[:24] == several[:24]
