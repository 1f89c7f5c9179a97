"""The rules of docs/architecture.md, enforced."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PIPELINE = ROOT / "pipeline"
MODULES = sorted(PIPELINE.rglob("*.py"))
NOUNS = (
    "augmentations",
    "checks",
    "encoders",
    "gates",
    "metrics",
    "mixtures",
    "report",
    "risks",
    "samplings",
    "sources",
    "splits",
    "tasks",
    "trainers",
    "transforms",
)
HEAVY = ("torch", "optuna", "mlflow", "great_expectations", "timm", "torchvision", "faiss", "sklearn")


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


def folder(path: Path) -> str:
    parts = path.relative_to(PIPELINE).parts
    return parts[0] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_point_inwards(path: Path) -> None:
    allowed = {
        "core": {"core"},
        "stages": {"core", "report"},
        "experiments": {"core", "stages", "experiments"},
        "commands": {"core", "report", "experiments", "commands"},
        "": set(),
    }.get(folder(path), {"core", folder(path)})
    for target in imported(path):
        if target.startswith("pipeline."):
            assert target.split(".")[1] in allowed, f"{name(path)} imports {target}"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_only_one_place_knows_hydra_and_one_knows_mlflow(path: Path) -> None:
    roots = {target.split(".")[0] for target in imported(path)}
    if "hydra" in roots or "omegaconf" in roots:
        assert name(path) == "pipeline/core/config.py"
    if "mlflow" in roots:
        assert name(path).startswith("pipeline/core/tracking/")


@pytest.mark.parametrize(
    "path",
    [one for one in MODULES if folder(one) in ("core", "stages", "experiments", "commands", "checks", "sources")],
    ids=name,
)
def test_heavy_imports_load_only_where_they_are_used(path: Path) -> None:
    if name(path) == "pipeline/core/tracking/served.py":  # runs inside a process that MLflow started
        return
    roots = {target.split(".")[0] for target in imported(path, top_level_only=True)}
    assert not roots & set(HEAVY), f"{name(path)} imports {roots & set(HEAVY)} when it is loaded"


def classes(path: Path) -> list[ast.ClassDef]:
    return [node for node in tree(path).body if isinstance(node, ast.ClassDef)]


def test_every_class_of_the_contracts_is_abstract_or_a_plain_record() -> None:
    for one in classes(PIPELINE / "core/contracts.py"):
        abstract = any(ast.unparse(base) == "ABC" for base in one.bases)
        record = any("dataclass" in ast.unparse(decorator) for decorator in one.decorator_list)
        assert abstract or record, one.name


@pytest.mark.parametrize("path", [one for one in MODULES if folder(one) in NOUNS], ids=name)
def test_every_noun_is_final(path: Path) -> None:
    contracts = {one.name for one in classes(PIPELINE / "core/contracts.py")}
    for one in classes(path):
        if {ast.unparse(base) for base in one.bases} & contracts:
            assert "final" in {ast.unparse(decorator) for decorator in one.decorator_list}, one.name


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_are_small_documented_and_plainly_named(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
    assert ast.get_docstring(tree(path)), f"{name(path)} has no first line that says what it is"
    assert path.stem not in {"utils", "helpers", "common", "misc", "base", "manager"}


@pytest.mark.parametrize("path", [one for one in MODULES if folder(one) in NOUNS], ids=name)
def test_nouns_neither_print_nor_log(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"^\s*print\(|^import logging", text, flags=re.MULTILINE)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_one_place_writes_to_the_terminal(path: Path) -> None:
    """Names come from anywhere, and a terminal obeys what stands in them."""
    if name(path) == "pipeline/core/terminal.py":
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "os.write", "builtins.print"), f"{name(path)}:{node.lineno}"
            assert not re.search(r"(stderr|stdout)\.(buffer\.)?write(lines)?$", called), f"{name(path)}:{node.lineno}"
            assert not re.match(r"logging\.(debug|info|warning|error|exception|critical|log)$", called), called
            assert not called.startswith(("warnings.warn", "traceback.print", "tqdm.write")), called


def closure(path: Path) -> set[Path]:
    """A module and everything of the project that it imports, directly or not."""
    found, waiting = set(), [path]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        for target in imported(one):
            if target.startswith("pipeline."):
                module = ROOT / (target.replace(".", "/") + ".py")
                package = ROOT / target.replace(".", "/") / "__init__.py"
                waiting += [place for place in (module, package) if place.exists()]
    return found


BUILT = {  # sections of params.yaml that a stage builds, and the folder their classes stand in
    "source": "sources",
    "split": "splits",
    "beside": "splits",
    "check": "checks",
    "curate": "checks",
    "augmentation": "augmentations",
    "transform": "transforms",
    "encoder": "encoders",
    "task": "tasks",
    "sampling": "samplings",
    "mixture": "mixtures",
    "risk": "risks",
    "train": "trainers",
    "metric": "metrics",
    "gate": "gates",
}
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_depends_on_what_the_stage_imports_and_builds(stage: str) -> None:
    """DVC does not follow imports: a missing folder would leave stale results behind."""
    deps = [dep for dep in STAGES[stage]["deps"] if dep.startswith("pipeline")]
    needed = {name(one) for one in closure(PIPELINE / "stages" / f"{stage}.py") if one.name != "__init__.py"}
    if stage == "compose":
        needed = {"pipeline/core/config.py", "pipeline/stages/compose.py"}
    for section in (one.removesuffix("._target_") for one in STAGES[stage].get("params", [])):
        if section in BUILT and (stage, section) != ("split", "source"):
            needed.add(f"pipeline/{BUILT[section]}")
    for one in needed:
        assert any(one == dep or one.startswith(dep + "/") for dep in deps), f"{stage} lacks {one} in its deps"


def test_every_section_of_the_parameters_is_read_by_a_stage() -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    read = {section.split(".")[0] for stage in STAGES.values() for section in stage.get("params", [])}
    assert set(params) == read


@pytest.mark.parametrize("stage", [one for one in STAGES if one != "compose"])
def test_a_stage_reads_only_the_parameters_it_declares(stage: str) -> None:
    text = (PIPELINE / "stages" / f"{stage}.py").read_text(encoding="utf-8")
    used = set(re.findall(r'section\(params, "(\w+)"\)', text))
    declared = {section.split(".")[0] for section in STAGES[stage]["params"]}
    assert used <= declared
