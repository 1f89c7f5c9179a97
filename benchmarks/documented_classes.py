"""What docstrings, type hints and signatures say of the classes that conf/ names."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pipeline"
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "minLength": "at least {} characters",
    "minItems": "at least {} items",
}
NAMES = {"boolean": "true or false", "integer": "integer", "number": "number", "string": "text", "null": "null"}


def section_classes() -> dict[str, Any]:
    """Section to the record that a stage or command makes of it by `config.instantiate(CLASS, ..., "SECTION")`."""
    found: dict[str, Any] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "instantiate" and len(node.args) == 3:
                record, _, where = node.args
                if isinstance(record, ast.Name) and isinstance(where, ast.Constant) and "." not in str(where.value):
                    module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
                    if inspect.isclass(cls := getattr(module, record.id, None)):
                        found.setdefault(str(where.value), cls)
    return found


def import_class(target: str) -> Any:
    """The class of this project that a path names; None for one of another library."""
    module, _, name = target.rpartition(".")
    return getattr(import_module(module), name) if module.startswith("pipeline.") else None


def argument_texts(cls: Any) -> dict[str, str]:
    """Argument to its description in the docstring of the class, or of its nearest parent that has one."""
    found: dict[str, str] = {}
    for one in reversed(cls.__mro__):
        text = inspect.cleandoc(one.__doc__ or "")
        block = re.search(r"^(?:Args|Attributes):\n((?:[ ]{4}.*\n?|\n)+)", text, re.MULTILINE)
        name = ""
        for line in block[1].splitlines() if block else []:
            head = re.match(r"[ ]{4}(\w+): (.*)", line)
            if head:
                name = head[1]
                found[name] = head[2]
            elif name and line.strip():
                found[name] += f" {line.strip()}"
    return found


def argument_defaults(cls: Any) -> dict[str, Any]:
    """Parameter to default, of those that have one that a file can hold."""
    plain = (bool, int, float, str, type(None), list, tuple, dict)
    found = {}
    for name, one in inspect.signature(cls).parameters.items():
        if one.default is not one.empty and isinstance(one.default, plain):
            found[name] = one.default
    return found


def first_sentence(cls: Any) -> str:
    return " ".join(inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].split())


def argument_types(cls: Any) -> dict[str, str]:
    """Parameter to its type and bounds in words."""
    owner = cls if hasattr(cls, "__dataclass_fields__") else cls.__init__
    try:
        hints = get_type_hints(owner, include_extras=True)
    except (NameError, TypeError):
        return {}
    return {name: type_in_words(hint) for name, hint in hints.items()}


def type_in_words(hint: Any) -> str:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        schema = TypeAdapter(hint).json_schema()
    except (PydanticUserError, NameError):  # built from a node of its own
        return "a node with `_target_`"
    return schema_in_words(schema)


def schema_in_words(schema: Mapping[str, Any]) -> str:
    """A JSON schema in words."""
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(schema_in_words(one) for one in schema["anyOf"]))
    kind = schema.get("type", "any")
    if kind == "array":
        inner = schema_in_words(schema["items"]) if schema.get("items") else "any"
        kind = f"list of {inner}"
    elif kind == "object":
        kind = (
            f"mapping to {schema_in_words(extra)}"
            if isinstance(extra := schema.get("additionalProperties"), dict)
            else "mapping"
        )
    bounds = [text.format(f"{schema[key]:g}") for key, text in BOUNDS.items() if key in schema]
    return ", ".join([NAMES.get(kind, kind), *bounds])
