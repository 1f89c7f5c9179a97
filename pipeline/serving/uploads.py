"""The samples of a request: raw bytes, a form with files, or base64 in JSON. No path and no address is opened."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from pipeline.serving.limits import Limits, Refusal

DATA_URI = re.compile(r"data:[^,]{0,200}?;base64,", re.IGNORECASE)
ADDRESS = re.compile(r"\s*([a-z][a-z0-9+.-]*:|/|\.{1,2}/|~|[a-z]:\\)", re.IGNORECASE)
LONGEST_NAME = 200  # characters of a file name that is sent back
MAX_FIELDS = 20
JSON, FORM = "application/json", "multipart/form-data"
BINARY = frozenset(
    f"application/{one}" for one in ("octet-stream", "zip", "x-zip-compressed", "gzip", "x-gzip", "dicom")
)
KINDS = {"image": "image/*", "clip": "video/*, application/zip", "volume": "application/octet-stream"}
Body = TypeVar("Body", bound=BaseModel)


class Upload(NamedTuple):
    """A picture, clip or volume that was sent.

    Attributes:
        name: As the client calls it; only sent back.
        data: Encoded.
    """

    name: str
    data: bytes


class PredictBody(BaseModel):
    """A request in JSON: one sample or several, in base64 (a data: URI is taken too), under one of these names."""

    model_config = ConfigDict(extra="forbid", strict=True)
    image: str | None = None
    images: Annotated[list[str], Field(min_length=1)] | None = None
    clip: str | None = None
    clips: Annotated[list[str], Field(min_length=1)] | None = None
    volume: str | None = None
    volumes: Annotated[list[str], Field(min_length=1)] | None = None

    @property
    def texts(self) -> list[str] | None:
        """What the one name holds; None where none is given, or several."""
        single = [[text] for text in (self.image, self.clip, self.volume) if text is not None]
        several = [texts for texts in (self.images, self.clips, self.volumes) if texts is not None]
        return (single + several)[0] if len(single + several) == 1 else None


async def read_uploads(request: Request, limits: Limits) -> list[Upload]:
    """The pictures of a request in any of the three forms.

    Raises:
        Refusal: It holds none, too many, or has another form.
    """
    kind = media_type(request)
    if kind == FORM:
        return await _read_form(request, limits)
    if kind == JSON:
        body = await read_json(request, PredictBody)
        texts = body.texts
        if texts is None:
            name = limits.media
            raise Refusal(422, "no_picture", f"send either {name}, a text in base64, or {name}s, a list of such texts")
        refuse_too_many(len(texts), limits)
        return [Upload("", decode_text(text, limits.noun)) for text in texts]
    if kind.startswith(("image/", "video/")) or kind in BINARY:
        return [Upload("", await request.body())]
    raise Refusal(
        415, "content_type", f"send {KINDS[limits.media]}, {FORM} or {JSON}; got {kind[:100] or 'no Content-Type'!r}"
    )


async def read_json(request: Request, form: type[Body]) -> Body:
    """The body of a request, checked.

    Raises:
        Refusal: Its type is not JSON, or its content is not as expected.
    """
    if media_type(request) != JSON:
        raise Refusal(415, "content_type", f"send {JSON}")
    try:
        return form.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:LONGEST_NAME]
        raise Refusal(422, "bad_request", f"{place}: {first['msg']}" if place else str(first["msg"])) from None


def media_type(request: Request) -> str:
    """The type of the body without its parameters, lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def refuse_too_many(number: int, limits: Limits) -> None:
    """Refuses a request with no picture or too many.

    Raises:
        Refusal: With status 413 or 422.
    """
    if number > limits.pictures:
        raise Refusal(413, "too_many_pictures", f"{number} {limits.noun}s; a request may have {limits.pictures}")
    if not number:
        raise Refusal(422, "no_picture", f"the request holds no {limits.noun}")


def decode_text(text: str, noun: str = "picture") -> bytes:
    """The bytes of base64 or of a data: URI, of a sample that is called `noun`.

    Raises:
        Refusal: It is an address or a path, which is never opened, or no base64.
    """
    found = DATA_URI.match(text)
    plain = "".join((text[found.end() :] if found else text).split())
    try:
        return base64.b64decode(plain, validate=True)  # that of a JPEG begins like a path, with /9j/
    except (binascii.Error, ValueError):
        if not found and ADDRESS.match(text[:300]):
            text = f"addresses and paths are not opened; send the {noun} itself in base64"
            raise Refusal(422, "address", text) from None
        raise Refusal(422, "no_base64", f"the {noun} is not in base64") from None


class InMemory(MultiPartParser):
    """A form whose files stay in memory: the gate has limited how many bytes there can be."""

    spool_max_size = 2**40


async def _read_form(request: Request, limits: Limits) -> list[Upload]:
    parser = InMemory(request.headers, request.stream(), max_files=limits.pictures, max_fields=MAX_FIELDS)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise Refusal(413, "too_many_pictures", f"a request may have {limits.pictures} {limits.noun}s") from None
        raise Refusal(400, "bad_form", error.message) from None
    except (HTTPException, ValueError, KeyError, IndexError, UnicodeError) as error:
        raise Refusal(400, "bad_form", f"the form is damaged ({type(error).__name__})") from None
    try:
        files = [value for _, value in form.multi_items() if not isinstance(value, str)]
        refuse_too_many(len(files), limits)
        return [Upload((file.filename or "")[:LONGEST_NAME], await file.read()) for file in files]
    finally:
        await form.close()
