"""Functions are verbs, classes are nouns: no bare participle names a function, and no word of a private dialect."""

import ast
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

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
WORDS = ("told", "drawn", "judged", "settled", "dealt", "weighed", "learnt", "asked", "placed", "beside")  # anywhere
WORD = re.compile(rf"(?<![a-z])({'|'.join(WORDS)})(?![a-z])", re.IGNORECASE)
TERM = re.compile(r"cannot[_\s]be[_\s]judged")  # the state of a finding, the one use
STILL_ONE = ("checks", "datasets", "evaluation", "report", "training")  # rooms where `one` names more than a line holds
CLASSES = {"Told", "Kept", "Held", "Judged", "Settled", "Asked", "Seen", "Drawn", "Tried"}


def is_dialect(name: str) -> bool:
    bare = name.strip("_")
    return bare in BANNED or (bool(PARTICIPLE.fullmatch(bare)) and bare not in NO_PARTICIPLES)


def find_in_modules(find: Callable[[str], list[Any]], modules: Sequence[Path] = MODULES) -> dict[str, list[Any]]:
    """Modules to what is found in their source, where it is anything."""
    found = {str(path.relative_to(ROOT)): find(path.read_text(encoding="utf-8")) for path in modules}
    return {name: lines for name, lines in found.items() if lines}


def find_participles(source: str) -> list[str]:
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    return [f"{node.lineno} {node.name}" for node in nodes if is_dialect(node.name)]


def find_classes(source: str) -> list[str]:
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef))
    return [f"{node.lineno} {node.name}" for node in nodes if node.name in CLASSES]


def test_no_participle_names_a_function() -> None:
    assert find_participles("def told(): pass\nclass A:\n    def _drawn(self): pass\ndef tell(): pass\n") == [
        *("1 told", "3 _drawn"),
    ]
    assert find_in_modules(find_participles) == {}


def test_classes_are_nouns() -> None:
    assert find_classes("class Told: pass\nclass Finding: pass\n") == ["1 Told"]
    assert find_in_modules(find_classes) == {}


def find_words(source: str) -> list[str]:
    """Banned words with their lines: in names, split at underscores and capitals, docstrings, comments and texts."""
    lines = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", TERM.sub(lambda term: " " + "\n" * term[0].count("\n"), source))
    return [
        f"{number} {word}"
        for number, line in enumerate(lines.splitlines(), start=1)
        for word in map(str.lower, WORD.findall(line))
    ]


def find_one(source: str) -> list[int]:
    """Lines where `one` is a variable or a parameter, except in comprehensions and lambdas."""
    tree = ast.parse(source)
    short = [node.target for node in ast.walk(tree) if isinstance(node, ast.comprehension)]
    short += [node.args for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    allowed = {id(inner) for node in short for inner in ast.walk(node)}
    variables = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    names = [(node, node.id) for node in variables]
    names += [(node, node.arg) for node in ast.walk(tree) if isinstance(node, ast.arg)]
    return sorted(node.lineno for node, name in names if name == "one" and id(node) not in allowed)


def find_kept(source: str) -> list[int]:
    """Lines where `kept` is a variable, a parameter or a field, which says nothing of what it holds."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Name, ast.arg))]
    names = [(node.lineno, node.id if isinstance(node, ast.Name) else node.arg) for node in nodes]
    return sorted(line for line, name in names if name == "kept")


def test_nothing_is_named_kept() -> None:
    assert find_kept("kept = 1\ndef f(kept): pass\nclass A:\n    kept: int\nis_kept = 2\n") == [1, 2, 4]
    assert find_in_modules(find_kept) == {}


def test_no_word_of_a_private_dialect_is_anywhere() -> None:
    assert find_in_modules(find_words) == {}


def test_one_names_nothing_beyond_a_line() -> None:
    modules = [path for path in MODULES if path.relative_to(ROOT).parts[1] not in STILL_ONE]
    assert find_in_modules(find_one, modules) == {}


def test_which_words_are_found() -> None:
    source = """
def is_judged(rowsAsked): pass  # they stand beside it
text = "it was told", "masked, besides", "cannot be judged", "cannot_be_judged", "retold"
class LearntTask: '''Drawn.'''
"""
    assert find_words(source) == ["2 judged", "2 asked", "2 beside", "3 told", "4 learnt", "4 drawn"]


def test_where_one_is_found() -> None:
    short = "kept = [one for one in rows if one]\norder = sorted(rows, key=lambda one: one.x)\none.x = 1\n"
    assert find_one(short) == []
    assert find_one(short + "for one in rows: pass\ndef act(one): pass\none, two = rows\n") == [4, 5, 6]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("told", True), ("_drawn", True), ("judged", True), ("_normalised", True), ("_known", True)),
        *(("judge_split", False), ("embed", False), ("drawn_rows", False), ("read", False), ("is_seen", False)),
    ],
)
def test_what_is_refused(name: str, expected: bool) -> None:
    assert is_dialect(name) == expected


def find_formats(pattern: str) -> list[str]:
    found = ((path, re.findall(pattern, path.read_text(encoding="utf-8"))) for path in MODULES)
    return [f"{path.relative_to(ROOT)} {formats}" for path, formats in found if formats]


def test_a_share_has_a_blank_before_its_percent_sign() -> None:
    """One page said 80% and 50 %."""
    assert find_formats(r"\{[^{}]*:[^{}]*%\}") == []


def test_no_gain_is_minus_zero() -> None:
    """A gain of -0.0002 was printed as -0.000; the z of a format makes it +0.000."""
    assert find_formats(r"\{[^{}]*:\+\.[^{}]*\}") == []
