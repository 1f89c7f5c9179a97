"""`colibri autolabel`: a model labels what it is sure of, and a refusal or a dry run writes nothing."""

import pandas as pd
import pytest
from decision_lines import MODEL, decide
from open_samples import NUM_VAL, make_pool, scored

from pipeline.commands import autolabel
from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.datasets.label_decisions import append_decisions, load_decisions
from pipeline.labelling import pool
from pipeline.labelling.automatic import scored_samples
from pipeline.labelling.queries.label_queue import QUEUE, read_queue
from pipeline.media import reader


class Registered:
    """Decides for cat on all but the last of val, and is less sure from sample to sample."""

    name = version = MODEL
    num_wrong = 0

    def score(self, rows, reader):
        return scored(len(rows))

    def read_stored(self, predictions):
        return scored(len(predictions), self.num_wrong)

    def refuse_other_predictions(self, val, samples, reader):
        assert val["sample_id"].tolist() == samples["sample_id"].tolist()


@pytest.fixture
def registered(project, monkeypatch):
    found = Registered()
    monkeypatch.setattr(config, "load_params", dict)
    monkeypatch.setattr(pool, "read_pool", lambda params: make_pool(load_decisions("pets")))
    monkeypatch.setattr(scored_samples, "load_registered", lambda model: found)
    monkeypatch.setattr(reader, "make_reader", lambda params, manifest: None)
    predictions = pd.DataFrame({"sample_id": [f"v{row}" for row in range(NUM_VAL)], "split": "val"})
    monkeypatch.setattr(artifacts, "read_table", lambda path: predictions)
    return found


def test_labels_then_an_audit(registered, project, capsys):
    autolabel.main(max_error=0.1, audit_share=0.2)
    lines = load_decisions("pets")
    kept = [one.sample_id for one in read_queue()]
    assert {one.who for one in lines} == {MODEL}
    assert len(lines) == 160
    assert len(kept) == 40
    text = capsys.readouterr().out
    assert "0 of 100 samples of val wrong, so at most 2.95 % of the labels" in text
    assert "160 of 200 open samples (80 %) by the model" in text
    assert text.rstrip().endswith("wrote data/label_decisions/pets.csv; colibri run trains with the labels")
    answers = [decide(name, "Ada", "dog" if row < 2 else "cat", batch="audit/1") for row, name in enumerate(kept)]
    append_decisions(artifacts.decisions_file("pets"), answers)
    autolabel.main(audit=True)
    assert (
        "160 samples labelled by it; 5.0 % wrong (0.6 % to 16.9 %) of 40 samples kept back and labelled by people"
        in capsys.readouterr().out
    )
    with pytest.raises(
        UserError,
        match=r"already \(autolabel/1\); those that are left are the harder ones",
    ):
        autolabel.main(max_error=0.1)


def test_a_dry_run_and_a_refusal_write_nothing(registered, project, capsys):
    autolabel.main(max_error=0.1, dry_run=True)
    assert "nothing was written (--dry-run)" in capsys.readouterr().out
    registered.num_wrong = NUM_VAL
    with pytest.raises(UserError, match="no label was written: the error on val"):
        autolabel.main(max_error=0.1)
    assert load_decisions("pets") == []
    assert not QUEUE.exists()
    with pytest.raises(UserError, match=r"no model has labelled a sample of this project; colibri autolabel lets"):
        autolabel.main(audit=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_error": 0.0}, "--max-error must be above 0 and below 1, got 0"),
        ({"max_error": float("nan")}, "--max-error must be above 0 and below 1, got nan"),
        ({"confidence": 0.5}, r"--confidence must be above 0\.5 and below 1, got 0\.5"),
        ({"audit_share": 1.5}, r"--audit-share must be from 0 to 1, got 1\.5"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(UserError, match=message):
        autolabel.main(**options)
