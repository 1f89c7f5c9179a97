"""The rules of docs/architecture.md, enforced."""

import ast
import re
from functools import cache, partial
from pathlib import Path

import pytest
import yaml

from benchmarks import rooms
from pipeline.core.code_digest import imported_modules, list_code, stage_modules
from pipeline.core.nouns import KINDS

ROOT = Path(__file__).parents[1]
PIPELINE = ROOT / "pipeline"
MODULES = sorted(PIPELINE.rglob("*.py"))
COMPONENTS = tuple(sorted({kind.package for kind in KINDS.values()}))
MAX_LINES = 300
CONTRACTS = tuple(
    f"core/{name}.py"
    for name in ("contracts", "engine_contract", "evaluation_contracts", "labelling_contracts", "retrain_contracts")
)  # by who builds it
HEAVY = ("torch", "captum", "optuna", "mlflow", "great_expectations", "timm", "torchvision", "faiss", "sklearn", "ray")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path, top_level_only: bool = False) -> set[str]:
    """Dotted names that a module imports; TYPE_CHECKING blocks do not count."""
    found = set()
    nodes = list(tree(path).body) if top_level_only else list(ast.walk(tree(path)))
    skipped = {
        id(inner)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def package(path: Path) -> str:
    """The dotted package below `pipeline` that a module lies in."""
    return ".".join(path.relative_to(PIPELINE).parts[:-1])


OF_COMPONENTS = [path for path in MODULES if package(path) in COMPONENTS]


def test_rooms_import_only_from_floors_below_and_nothing_goes_round() -> None:
    assert {rooms.room(path) for path in MODULES} == {"", *rooms.FLOOR}
    assert rooms.wrong_arrows() == []
    assert rooms.circles() == []


def test_an_arrow_up_and_a_circle_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, text in {
        "core/low.py": "from pipeline.checks import high\n",
        "checks/high.py": "from pipeline.checks.other import x\n",
        "checks/other.py": "import typing\nif typing.TYPE_CHECKING:\n    import pipeline.checks.high\n",
    }.items():
        place = tmp_path / "pipeline" / module
        place.parent.mkdir(parents=True, exist_ok=True)
        (place.parent / "__init__.py").touch()
        place.write_text(text)
    root = tmp_path / "pipeline"
    monkeypatch.setattr(rooms, "PACKAGE", root)
    monkeypatch.setattr(rooms, "imported_modules", partial(imported_modules, root=root))
    assert rooms.wrong_arrows() == ["core/low.py imports checks/high.py"]
    assert rooms.circles() == [["checks/high.py", "checks/other.py"]]


def test_no_component_imports_another_kind() -> None:
    arrows = [(path, target) for path in OF_COMPONENTS for target in imported_modules(path)]
    assert [
        f"{name(path)} imports {name(target)}"
        for path, target in arrows
        if package(target) in set(COMPONENTS) - {package(path)}
    ] == []


def test_only_one_place_knows_hydra_and_one_knows_mlflow() -> None:
    roots = {name(path): {target.split(".")[0] for target in imported(path)} for path in MODULES}
    assert [module for module, found in roots.items() if found & {"hydra", "omegaconf"}] == ["pipeline/core/config.py"]
    of_mlflow = [module for module, found in roots.items() if "mlflow" in found]
    assert of_mlflow
    assert [module for module in of_mlflow if not module.startswith("pipeline/tracking/")] == []


def test_heavy_imports_load_only_where_they_are_used() -> None:
    found = {
        name(path): {target.split(".")[0] for target in imported(path, top_level_only=True)} & set(HEAVY)
        for path in MODULES
        if rooms.room(path) not in ("models", "training")
    }
    del found["pipeline/tracking/pyfunc_model.py"]  # runs inside a process that MLflow started
    assert {module: heavy for module, heavy in found.items() if heavy} == {}


def classes(path: Path) -> list[ast.ClassDef]:
    return [node for node in tree(path).body if isinstance(node, ast.ClassDef)]


def bases(one: ast.ClassDef) -> set[str]:
    return {ast.unparse(base) for base in one.bases}


@pytest.mark.parametrize("page", CONTRACTS)
def test_every_class_of_the_contracts_is_abstract_or_a_plain_record(page: str) -> None:
    for one in classes(PIPELINE / page):
        abstract = any(ast.unparse(base) == "ABC" for base in one.bases)
        record = any("dataclass" in ast.unparse(decorator) for decorator in one.decorator_list)
        assert abstract or record, one.name


def test_every_noun_is_final_or_an_abstract_base_of_several() -> None:
    abstract = {one.name for path in MODULES for one in classes(path) if "ABC" in bases(one)}
    nouns = [
        one for path in OF_COMPONENTS for one in classes(path) if bases(one) & abstract and "ABC" not in bases(one)
    ]
    assert nouns
    assert [one.name for one in nouns if "final" not in map(ast.unparse, one.decorator_list)] == []


def test_modules_are_small_documented_and_plainly_named() -> None:
    assert [(name(path), rooms.num_lines(path)) for path in MODULES if rooms.num_lines(path) > MAX_LINES] == []
    assert [name(path) for path in MODULES if not ast.get_docstring(tree(path))] == []  # the first line says what it is
    vague = {"utils", "helpers", "common", "misc", "base", "manager"}
    assert [name(path) for path in MODULES if path.stem in vague] == []


def test_nouns_neither_print_nor_log() -> None:
    words = re.compile(r"^\s*print\(|^import logging", flags=re.MULTILINE)
    assert [name(path) for path in OF_COMPONENTS if words.search(path.read_text(encoding="utf-8"))] == []


WRITES = re.compile(
    r"(print|os\.write|builtins\.print)$"
    r"|.*(stderr|stdout)\.(buffer\.)?write(lines)?$"
    r"|logging\.(debug|info|warning|error|exception|critical|log)$"
    r"|(warnings\.warn|traceback\.print|tqdm\.write)"
)


def find_writes(source: str | ast.Module) -> list[str]:
    """Calls that write to the terminal, with their lines."""
    nodes = ast.walk(ast.parse(source) if isinstance(source, str) else source)
    calls = [(node.lineno, ast.unparse(node.func)) for node in nodes if isinstance(node, ast.Call)]
    return [f"{line} {called}" for line, called in calls if WRITES.match(called)]


def test_one_place_writes_to_the_terminal() -> None:
    """Names come from anywhere, and a terminal obeys what stands in them."""
    found = {name(path): find_writes(tree(path)) for path in MODULES}
    assert found.pop("pipeline/core/terminal.py")
    assert {module: calls for module, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("print(1)\nos.write(1, b'')", ["1 print", "2 os.write"]),
        (
            "sys.stderr.write('x'); sys.stdout.buffer.writelines([])",
            ["1 sys.stderr.write", "1 sys.stdout.buffer.writelines"],
        ),
        ("logging.error('x')\nlogging.getLogger('x')", ["1 logging.error"]),
        ("warnings.warn('x')\nwarnings.warn_explicit('x')", ["1 warnings.warn", "2 warnings.warn_explicit"]),
        ("traceback.print_exc(); tqdm.write('x')", ["1 traceback.print_exc", "1 tqdm.write"]),
        ("self.print(1)\nfile.write('x')\npprint(1)", []),
    ],
)
def test_what_writes_to_the_terminal_is_found(source: str, expected: list[str]) -> None:
    assert find_writes(source) == expected


