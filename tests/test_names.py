"""Functions are verbs, classes are nouns: no bare participle names a function, and no word of a private dialect."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "pipeline").rglob("*.py"))
BANNED = {  # as the whole name of a function or a method
    *("told", "kept", "drawn", "judged", "placed", "settled", "asked", "learnt", "shown", "dealt", "made", "found"),
    *("seen", "looked", "held", "left", "given", "taken", "chosen", "said", "met", "meant", "built"),
}
PARTICIPLE = re.compile(r"[a-z]+(ed|own|ewn|orn|ept|ilt)")
NO_PARTICIPLES = {  # words that end like one
    *("embed", "seed", "feed", "speed", "shared", "passed", "down"),
}
CLASSES = {"Told", "Kept", "Held", "Judged", "Settled", "Asked", "Seen", "Drawn", "Tried"}


def functions(path: Path) -> list[tuple[int, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [(node.lineno, node.name) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def is_dialect(name: str) -> bool:
    bare = name.strip("_")
    return bare in BANNED or (bool(PARTICIPLE.fullmatch(bare)) and bare not in NO_PARTICIPLES)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_participle_names_a_function(path: Path) -> None:
    assert [f"{path.name}:{line} {name}" for line, name in functions(path) if is_dialect(name)] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_classes_are_nouns(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name in CLASSES] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("told", True), ("_drawn", True), ("judged", True), ("_normalised", True), ("_known", True)),
        *(("judge_split", False), ("embed", False), ("drawn_rows", False), ("read", False), ("is_seen", False)),
    ],
)
def test_what_is_refused(name: str, expected: bool) -> None:
    assert is_dialect(name) == expected
