"""The form of a JSON body for OpenAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pipeline.core.open_types import JsonObject

JSON = "application/json"


def describe_body(schemas: JsonObject) -> JsonObject:
    """What a route says of its body: media type to schema."""
    content = {kind: {"schema": schema} for kind, schema in schemas.items()}
    return {"requestBody": {"required": True, "content": content}}


def schema_of(form: type[BaseModel]) -> JsonObject:
    """The schema of a record, with the records in it written out: OpenAPI looks for references elsewhere."""
    schema = form.model_json_schema()
    definitions = schema.pop("$defs", {})
    return dict(_expand(schema, definitions))


def _expand(node: Any, definitions: JsonObject) -> Any:
    if isinstance(node, list):
        return [_expand(inner, definitions) for inner in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _expand(definitions[str(node["$ref"]).rpartition("/")[2]], definitions)
    return {key: _expand(value, definitions) for key, value in node.items()}
