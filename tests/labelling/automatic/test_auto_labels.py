"""What a model may label: never val, test or what a person touched; and what is written, in which order."""

from dataclasses import replace

import pandas as pd
import pytest
from decision_lines import MODEL, autolabel, decide, say
from open_samples import NUM_OPEN, NUM_VAL, make_pool, scored

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.datasets.label_decisions import append_decisions, load_decisions
from pipeline.labelling.automatic import auto_labels
from pipeline.labelling.automatic.auto_labels import AutoLabelOptions
from pipeline.labelling.automatic.model_answers import answers_file, append_answers, read_answers
from pipeline.labelling.queries.label_queue import QueuedSample, read_queue, write_queue

OPTIONS = AutoLabelOptions(max_error=0.1, confidence=0.95, audit_share=0.1)


def plan(pool, num_wrong=0, options=OPTIONS, number=1):
    predictions = pd.DataFrame({"sample_id": [f"v{row}" for row in range(NUM_VAL)]})
    val, _ = auto_labels.find_val(pool, predictions)
    labelled = auto_labels.bound_errors(val, scored(len(val), num_wrong), pool)
    rows = pool.samples[auto_labels.find_open(pool)].reset_index(drop=True)
    return auto_labels.plan_labels(MODEL, rows, scored(len(rows)), labelled, options, number), labelled


def test_open_samples_are_those_nobody_touched(project):
    append_answers(answers_file("pets"), [say("p0", "cat", batch="audit/1"), say("p9", "cat", batch="margin/1")])
    decisions = [decide("p1", "Ada", "cat"), decide("p2", "Ada", None), autolabel("p3", "cat")]
    decisions += [decide("p4", "Ada", "cat"), decide("p4", "Bo", "dog"), decide("p5", "Ada", "cat")]
    decisions += [decide("p5", "Ada", action="undo")]
    pool = make_pool(decisions)
    is_open = set(pool.samples["sample_id"][auto_labels.find_open(pool)])
    assert is_open == {f"p{row}" for row in range(NUM_OPEN)} - {f"p{row}" for row in range(5)}


def test_only_random_labels_of_val_bound_the_error(project):
    decisions = [autolabel("v1", "dog"), decide("v2", "Ada", None), decide("v3", "Ada", "dog", action="relabel")]
    pool = make_pool([replace(one, previous=["cat"]) for one in decisions])
    pool.samples["selected"] = pool.samples["sample_id"].isin(["v4"])
    found, rows = auto_labels.find_val(pool, pd.DataFrame({"sample_id": ["v5", "v4", "v3", "v2", "v1", "t0", "e0"]}))
    assert found["sample_id"].tolist() == rows["sample_id"].tolist() == ["v3", "v5"]
    wrong = auto_labels.bound_errors(found, scored(2), pool).wrong
    assert wrong.tolist() == [True, False]  # by the label of now
    with pytest.raises(UserError, match="no labelled sample of val, so nothing bounds the error"):
        auto_labels.find_val(pool, pd.DataFrame({"sample_id": ["t0"]}))


def test_samples_without_a_label_to_write_neither_count_nor_are_labelled(project):
    pool = make_pool()
    val, _ = auto_labels.find_val(pool, pd.DataFrame({"sample_id": [f"v{row}" for row in range(NUM_VAL)]}))
    found = scored(NUM_VAL)
    found.is_far[:30] = True
    found.labels[30] = []
    assert len(auto_labels.bound_errors(val, found, pool).scores) == 69
    rows = pool.samples[auto_labels.find_open(pool)].reset_index(drop=True)
    far = scored(NUM_OPEN)
    far.is_far[:150] = True
    labelled = auto_labels.bound_errors(val, scored(NUM_VAL), pool)
    taken = auto_labels.plan_labels(MODEL, rows, far, labelled, OPTIONS, 1)
    assert {one.sample_id for one in [*taken.labels, *taken.audit]} <= {f"p{row}" for row in range(150, 200)}


def test_a_plan_is_written_whole_and_keeps_some_back(project):
    pool = make_pool()
    append_decisions(
        artifacts.decisions_file("pets"), [decide("t0", "Ada", "cat", action="keep", previous=["cat"], labels=[])]
    )
    write_queue([QueuedSample(sample_id="t1", batch="margin/1", order=1, strategy="margin", score=0.5, why="close")])
    found, _ = plan(pool, num_wrong=10)
    assert found.choice.chosen is not None
    assert len(found.audit) == -(-(len(found.labels) + len(found.audit)) // 10)
    assert 20 < len(found.labels) < NUM_OPEN
    auto_labels.write_plan(found, "pets", OPTIONS, "2026-11-30T08:00:00+00:00")
    lines = load_decisions("pets")
    written = [one for one in lines if one.is_of_model]
    assert lines[0].who == "Ada"
    assert [one.sample_id for one in written] == [one.sample_id for one in found.labels]
    assert {(one.who, one.batch, one.seen_prediction) for one in written} == {(MODEL, "autolabel/1", None)}
    assert written[0].why.startswith(f"confidence at least {found.choice.chosen.threshold:.4f}; error at most ")
    queue = read_queue()
    assert {one.batch for one in queue} == {"margin/1", "audit/1"}
    kept = {one.sample_id for one in queue if one.batch == "audit/1"}
    assert kept == {one.sample_id for one in found.audit}
    assert not kept & {one.sample_id for one in written}
    assert "cat" not in (project / "reports/label_queue.csv").read_text()
    assert {one.sample_id for one in read_answers(answers_file("pets"))} == kept
    again = make_pool(lines)
    assert auto_labels.next_number(again) == 2
    left = set(again.samples["sample_id"][auto_labels.find_open(again)])
    assert left == {f"p{row}" for row in range(NUM_OPEN)} - kept - {one.sample_id for one in written}


def test_labels_written_are_read_by_ingest_as_of_a_model(project):
    found, _ = plan(make_pool())
    auto_labels.write_plan(found, "pets", OPTIONS, "2026-11-30")
    pool = make_pool(load_decisions("pets"))
    taken = pool.samples.set_index("sample_id").loc[[one.sample_id for one in found.labels]]
    assert taken["labels"].tolist() == [["cat"]] * len(taken)
    assert set(taken["decision"]) == {"autolabel"}
    assert taken["is_labelled"].all()


def test_without_a_threshold_it_says_what_is_needed(project):
    strict = AutoLabelOptions(max_error=0.02, confidence=0.95, audit_share=0.1)
    found, labelled = plan(make_pool(), options=strict)
    with pytest.raises(
        UserError, match=r"val \(100 labels\) cannot show at most 2\.0 % wrong .* about 149 labels of val"
    ):
        auto_labels.refuse_without_threshold(found, labelled, strict)
    assert (found.labels, found.audit) == ((), ())
    poor, labelled = plan(make_pool(), num_wrong=NUM_VAL)
    with pytest.raises(UserError, match=r"above the aim .* at every threshold, so more labels of val would not help"):
        auto_labels.refuse_without_threshold(poor, labelled, OPTIONS)


def test_an_audit_is_random_and_the_same_again():
    names = [f"p{row}" for row in range(1000)]
    first = auto_labels.pick_audit(names, 0.05, MODEL, 1)
    assert len(first) == 50
    assert first == auto_labels.pick_audit(names[::-1], 0.05, MODEL, 1)
    assert len(first & auto_labels.pick_audit(names, 0.05, MODEL, 2)) < 15
    assert auto_labels.pick_audit(names, 0.0, MODEL, 1) == set()
    assert len(auto_labels.pick_audit(names[:3], 0.05, MODEL, 1)) == 1
