"""A file of a stranger builds nothing but the nouns that its keys ask for."""

import ast
import json
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import pipeline
from pipeline.core import config, contracts, errors, nouns
from pipeline.core.errors import UserError

ROOT = Path(pipeline.__file__).parent
KINDS = (*nouns.KINDS, "estimator")
LIBRARIES = (
    "sklearn",
    "torch.optim",
    "torch.hub",
    "timm",
    "torchvision.models",
    "skops.io",
    "os",
    "shutil",
    "builtins",
)


def expected() -> dict[str, set[str]]:
    """Dotted paths by kind, read from the text of the modules without importing them."""
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    found["estimator"] = set(nouns.ESTIMATORS)
    for kind, required in nouns.KINDS.items():
        classes = {
            node.name: ("", node)
            for node in ast.parse((ROOT / "core/evaluation_contracts.py").read_text(encoding="utf-8")).body
            if isinstance(node, ast.ClassDef)
        }
        for path in ROOT.joinpath(*required.package.split(".")).glob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    classes[node.name] = (path.stem, node)
        for name, (module, node) in classes.items():
            if derives(name, required.contract.__name__, classes) and "final" in map(ast.unparse, node.decorator_list):
                found[kind].add(f"pipeline.{required.package}.{module}.{name}")
    return found


def derives(name: str, contract: str, classes: dict[str, tuple[str, ast.ClassDef]]) -> bool:
    """Whether a class has the contract among its bases, or among those of a base in its package or in the contracts."""
    bases = [ast.unparse(base) for base in classes[name][1].bases] if name in classes else []
    return contract in bases or any(derives(base, contract, classes) for base in bases)


def names_of(root: str) -> set[str]:
    """Everything that can be called in a module, under the name that the module has for it."""
    module = import_module(root)
    return {f"{root}.{name}" for name, one in vars(module).items() if callable(one)}


def everything() -> set[str]:
    modules = [one.name for one in pkgutil.walk_packages([str(ROOT)], "pipeline.")]
    modules += [f"sklearn.{one.name}" for one in pkgutil.iter_modules(import_module("sklearn").__path__)]
    found: set[str] = set()
    for module in [*modules, *LIBRARIES]:
        if module.startswith(("pipeline.tracking.pyfunc_model", "sklearn.conftest", "sklearn.experimental")):
            continue  # each has effects when it is imported
        found |= names_of(module)
    return found


@pytest.mark.filterwarnings("ignore")  # what libraries say when all of them is imported
def test_of_all_that_can_be_called_only_nouns_of_the_kind_are_taken(monkeypatch):
    monkeypatch.setattr(errors, "mask_credentials", str)  # half of the time of 80,000 refusals, whose text is not read
    tried, right = everything(), expected()
    assert len(tried) > 3000
    assert set().union(*right.values()) - set(nouns.ESTIMATORS) <= tried
    for kind in KINDS:
        taken = set()
        for target in tried | set(nouns.ESTIMATORS):
            try:
                found = nouns.import_target(target, "card.x", kind)
            except UserError:
                continue
            taken.add(target)
            assert isinstance(found, type)
        assert taken == right[kind], kind
        assert taken, kind


@pytest.mark.parametrize(
    "target",
    [
        "pipeline.core.artifacts.write_text",
        "pipeline.core.artifacts._remove",
        "pipeline.core.safe_files.package_folder",
        "pipeline.core.artifacts.os.system",
        "pipeline.training.trainers.finetune.precision.device",
        "pipeline.models.encoders.small.nn.Sequential",
        "pipeline.training.tasks.single_label.Task",  # the contract itself, imported there
        "pipeline.core.contracts.Task",
        "pipeline.training.trainers.network.Classifier",  # a class, and no noun
        "pipeline.training.tasks.single_label.SingleLabel.loss",
        "pipeline.training.tasks..single_label.SingleLabel",
        "pipeline.training.tasks.single_label.SingleLabel\n",
        "sklearn.tree.export_graphviz",
        "sklearn.cluster.KMeans",
        "torch.optim.SGD",
        "os.system",
        "",
        7,
        None,
        ["pipeline.training.tasks.single_label.SingleLabel"],
    ],
)
def test_what_is_no_noun_is_refused_in_one_line(target):
    for kind in KINDS:
        with pytest.raises(
            UserError, match=r"^card\.json: x\._target_ must (name a class of pipeline|be one of)"
        ) as caught:
            nouns.import_target(target, "card.x", kind)
        assert "\n" not in str(caught.value), kind