READERS_OF_TEST = {  # module to why it selects test, or reads what evaluate stored of it
    "pipeline/stages/evaluate.py": "evaluates the model, and records that in the ledger",
    "pipeline/evaluation/split_evaluation.py": "predicts for evaluate",
    "pipeline/evaluation/time_use.py": "the model on shuffled and reversed samples of test, in the same evaluation",
    "pipeline/evaluation/policy_evaluation.py": "measures decisions on test for evaluate",
    "pipeline/stages/perturb.py": "the model on corrupted test pictures, in the same evaluation",
    "pipeline/stages/explain.py": "explains decisions on test pictures, in the same evaluation",
    "pipeline/evaluation/counterfactuals.py": "the model on changed test pictures, in the same evaluation",
    "pipeline/experiments/folds.py": "reads what the folds stored: every sample is test once",
    "pipeline/evaluation/paired_comparison.py": "reads the stored predictions for gate, comparison and leaderboard",
    "pipeline/monitoring/reference.py": "reads val of what evaluate stored",
    "pipeline/labelling/automatic/val_predictions.py": "reads val of what evaluate stored",
    "pipeline/labelling/web/suggestions.py": "shows people val of what evaluate stored, and nothing of test",
    "pipeline/retraining/drift_reading.py": "takes the digest of what evaluate stored, and not its content",
    "pipeline/stages/register.py": "passes what evaluate stored on to MLflow and the gate",
    "pipeline/tracking/promotion.py": "counts the versions evaluated on it; the example picture of a version",
    "pipeline/tracking/contest.py": "reads the stored predictions of challenger and champion for the gates",
    "pipeline/tracking/rescoring.py": "scores the champion on the present test part, for the same comparison",
    "pipeline/tracking/version_comparison.py": "compares the stored predictions of two versions",
    "pipeline/commands/compare.py": "records what it compares in the ledger",
    "pipeline/commands/cross_validate.py": "records in the ledger that the folds hold the test part",
    "pipeline/experiments/comparison.py": "compares for colibri compare",
    "pipeline/experiments/results.py": "reads for colibri leaderboard, which records it; speed, without labels",
    "pipeline/commands/export.py": "checks an exported model against the original, without labels",
    "pipeline/commands/predict.py": "writes what evaluate stored",
    "pipeline/prediction/tables.py": "writes what evaluate stored",
    "pipeline/api.py": "reads what evaluate stored",
    "pipeline/report/clusters.py": "shows what evaluate measured",
    "pipeline/report/page.py": "shows what evaluate stored",
    "pipeline/report/index.py": "shows what evaluate stored",
    "pipeline/report/summary.py": "shows what evaluate stored",
    "pipeline/report/test_uses.py": "counts the readings by the names of the test samples",
    "pipeline/tracking/descriptions.py": "shows what evaluate stored",
}
NAMES_OF_TEST = {  # module to why it names test without a model: what is done to the data is fixed before training
    "pipeline/core/manifest_schema.py": "names the splits",
    "pipeline/checks/rare_class.py": "counts samples",
    "pipeline/checks/class_support.py": "counts samples",
    "pipeline/checks/split_drift.py": "compares the shares of classes of the splits",
    "pipeline/datasets/trees/array_parts.py": "names the arrays of a file",
    "pipeline/datasets/assignments.py": "counts samples",
    "pipeline/datasets/cluster_names.py": "leaves it out",
    "pipeline/labelling/queries/query.py": "counts samples, and leaves it out",
    "pipeline/datasets/splits/given.py": "assigns samples",
    "pipeline/datasets/splits/fold.py": "assigns samples",
    "pipeline/evaluation/exchangeability.py": "compares val and test for evaluate",
    "pipeline/report/cross_validation.py": "shows what the folds stored",
    "pipeline/report/decisions.py": "shows what evaluate stored",
    "pipeline/datasets/discovery/recipe.py": "writes fractions",
    "pipeline/datasets/discovery/survey.py": "finds folders of that name",
    "pipeline/datasets/discovery/split_names.py": "finds folders of that name",
    "pipeline/datasets/sources/torchvision_parts.py": "names parts of published data sets",
    "pipeline/datasets/sources/voc.py": "names parts of published data sets",
    "pipeline/report/data.py": "explains the splits",
    "pipeline/report/model_card_page.py": "counts samples",
    "pipeline/datasets/sources/tanks.py": "makes pictures",
}
STORED_OF_TEST = {"TEST_METRICS", "PREDICTIONS"}


