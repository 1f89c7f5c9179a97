"""`reports/retrain.json`, the last retraining, and `reports/retrains.jsonl`, a line for each: git keeps both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

LAST, ALL = Path("reports/retrain.json"), Path("reports/retrains.jsonl")


def write_result(result: JsonObject) -> None:
    """Writes both; the history has one line for each key, also where this is called again."""
    artifacts.write_json(LAST, result)
    before = ALL.read_text(encoding="utf-8") if ALL.exists() else ""
    if any(json.loads(line)["key"] == result["key"] for line in before.splitlines()):
        return
    line = json.dumps(result, ensure_ascii=False, allow_nan=False)
    artifacts.write_text(ALL, f"{before}{line}\n")
