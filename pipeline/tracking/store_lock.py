"""A lock in an MLflow store, for machines that share no file system.

MLflow has no lock and no compare-and-set, but the name of a registered model is unique in its database: of two machines
that create `colibri.promotion-lock` one has the error that it exists. Who holds it changes a tag every `BEAT` seconds;
where the tag stays the same for `STALE` seconds, by the clock of the machine that waits, its process has ended and the
lock is taken over. Two that take over at the same moment look again after a random time; what is left is the time
between one such look and the deletion that follows it.
"""

from __future__ import annotations

import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError
from pipeline.core.terminal import warn
from pipeline.tracking.connection import connect, translate_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOCK = "colibri.promotion-lock"  # a registered model without versions, while somebody decides
OWNER, BEATS = "colibri.owner", "colibri.beats"  # its tags
BEAT, STALE, PAUSE = 15.0, 120.0, 1.0  # seconds
EXISTS, ABSENT = "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"


@contextmanager
def lock_store(wait: float) -> Iterator[None]:
    """In this block no process of any machine holds the lock of the store.

    Args:
        wait: Seconds at most.

    Raises:
        UserError: Another process still holds it after `wait` seconds, or the store does not answer.
    """
    client, _ = connect()
    owner = f"{socket.gethostname()}, process {os.getpid()}, since {datetime.now(UTC):%H:%M:%S} UTC, {uuid.uuid4()}"
    with translate_errors():
        _acquire(client, owner, time.monotonic() + wait)
    is_over = threading.Event()
    beats = threading.Thread(target=_beat, args=(client, owner, is_over), name="lock of promotions", daemon=True)
    beats.start()
    try:
        yield
    finally:
        is_over.set()
        beats.join()
        try:
            with translate_errors():
                _release(client, owner)
        except UserError as error:
            warn(f"the lock {LOCK} was not deleted ({error}); the next process takes it over in {STALE:.0f} s")


def _acquire(client: MlflowClient, owner: str, deadline: float) -> None:
    seen, since = "", time.monotonic()
    while not _create(client, owner):
        found = _read(client)
        now = time.monotonic()
        if found != seen:
            seen, since = found, now
        elif found and now - since >= STALE:
            time.sleep(random.uniform(0.0, PAUSE))  # noqa: S311 - so that two that wait do not act together
            if _read(client) == found:
                warn(f"the lock of {_describe(found)} is taken over: its process has ended")
                _delete(client)
            continue
        if now > deadline:
            raise UserError(
                f"another process decides about a champion ({_describe(found)}) and has not "
                f"ended; wait until it has, then run again, or delete the registered model {LOCK} in MLflow"
            )
        time.sleep(min(PAUSE, max(deadline - now, 0.01)))


def _create(client: MlflowClient, owner: str) -> bool:
    """Whether the lock is now that of `owner`."""
    import mlflow

    about = "One process decides about a champion; Colibri deletes this when it has ended."
    try:
        client.create_registered_model(LOCK, tags={OWNER: owner, BEATS: "0"}, description=about)
    except mlflow.MlflowException as error:
        if error.error_code not in (EXISTS, ABSENT):  # absent: it was there, and gone when MLflow looked who it is
            raise
        return _read(client).partition(" | ")[0] == owner  # made by a request whose answer was lost, and sent again
    return True


def _read(client: MlflowClient) -> str:
    """Owner and beats; empty where the lock is free."""
    import mlflow

    try:
        tags = client.get_registered_model(LOCK).tags
    except mlflow.MlflowException as error:
        if error.error_code != ABSENT:
            raise
        return ""
    return f"{tags.get(OWNER, '')} | {tags.get(BEATS, '')}"


def _describe(found: str) -> str:
    """Host, process and time, without the random part that makes an owner one of its kind."""
    return found.partition(" | ")[0].rpartition(", ")[0] or "not known"


def _beat(client: MlflowClient, owner: str, is_over: threading.Event) -> None:
    number = 0
    while not is_over.wait(BEAT):
        number += 1
        with suppress(Exception):  # a store that does not answer may do so at the next beat
            if _read(client).partition(" | ")[0] == owner:
                client.set_registered_model_tag(LOCK, BEATS, str(number))


def _release(client: MlflowClient, owner: str) -> None:
    if _read(client).partition(" | ")[0] == owner:
        _delete(client)
    else:
        warn(
            "another process took over the lock of promotions while this one was held up; look in MLflow whether the "
            "champion is the version that you expect"
        )


def _delete(client: MlflowClient) -> None:
    import mlflow

    with suppress(mlflow.MlflowException):  # another process was faster
        client.delete_registered_model(LOCK)