def selects_test(text: str) -> bool:
    """Whether a module holds the word `test` as a value, or names an artifact that evaluate stores of test."""
    parsed = ast.parse(text)
    words = {node.value for node in ast.walk(parsed) if isinstance(node, ast.Constant)}
    named = {node.attr for node in ast.walk(parsed) if isinstance(node, ast.Attribute)}
    return "test" in words or bool(named & STORED_OF_TEST) or bool(re.search(r"\bSPLITS\[(-1|2|1:)", text))


def test_only_evaluation_reads_the_test_part() -> None:
    """A module that is not listed here neither selects test nor reads what is stored of it; each has its reason."""
    found = {name(path) for path in MODULES if selects_test(path.read_text(encoding="utf-8"))}
    assert found - READERS_OF_TEST.keys() - NAMES_OF_TEST.keys() == set()
    assert (READERS_OF_TEST.keys() | NAMES_OF_TEST.keys()) - found == set()  # no module keeps a right it does not use


def test_training_and_search_read_no_test() -> None:
    for path in MODULES:
        if rooms.room(path) in ("training", "features", "statistics", "choices", "models", "images"):
            assert name(path) not in READERS_OF_TEST


@pytest.mark.parametrize(
    "text",
    [
        'rows = index[index["split"] == "test"]',
        "read_estimates(artifacts.TEST_METRICS)",
        "last = SPLITS[-1]",
        'index.query("split in @names", local_dict={"names": ["test"]})',
    ],
)
def test_a_selection_of_test_is_found(text: str) -> None:
    assert selects_test(text)
    assert not selects_test('rows = index[index["split"] == "val"]  # "test" in a comment')


