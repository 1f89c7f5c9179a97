"""The calls of the server, and their description in OpenAPI."""

from __future__ import annotations

import asyncio
from importlib import resources
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from starlette.requests import Request

from pipeline.serving import label_studio, v7
from pipeline.serving.gate import OPEN_PATHS, Access, Gate
from pipeline.serving.limits import Refusal
from pipeline.serving.refusals import add_refusals
from pipeline.serving.schemas import (
    JSON,
    Error,
    Predictions,
    State,
    StoredFeedback,
    describe_answers,
    describe_body,
    describe_key,
    schema_of,
)
from pipeline.serving.service import FeedbackBody, Service, count_waiting
from pipeline.serving.telemetry import CONTENT_TYPE
from pipeline.serving.uploads import FORM, read_json, read_uploads

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

PAGE = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
PNG = "image/png"
DESCRIPTION = """Classifies pictures; a model of clips or volumes takes those, frames or slices of one as a zip.
Every prediction has an `id`; send it to `/feedback` with what was right.

A refused request is answered with `{"error": short name, "message": one sentence}`."""


def create_application(service: Service, access: Access) -> Gate:
    """The ASGI application: FastAPI behind the gate."""
    app = FastAPI(title="Colibri", version="1", description=DESCRIPTION, docs_url=None, redoc_url=None)
    add_refusals(app)
    _add_page(app)
    _add_state(app, service)
    _add_predictions(app, service)
    app.include_router(v7.create_router(service))
    app.include_router(label_studio.create_router(service))
    if access.key:
        describe_key(app, OPEN_PATHS)
    paths = frozenset(str(route.path) for route in app.routes if hasattr(route, "path"))
    return Gate(app, access, service.limits, service.telemetry, paths | _paths(app))


def _paths(app: FastAPI) -> frozenset[str]:
    return frozenset(app.openapi()["paths"])


def _add_predictions(app: FastAPI, service: Service) -> None:
    @app.post(
        "/predict",
        summary="Classify pictures",
        openapi_extra=describe_body(PREDICT),
        responses=describe_answers(Predictions),
    )
    async def predict(request: Request) -> JSONResponse:
        """Several samples as a form with files, one as raw bytes, or base64 in JSON."""
        return JSONResponse(await service.answer(await read_uploads(request, service.limits), "predict"))

    @app.post(
        "/preview",
        summary="Show a sample",
        response_class=Response,
        openapi_extra=describe_body(PREDICT),
        responses=describe_answers() | {200: {"description": "Shown", "content": {PNG: {"schema": BYTES}}}},
    )
    async def preview(request: Request) -> Response:
        """One picture, four frames of a clip or three slices of a volume, as a PNG; nothing is stored."""
        uploads = await read_uploads(request, service.limits)
        if len(uploads) > 1:
            raise Refusal(413, "too_many_pictures", f"{len(uploads)} {service.limits.noun}s; one is shown at a time")
        return Response(await service.preview(uploads[0]), media_type=PNG)

    @app.post(
        "/feedback",
        summary="Say what was right",
        status_code=201,
        openapi_extra=describe_body({JSON: schema_of(FeedbackBody)}),
        responses=describe_answers(StoredFeedback, 201) | {404: describe_answers(Error, 404)[404]},
    )
    async def feedback(request: Request) -> JSONResponse:
        """Stored for good with the answer; later retraining can use it."""
        return JSONResponse(await service.accept_feedback(await read_json(request, FeedbackBody)), status_code=201)

    @app.get("/classes", summary="Classes of the model in use", responses=describe_answers())
    async def classes() -> list[dict[str, str]]:
        """In the form of V7."""
        return service.classes()


def _add_state(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", summary="Whether the process answers", responses=describe_answers())
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    states = describe_answers(State) | {503: describe_answers(State, 503)[503]}

    @app.get("/readyz", summary="Whether pictures are answered and stored", responses=states)
    async def readyz() -> JSONResponse:
        is_ready = await asyncio.to_thread(service.is_ready)  # a database that hangs holds up no other call
        return JSONResponse({"ready": is_ready, **count_waiting(service)}, status_code=200 if is_ready else 503)

    text: dict[int | str, JsonObject] = {
        200: {"description": "Figures", "content": {"text/plain": {"schema": {"type": "string"}}}}
    }

    @app.get("/metrics", summary="Figures for Prometheus", response_class=Response, responses=describe_answers() | text)
    async def metrics() -> Response:
        return Response(service.telemetry.text(), media_type=CONTENT_TYPE)


def _add_page(app: FastAPI) -> None:
    for path, (name, kind) in PAGE.items():
        text = resources.files("pipeline.serving").joinpath("page", name).read_bytes()
        app.add_api_route(path, _responder(text, kind), include_in_schema=False)


def _responder(text: bytes, kind: str) -> Any:
    async def respond() -> Response:
        return Response(text, media_type=kind)

    return respond


BASE64: JsonObject = {"type": "string", "minLength": 1, "contentEncoding": "base64"}
BYTES: JsonObject = {"type": "string", "format": "binary"}
NAMES = ("image", "clip", "volume")
PREDICT: JsonObject = {
    FORM: {
        "type": "object",
        "required": ["files"],
        "properties": {"files": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}},
    },
    **dict.fromkeys(("image/*", "video/*", "application/zip", "application/octet-stream"), BYTES),
    JSON: {
        "type": "object",
        "properties": dict.fromkeys(NAMES, BASE64)
        | {f"{one}s": {"type": "array", "minItems": 1, "items": BASE64} for one in NAMES},
        "oneOf": [{"required": [name]} for one in NAMES for name in (one, f"{one}s")],
        "additionalProperties": False,
    },
}
