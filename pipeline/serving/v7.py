"""V7's bring-your-own-model: `POST /infer` with a picture, answered by tags; `GET /classes` is the server's own.

https://docs.v7labs.com/docs/bring-your-own-model; the form of the answer is byom/byom_schema.json of V7's repository
github.com/v7labs/customer-enablement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request

from pipeline.core.open_types import JsonObject
from pipeline.serving.limits import Refusal
from pipeline.serving.schemas import JSON, Predictions, describe_answers, describe_body, schema_of
from pipeline.serving.uploads import Upload, decode_text, read_json

if TYPE_CHECKING:
    from pipeline.serving.service import Service


class V7Image(BaseModel):
    """A picture as V7 sends it; of an address only a data: URI is read."""

    model_config = ConfigDict(extra="ignore")
    base64: str | None = None
    url: str | None = None


class InferBody(BaseModel):
    """A request of V7; what else it sends is not needed."""

    model_config = ConfigDict(extra="ignore")
    image: V7Image


class InferAnswer(Predictions):
    """What V7 reads are `status` and `results`."""

    status: Literal["succeeded", "failed"]
    results: list[JsonObject]


def create_router(service: Service) -> APIRouter:
    """The call of V7."""
    router = APIRouter(tags=["V7"])

    @router.post(
        "/infer",
        summary="Classify a picture for V7",
        openapi_extra=describe_body({JSON: schema_of(InferBody)}),
        responses=describe_answers(InferAnswer),
    )
    async def infer(request: Request) -> JSONResponse:
        try:
            body = await read_json(request, InferBody)
            text = body.image.base64 if body.image.base64 is not None else body.image.url
            if text is None:
                raise Refusal(422, "no_picture", "image has neither base64 nor url")
            found = await service.answer([Upload("", decode_text(text))], "infer")
        except Refusal as error:
            raise Refusal(
                error.status, error.code, str(error), {**error.details, "status": "failed", "results": []}
            ) from None
        return JSONResponse({"status": "succeeded", "results": describe_tags(found["predictions"][0]), **found})

    return router


def describe_tags(prediction: JsonObject) -> list[JsonObject]:
    """A tag for each decided label, with its score."""
    return [
        {"name": label, "label": label, "confidence": prediction["scores"][label], "tag": {}}
        for label in prediction["labels"]
    ]