@pytest.mark.parametrize(
    "command", ["stages/evaluate.py", "commands/compare.py", "commands/leaderboard.py", "commands/cross_validate.py"]
)
def test_what_evaluates_on_test_records_it(command: str) -> None:
    called = {ast.unparse(node.func) for node in ast.walk(tree(PIPELINE / command)) if isinstance(node, ast.Call)}
    assert "test_ledger.record" in called


STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


@pytest.mark.parametrize("stage", [one for one in STAGES if one != "compose"])
def test_a_stage_depends_on_its_own_code_and_on_no_folder_of_code(stage: str) -> None:
    """`compose` writes what a stage imports and builds into data/code/, so it must look at all of the code itself."""
    assert [dep for dep in STAGES[stage]["deps"] if dep.startswith("pipeline")] == []
    assert f"data/code/{stage}.txt" in STAGES[stage]["deps"]
    assert "pipeline" in STAGES["compose"]["deps"]


@pytest.mark.parametrize("stage", [one for one in STAGES if one != "compose"])
def test_the_code_of_a_stage_holds_what_it_builds(stage: str) -> None:
    """The classes that its sections of params.yaml name, whichever they are."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    keys = STAGES[stage]["params"]
    text = list_code(stage_modules(stage, keys, params))
    built = {key for key in keys if isinstance(params.get(key), dict) and "_target_" in params[key]}
    for key in built:
        assert "/".join(params[key]["_target_"].split(".")[1:-1]) + ".py" in text
    assert f"stages/{stage}.py" in text
    assert "core/stage_runner.py" in text


OF_RETRAIN = {"retrain", "retraining"}  # read by colibri retrain alone


def test_every_section_of_the_parameters_is_read_by_a_stage_or_a_command_or_names_what_one_depends_on() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    read = {section.split(".")[0] for stage in STAGES.values() for section in stage.get("params", [])}
    named = {match for stage in STAGES.values() for match in re.findall(r"\$\{(\w+)", str(stage["deps"]))}
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "conf").rglob("*.yaml"))
    passed_on = {match for text in texts for match in re.findall(r"\$\{(\w+)\}", text)}  # epochs, to train.epochs
    commands = (path.read_text(encoding="utf-8") for path in (PIPELINE / "commands").glob("*.py"))
    called = {match for text in commands for match in re.findall(r'(?:get_section|build_all)\(params, "(\w+)"\)', text)}
    assert set(params) == read | named | called | (passed_on & set(params)) | OF_RETRAIN


@pytest.mark.parametrize("stage", [one for one in STAGES if one != "compose"])
def test_a_stage_reads_only_the_parameters_it_declares(stage: str) -> None:
    text = (PIPELINE / "stages" / f"{stage}.py").read_text(encoding="utf-8")
    used = set(re.findall(r'section\(params, "(\w+)"\)', text))
    declared = {section.split(".")[0] for section in STAGES[stage]["params"]}
    assert used <= declared
