"""The challenger of a registration and the champion, with all that the gates ask about."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.choices import is_exclusive
from pipeline.core.errors import UserError
from pipeline.core.estimate import read_estimates
from pipeline.core.evaluation_contracts import Contender, Contest
from pipeline.core.manifest_schema import attribute_columns
from pipeline.core.predictions import Predictions
from pipeline.core.results import StoredFinding, read_findings
from pipeline.core.test_ledger import digest_samples
from pipeline.evaluation.paired_comparison import load_test_predictions
from pipeline.tracking import registry, rescoring
from pipeline.tracking.version_record import findings_of

if TYPE_CHECKING:
    from pipeline.core.evaluation_contracts import Metric
    from pipeline.core.open_types import JsonObject, Params
    from pipeline.datasets.packed import PackedDataset

BATCH, ROUNDS = 32, 7  # pictures at once, and how often, for the time of a picture


def gather_contest(
    name: str,
    champion: tuple[str, str] | None,
    card: JsonObject,
    packed: PackedDataset,
    params: Params,
    metrics: Mapping[str, Metric],
    milliseconds: float | None = None,
) -> Contest:
    """The contest of `data/predictor` and the champion.

    Where the test part changed since the champion was made, the champion is scored again on the present one, from its
    registered model; its stored predictions stay as they are. Where that cannot be done, those stand for it, and the
    contest notes why.

    Args:
        name: Of the registered model.
        champion: Version and run id; None where there is none.
        card: Of the challenger.
        packed: The present packed pictures.
        params: All parameters.
        metrics: For the figures that gates name.
        milliseconds: Of the challenger, for a picture; None where it was not measured.
    """
    table = artifacts.read_table(artifacts.PREDICTIONS)
    ours = load_test_predictions(artifacts.PREDICTIONS, card["classes"])
    challenger = Contender(
        predictions=ours,
        findings=_present_findings(),
        data_hash=str(card["data_hash"]),
        num_bytes=count_bytes(artifacts.PREDICTOR),
        milliseconds=milliseconds,
    )
    attributes = table.loc[table["split"] == "test", ["sample_id", *attribute_columns(table)]]
    figures = read_estimates(artifacts.TEST_METRICS)
    if champion is None:
        return Contest(
            challenger=challenger,
            champion=None,
            metrics=metrics,
            figures=figures,
            attributes=attributes,
            is_exclusive=is_exclusive(params),
        )
    version, run_id = champion
    with tempfile.TemporaryDirectory() as folder:
        file = registry.predictions_of(run_id, Path(folder))
        known = set(artifacts.read_table(file, columns=["sample_id"])["sample_id"])
        theirs = load_test_predictions(file, artifacts.read_metadata(file).get("classes") or card["classes"])
        fitted = registry.train_samples_of(run_id, Path(folder) / "splits")
    obstacle = describe_obstacle(fitted, {*ours.sample_ids})
    theirs, notes = _score_again(name, version, ours, theirs, packed, params, obstacle)
    known |= fitted or set()
    tags = registry.version_tags(name, version)
    return Contest(
        challenger=challenger,
        champion=Contender(
            predictions=theirs,
            findings=findings_of(run_id),
            data_hash=tags.get(registry.DATA_HASH, ""),
            num_bytes=int(tags[registry.NUM_BYTES]) if tags.get(registry.NUM_BYTES) else None,
        ),
        metrics=metrics,
        figures=figures,
        attributes=attributes,
        is_exclusive=is_exclusive(params),
        num_new=0 if fitted is None else int((~table["sample_id"].isin(known)).sum()),
        new_samples=frozenset() if fitted is None else frozenset({*ours.sample_ids} - known),
        notes=notes,
    )


def describe_obstacle(fitted: frozenset[str] | None, test: set[str]) -> str:
    """Why figures of the champion on the present test part would be too good; empty where they would not.

    Args:
        fitted: Samples of its train part; None where they are unknown.
        test: Samples of the present test part.
    """
    if fitted is None:
        return "which pictures it was trained on is not recorded"
    leaked = len(fitted & test)
    return f"it was trained on {leaked:,} of them" if leaked else ""


def _score_again(
    name: str,
    version: str,
    ours: Predictions,
    theirs: Predictions,
    packed: PackedDataset,
    params: Params,
    obstacle: str,
) -> tuple[Predictions, list[str]]:
    """The champion's predictions on the present test part, and what to know of them."""
    if digest_samples(ours.sample_ids) == digest_samples(theirs.sample_ids):
        return theirs, []
    num_new = len({*ours.sample_ids} - {*theirs.sample_ids})
    changed = f"the test part changed since version {version}: {num_new:,} of {len(ours):,} pictures are new to it"
    if obstacle:
        return theirs, [f"{changed}; {obstacle}, so its stored predictions are compared"]
    try:
        again = rescoring.score_version(name, version, packed, params)
    except UserError as error:
        return theirs, [f"{changed}; it cannot be scored on them ({error}), so its stored predictions are compared"]
    return again, [f"{changed}; it was scored again on all of them"]


def count_bytes(folder: Path) -> int | None:
    """Of all files in a folder; None where there is none."""
    if not folder.is_dir():
        return None
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure_milliseconds(packed: PackedDataset) -> float:
    """Milliseconds for a picture by `data/predictor` on this machine without decoding: the median of batches of 32."""
    from pipeline.training.model_card import load_predictor

    predictor, _ = load_predictor(artifacts.PREDICTOR)
    rows = packed.index.head(BATCH)
    pictures, of_rows = packed.images[: len(rows)], predictor.with_metadata(rows.reset_index(drop=True))
    of_rows.predict(pictures)  # the first call compiles and allocates
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        of_rows.predict(pictures)
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds) / len(rows)


def _present_findings() -> dict[str, StoredFinding]:
    files = [one for one in (artifacts.CHECKS, artifacts.CURATION) if one.exists()]
    return {name: finding for file in files for name, finding in read_findings(file).items()}
