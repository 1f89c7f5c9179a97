"""Samples that a page or a program sends to the labelling server: `POST /samples`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.requests import Request

from pipeline.core.errors import UserError
from pipeline.labelling.additions.add_samples import add_samples
from pipeline.labelling.additions.added_samples import AddedSamples, Labelling
from pipeline.labelling.additions.new_samples import NewSample
from pipeline.labelling.additions.sample_target import find_target
from pipeline.serving.limits import Refusal
from pipeline.serving.schemas import describe_answers, describe_body
from pipeline.serving.uploads import FORM, media_type, read_uploads

if TYPE_CHECKING:
    from starlette.types import Message

    from pipeline.core.open_types import Params
    from pipeline.serving.limits import Limits
    from pipeline.serving.uploads import Upload

FILES = {
    "type": "object",
    "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
}


class UploadedSample(BaseModel):
    """A sample that was added, that the data set has already (`of`), or that was refused."""

    name: str
    sample_id: str | None = None
    label: str | None = None
    near: str | None = None
    of: str | None = None
    reason: str | None = None
    detail: str | None = None


class UploadedSamples(BaseModel):
    """What became of the samples of a request."""

    added: list[UploadedSample]
    duplicates: list[UploadedSample]
    refused: list[UploadedSample]
    num_labelled: int


def create_router(params: Callable[[], Params], limits: Limits) -> APIRouter:
    """The call that adds samples to a project; `colibri serve` has no such call.

    Args:
        params: Gives the parameters of the project as they are now.
        limits: Of a request; a gate before it limits all requests together.
    """
    router = APIRouter(tags=["Samples"])
    one_at_a_time = asyncio.Lock()

    @router.post(
        "/samples",
        summary="Add samples to the project",
        status_code=201,
        openapi_extra=describe_body({FORM: FILES}),
        responses=describe_answers(UploadedSamples, 201),
    )
    async def samples(request: Request, label: str | None = None, who: str = "") -> JSONResponse:
        """A form with files; `?label=NAME&who=NAME` gives all of them a label."""
        try:
            if media_type(request) != FORM:
                raise Refusal(415, "content_type", f"send {FORM}")
            uploads = await read_uploads(_bound(request, limits), limits)
            async with one_at_a_time:
                done = await asyncio.to_thread(add_uploads, uploads, params(), label, who)
        except Refusal as error:
            return JSONResponse(error.content, status_code=error.status, headers=error.headers)
        except UserError as error:
            refusal = Refusal(422, "not_added", str(error))
            return JSONResponse(refusal.content, status_code=refusal.status)
        return JSONResponse(done.to_json(), status_code=201)

    return router


def add_uploads(uploads: list[Upload], params: Params, label: str | None = None, who: str = "") -> AddedSamples:
    """Adds samples that were sent; of their names only the last part counts.

    Raises:
        UserError: As `find_target` and `add_samples`, or a label is given without who gives it.
    """
    if label is not None and not who.strip():
        raise UserError("a label needs who=NAME; a decision must say who made it")
    labelling = None if label is None else Labelling(label=label, who=who.strip(), when=date.today().isoformat())
    new = [NewSample(name=one.name, data=one.data) for one in uploads]
    return add_samples(new, find_target(params), params, labelling)


def _bound(request: Request, limits: Limits) -> Request:
    """The request, which is refused as soon as it has more bytes than a request may have."""
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limits.body_bytes:
            raise Refusal(413, "body_too_large", f"a request may have {limits.body_bytes:,} bytes")
        return message

    return Request(request.scope, receive)
