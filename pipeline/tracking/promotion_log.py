"""Every decision about a champion, a line each, in `reports/promotions.jsonl`, which git keeps.

MLflow knows who is champion, but not who was. The file is written before an alias moves (write-ahead): whoever comes
next completes what an interrupted process wrote and did not do. No stage reads it, and DVC knows nothing of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, final

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.uris import main_checkout

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

Kind = Literal["gate", "by_hand", "rollback"]
ID_DIGITS = 16


@final
@dataclass(frozen=True, kw_only=True)
class Decision:
    """One decision.

    Attributes:
        kind: Who decided: `gate`, or a person: `by_hand`, `rollback`.
        model: Name of the registered model.
        version: Which was decided about.
        champion_before: The version in use before; None where there was none.
        promoted: Whether `version` is champion from now on.
        reasons: At least one.
        figures: By name, as `reports/registration.json` holds them.
        gates: Name, outcome and sentence of each gate.
        commit: Of git, that was checked out; empty outside of a repository.
        time: UTC, ISO 8601, of the decision.
        run: MLflow's run of the version, by which its store is known again.
        after: Digest of the line before it about this model, or of the results that a gate decided about: so the same
            decision twice has one digest, and a person who decides the same again later another.
    """

    kind: Kind
    model: str
    version: str
    champion_before: str | None
    promoted: bool
    reasons: list[str]
    commit: str
    time: str
    run: str
    after: str
    figures: JsonObject = field(default_factory=dict)
    gates: list[JsonObject] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """The same for the same decision, whenever it is made and wherever it is interrupted."""
        names = ("kind", "model", "version", "champion_before", "promoted", "reasons", "run", "after")
        what = [getattr(self, name) for name in names]
        return artifacts.content_digest(artifacts.canonical_json(what))[:ID_DIGITS]

    def to_line(self) -> bytes:
        """The line of the file."""
        return artifacts.canonical_json({"id": self.digest, **asdict(self)}) + b"\n"

    def is_repeated_by(self, other: Decision) -> bool:
        """Whether a person says the same again right after it."""
        same = ("kind", "model", "version", "reasons")
        return all(getattr(self, name) == getattr(other, name) for name in same)


def read_decisions(model: str | None = None, path: Path | None = None) -> list[Decision]:
    """The decisions about a model, or about all, the oldest first; a line that was cut short is left out.

    Args:
        model: Name of the registered model.
        path: Of the file; None: that of the main checkout.
    """
    path = path or _file()
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")  # a class name may hold U+2028
    found = filter(None, map(_parse, lines))
    return [decision for decision in found if model in (None, decision.model)]


def append(decision: Decision) -> None:
    """Adds a decision at the end; one that is there already is not added again.

    Raises:
        UserError: The file cannot be written.
    """
    path = _file()
    if any(one.digest == decision.digest for one in read_decisions(path=path)):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+", buffering=0) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            is_cut_short = file.read(1) not in (b"", b"\n")  # by a process that was killed
            file.write(b"\n" + decision.to_line() if is_cut_short else decision.to_line())
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(
            f"{path}, which records who is champion, cannot be written ({error.strerror}); make it writable, then run "
            "again"
        ) from None


def list_champions(decisions: Sequence[Decision]) -> list[str]:
    """The champions one after the other, the present one last; a rollback takes away those that came after its version.

    Args:
        decisions: About one model, the oldest first.
    """
    champions: list[str] = []
    for decision in decisions:
        if not decision.promoted:
            continue
        if decision.champion_before is not None and decision.champion_before not in champions[-1:]:
            champions.append(decision.champion_before)  # before the file was there, or moved in MLflow
        if decision.kind == "rollback":
            while champions and champions[-1] != decision.version:
                champions.pop()
        if champions[-1:] != [decision.version]:
            champions.append(decision.version)
    return champions


def _file() -> Path:
    return main_checkout() / artifacts.PROMOTIONS


def _parse(line: str) -> Decision | None:
    try:
        entry = json.loads(line)
        del entry["id"]
        return Decision(**entry)
    except (ValueError, TypeError, KeyError):
        return None
