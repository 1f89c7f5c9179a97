"""What a server does with pictures and feedback: decode, classify, record, answer."""

from __future__ import annotations

import asyncio
import math
import os
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal, final

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.errors import ItemRejected, UserError
from pipeline.core.sample_codec import noun_of
from pipeline.serving.answer_content import describe_answer
from pipeline.serving.answer_store import ANSWERS, AUDITS, FEEDBACK, PICTURES, AnswerStore, describe_failure
from pipeline.serving.answer_tables import as_text
from pipeline.serving.audit_share import is_picked
from pipeline.serving.batching import Batcher, warm_up
from pipeline.serving.limits import Limits, Refusal
from pipeline.serving.pictures import Measurements, digest_bytes, draw_preview, read_and_measure
from pipeline.serving.served_model import ModelWatch, ServedModel, refuse_other_media
from pipeline.serving.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from pipeline.core.open_types import JsonObject
    from pipeline.prediction.classifier import Answers
    from pipeline.serving.uploads import Upload

STORE_ERRORS = (sa.exc.SQLAlchemyError, OSError)
Row = tuple[sa.Table, "JsonObject"]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]  # no control characters
Text = Annotated[str, Field(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]  # but tabs and line ends


class FeedbackBody(BaseModel):
    """What a person says about an answer.

    Args:
        id: Of the answer.
        action: `correct`: `labels` are right; `confirm`: what was decided is right; `discard`: not to be learned from.
        labels: For `correct`: exactly one, or any number where a picture can have several.
        who: Said it.
        note: Why.
    """

    model_config = ConfigDict(extra="forbid")
    id: uuid.UUID
    action: Literal["correct", "confirm", "discard"] = "correct"
    labels: Annotated[list[Annotated[Text, Field(max_length=500)]], Field(max_length=1000)] | None = None
    who: Annotated[Line, Field(max_length=200)] = ""
    note: Annotated[Text, Field(max_length=2000)] = ""


@final
class Service:
    """One model, its queue, its threads and its records.

    Args:
        model: As for `served_model.load_model`.
        limits: Of requests.
        store: Address of the database; None for that of the project.
        keep_pictures: Whether the bytes of pictures are stored.
        measures: Whether properties are measured, by which drift is found later.
        poll_seconds: Between two looks for a new champion; 0 for none.
        report: Called with lines for a person.
        audit_share: Share of the answers, picked at random, that a person should look at; their pictures are stored.

    Raises:
        UserError: There is no such model, or the database cannot be used.
    """

    def __init__(
        self,
        model: str | None,
        limits: Limits,
        store: str | None,
        keep_pictures: bool,
        measures: bool,
        poll_seconds: float,
        report: Callable[[str], None],
        audit_share: float = 0.0,
    ):
        self.limits, self.keeps_pictures, self.measures = limits, keep_pictures, measures
        self.report, self.store_problem, self.audit_share = report, "", audit_share
        self.telemetry = Telemetry()
        self.watch = ModelWatch(model, poll_seconds, self._prepare, report)
        self.limits = limits.for_media(self.media)
        self.store = AnswerStore(store)
        self.batcher = Batcher(self.limits, self.telemetry.report_batch)
        threads = self.limits.decoding_threads(len(os.sched_getaffinity(0)), self.media)
        self.pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode")
        self.is_open = True

    def close(self) -> None:
        """Ends the threads; what was answered is stored."""
        self.is_open = False
        self.watch.close()
        self.pool.shutdown()
        self.batcher.close()
        self.store.close()

    @property
    def media(self) -> str:
        """What the model in use takes: image, clip or volume."""
        return self.watch.current.classifier.codec.media

    def is_ready(self) -> bool:
        """Whether pictures are answered and stored."""
        return self.is_open and self.batcher.thread.is_alive() and self.store.is_writable()

    async def answer(self, uploads: list[Upload], call: str) -> JsonObject:
        """`model`, `version` and `predictions`: an entry for each picture, in order.

        A picture that cannot be read is an entry with `error`, `message` and no `id`.

        Args:
            uploads: The pictures.
            call: The kind of request, for the records.

        Raises:
            Refusal: None of the pictures can be read, too many are waiting, or nothing can be stored.
        """
        model = self.watch.current
        self.batcher.expect(len(uploads))
        found = await asyncio.gather(*(self._classify(model, one) for one in uploads), return_exceptions=True)
        entries: list[JsonObject] = []
        rows: list[Row] = []
        for upload, outcome in zip(uploads, found, strict=True):
            if isinstance(outcome, ItemRejected):
                entries.append({"file": upload.name, "error": outcome.reason, "message": outcome.detail})
            elif isinstance(outcome, BaseException):
                raise _as_refusal(outcome)
            else:
                entry, more = self._record(model, upload, *outcome, call)
                entries.append(entry)
                rows += more
        self.telemetry.pictures.labels("refused").inc(sum("error" in entry for entry in entries))
        if not rows:
            first = entries[0]
            noun = noun_of(self.media)
            text = f"{len(entries)} of {len(entries)} {noun}s cannot be read, the first: {first['message']}"
            raise Refusal(400, first["error"], text, {"refused": entries})
        await self._store(rows)
        return {"model": model.name, "version": model.version, "predictions": entries}

    async def preview(self, upload: Upload) -> bytes:
        """A PNG of what was sent, as `draw_preview` makes it; a Refusal where it cannot be read. Nothing is stored."""
        classifier = self.watch.current.classifier
        job = self.pool.submit(draw_preview, classifier, self.limits, upload.data)
        try:
            return await asyncio.wrap_future(job)
        except ItemRejected as error:
            raise Refusal(400, error.reason, error.detail) from None

    async def accept_feedback(self, body: FeedbackBody) -> JsonObject:
        """Stores what a person says; `id` is that of the feedback.

        Raises:
            Refusal: There is no such answer, the labels are not those of its model, or nothing can be stored.
        """
        try:
            answer = await asyncio.to_thread(self.store.find_answer, str(body.id))  # takes no thread from decoding
        except STORE_ERRORS as error:
            raise self._refuse_without_store(error) from None
        if answer is None:
            raise Refusal(404, "unknown_id", f"there is no answer {body.id}; send the id that came with a prediction")
        labels = self._right_labels(body, answer)
        row = {
            "id": str(uuid.uuid4()),
            "time": as_text(datetime.now(UTC)),
            "answer_id": str(body.id),
            "action": body.action,
            "labels": labels,
            "who": body.who,
            "note": body.note,
        }
        await self._store([(FEEDBACK, row)])
        self.telemetry.feedback.labels(body.action).inc()
        return {"id": row["id"], "answer": str(body.id), "action": body.action, "labels": labels}

    def classes(self) -> list[JsonObject]:
        """The classes of the model in use, as V7 expects them: `name` and `type`, always `tag`."""
        return [{"name": name, "type": "tag"} for name in self.watch.current.classifier.classes]

    def _right_labels(self, body: FeedbackBody, answer: JsonObject) -> list[str] | None:
        if body.action == "discard":
            return None
        if body.action == "confirm":
            return list(answer["labels"])
        if body.labels is None:
            raise Refusal(422, "no_labels", "send labels, or the action confirm or discard")
        unknown = [label for label in body.labels if label not in answer["scores"]]
        if unknown:
            known = ", ".join(list(answer["scores"])[:50])
            raise Refusal(
                422, "unknown_label", f"{unknown[0]!r} is no class of the model that answered; it has {known}"
            )
        if len(body.labels) != 1 and self.watch.current.classifier.exclusive:
            raise Refusal(
                422, "one_label", f"a {noun_of(self.media)} has exactly one label here, got {len(body.labels)}"
            )
        return sorted(set(body.labels))

    def _prepare(self, model: ServedModel) -> None:
        warm_up(model)
        if hasattr(self, "watch") and hasattr(self.watch, "current"):
            refuse_other_media(model, self.media)
        if hasattr(self, "watch"):
            self.telemetry.changes.inc()
        self.telemetry.report_model(model)

    async def _classify(self, model: ServedModel, upload: Upload) -> tuple[Measurements, Answers]:
        job = self.pool.submit(self._read, model, upload.data)
        job.add_done_callback(lambda job: self.batcher.forget(1) if job.cancelled() else None)
        waiting, measured = await asyncio.wrap_future(job)
        return measured, await asyncio.wrap_future(waiting)

    def _read(self, model: ServedModel, data: bytes) -> tuple[Future[Answers], Measurements]:
        """In a thread: puts a picture into the queue, and measures it while it waits."""
        is_submitted = False

        def submit(pixels: np.ndarray) -> Future[Answers]:
            nonlocal is_submitted
            is_submitted = True
            return self.batcher.submit(model, pixels)

        try:
            return read_and_measure(model.classifier, self.limits, self.measures, data, submit)
        finally:
            if not is_submitted:
                self.batcher.forget(1)

    def _record(
        self, model: ServedModel, upload: Upload, measured: Measurements, found: Answers, call: str
    ) -> tuple[JsonObject, list[Row]]:
        """The entry of an answer, and its rows."""
        entry = {"id": str(uuid.uuid4()), "file": upload.name, **describe_answer(found, model)}
        row = {
            "id": entry["id"],
            "time": as_text(datetime.now(UTC)),
            "call": call,
            "model": model.name,
            "version": model.version,
            "digest": digest_bytes(upload.data),
            "content_hash": measured.content_hash,
            "labels": entry["labels"],
            "scores": entry["scores"],
            "abstains": entry["abstains"],
            "label_set": entry.get("set"),
            "out_of_distribution": entry.get("out_of_distribution"),
            "reason": entry["reason"],
            "properties": {key: value for key, value in measured.properties.items() if math.isfinite(value)},
        }
        self.telemetry.pictures.labels("abstained" if entry["abstains"] else "decided").inc()
        for label in entry["labels"]:
            self.telemetry.decided.labels(model.version, label).inc()
        is_audited = is_picked(entry["id"], self.audit_share)
        rows: list[Row] = [(ANSWERS, row)]
        if self.keeps_pictures or is_audited:
            rows.append((PICTURES, {"answer_id": entry["id"], "data": upload.data}))
        if is_audited:
            rows.append((AUDITS, {"answer_id": entry["id"], "share": self.audit_share}))
        return entry, rows

    async def _store(self, rows: list[Row]) -> None:
        try:
            await asyncio.wrap_future(self.store.append(rows))
        except STORE_ERRORS as error:
            raise self._refuse_without_store(error) from None
        if self.store_problem:
            self.report("answers are stored again")
            self.store_problem = ""

    def _refuse_without_store(self, error: Exception) -> Refusal:
        """What a client reads; the reason, which may name machines and users, is for the terminal."""
        reason = describe_failure(error)
        if reason != self.store_problem:
            self.report(f"answers cannot be stored, and are refused with 503: {reason}")
        self.store_problem = reason
        return Refusal(503, "cannot_store", "nothing can be stored at present; send the request again later")


def _as_refusal(error: BaseException) -> BaseException:
    """A model that does not look at pictures is a mistake of the person who started the server."""
    return Refusal(503, "no_pictures", str(error)) if isinstance(error, UserError) else error


def count_waiting(service: Service) -> JsonObject:
    """For `/readyz`: the model in use and the pictures that wait."""
    model = service.watch.current
    about = {} if service.media == "image" else {"media": service.media}
    return {"model": model.name, "version": model.version, **about, "waiting": service.batcher.num_expected}
