"""Label Studio's ML backend, below `/label-studio`: health, setup, predict and webhook.

Its protocol calls these four paths below the address that a person enters, here `http://HOST:PORT/label-studio`.
https://labelstud.io/guide/ml_create
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from defusedxml import DefusedXmlException, ElementTree
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from pipeline.core.open_types import JsonObject
from pipeline.serving.limits import Refusal
from pipeline.serving.schemas import JSON, describe_answers, describe_body, schema_of
from pipeline.serving.uploads import Upload, decode_text, read_json, refuse_too_many

if TYPE_CHECKING:
    from pipeline.serving.service import Service

PREFIX = "/label-studio"
SHOWN = ("Image", "Video")  # tags
VARIABLE = re.compile(r"\$([\w.-]+)")


class Task(BaseModel):
    """A task: its data hold the picture."""

    model_config = ConfigDict(extra="ignore")
    data: dict[str, Any]


class TasksBody(BaseModel):
    """What Label Studio sends to predict; what else it sends is not needed."""

    model_config = ConfigDict(extra="ignore")
    tasks: Annotated[list[Task], Field(min_length=1)]
    label_config: str


class TasksAnswer(BaseModel):
    """A result for each task, in order."""

    results: list[JsonObject]
    model_version: str


class SetupBody(BaseModel):
    """What Label Studio sends when a person connects the model. Host name and token are neither used nor stored."""

    model_config = ConfigDict(extra="ignore")
    label_config: Annotated[str | None, Field(validation_alias="schema")] = None


class Control(NamedTuple):
    """Where a choice goes.

    Attributes:
        from_name: Of the tag Choices.
        to_name: Of the tag Image or Video.
        key: Of the picture in the data of a task.
    """

    from_name: str
    to_name: str
    key: str


def create_router(service: Service) -> APIRouter:
    """The calls of Label Studio."""
    router = APIRouter(prefix=PREFIX, tags=["Label Studio"])

    @router.get("/health", summary="Whether the model is there", responses=describe_answers())
    async def health() -> dict[str, str]:
        return {"status": "UP", "model_class": service.watch.current.name}

    @router.post(
        "/setup",
        summary="Connect",
        openapi_extra=describe_body({JSON: schema_of(SetupBody)}),
        responses=describe_answers(),
    )
    async def setup(request: Request) -> JSONResponse:
        body = await read_json(request, SetupBody)
        if body.label_config is not None:
            find_control(body.label_config)
        return JSONResponse({"model_version": service.watch.current.version})

    @router.post(
        "/predict",
        summary="Classify the pictures of tasks",
        openapi_extra=describe_body({JSON: schema_of(TasksBody)}),
        responses=describe_answers(TasksAnswer),
    )
    async def predict(request: Request) -> JSONResponse:
        body = await read_json(request, TasksBody)
        control = find_control(body.label_config)
        refuse_too_many(len(body.tasks), service.limits)
        uploads = [Upload("", read_task(task, control)) for task in body.tasks]
        found = await service.answer(uploads, "label-studio")
        results = [describe_choices(one, control, found["version"]) for one in found["predictions"]]
        return JSONResponse({"results": results, "model_version": found["version"]})

    @router.post("/webhook", summary="Take notice of an event", status_code=201, responses=describe_answers())
    async def webhook(request: Request) -> JSONResponse:
        """Annotations are taken from Label Studio's export (source=label_studio), not from its events."""
        return JSONResponse({"result": "not used; export the annotations"}, status_code=201)

    return router


def find_control(label_config: str) -> Control:
    """The first tag Choices of a labelling configuration, and the picture that it belongs to.

    Raises:
        Refusal: It is no XML, or has no Choices for an Image.
    """
    try:
        tree = ElementTree.fromstring(label_config)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise Refusal(422, "label_config", f"the labelling configuration is no XML ({type(error).__name__})") from None
    images = {tag.get("name"): tag.get("value", "") for kind in SHOWN for tag in tree.iter(kind)}
    for tag in tree.iter("Choices"):
        variable = VARIABLE.fullmatch(images.get(tag.get("toName"), ""))
        if variable and tag.get("name"):
            return Control(str(tag.get("name")), str(tag.get("toName")), variable[1])
    raise Refusal(422, "label_config", "the labelling configuration has no Choices for an Image; add a tag Choices")


def read_task(task: Task, control: Control) -> bytes:
    """The picture of a task.

    Raises:
        Refusal: It is not in the data, or only its address is.
    """
    text = task.data.get(control.key)
    if not isinstance(text, str):
        raise Refusal(422, "no_picture", f"the data of a task have no text {control.key[:100]!r}")
    return decode_text(text)


def describe_choices(prediction: JsonObject, control: Control, version: str) -> JsonObject:
    """A prediction as Label Studio takes it; without a result for a picture that cannot be read."""
    if "error" in prediction:
        return {"result": [], "score": 0.0, "model_version": version}
    score = max((prediction["scores"][label] for label in prediction["labels"]), default=0.0)
    choice = {
        "from_name": control.from_name,
        "to_name": control.to_name,
        "type": "choices",
        "value": {"choices": prediction["labels"]},
        "score": score,
    }
    return {"result": [choice] if prediction["labels"] else [], "score": score, "model_version": version}
