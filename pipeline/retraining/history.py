"""`reports/retrain.json`, the last retraining, and `reports/retrains.jsonl`, a line for each: git keeps both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.errors import UserError

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

LAST, ALL = Path("reports/retrain.json"), Path("reports/retrains.jsonl")


def write_result(result: JsonObject) -> None:
    """Writes both; the history has one line for each key, also where this is called again.

    Raises:
        UserError: A line of the history cannot be read, as after a merge that git could not finish.
    """
    artifacts.write_json(LAST, result)
    before = ALL.read_text(encoding="utf-8") if ALL.exists() else ""
    if result["key"] in [_read_key(number, line) for number, line in enumerate(before.splitlines(), 1)]:
        return
    line = json.dumps(result, ensure_ascii=False, allow_nan=False)
    artifacts.write_text(ALL, f"{before}{line}\n")


def _read_key(number: int, line: str) -> str:
    try:
        return str(json.loads(line)["key"])
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{ALL}, line {number}: found {line[:40]!r}, expected the JSON of a retraining; resolve the merge conflict "
            "or remove the line, then call colibri retrain again"
        ) from None
