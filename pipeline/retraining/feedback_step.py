"""What people corrected where a model was served, brought into the checkout before the data are looked at."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.choices.retraining_options import PROJECT
from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of
from pipeline.core.uris import main_checkout
from pipeline.experiments.dvc_queue import Refusal, call_dvc
from pipeline.media.choice import media_of_params
from pipeline.retraining import pipeline_run
from pipeline.serving.answer_store import PLACE
from pipeline.serving.answer_tables import read_feedback
from pipeline.serving.feedback_export import ExportedFeedback, export_feedback

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params


def take_feedback(params: Params, store: str | None) -> JsonObject:
    """Writes what people said to `data/feedback/NAME/` and records it in DVC; the counts, and a `sentence`.

    Args:
        params: As conf/ composes them.
        store: As `retraining.feedback`.

    Raises:
        UserError: The database or the folder cannot be used, or is recorded and not here, or DVC refuses the folder.
    """
    pipeline_run.wait_for_other_run()  # whose ingest reads the folder
    found = _export(params, store, artifacts.FEEDBACK)
    if found is None:
        return {}
    folder = artifacts.feedback_folder(str(params["source"]["name"]))
    try:
        call_dvc("add", folder.as_posix())
    except Refusal as error:
        raise UserError(f"dvc add {folder}: {error}") from None
    return {**found.to_json(), "sentence": describe_feedback(found, noun_of(media_of_params(params)))}


@contextmanager
def feedback_in_advance(params: Params, store: str | None) -> Iterator[tuple[Path | None, str]]:
    """A copy of `data/feedback/` as `take_feedback` would make it, for the time of a look; None where it makes none.

    With it the sentence of `take_feedback`, or an empty text.

    Raises:
        UserError: As `take_feedback`.
    """
    with tempfile.TemporaryDirectory() as root:
        name = artifacts.feedback_folder(str(params["source"]["name"])).name
        if (artifacts.FEEDBACK / name).is_dir():
            shutil.copytree(artifacts.FEEDBACK / name, Path(root) / name)
        found = _export(params, store, Path(root))
        yield (None, "") if found is None else (Path(root), describe_feedback(found, noun_of(media_of_params(params))))


def feedback_record(params: Params) -> Path:
    """The file by which git and DVC know the feedback on this data set; it need not exist."""
    folder = artifacts.feedback_folder(str(params["source"]["name"]))
    return folder.with_name(f"{folder.name}.dvc")


def describe_feedback(found: ExportedFeedback, noun: str = "picture") -> str:
    """What was found, for a person: counts, what was left out and why, how often the model was right.

    Args:
        found: Of the export.
        noun: What a sample is called.
    """
    parts = [f"{count_of(found.pictures, noun)} with a label ({found.new:,} new)"]
    reasons = (
        (found.discarded, "discarded"),
        (found.contradicted, "with different labels by different people"),
        (found.not_stored, "whose bytes the server did not store"),
        (found.other_models, "answered by other models"),
    )
    left_out = ", ".join(f"{count:,} {why}" for count, why in reasons if count)
    parts += [f"left out: {left_out}"] * bool(left_out)
    parts += [f"{count_of(found.no_longer_stored, 'picture')} known from an earlier call alone"] * bool(
        found.no_longer_stored
    )
    return f"Feedback: {'; '.join(parts)}.{_describe_accuracy(found)}"


def _describe_accuracy(found: ExportedFeedback) -> str:
    if not found.answers:
        return ""
    from scipy.stats import binomtest

    between = binomtest(found.right, found.answers).proportion_ci(method="wilson")
    return (
        f" Of {count_of(found.answers, 'answer')} that people looked at {found.right:,} were right "
        f"({100 * found.right / found.answers:.0f} %, 95 % interval {100 * between.low:.0f} to "
        f"{100 * between.high:.0f} %); these are no "
        "random sample of all answers."
    )


def _export(params: Params, store: str | None, root: Path) -> ExportedFeedback | None:
    """None where there is nothing to export and nothing was exported before."""
    if store is None or params.get("ingest", {}).get("feedback") == "never":
        return None
    _refuse_missing(params)
    if store == PROJECT and not (main_checkout() / PLACE).is_file():
        return None
    address = None if store == PROJECT else store
    folder = root / artifacts.feedback_folder(str(params["source"]["name"])).name
    if not folder.is_dir() and not len(read_feedback(address)):
        return None
    return export_feedback(folder, address, str(params["register"]["model_name"]))


def _refuse_missing(params: Params) -> None:
    """Feedback that is recorded and not here, as in a fresh clone, would be written over by that of the database."""
    record, folder = feedback_record(params), artifacts.feedback_folder(str(params["source"]["name"]))
    if record.exists() and not folder.is_dir():
        raise UserError(
            f"{folder} is not here, but {record} records it; run dvc pull {record}, or set retraining.pull=true (a dry "
            "run pulls nothing)"
        )
