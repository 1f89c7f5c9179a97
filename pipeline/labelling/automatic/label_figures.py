"""The figures of `reports/labelling.json`: who labelled what, how fast, how much people agree, and what models did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core.labels import labels_to_text
from pipeline.datasets.class_list import load_classes
from pipeline.datasets.label_decisions import load_decisions
from pipeline.datasets.label_review import CONFLICT, WAITS, combine_decisions
from pipeline.labelling.automatic.agreement import measure_agreement
from pipeline.labelling.automatic.audits import AuditResult, measure_audits
from pipeline.labelling.automatic.blind_share import measure_following
from pipeline.labelling.automatic.model_answers import answers_file, read_answers
from pipeline.statistics.bootstrap import Bootstrap

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.open_types import JsonObject
    from pipeline.datasets.class_list import ClassList
    from pipeline.datasets.label_decisions import LabelDecision
    from pipeline.labelling.automatic.model_answers import ModelAnswer
    from pipeline.labelling.pool import SamplePool

BOOTSTRAP = Bootstrap(num_resamples=1000, seed=0)
MOST = 20  # annotators, pairs, conflicts and renamed classes that are listed


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class LabelHistory:
    """What people and models said of the samples of a data set.

    Attributes:
        samples: The manifest.
        decisions: In the order of the file.
        answers: Of models, in the order of the file.
        listed: The classes that people listed; None where nobody has.
    """

    samples: pd.DataFrame
    decisions: Sequence[LabelDecision]
    answers: Sequence[ModelAnswer]
    listed: ClassList | None

    @classmethod
    def load(cls, source: str, samples: pd.DataFrame, has_decisions: bool = True) -> LabelHistory:
        """Of a data set.

        Args:
            source: Name of the data set.
            samples: The manifest.
            has_decisions: Whether decisions were applied; else nobody decided anything.

        Raises:
            UserError: A file cannot be read.
        """
        return cls(
            samples=samples,
            decisions=load_decisions(source) if has_decisions else [],
            answers=read_answers(answers_file(source)) if has_decisions else [],
            listed=load_classes(source) if has_decisions else None,
        )

    @property
    def groups(self) -> dict[str, str]:
        """sample_id to the group, of samples that have one."""
        known = self.samples[self.samples["group"].notna()]
        return dict(zip(known["sample_id"], known["group"].astype(str), strict=True))

    def audits(self) -> list[AuditResult]:
        """The audit of each model."""
        written = {one.sample_id: (one.who, tuple(one.labels)) for one in self.decisions if one.is_of_model}
        reviewed = combine_decisions(self.decisions)
        return measure_audits(reviewed, written, self.answers, self.groups, BOOTSTRAP, self.listed)


def audits_of(pool: SamplePool) -> list[AuditResult]:
    """The audit of each model, by the decisions of now."""
    return LabelHistory.load(pool.source, pool.samples).audits()


def measure_labelling(history: LabelHistory) -> JsonObject:
    """What `reports/labelling.json` holds; lists are empty where nobody decided anything."""
    reviewed = combine_decisions(history.decisions)
    agreement = measure_agreement(reviewed.values(), history.groups, BOOTSTRAP)
    following = measure_following(reviewed, history.answers, history.listed)
    decision = history.samples.get("decision", [])
    counts = Counter(one for one in decision if isinstance(one, str))
    return {
        "annotators": list_annotators(history.decisions),
        "actions": dict(sorted(counts.items())),
        "num_conflicts": counts.get(CONFLICT, 0),
        "conflicts": list(agreement.conflicts[:MOST]),
        "num_waits": counts.get(WAITS, 0),
        "renamed": list_renamed(history.samples),
        "agreement": {
            "pooled": agreement.pooled.to_json(),
            "pairs": [asdict(one) | {"kappa": one.kappa.to_json()} for one in agreement.pairs[:MOST]],
        },
        "models": [asdict(one) | {"error": one.error.to_json()} for one in history.audits()],
        "following": asdict(following) | {"difference": following.difference.to_json()},
    }


def list_annotators(decisions: Iterable[LabelDecision]) -> list[JsonObject]:
    """Those who decided, most lines first: `who`, `is_model`, `num_lines`, `num_timed`, `seconds` (the median)."""
    seconds: dict[tuple[str, bool], list[float]] = {}
    lines: Counter[tuple[str, bool]] = Counter()
    for line in decisions:
        key = line.who, line.is_of_model
        lines[key] += 1
        seconds.setdefault(key, []).extend([] if line.seconds is None else [line.seconds])
    ordered = sorted(lines.items(), key=lambda entry: (-entry[1], entry[0]))
    return [
        {
            "who": who,
            "is_model": is_model,
            "num_lines": number,
            "num_timed": len(timed := seconds[who, is_model]),
            "seconds": round(float(np.median(timed)), 2) if timed else None,
        }
        for (who, is_model), number in ordered[:MOST]
    ]


def list_renamed(samples: pd.DataFrame) -> list[JsonObject]:
    """Labels that have other names today, most samples first: `former`, `labels` (empty for none now), `num`."""
    if "former_labels" not in samples:
        return []
    changed = samples[samples["former_labels"].notna()]
    pairs = Counter(
        (str(former), "" if found == WAITS else labels_to_text(sorted(labels)))
        for former, labels, found in zip(
            changed["former_labels"], changed["labels"], _read_decisions(changed), strict=True
        )
    )
    ordered = sorted(pairs.items(), key=lambda entry: (-entry[1], entry[0]))
    return [{"former": former, "labels": labels, "num": number} for (former, labels), number in ordered[:MOST]]


def _read_decisions(samples: pd.DataFrame) -> list[object]:
    return samples["decision"].tolist() if "decision" in samples else [None] * len(samples)
