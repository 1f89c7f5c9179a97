"""How a refused call, an unknown one and a fault are answered: in JSON, with a short name and one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from pipeline.serving.gate import FAULT, LEFT
from pipeline.serving.limits import Refusal

if TYPE_CHECKING:
    from fastapi import FastAPI


def add_refusals(app: FastAPI) -> None:
    """Answers what the calls of an application raise."""
    app.add_exception_handler(Refusal, _refuse)
    app.add_exception_handler(HTTPException, _refuse_unknown)
    app.add_exception_handler(ClientDisconnect, _forget)
    app.add_exception_handler(Exception, _apologise)


async def _refuse(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return JSONResponse(error.content, status_code=error.status, headers=error.headers)


async def _apologise(request: Request, error: Exception) -> JSONResponse:
    """A fault of ours, of which the gate shows the trace on the terminal."""
    return JSONResponse(FAULT.content, status_code=FAULT.status)


async def _forget(request: Request, error: Exception) -> JSONResponse:
    """A client that left in the middle of its request: nobody reads this, and it is no fault to show."""
    content = {"error": "incomplete", "message": "the connection was closed before the request was complete"}
    return JSONResponse(content, status_code=LEFT)


async def _refuse_unknown(request: Request, error: Exception) -> JSONResponse:
    """A path or a method that does not exist."""
    assert isinstance(error, HTTPException)
    text = {404: "there is no such call; /openapi.json lists all", 405: f"not with {request.method}"}
    content = {"error": "no_such_call", "message": text.get(error.status_code, str(error.detail))}
    return JSONResponse(content, status_code=error.status_code, headers=error.headers)
