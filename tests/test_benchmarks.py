"""A benchmark that cannot have what it was asked for says so in one line."""

import argparse
import ast
import subprocess
from pathlib import Path

import pytest

from benchmarks import checkout, natural, positive, run_main
from pipeline.core.errors import UserError

ROOT = Path(__file__).resolve().parents[1]


def test_counts_and_seeds():
    assert (positive("1"), natural("0"), natural("12")) == (1, 0, 12)
    for text in ("0", "-1", "1.5", "many", ""):
        with pytest.raises(argparse.ArgumentTypeError, match=rf"expected a whole number of at least 1, got '{text}'"):
            positive(text)
    for text in ("-1", "1.5", "x"):
        with pytest.raises(argparse.ArgumentTypeError, match=rf"expected a whole number of at least 0, got '{text}'"):
            natural(text)


def list_project_imports(source: str) -> list[tuple[str, str]]:
    """Module and name of each `from MODULE import NAME` of the project, wherever it is in the file."""
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    return [
        (node.module, one.name)
        for node in found
        if node.module and node.module.partition(".")[0] in {"pipeline", "benchmarks"}
        for one in node.names
    ]


def defines(module: str, name: str) -> bool:
    """Whether a module of the project has a name, by its text alone: nothing is imported."""
    path = ROOT.joinpath(*module.split("."))
    if path.joinpath(f"{name}.py").exists() or path.joinpath(name, "__init__.py").exists():
        return True
    file = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    if not file.exists():
        return False
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update(one.asname or one.name for one in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return name in names


@pytest.mark.parametrize("path", sorted(ROOT.joinpath("benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_what_a_benchmark_imports_of_the_project_exists(path):
    assert [
        (module, name) for module, name in list_project_imports(path.read_text("utf-8")) if not defines(module, name)
    ] == []


def test_a_moved_module_and_a_renamed_function_are_noticed():
    source = "from pipeline.core.errors import UserError\ndef f():\n    from pipeline.core.gone import x\n"
    assert [one for one in list_project_imports(source) if not defines(*one)] == [("pipeline.core.gone", "x")]
    assert not defines("pipeline.core.errors", "UserMistake")


def test_a_refusal_is_one_line_and_another_error_is_not_hidden(capsys):
    def refusing():
        raise UserError("no pictures in 'x'")

    def broken():
        raise KeyError("x")

    with pytest.raises(SystemExit, match=r"^1$"):
        run_main(refusing)
    assert capsys.readouterr().err == "no pictures in 'x'\n"
    with pytest.raises(KeyError, match="x"):
        run_main(broken)
    with pytest.raises(SystemExit, match=r"^0$"):
        run_main(lambda: None)


def test_checks_on_few_groups_are_counted():
    from benchmarks import group_power

    assert group_power.states("shortcut", [40] * 3, alike=False, planted=True, runs=2) == "2 / 0"
    assert group_power.states("property_drift", [40] * 3, alike=False, planted=True, runs=2) == "0 / 2"


def test_a_checkout_starts_without_the_promotions_of_this_project(tmp_path, monkeypatch):
    project, copy = tmp_path / "project", tmp_path / "copy"
    for name, text in (("README.md", "read me"), (checkout.PROMOTIONS, '{"version": "1"}\n')):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    copy.mkdir()
    subprocess.run("git init -q && git add -A", shell=True, check=True, cwd=project)
    monkeypatch.setattr(checkout, "ROOT", project)
    checkout.Checkout(copy)
    assert ((copy / "README.md").read_text(), (copy / checkout.PROMOTIONS).read_text()) == ("read me", "")
