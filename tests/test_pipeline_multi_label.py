"""From split to register, one stage after the other in this process, on pictures with several labels or none."""

import json
import shutil
from importlib import import_module
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from attribute_pictures import LABELS, attribute_labels, write_pictures
from picture_folder import TINY

from benchmarks import checkout
from pipeline.core import artifacts, config
from pipeline.evaluation.paired_comparison import load_test_predictions

ROOT = Path(__file__).parents[1]
NUM = 140
STAGES = checkout.STAGES[checkout.STAGES.index("find_duplicates") :]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("pipeline"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*:pydantic.warnings.PydanticDeprecatedSince20"),
]


def run(stage: str) -> None:
    import_module(f"pipeline.stages.{stage}").main()


def write_params() -> None:
    chosen = [
        *TINY,
        "experiment=multi_label",
        "source.path=pictures",
        "check.split_leakage.on_fail=warn",
        "train.epochs=12",
        *("objective=simclr", "pretrain.epochs=2", "pretrain.batch_size=32", "pretrain.min_steps=0"),
        "evaluate.cross_validation=never",
    ]
    Path("params.yaml").write_text(config.compose(ROOT / "conf", chosen), encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, empty_store: Path):
    """A folder in which every stage has run; ingest read a folder, and its labels were written over."""
    folder = tmp_path_factory.mktemp("several")
    shutil.copy(empty_store, folder / "mlflow.db")
    labels = attribute_labels(NUM)
    labels[0] = ["rare", *labels[0]]  # a label that only one split can have
    write_pictures(folder / "pictures", labels)
    told = [[*names, "picture"] if number % 10 else [] for number, names in enumerate(labels)]  # every tenth unlabelled
    told[0] = [*labels[0], "picture"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DVC_ROOT", str(folder))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr("pipeline.core.parallel.num_workers", lambda: 1)  # faster for so few, and always in this folder
        write_params()
        run("ingest")
        manifest = artifacts.read_table(artifacts.MANIFEST)
        by_name = {f"{number:03d}.png": sorted(names) for number, names in enumerate(told)}
        manifest["labels"] = [by_name[Path(name).name] for name in manifest["sample_id"]]
        artifacts.write_table(artifacts.MANIFEST, manifest)
        artifacts.write_json(
            artifacts.VALIDATION, {"passed": True, "expectations": []}
        )  # test_pipeline.py runs that stage
        for stage in STAGES:
            run(stage)
        yield folder


@pytest.fixture(scope="module")
def metrics(project: Path):
    return json.loads((project / "reports/test_metrics.json").read_text())


@pytest.fixture(scope="module")
def card(project: Path):
    return json.loads((project / "data/predictor/card.json").read_text())


def test_unlabelled_pictures_take_part_in_the_pretraining_alone(project: Path, card) -> None:
    splits = pd.read_parquet(project / "data/splits.parquet").set_index("sample_id")["split"]
    manifest = pd.read_parquet(project / "data/manifest.parquet")
    unlabelled = manifest.loc[manifest["labels"].map(len) == 0, "sample_id"]
    assert len(unlabelled) == NUM // 10 - 1
    assert set(splits[unlabelled]) == {"pool"}
    assert set(splits.drop(unlabelled)) == {"train", "val", "test"}
    index = pd.read_parquet(project / "data/packed/index.parquet")
    assert set(index.loc[index["split"] == "pool", "sample_id"]) == set(unlabelled)
    sizes = splits.value_counts()
    assert card["num_samples"] == {name: sizes[name] for name in ("train", "val", "test")}
    pretrained = card["pretraining"]
    assert pretrained["num_samples"] == {"train": sizes["train"], "val": 0, "test": 0, "pool": sizes["pool"]}
    assert set(pd.read_parquet(project / "data/predictions.parquet")["split"]) == {"val", "test"}


def test_people_see_what_the_encoder_was_pretrained_on(project: Path) -> None:
    said = "by the objective simclr for 2 epochs on "
    assert said in (project / "reports/model_card.md").read_text()
    assert "* 13 pictures without a label: for pretraining alone" in (project / "reports/data_sheet.md").read_text()
    page = (project / "reports/report.html").read_text()
    assert said in page
    assert "13 without a label. No picture of val or test took part." in page
    (run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    expected = {"objective": "simclr", "pool": "13", "pretrain_epochs": "2", "samples": str(NUM - 13)}
    assert expected.items() <= run.data.params.items()
    curves = pd.read_csv(project / "reports/pretrain.csv")
    assert run.data.metrics["pretrain/loss"] == pytest.approx(curves["loss"].iloc[-1])
    assert 0 <= run.data.metrics["pretrain/neighbour_accuracy"] <= 1


def test_it_learnt_both_attributes(metrics) -> None:
    for name in LABELS:
        assert metrics[f"auroc/{name}"]["value"] > 0.8  # chance is 0.5
    assert metrics["f1_micro"]["value"] > 0.8
    assert metrics["hamming_loss"]["value"] < 0.2


def test_what_is_undefined_is_reported_and_stops_nothing(project: Path, metrics) -> None:
    """One label on one sample only, one on every sample."""
    n = metrics["accuracy"]["n"]
    assert metrics["auroc/picture"] == {"value": None, "low": None, "high": None, "n": n, "groups": 0}
    assert metrics["auroc/rare"]["value"] is None
    assert metrics["f1/picture"]["value"] == 1.0
    checks = json.loads((project / "reports/checks.json").read_text())
    assert checks["constant_label"]["value"] == 3
    assert set(checks["constant_label"]["worst"]) == {f"picture in {split}" for split in ("train", "val", "test")}
    assert checks["missing_class"]["value"] == 2
    assert all(name.startswith("rare in ") for name in checks["missing_class"]["worst"])
    assert checks["co_occurrence"]["passed"]
    assert "\u2013" in (project / "reports/report.html").read_text()


def test_weights_and_thresholds_stand_in_the_card(project: Path, card) -> None:
    task = card["task"]
    index = pd.read_parquet(project / "data/packed/index.parquet")
    train = index.loc[index["split"] == "train", "labels"].explode().value_counts()
    size = card["num_samples"]["train"]
    assert card["classes"] == ["disc", "picture", "rare", "stripes"]
    assert task["weights"][0] == pytest.approx((size - train["disc"]) / train["disc"])
    assert task["weights"][1] == 1.0  # every sample has it
    assert len(task["thresholds"]) == 4
    assert task["thresholds"][1] == 0.5
    assert all(0 <= one <= 1 for one in task["thresholds"])


def test_decisions_follow_the_thresholds_of_the_card(project: Path, card) -> None:
    predictions = pd.read_parquet(project / "data/predictions.parquet")
    decided = np.stack(predictions["scores"]) >= np.array(card["task"]["thresholds"])
    names = np.array(card["classes"])
    assert [list(names[row]) for row in decided] == [list(one) for one in predictions["decided"]]
    confusion = pd.read_csv(project / "reports/confusion.csv", keep_default_na=False)
    assert set(confusion["actual"]) | set(confusion["predicted"]) <= {*card["classes"], "(none)"}


def test_the_page_shows_what_comes_together_and_each_threshold(project: Path) -> None:
    html = (project / "reports/report.html").read_text()
    for text in ("Labels on the same picture", "Labels found, missed and wrongly", "Threshold", "Hamming loss"):
        assert text in html


def test_the_registered_model_serves_labels_joined_by_a_bar(project: Path, card) -> None:
    registration = json.loads((project / "reports/registration.json").read_text())
    mlflow.set_tracking_uri(f"sqlite:///{project / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model(f"models:/{registration['model']}@champion")
    predictions = pd.read_parquet("data/predictions.parquet").head(8)
    encoded = [(Path("pictures") / name).read_bytes() for name in predictions["sample_id"]]
    served = model.predict(pd.DataFrame({"image": encoded}))
    assert served["class"].tolist() == ["|".join(names) for names in predictions["decided"]]
    assert list(served["scores"][0]) == card["classes"]
    task = config.build({**card["task"], "thresholds": [1.0] * 4}, "card.task")
    model.unwrap_python_model().classifier.predictor.task = task
    assert model.predict(pd.DataFrame({"image": encoded[:1]}))["class"].tolist() == [""]


def test_a_challenger_is_judged_by_its_own_thresholds(project: Path) -> None:
    run("register")  # the same results again: nothing moves
    found = load_test_predictions(artifacts.PREDICTIONS, ["disc", "picture", "rare", "stripes"])
    predictions = pd.read_parquet("data/predictions.parquet")
    test = predictions[predictions["split"] == "test"]
    assert [int(row.sum()) for row in found.decided] == [len(names) for names in test["decided"]]
