"""What OpenAPI says of bodies and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, final

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from fastapi import FastAPI

    from pipeline.core.open_types import JsonObject

JSON = "application/json"
REFUSALS = {
    400: "Not readable",
    401: "No key",
    403: "Another origin",
    408: "Slow client",
    413: "Too large",
    415: "Another type",
    421: "Another host",
    422: "Not as expected",
    500: "A fault of the server",
    503: "Busy, or nothing can be stored",
    504: "Slow",
}
Share = Annotated[float, Field(ge=0, le=1)]


class Error(BaseModel):
    """Why a request was refused."""

    error: str
    message: str


@final
class Prediction(BaseModel):
    """What was decided on a picture; `error` and `message` alone with `file` where it cannot be read."""

    model_config = ConfigDict(populate_by_name=True)
    file: str
    id: str | None = None
    label: Annotated[str | None, Field(alias="class")] = None
    confidence: Share | None = None
    labels: list[str] | None = None
    scores: dict[str, Share | None] | None = None
    abstains: bool | None = None
    reason: str | None = None
    set: list[str] | None = None
    out_of_distribution: float | None = None
    error: str | None = None
    message: str | None = None


class Predictions(BaseModel):
    """The answer to pictures."""

    model: str
    version: str
    predictions: list[Prediction]


class StoredFeedback(BaseModel):
    """What was stored of feedback."""

    id: str
    answer: str
    action: Literal["correct", "confirm", "discard"]
    labels: list[str] | None


class State(BaseModel):
    """Whether pictures are answered and stored, and by which model."""

    ready: bool
    model: str
    version: str
    media: Literal["clip", "volume"] | None = None
    waiting: int


def describe_body(schemas: JsonObject) -> JsonObject:
    """What a route says of its body: media type to schema."""
    content = {kind: {"schema": schema} for kind, schema in schemas.items()}
    return {"requestBody": {"required": True, "content": content}}


def describe_answers(form: type[BaseModel] | None = None, status: int = 200) -> dict[int | str, JsonObject]:
    """What a route says of its answers: every refusal, and the form of what it answers otherwise."""
    refusals: dict[int | str, JsonObject] = {code: _describe(text, Error) for code, text in REFUSALS.items()}
    return refusals | ({status: _describe("Answered", form)} if form else {})


def _describe(text: str, form: type[BaseModel]) -> JsonObject:
    return {"description": text, "content": {JSON: {"schema": schema_of(form)}}}


def describe_key(app: FastAPI, open_paths: frozenset[str]) -> None:
    """Says that calls need a key, but for some paths."""
    found = app.openapi()
    found.setdefault("components", {})["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "basic": {"type": "http", "scheme": "basic"},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path, calls in found["paths"].items():
        for call in calls.values():
            call["security"] = [] if path in open_paths else [{"bearer": []}, {"basic": []}, {"header": []}]


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
