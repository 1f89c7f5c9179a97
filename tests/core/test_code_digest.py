"""A digest of code follows imports, ignores what is said about the code, and sees every change of what it does."""

import ast
from pathlib import Path

import pytest

from pipeline.core import code_digest
from pipeline.core.code_digest import component_modules, import_closure, list_code, stage_modules
from pipeline.core.errors import UserError

MODULES = {
    "__init__.py": "",
    "stages/__init__.py": "from package.core.ending import guard\n",
    "stages/train.py": (
        "from package.models import small\n\n\ndef main():\n    from package.core.late import x\n\n    return x\n"
    ),
    "stages/split.py": "import package.core.ending\n",
    "core/__init__.py": "",
    "core/ending.py": "guard = 1\n",
    "core/late.py": '"""What it says."""\n\nx = 1  # why\nNAME = "beside.py"\n',
    "core/beside.py": "y = 2\n",
    "core/typed.py": "z = 3\n",
    "core/unused.py": "w = 4\n",
    "models/__init__.py": "",
    "models/small.py": (
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from package.core.typed import z\n\n\n"
        'class Small:\n    """A network."""\n\n    def forward(self):\n        """Runs."""\n        return 1\n'
    ),
    "models/pages/page.html": "<p>1</p>\n",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    root = tmp_path / "package"
    for name, text in MODULES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def listed(package: Path, stage: str = "train") -> dict[str, str]:
    code_digest.imported_modules.cache_clear()
    code_digest._digest_behaviour.cache_clear()
    text = list_code([package / f"stages/{stage}.py"], package)
    return {line.split("  ")[1]: line.split("  ")[0] for line in text.splitlines()}


def test_imports_are_followed_wherever_they_stand(package: Path) -> None:
    assert list(listed(package)) == [
        *("__init__.py", "core/__init__.py", "core/beside.py", "core/ending.py", "core/late.py"),
        *("models/__init__.py", "models/pages/page.html", "models/small.py"),
        *("stages/__init__.py", "stages/train.py"),
    ]
    assert "core/late.py" not in listed(package, "split")


@pytest.mark.parametrize(
    ("name", "before", "after", "changes"),
    [
        ("core/late.py", '"""What it says."""', '"""What else."""', False),
        ("core/late.py", "# why", "# because", False),
        ("core/late.py", "x = 1  # why", "x = (\n    1\n)", False),
        ("models/small.py", '"""Runs."""', '"""Walks."""', False),
        ("models/small.py", '    """A network."""\n\n', "", False),
        ("models/small.py", "return 1", "return 2", True),
        ("models/small.py", "return 1", "return '1'", True),
        ("core/late.py", "x = 1", "x = 1\nprint(x)", True),
        ("core/late.py", '"beside.py"', '"other.py"', True),
        ("core/beside.py", "y = 2", "y = 3", True),
        ("models/pages/page.html", "1", "2", True),
        ("core/unused.py", "w = 4", "w = 5", False),
        ("core/typed.py", "z = 3", "z = 4", False),
        ("stages/split.py", "import", "import os; import", False),
        ("models/pages/.page.html.swp", "", "being edited", False),
    ],
)
def test_what_changes_the_digest(package: Path, name: str, before: str, after: str, changes: bool) -> None:
    first = listed(package)
    text = (package / name).read_text() if (package / name).exists() else ""
    assert before in text
    (package / name).write_text(text.replace(before, after, 1))
    second = listed(package)
    changed = {one for one in {*first, *second} if first.get(one) != second.get(one)}
    assert bool(changed) == changes
    if changes:
        assert name in changed


def test_the_classes_that_parameters_name_are_part_of_a_stage(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_digest, "PACKAGE", package)
    params = {
        "encoder": {"_target_": "package.models.small.Small", "width": 2},
        "check": {"a": {"_target_": "package.core.late.X"}, "b": [{"_target_": "sklearn.svm.SVC"}]},
        "other": {"_target_": "package.core.unused.X"},
    }
    train = stage_modules("train", ["encoder", "check.a", "gone", "check.a._target_"], params, package)
    assert [one.relative_to(package).as_posix() for one in train] == [
        "stages/train.py",
        "core/late.py",
        "models/small.py",
    ]
    assert component_modules({"x": [{"_target_": "package.gone.X"}]}, package) == []


def test_of_this_package_a_stage_is_not_all() -> None:
    split = {one.name for one in import_closure([code_digest.PACKAGE / "stages/split.py"])}
    assert "split.py" in split
    assert "termination.py" in split  # by way of the package's __init__
    assert not split & {"train.py", "finetune.py", "page.py", "registry.py"}


def test_the_text_of_a_tree_is_the_same_by_every_python() -> None:
    """Python 3.12 gave functions and classes `type_params`, empty where there are none, which 3.11 does not have."""
    tree = ast.parse("def f(x, *, y=1):\n    return [x]\n")
    expected = (
        "Module(body=[FunctionDef(name='f', args=arguments(args=[arg(arg='x')], kwonlyargs=[arg(arg='y')], "
        "kw_defaults=[Constant(value=1)]), body=[Return(value=List(elts=[Name(id='x', ctx=Load())], ctx=Load()))])])"
    )
    assert code_digest._dump(tree) == expected
    function = tree.body[0]
    function._fields, function.type_params = (*function._fields, "type_params"), []
    assert code_digest._dump(tree) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"x = 1\ny = (\n", r"broken\.py: not valid Python \(line 2\): '\(' was never closed; mend it"),
        (b"x = '\xff'\n", r"broken\.py: not valid Python.*; mend it, or git checkout it$"),
        (b"x = 1\0\n", r"broken\.py: not valid Python: .*null bytes; mend it, or git checkout it$"),
    ],
)
def test_a_module_that_is_no_python_is_one_line(tmp_path, content, expected):
    (tmp_path / "broken.py").write_bytes(content)
    with pytest.raises(UserError, match=expected):
        list_code([tmp_path / "broken.py"], tmp_path)