def test_a_name_is_refused_before_its_module_is_imported(tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text("raise SystemExit('ran')\n")
    monkeypatch.syspath_prepend(tmp_path)
    for target in ("planted.X", "pipeline.core.planted.X"):
        with pytest.raises(UserError, match="must name a class of pipeline"):
            nouns.import_target(target, "task", "task")


def test_a_class_that_is_not_final_is_refused(monkeypatch):
    module = import_module("pipeline.training.tasks.single_label")

    class Open(contracts.Task):
        __module__ = module.__name__
        __qualname__ = "Open"

    monkeypatch.setattr(module, "Open", Open, raising=False)
    with pytest.raises(
        UserError, match=r"^params\.yaml: task\._target_ must name a class of pipeline\.training\.tasks that is a"
    ):
        nouns.import_target("pipeline.training.tasks.single_label.Open", "task", "task")


def test_a_key_asks_for_its_kind():
    task = {"_target_": "pipeline.training.tasks.single_label.SingleLabel", "label_smoothing": 0.0}
    config.build(task, "task")
    config.build(task, "card.task")
    for where in ("encoder", "card.transform", "embed.encoder", "check.x", "check.task", "metric.task"):
        with pytest.raises(UserError, match=r"_target_ must name a class of pipeline\.[\w.]+ that is a"):
            config.build(task, where)
    with pytest.raises(
        UserError, match=r"check\.a\.task\._target_ must name a class of pipeline\.checks that is a Check"
    ):
        config.build_all({"check": {"a.task": task}}, "check")
    with pytest.raises(UserError, match=r"^params\.yaml: seed takes a plain value, found _target_ 'pipeline"):
        config.build(task, "seed")


FOLDER = {"_target_": "pipeline.datasets.sources.folder.Folder", "name": "x", "path": "p", "watch": "w"}


def archive(inner):
    told = {"name": "x", "path": "a.zip", "tree": "t", "watch": "w", "max_bytes": 1, "max_entries": 1}
    return {"_target_": "pipeline.datasets.sources.archive.Archive", **told, "inner": inner}


def test_what_stands_in_another_noun_is_looked_at_alike():
    write = {"_target_": "pipeline.core.artifacts.write_text", "path": "p", "text": "t"}
    with pytest.raises(UserError, match=r"source\.inner\._target_ must name a class of pipeline\.datasets\.sources"):
        config.build(archive(write), "source")
    with pytest.raises(UserError, match=r"source\.inner\.path takes a plain value, found _target_"):
        config.build(archive({**FOLDER, "path": write}), "source")
    forest = {"_target_": "sklearn.ensemble.RandomForestClassifier", "random_state": write}
    fit = {"_target_": "pipeline.training.trainers.estimator.FitEstimator", "estimator": forest, "scaling": "none"}
    with pytest.raises(UserError, match=r"train\.estimator\.random_state takes a plain value, found _target_"):
        config.build({**fit, "calibration": "none", "max_samples": None, "batch_size": 1, "seed": 0}, "train")


def test_nouns_within_nouns_end_somewhere():
    node = FOLDER
    for _ in range(config.MAX_DEPTH - 1):
        node = archive(node)
    config.build(node, "source")
    with pytest.raises(
        UserError,
        match=r"^params\.yaml: source\.inner\.inner\.inner\.inner is nested more than 4 levels deep; expected at most",
    ):
        config.build(archive(node), "source")


def test_a_large_value_is_shown_short():
    bomb = ["x" * 100]
    for _ in range(30):
        bomb = [bomb] * 10
    with pytest.raises(UserError, match="must be a mapping with _target_") as caught:
        config.build(bomb, "task")
    assert len(str(caught.value)) < 400


def test_deep_json_is_one_line(tmp_path):
    from pipeline.training.model_card import load_predictor

    (tmp_path / "card.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match=r"card\.json: not valid JSON"):
        load_predictor(tmp_path)
    for card in (
        [],
        7,
        {"predictor": []},
        {"predictor": "pipeline.training.trainers.network.NetworkPredictor", "encoder": 3},
    ):
        (tmp_path / "card.json").write_text(json.dumps(card))
        with pytest.raises(UserError, match=r"card\.json"):
            load_predictor(tmp_path)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("train.epochs", "params.yaml: train.epochs"),
        ("card.task", "card.json: task"),
        ("conf/tune/svm.yaml", "conf/tune/svm.yaml"),
        ("conf/tune/svm.yaml.pruning", "conf/tune/svm.yaml: pruning"),
        ("conf/leaderboard/elpv.yaml.published[0].value", "conf/leaderboard/elpv.yaml: published[0].value"),
    ],
)
def test_a_place_names_its_file(where, expected):
    assert nouns.describe_place(where) == expected
