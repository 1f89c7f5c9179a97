"""`colibri label-efficiency`: a better encoder is found, and where none is shown to be better it says so."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from label_efficiency_examples import PARAMS, make_project
from small_project import normalise
from train_choices import CHOICES, RAMP

from pipeline.commands.label_efficiency import main
from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.page_inputs import changed_inputs
from pipeline.experiments.label_efficiency import FIGURES, PAGE, TABLE
from pipeline.experiments.label_fits import STORE


def find(points, kind, size, minus=""):
    (point,) = [one for one in points if (one["kind"], one["size"], one["minus"]) == (kind, size, minus)]
    return point["figures"]["balanced_accuracy"]


def write_findings(path, name, table):
    finding = {"value": 0.8, "limit": 0.65, "unit": "", "worst": {}, "passed": False, "table": table}
    artifacts.write_json(path, {name: finding})


def test_a_better_encoder_is_found_with_few_labels_and_its_view_is_named(project, capsys):
    make_project(project)
    row = {"property": "brightness", "label": "a", "balanced_accuracy": 0.8, "p": 0.002}
    write_findings(artifacts.CHECKS, "shortcut", [row])
    write_findings(artifacts.CURATION, "augmentation_safety", [])
    main(labels=[5, 500], draws=4, no_mlflow=True)
    found = json.loads(FIGURES.read_text())
    gain = find(found["points"], "pretrained", "mean", "initial")
    assert gain["low"] > 0.1
    assert gain["over_draws"][0] > gain["low"]
    assert find(found["points"], "pretrained", "all")["value"] > 0.95
    assert find(found["points"], "initial", "5")["value"] < 0.8
    assert re.match(
        r"Pretraining helped \(frozen, against the same encoder with its initial weights\) by \+", found["answer"][0]
    )
    assert found["cannot_be_judged"] == {
        "500": f"class {min_class()} has {min_count()} labels in train, fewer than 500, and 1 more class has too few"
    }
    assert found["not_measured"]["embedded"].startswith("data/embeddings/card.json does not exist")
    (effect,) = [one for one in found["views"]["effects"] if one["property"] == "brightness"]
    assert (effect["view"], effect["suspected"], effect["balanced_accuracy_alone"]) == ("jitter", True, 0.8)
    assert effect["moved"] > 0.5
    assert effect["probe"]["before"]["value"] > effect["probe"]["after"]["value"]
    table = pd.read_csv(TABLE)
    assert set(table["size"]) == {"5", "all", "mean"}
    page = PAGE.read_text()
    assert "Pretraining helped" in page
    assert "500 labels a class cannot be judged" in page
    text = capsys.readouterr().out
    assert "Balanced accuracy on 120 pictures of val (40 groups)" in text
    assert not artifacts.PREDICTIONS.exists()
    assert found["answer"][0] in Path("reports/commands.html").read_text().replace("&#39;", "'")
    assert changed_inputs(found["made_of"]) == []
    artifacts.write_json(artifacts.CURATION, {})
    assert changed_inputs(found["made_of"]) == ["reports/curation.json"]
    write_findings(artifacts.CURATION, "augmentation_safety", [])
    first = FIGURES.read_bytes()
    main(labels=[500, 5], draws=4, no_mlflow=True)
    assert FIGURES.read_bytes() == first


def counts():
    index = pd.read_parquet(artifacts.PACKED / "index.parquet")
    return index.loc[index["split"] == "train", "labels"].str[0].value_counts()


def min_class():
    return counts().idxmin()


def min_count():
    return counts().min()


def test_an_encoder_that_was_not_improved_and_few_groups_cannot_be_judged(project):
    make_project(project, improve=False)
    main(labels=[5], draws=2, no_mlflow=True)
    found = json.loads(FIGURES.read_text())
    gain = find(found["points"], "pretrained", "mean", "initial")
    assert gain["value"] == 0
    assert gain["low"] < 0 < gain["high"]
    assert found["answer"][0].startswith("Whether pretraining helped cannot be judged (frozen, against")
    assert "reports/checks.json does not exist" in found["views"]["notes"][0]


def test_few_groups_have_no_interval(project):
    make_project(project, num_groups=4)
    main(labels=[5], draws=2, no_mlflow=True)
    found = json.loads(FIGURES.read_text())
    assert find(found["points"], "pretrained", "mean", "initial")["low"] is None
    assert "no interval: it rests on 4 independent groups, fewer than 5" in found["answer"][0]


def test_fine_tuned_networks_are_measured_and_stored(project):
    make_project(project)
    options = CHOICES | RAMP | {"epochs": 2, "min_steps": 6, "learning_rate": 0.05, "batch_size": 16}
    train = {"_target_": "pipeline.training.trainers.finetune.FineTune", **options}
    (project / "params.yaml").write_text(yaml.safe_dump(PARAMS | {"train": train}))
    main(labels=[10], draws=2, finetune=2, no_mlflow=True)
    stored = sorted(STORE.iterdir())
    assert len(stored) == 6  # 10 labels twice and all, from initial and from pretrained weights
    found = json.loads(FIGURES.read_text())
    assert find(found["points"], "fine_tuned_pretrained", "all")["value"] > 0.9
    np.save(stored[0], ~np.load(stored[0]))
    main(labels=[10], draws=2, finetune=2, no_mlflow=True)
    assert json.loads(FIGURES.read_text()) != found  # it was read, and not fitted again
    assert sorted(STORE.iterdir()) == stored


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": [0]}, r"--labels must be at least 1.*got 0, 10, 0 and 0"),
        ({"draws": 1}, r"--draws at least 2"),
        ({"finetune": 11}, r"--finetune takes 0, or 2 to --draws; got 10 20 50 100, 10, 0 and 11"),
        ({"finetune": 1}, r"--finetune takes 0, or 2 to --draws; got 10 20 50 100, 10, 0 and 1"),
    ],
)
def test_options_that_mean_nothing(project, options, message):
    with pytest.raises(UserError, match=message):
        main(**options)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"views": {}}, "another views"),
        ({"pretrain": {"seed": 1}, "transform": normalise(32)}, "another pretrain and transform"),
        ({"objective": {"_target_": "pipeline.training.objectives.unchanged.Unchanged"}}, "another objective"),
    ],
)
def test_an_encoder_of_other_choices_is_refused(project, changes, what):
    make_project(project)
    (project / "params.yaml").write_text(yaml.safe_dump(PARAMS | changes))
    with pytest.raises(UserError, match=rf"^data/encoder/ was made with {what} than params\.yaml has; run dvc repro"):
        main(no_mlflow=True)
    assert not FIGURES.exists()


def test_what_is_missing_is_one_line(project):
    make_project(project)
    (project / "params.yaml").write_text(yaml.safe_dump(PARAMS | {"train": {"_target_": "a.b.Svm"}}))
    with pytest.raises(UserError, match=r"--finetune fits whole networks.*set train=finetune"):
        main(finetune=2, no_mlflow=True)
    several = {"_target_": "pipeline.training.tasks.multi_label.MultiLabel"}
    (project / "params.yaml").write_text(yaml.safe_dump(PARAMS | {"task": several}))
    with pytest.raises(UserError, match=r"needs one label per picture.*set task=single_label"):
        main(no_mlflow=True)
    (project / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    index = pd.read_parquet(artifacts.PACKED / "index.parquet")
    artifacts.write_table(artifacts.PACKED / "index.parquet", index.assign(split="train"))
    with pytest.raises(UserError, match=r"data/packed: val has labelled pictures of 0 classes.*needs 2"):
        main(no_mlflow=True)
    artifacts.write_json(artifacts.ENCODER / "card.json", {"pretrained": False})
    with pytest.raises(UserError, match=r"no encoder was pretrained.*colibri run objective=simclr"):
        main(no_mlflow=True)
    assert not FIGURES.exists()
