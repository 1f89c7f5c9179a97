"""What a stage depends on of this project's code: the modules that it imports, without their comments and docstrings.

DVC does not follow imports, and reruns a stage for an edit of a comment. So `compose` writes a small file for each
stage, a line for each module, and the stage depends on that file instead of on folders of code.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError

PACKAGE = Path(__file__).resolve().parents[1]


def code_digest(modules: Iterable[Path]) -> str:
    """32 hex digits that change when what these modules do may change, and stay when only a comment in them does.

    Args:
        modules: Files of the package; what they import of it counts too.
    """
    return hashlib.sha256(list_code(modules).encode()).hexdigest()[:32]


def list_code(modules: Iterable[Path], root: Path = PACKAGE) -> str:
    """A line `digest path` for each of these modules, all that they import, and the data files in their folders.

    Args:
        modules: Files of the package below `root`.
        root: Folder of the package.
    """
    closure = import_closure(modules, root)
    found = {path: _digest_behaviour(path) for path in closure}
    for folder in {path.parent for path in closure if path.name != "__init__.py"}:
        found |= {path: _digest_content(path) for path in _data_files(folder)}
    lines = sorted((path.relative_to(root).as_posix(), digest) for path, digest in found.items())
    return "".join(f"{digest}  {name}\n" for name, digest in lines)


def stage_modules(stage: str, keys: Iterable[str], params: Mapping[str, Any], root: Path = PACKAGE) -> list[Path]:
    """The module of a stage, and those of the classes that its parameters name.

    Args:
        stage: Its name in dvc.yaml.
        keys: Dotted keys of the parameters that it depends on.
        params: All parameters.
        root: Folder of the package.
    """
    return [root / "stages" / f"{stage}.py", *component_modules([_at(params, key) for key in keys], root)]


def component_modules(nodes: Any, root: Path = PACKAGE) -> list[Path]:
    """The modules of all classes of this package that mappings and lists name under `_target_`, at any depth."""
    modules = {root.joinpath(*name.split(".")[1:-1]).with_suffix(".py") for name in _targets(nodes)}
    return sorted(one for one in modules if one.is_file())


def import_closure(modules: Iterable[Path], root: Path = PACKAGE) -> set[Path]:
    """These files, and all files of the package that they import, directly or not.

    Imports for type checkers alone do not count. A module that is named by its file (`"pyfunc_model.py"`) does.
    """
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imported_modules(path, root)
    return found


@cache
def imported_modules(path: Path, root: Path = PACKAGE, types: bool = False) -> tuple[Path, ...]:
    """The files of the package that a module imports anywhere, and the `__init__.py` of the packages that hold either.

    Relative imports do not count; the project has none.

    Args:
        path: Of the module.
        root: Folder of the package.
        types: Whether imports for type checkers alone count too.
    """
    tree = _parse(path)
    names, named_files = set(), set()
    for node in ast.walk(tree) if types else _nodes_that_run(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith(".py"):
            named_files |= {
                one for one in path.parent.glob("*.py") if one.name == node.value and node.value != "__init__.py"
            }
    package_files = [folder / "__init__.py" for folder in path.parents if root in (folder, *folder.parents)]
    files = named_files | {one for one in package_files if one.is_file() and one != path}
    for parts in (name.split(".") for name in names):
        for place in [root.joinpath(*parts[1:length]) for length in range(1, len(parts) + 1) if parts[0] == root.name]:
            files |= {one for one in (place / "__init__.py", place.with_suffix(".py")) if one.is_file()}
    return tuple(sorted(files))


def _parse(path: Path) -> ast.Module:
    """The syntax tree of a module.

    Raises:
        UserError: It is not valid Python.
    """
    try:
        return ast.parse(path.read_bytes())
    except SyntaxError as error:  # also where the text is no UTF-8
        line = f" (line {error.lineno})" if error.lineno else ""
        raise UserError(f"{path}: not valid Python{line}: {error.msg}; mend it, or git checkout it") from None
    except ValueError as error:  # a zero byte, in Python 3.11
        raise UserError(f"{path}: not valid Python: {error}; mend it, or git checkout it") from None


def _nodes_that_run(tree: ast.AST) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


@cache
def _digest_behaviour(path: Path) -> str:
    """Of the syntax tree without docstrings; comments, line breaks and positions are not in it."""
    tree = _parse(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node, clean=False
        ):
            node.body = node.body[1:]
    return hashlib.sha256(_dump(tree).encode()).hexdigest()[:16]


def _dump(value: Any) -> str:
    """The text of `ast.dump`, but equal in every Python version: empty fields, and so new ones, are left out."""
    if isinstance(value, ast.AST):
        fields = [(name, inner) for name, inner in ast.iter_fields(value) if inner is not None and inner != []]
        return f"{type(value).__name__}({', '.join(f'{name}={_dump(inner)}' for name, inner in fields)})"
    return f"[{', '.join(map(_dump, value))}]" if isinstance(value, list) else repr(value)


def _data_files(folder: Path) -> Iterator[Path]:
    """The files in a folder of modules, or below it, that are no modules: templates, for instance."""
    for path in sorted(folder.rglob("*")):
        of_an_editor = path.name.startswith(".") or path.name.endswith("~")
        if path.is_file() and path.suffix not in (".py", ".pyc") and not of_an_editor:
            yield path


def _digest_content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _at(params: Any, key: str) -> Any:
    """A mapping of the last part of a dotted key to its value; None where the key does not exist."""
    for part in key.split("."):
        if not isinstance(params, Mapping) or part not in params:
            return None
        params = params[part]
    return {key.rpartition(".")[2]: params}


def _targets(value: Any) -> Iterator[str]:
    """Every dotted path of this package under a key `_target_`, at any depth."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "_target_" and isinstance(inner, str) and inner.startswith(f"{PACKAGE.name}."):
                yield inner
            yield from _targets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _targets(inner)
