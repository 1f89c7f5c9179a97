"""What MLflow's pages say: figures with intervals, the verdict, the warnings; never over a person's own words."""

import pytest

from pipeline.core import artifacts
from pipeline.core.estimate import Estimate, write_estimates
from pipeline.core.results import StoredFinding
from pipeline.tracking.descriptions import describe_decision, describe_version, headline, summarise, version_tags
from pipeline.tracking.experiments import NOTE

pytestmark = pytest.mark.xdist_group("tracking")
ACCURACY = Estimate(value=0.8406, low=0.728, high=0.975, n=1372, groups=6, caveat="it rests on 6 groups only")
F1 = Estimate(value=0.7, low=None, high=None, n=1372, groups=1372)
PARAMS = {
    "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0},
    "source": {"name": "wasps"},
    "encoder": {"architecture": "resnet18"},
    "train": {"_target_": "pipeline.training.trainers.finetune.FineTune"},
    "augmentation": {"shift": {}},
    "image_size": 64,
}
CARD = {"source": "wasps", "data_hash": "0123456789abcdef", "classes": ["a", "b"]}


def finding(state, sentence):
    parts = {"value": 0.7, "limit": 0.5, "unit": "share", "worst": {}}
    return StoredFinding(**parts, state=state, passed=state == "passed", sentence=sentence)


FINDINGS = {
    "shortcut": finding("failed", "Noise alone separates the classes."),
    "missing_class": finding("passed", ""),
    "rare_class": finding("cannot_be_judged", ""),
}


def result(version="1", aliases=("challenger", "champion"), name="wasps"):
    return {"model": name, "version": version, "aliases": list(aliases), "reasons": ["there was no champion before"]}


def test_the_headline_has_the_interval_and_its_caveat():
    assert headline({"f1_macro": F1, "accuracy": ACCURACY}) == (
        "Accuracy 0.841 [0.728, 0.975] on 1,372 test pictures of 6 groups (95 % interval), macro F1 0.700. "
        "The interval of the accuracy: it rests on 6 groups only."
    )
    assert headline({"hamming_loss": F1}) == "Hamming loss 0.700 on 1,372 test pictures (95 % interval)."
    assert headline({}) == "No figure of test is defined."


def test_the_verdict_and_the_warnings_in_words():
    text = summarise({"accuracy": ACCURACY}, FINDINGS, result())
    assert "**Champion**: there was no champion before." in text
    assert text.endswith("**1 of 3 checks warn**:\n\n* `shortcut`: Noise alone separates the classes.")
    text = summarise({"accuracy": ACCURACY}, {}, {**result(aliases=["challenger"]), "reasons": ["gain -0.1"]})
    assert text.endswith("**Not champion**: gain -0.1.")


GATES = [
    {"name": "superior", "question": "Better?", "outcome": "passed", "sentence": "gain +0.1 | shown", "figures": {}},
    {"name": "latency", "question": "Fast?", "outcome": "not_needed", "sentence": "no budget", "figures": {}},
]


def test_each_gate_is_a_row_that_a_person_reads_and_a_tag_where_it_was_needed():
    text = summarise({"accuracy": ACCURACY}, {}, {**result(), "gates": GATES})
    assert text.endswith(
        "| gate | question | outcome | what was found |\n|---|---|---|---|\n"
        "| `superior` | Better? | passed | gain +0.1 \\| shown |\n| `latency` | Fast? | not needed | no budget |"
    )
    tags = version_tags({**result(), "gates": GATES}, {}, PARAMS)
    assert {name: text for name, text in tags.items() if name.startswith("gate.")} == {
        "gate.superior": "passed: gain +0.1 | shown"
    }


def test_tags_to_filter_by():
    assert version_tags(result(), FINDINGS, PARAMS) == {
        "dataset": "wasps",
        "encoder": "resnet18",
        "learner": "fine-tuned",
        "verdict": "champion",
        "reason": "there was no champion before",
        "warnings": "1: shortcut",
    }
    assert version_tags(result(aliases=["challenger"]), {}, PARAMS)["warnings"] == "none"
    assert version_tags({**result(), "reasons": ["x" * 999]}, {}, PARAMS)["reason"] == "x" * 200


@pytest.fixture
def version(client, project):
    """A version of `wasps` without files, and what the stages before left."""
    write_estimates(artifacts.TEST_METRICS, {"accuracy": ACCURACY})
    artifacts.write_json(artifacts.CHECKS, {"shortcut": FINDINGS["shortcut"].to_json()})
    artifacts.write_json(artifacts.CURATION, {})
    run_id = client.create_run("0").info.run_id
    if not client.search_registered_models("name = 'wasps'"):
        client.create_registered_model("wasps")
    return str(client.create_model_version("wasps", "file:///nowhere", run_id).version), run_id


def test_run_version_and_model_are_described(client, version):
    number, run_id = version
    describe_version(result(number), run_id, PARAMS, CARD, {"samples": 2624})
    run, found = client.get_run(run_id), client.get_model_version("wasps", number)
    for text in (run.data.tags[NOTE], found.description):
        assert text.startswith("Accuracy 0.841 [0.728, 0.975] on 1,372 test pictures")
        assert "Data set `wasps` (2,624 pictures, 2 classes: a, b; digest 01234567); resnet18, fine-tuned, 64" in text
    assert f"Registered on {artifacts_day(found)}" in found.description
    assert (run.data.tags["verdict"], run.data.tags["warnings"]) == ("champion", "1: shortcut")
    assert found.tags["encoder"] == "resnet18"
    assert 'load_model("models:/wasps@champion")' in client.get_registered_model("wasps").description


def artifacts_day(version):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(version.creation_timestamp / 1000, UTC).date().isoformat()


def test_a_second_time_changes_nothing_and_a_persons_words_stay(client, version):
    number, run_id = version
    client.update_model_version("wasps", number, "ours, do not touch")
    client.update_registered_model("wasps", "by hand")
    describe_version(result(number), run_id, PARAMS, CARD, {})
    before = client.get_run(run_id).data.tags
    describe_version(result(number), run_id, PARAMS, CARD, {})
    assert client.get_run(run_id).data.tags == before
    assert client.get_model_version("wasps", number).description == "ours, do not touch"
    assert client.get_registered_model("wasps").description == "by hand"


def test_what_a_person_decided_stays_when_the_results_are_registered_again(client, version):
    number, run_id = version
    challenger = result(number, aliases=["challenger"])
    describe_version(challenger, run_id, PARAMS, CARD, {})
    assert client.get_run(run_id).data.tags["verdict"] == "not champion"
    describe_decision("wasps", number, "knows the new class", None, "by_hand")
    described = client.get_model_version("wasps", number).description
    describe_version(challenger, run_id, PARAMS, CARD, {})
    found = client.get_model_version("wasps", number)
    assert client.get_run(run_id).data.tags["verdict"] == found.tags["verdict"] == "champion by hand"
    assert found.tags["reason"] == "knows the new class"
    assert found.description == described
    assert described.startswith("Accuracy 0.841")
    assert described.endswith("\n\nPromoted by hand: knows the new class")


def test_a_promotion_before_the_description_was_written_does_not_replace_it(client, version):
    """The registration was interrupted in between."""
    number, run_id = version
    describe_decision("wasps", number, "why", None, "by_hand")
    describe_version(result(number, aliases=["challenger"]), run_id, PARAMS, CARD, {})
    text = client.get_model_version("wasps", number).description
    assert text.startswith("Accuracy 0.841")
    assert text.endswith("\n\nPromoted by hand: why")
