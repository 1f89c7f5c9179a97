"""The rooms of `pipeline/`, what each imports, and how large they are.

    python -m benchmarks.rooms

Prints a line for each room, from the lowest floor up: its modules and lines, and the rooms that it imports; then every
import that goes up or sideways, every circle of modules, the longest modules and the longest functions.
"""

from __future__ import annotations

import ast
from pathlib import Path

from pipeline.core.code_digest import PACKAGE, imported_modules

FLOORS = (  # a room imports only from floors below
    ("core",),
    ("engines", "statistics"),
    ("images", "models"),
    ("clips", "volumes"),
    ("media",),
    ("datasets",),
    ("features",),
    ("evaluation",),
    ("checks",),
    ("monitoring",),
    ("report",),
    ("training",),
    ("prediction",),
    ("tracking",),
    ("serving",),
    ("labelling",),
    ("choices",),
    ("stages", "experiments"),
    ("retraining",),
    ("commands",),
    ("",),  # what people import: pipeline/api.py
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """The first folder below `pipeline/` that a module lies in; empty for the package itself."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def graph() -> dict[Path, set[Path]]:
    """Each module to those that it imports, also for type checkers alone; the packages around these are left out."""
    return {
        path: {one for one in imported_modules(path, types=True) if one.name != "__init__.py"} for path in modules()
    }


def wrong_arrows() -> list[str]:
    """Every import of a room on the same floor or above, and every import of a stage."""
    found = []
    for path, targets in graph().items():
        for target in targets:
            here, there = room(path), room(target)
            if here != there and here and FLOOR[there] >= FLOOR[here]:
                found.append(f"{_name(path)} imports {_name(target)}")
    return sorted(found)


def circles() -> list[list[str]]:
    """Modules that import one another, directly or by way of others: each such set, sorted."""
    edges = graph()
    reached = {path: _reach(path, edges) for path in edges}
    found = {
        tuple(sorted(_name(other) for other in reached[path] if path in reached[other]))
        for path in edges
        if path in reached[path]
    }
    return [list(names) for names in sorted(found)]


def _reach(path: Path, edges: dict[Path, set[Path]]) -> set[Path]:
    seen: set[Path] = set()
    waiting = list(edges[path])
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += edges.get(one, set())
    return seen


def function_lengths(path: Path) -> list[tuple[int, str]]:
    """(lines, `file:line name`) of each function of a module."""
    return [
        ((node.end_lineno or node.lineno) - node.lineno + 1, f"{_name(path)}:{node.lineno} {node.name}")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def num_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def main() -> None:
    edges = graph()
    for floor, rooms in enumerate(FLOORS, start=1):
        for name in rooms:
            own = [path for path in edges if room(path) == name]
            below = sorted({room(target) for path in own for target in edges[path]} - {name, ""})
            size = sum(num_lines(path) for path in own)
            what = f"{name or 'api':12} {len(own):4} modules {size:6,} lines"
            print(f"{floor:2} {what}   imports {', '.join(below) or 'nothing'}")
    print(f"   in all       {len(edges):4} modules {sum(map(num_lines, edges)):6,} lines")
    arrows, rings = wrong_arrows(), circles()
    print(f"\n{len(arrows)} imports that do not go down", *arrows, sep="\n  ")
    print(f"{len(rings)} circles", *(", ".join(ring) for ring in rings), sep="\n  ")
    longest = sorted(((num_lines(path), _name(path)) for path in edges), reverse=True)[:5]
    print("longest modules", *(f"{size:4} {name}" for size, name in longest), sep="\n  ")
    functions = sorted((one for path in edges for one in function_lengths(path)), reverse=True)
    print("longest functions", *(f"{size:4} {name}" for size, name in functions[:5]), sep="\n  ")
    sizes = [size for size, _ in functions]
    print(f"  median of {len(sizes):,} functions: {sizes[len(sizes) // 2]} lines")


if __name__ == "__main__":
    main()
