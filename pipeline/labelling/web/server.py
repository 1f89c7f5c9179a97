"""The calls of the labelling page. A sample is addressed by its row alone, so no path comes from outside."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar, final

import numpy as np
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from pipeline.labelling.web import overview, sample_uploads
from pipeline.labelling.web.bodies import (
    ChangesQuery,
    ClassBody,
    DecisionBody,
    PersonBody,
    RowsQuery,
    ViewQuery,
    check_person,
)
from pipeline.labelling.web.class_edits import change_classes
from pipeline.labelling.web.filters import filter_rows
from pipeline.labelling.web.views import VIEWS, View, Views
from pipeline.serving.gate import Access, Gate
from pipeline.serving.limits import Limits, Refusal
from pipeline.serving.refusals import add_refusals
from pipeline.serving.telemetry import Telemetry
from pipeline.serving.uploads import read_json

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params
    from pipeline.labelling.web.pictures import PictureStore
    from pipeline.labelling.web.session import Session

PAGE = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
LIMITS = Limits()
FOREVER = {"cache-control": "private, max-age=86400, immutable"}  # the address holds the hash of the content
MOST_CHANGES = 1_000  # rows that one answer names
MOST_VIEWS = 64  # that open pages show
Query = TypeVar("Query", bound=BaseModel)
Result = TypeVar("Result")


@final
@dataclass(kw_only=True, eq=False)
class Labelling:
    """What the calls share.

    Args:
        session: Labels and classes.
        views: Which samples are shown.
        pictures: Of the samples.
        who: Whose name the page proposes; empty for none.
        first_view: That the page opens with; `classes` for the list of classes.
        params: Gives the parameters of the project, for samples that are added; None where none can be.
    """

    session: Session
    views: Views
    pictures: PictureStore
    who: str = ""
    first_view: str = "all"
    params: Callable[[], Params] | None = None
    _shown: OrderedDict[int, np.ndarray] = field(default_factory=OrderedDict)
    _number: int = 0

    def open_view(self, query: ViewQuery) -> JsonObject:
        """The rows of a view, and the number by which `/changes` knows it."""
        self.session.refresh()
        if query.view == "like":
            view = self.views.alike(self.session.check_row(query.like))[0]
        else:
            view = self.views.get(query.view)
            self.session.batches.update(self.views.batches)
        view = view.select(filter_rows(self.session, query, view.rows))
        self._number += 1
        self._shown[self._number] = view.rows
        while len(self._shown) > MOST_VIEWS:
            self._shown.popitem(last=False)
        seen = {row: text for row, text in view.notes.items() if not self.session.is_blind(row)}
        view = View(rows=view.rows, groups=view.groups, notes=seen)
        return {"shown": self._number, **_describe_view(view), **self.progress(self._number, query.who)}

    def progress(self, shown: int, who: str) -> JsonObject:
        """How much of a view is done."""
        rows = self._shown.get(shown)
        everything = np.arange(len(self.session.state.ids)) if rows is None else rows
        return overview.describe_progress(self.session, everything, who)

    def changes(self, query: ChangesQuery) -> JsonObject:
        """The rows that changed since a version; `all` where they are too many to name."""
        self.session.refresh()
        with self.session.lock:
            state = self.session.state
            rows = [row for row, version in state.changed.items() if version > query.since]
            is_all = query.since < state.restarted or len(rows) > MOST_CHANGES
            return {
                "all": is_all,
                "rows": [] if is_all else sorted(rows),
                **self.progress(query.shown, query.who),
            }

    def decide(self, body: DecisionBody) -> JsonObject:
        """Writes a decision; on the disk when it returns."""
        return self._answer(self.session.decide(body), body.who)

    def undo(self, body: PersonBody) -> JsonObject:
        """Takes back the last act of a person."""
        return self._answer(self.session.undo(body.who), body.who)

    def redo(self, body: PersonBody) -> JsonObject:
        """Does again what a person undid last."""
        return self._answer(self.session.redo(body.who), body.who)

    def describe(self, query: RowsQuery) -> JsonObject:
        """Samples as the page shows them."""
        with self.session.lock:
            rows = [self.session.check_row(row) for row in query.rows]
            return {"samples": [self.session.describe(row, query.who) for row in rows]}

    def change_classes(self, body: ClassBody) -> JsonObject:
        """Changes the list of classes."""
        with self.session.lock:
            self.session.refresh()
            self.session.use_classes(change_classes(self.session.classes_path, body, self.session.classes))
            return overview.describe_classes(self.session)

    def _answer(self, rows: list[int], who: str) -> JsonObject:
        with self.session.lock:
            undo, redo = self.session.state.history.count(who)
            samples = [self.session.describe(row, who) for row in rows[:MOST_CHANGES]]
            return {"samples": samples, "num_written": len(rows), "undo": undo, "redo": redo}


def create_application(labelling: Labelling, access: Access, limits: Limits = LIMITS) -> Gate:
    """The ASGI application: FastAPI behind the gate of `colibri serve`."""
    app = FastAPI(title="Colibri: label", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    add_refusals(app)
    _add_page(app)
    _add_reading(app, labelling)
    _add_pictures(app, labelling)
    _add_writing(app, labelling)
    limits = limits.for_media(labelling.pictures.reader.codec.media)
    if labelling.params is not None:
        app.include_router(sample_uploads.create_router(labelling.params, limits))
    paths = frozenset(str(route.path) for route in app.routes if hasattr(route, "path"))
    return Gate(app, access, limits, Telemetry(), paths)


def _add_page(app: FastAPI) -> None:
    for path, (name, kind) in PAGE.items():
        text = resources.files("pipeline.labelling.web").joinpath("page", name).read_bytes()
        app.add_api_route(path, _responder(text, kind))


def _responder(text: bytes, kind: str) -> Any:
    async def respond() -> Response:
        return Response(text, media_type=kind)

    return respond


def _add_reading(app: FastAPI, labelling: Labelling) -> None:
    @app.get("/state")
    async def state() -> JSONResponse:
        return await _reply(
            lambda: overview.describe_project(
                labelling.session, labelling.pictures, labelling.who, labelling.first_view
            )
        )

    @app.get("/view")
    async def view(request: Request) -> JSONResponse:
        query = _read_query(request, ViewQuery)
        return await _reply(lambda: labelling.open_view(query))

    @app.get("/changes")
    async def changes(request: Request) -> JSONResponse:
        query = _read_query(request, ChangesQuery)
        return await _reply(lambda: labelling.changes(query))

    @app.get("/samples")
    async def samples(request: Request) -> JSONResponse:
        query = _read_query(request, RowsQuery)
        return await _reply(lambda: labelling.describe(query))

    @app.get("/samples/{row}")
    async def sample(row: str, request: Request) -> JSONResponse:
        who = request.query_params.get("who", "")[:100]
        number = labelling.session.check_row(_read_number(row))
        return await _reply(
            lambda: overview.describe_sample(labelling.session, labelling.views, labelling.pictures, number, who)
        )

    @app.get("/classes")
    async def classes() -> JSONResponse:
        return await _reply(lambda: overview.describe_classes(labelling.session))


def _add_pictures(app: FastAPI, labelling: Labelling) -> None:
    pictures = labelling.pictures

    @app.get("/samples/{row}/thumbnail")
    async def thumbnail(row: str) -> Response:
        return await _send_picture(labelling, row, pictures.thumbnail)

    @app.get("/samples/{row}/picture")
    async def picture(row: str) -> Response:
        return await _send_picture(labelling, row, pictures.picture)

    @app.get("/samples/{row}/frames/{frame}")
    async def frame(row: str, frame: str) -> Response:
        number = _read_number(frame)
        return await _send_picture(labelling, row, lambda place: pictures.frame(place, number))


def _add_writing(app: FastAPI, labelling: Labelling) -> None:
    @app.post("/decisions")
    async def decide(request: Request) -> JSONResponse:
        body = await read_json(request, DecisionBody)
        return await _reply(lambda: labelling.decide(body), 201)

    @app.post("/undo")
    async def undo(request: Request) -> JSONResponse:
        body = await read_json(request, PersonBody)
        return await _reply(lambda: labelling.undo(body), 201)

    @app.post("/redo")
    async def redo(request: Request) -> JSONResponse:
        body = await read_json(request, PersonBody)
        return await _reply(lambda: labelling.redo(body), 201)

    @app.post("/classes")
    async def change(request: Request) -> JSONResponse:
        body = await read_json(request, ClassBody)
        return await _reply(lambda: labelling.change_classes(body), 201)


async def _reply(make: Callable[[], JsonObject], status: int = 200) -> JSONResponse:
    """What a function returns, computed in a thread, so that a disk holds up no other call."""
    return JSONResponse(await asyncio.to_thread(make), status_code=status)


async def _send_picture(labelling: Labelling, row: str, make: Callable[[int], bytes]) -> Response:
    number = labelling.session.check_row(_read_number(row))
    return Response(await asyncio.to_thread(make, number), media_type="image/webp", headers=FOREVER)


def _read_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 12):
        raise Refusal(404, "no_such_sample", "a sample is addressed by its row, a whole number")
    return int(text)


def _read_query(request: Request, form: type[Query]) -> Query:
    try:
        found = form.model_validate(dict(request.query_params))
        if getattr(found, "who", ""):
            check_person(str(getattr(found, "who", "")))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:100]
        raise Refusal(422, "bad_request", f"{place}: {first['msg']}") from None
    except ValueError as error:
        raise Refusal(422, "bad_request", f"who: {error}") from None
    return found


def _describe_view(view: View) -> JsonObject:
    shown = set(view.rows.tolist()) if view.notes else set()
    return {
        "rows": view.rows.tolist(),
        "groups": view.groups,
        "notes": {str(row): text for row, text in view.notes.items() if row in shown},
        "views": list(VIEWS),
    }
