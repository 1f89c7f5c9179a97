"""`colibri query`: a queue of samples without a label, never of val or test, and what to do with it."""

import numpy as np
import pandas as pd
import pytest
import yaml
from labelling_examples import write_project

from pipeline.commands.query import main
from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.datasets.label_decisions import LabelDecision, append_decisions
from pipeline.labelling.queries.label_queue import QUEUE, read_queue

PARTS = ("train", "val", "test", "pool", "none")
SPLITS = [*["train"] * 12, *["val"] * 25, *["test"] * 25, *["pool"] * 30, "none"]


def make_project(project, labelled=True):
    """Two blobs, a and b in turn; samples of the pool have no label."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(len(SPLITS), 4)) + 8 * (np.arange(len(SPLITS)) % 2)[:, None] * [1, 0, 0, 0]
    truth = ["ab"[number % 2] for number in range(len(SPLITS))]
    labels = [name if part in PARTS[:3] and labelled else "" for name, part in zip(truth, SPLITS, strict=True)]
    write_project(project, SPLITS if labelled else ["pool"] * len(SPLITS), labels, features)


def decide(sample_id, action="label", batch="", labels=("a",), who="ann"):
    line = LabelDecision(
        sample_id=sample_id,
        action=action,
        previous=[],
        labels=[] if action in ("drop", "undo") else list(labels),
        who=who,
        when="2026-11-30T10:00:00+00:00",
        why="seen",
        batch=batch,
    )
    append_decisions(artifacts.decisions_file("blobs"), [line])


def test_the_queue_has_open_samples_with_batches_and_what_to_do_next(project, capsys):
    make_project(project)
    decide("s070", "drop")
    decide("s071")
    main(budget=10)
    queue = read_queue()
    names = {line.sample_id for line in queue}
    assert len(names) == 10
    assert names <= {f"s{number:03}" for number in range(62, 93)} - {"s070", "s071"}
    assert [line.batch for line in queue].count("random/1") == 1  # val and test have enough, so it is a tenth
    assert [line.batch for line in queue].count("typical_then_margin/1") == 9
    assert [line.order for line in queue] == list(range(1, 11))
    out = capsys.readouterr().out
    assert "10 samples to label next: " in out
    assert "of 29 without a label, by 13 labels outside val and test" in out
    assert "1 are random and may go to val and test" in out
    assert out.splitlines()[-1] == "Next:  colibri label --queue"


def test_a_second_call_changes_nothing_until_a_sample_is_labelled(project, capsys):
    make_project(project)
    main(budget=5)
    before = QUEUE.read_bytes()
    capsys.readouterr()
    main(budget=5)
    assert QUEUE.read_bytes() == before
    said = capsys.readouterr().out
    assert said.startswith("The queue still waits (")
    assert "1 of random/1" in said
    assert "nobody has labelled any of it since, so the same query changes nothing" in said
    first = read_queue()[0]
    decide(first.sample_id, batch=first.batch)
    main(budget=5)
    queue = read_queue()
    assert {line.number for line in queue} == {2}
    assert first.sample_id not in {line.sample_id for line in queue}
    main(budget=1, strategy="random", seed=3)
    back = len({line.sample_id for line in queue} - {line.sample_id for line in read_queue()})
    assert f"{back} samples of the former queue (" in capsys.readouterr().out


@pytest.mark.parametrize(
    "again", [{"budget": 6}, {"budget": 5, "strategy": "margin"}, {"budget": 5, "random_share": 1.0}]
)
def test_another_query_replaces_a_queue_that_nobody_has_begun(project, again):
    make_project(project)
    main(budget=5)
    main(**again)
    assert {line.number for line in read_queue()} == {2}


def test_without_labels_half_of_a_batch_is_random_for_val_and_test(project):
    make_project(project, labelled=False)
    main(budget=20)
    assert pd.Series([line.batch for line in read_queue()]).value_counts().to_dict() == {
        "random/1": 10,
        "typical_then_margin/1": 10,
    }
    assert [line.strategy == "random" for line in read_queue()].count(True) == 10
    halves = [[line.strategy for line in read_queue()[at : at + 10]].count("random") for at in (0, 10)]
    assert halves == [5, 5]  # whoever stops half-way has labelled as many


def test_a_project_that_groups_pictures_without_labels_can_be_queried(project):
    make_project(project, labelled=False)
    artifacts.write_table(artifacts.SPLITS, artifacts.read_table(artifacts.SPLITS).assign(split=SPLITS))
    params = config.load_params()
    params["task"] = {"_target_": "pipeline.training.tasks.clusters.Clusters"}
    config.PARAMS.write_text(yaml.safe_dump(params))
    main(budget=93)
    assert {line.sample_id for line in read_queue()} == {f"s{number:03}" for number in range(93)}


def test_without_a_random_share_it_says_that_nothing_can_measure(project, capsys):
    make_project(project, labelled=False)
    main(budget=4, random_share=0.0)
    assert "val and test have under 20 labelled samples, and none of this batch can go there" in capsys.readouterr().out


def test_equal_seeds_choose_equal_samples_and_other_batches_others(project):
    make_project(project)
    found = []
    for seed in (0, 0, 1):
        QUEUE.unlink(missing_ok=True)
        main(budget=8, strategy="random", seed=seed)
        found.append([line.sample_id for line in read_queue()])
    assert found[0] == found[1] != found[2]


def test_near_duplicates_are_not_in_one_batch(project):
    make_project(project)
    manifest = artifacts.read_table(artifacts.MANIFEST)
    manifest.loc[62:, "perceptual_hash"] = (
        manifest["perceptual_hash"].iloc[62:].where(manifest.index[62:] >= 90, "0" * 16)
    )
    artifacts.write_table(artifacts.MANIFEST, manifest)
    main(budget=4, strategy="typical", random_share=0.0)
    assert len({line.sample_id for line in read_queue()} & {"s090", "s091", "s092"}) == 3


def test_suspects_are_labelled_samples_of_train_alone(project, capsys):
    make_project(project)
    suspects = pd.DataFrame({"sample_id": ["s001", "s002", "s020"], "quality": [0.2, 0.1, 0.0]})
    artifacts.write_csv(artifacts.SUSPECTS, suspects)
    main(budget=5, strategy="suspects")
    assert [(line.sample_id, line.score) for line in read_queue()] == [("s002", 0.9), ("s001", 0.8)]
    assert "No more than 2 could be chosen; 5 were wanted" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "sample_id,quality\ns001,low\n", "sample_id\ns001\n"])
def test_suspects_that_cannot_be_read_are_one_line(project, text):
    make_project(project)
    artifacts.write_text(artifacts.SUSPECTS, text)
    with pytest.raises(UserError, match="holds no table of sample_id and quality, a number; dvc repro curate"):
        main(budget=5, strategy="suspects")


def test_what_people_differ_on_comes_first_in_disagreement(project):
    make_project(project)
    decide("s080", labels=("a",))
    decide("s080", labels=("b",), who="bob")
    main(budget=3, strategy="disagreement", random_share=0.0)
    assert read_queue()[0].sample_id == "s080"
    assert read_queue()[0].score >= 1


@pytest.mark.parametrize(
    ("options", "labelled", "message"),
    [
        ({"budget": 0}, True, "--budget must be at least 1, --random-share from 0 to 1"),
        ({"random_share": 1.5}, True, "got 40, 1.5 and 0"),
        ({"strategy": "best"}, True, r"conf/query/best.yaml does not exist; available: coreset"),
        ({"strategy": "margin"}, False, "margin needs labels of two classes outside val and test, and there are 0 lab"),
        ({"strategy": "suspects"}, True, "and reports/label_suspects.csv lists none of train; run dvc repro curate"),
    ],
)
def test_what_cannot_be_queried_is_one_line(project, options, labelled, message):
    make_project(project, labelled)
    with pytest.raises(UserError, match=message):
        main(**options)
    assert not QUEUE.exists()


def test_where_all_have_labels_it_says_so(project):
    write_project(project, ["train"] * 4, ["a", "b", "a", "b"], np.eye(4))
    with pytest.raises(UserError, match="every sample has a label, so there is none to label next"):
        main()
