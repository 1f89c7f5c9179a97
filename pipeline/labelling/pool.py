"""The samples of a project as people label them: what each is labelled now, and its frozen features."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import pandas as pd

from pipeline.core import artifacts, config
from pipeline.core.choices import is_supervised
from pipeline.core.errors import UserError
from pipeline.core.labels import are_labelled
from pipeline.core.manifest_schema import NONE, POOL
from pipeline.core.terminal import count_of
from pipeline.datasets.class_list import ClassList, load_classes
from pipeline.datasets.label_decisions import load_decisions
from pipeline.datasets.label_review import ReviewedSample, combine_decisions, outcome_of, rename_decisions
from pipeline.datasets.near_duplicates.groups import add_duplicate_group, compared_bits, connected_groups
from pipeline.features.store import Embeddings
from pipeline.labelling.automatic.blind_share import find_audited
from pipeline.labelling.automatic.model_answers import answers_file, read_answers

if TYPE_CHECKING:
    from pipeline.core.open_types import Params


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class SamplePool:
    """All samples of the manifest, with decisions since the last ingest.

    Attributes:
        source: Name of the data set.
        samples: The manifest with `split` and the joined `group`; `labels` and `is_labelled` are of now, so a sample
            that was labelled after the last run has its label, and `is_dropped` says that a person took it out.
        features: (N, D) float16 of `data/embeddings/`, in the order of `samples`; memory-mapped where that is possible.
        reviewed: What decisions come to, by sample_id.
        listed: The classes that people listed; None where nobody has.
        audited: sample_id of samples that wait for a person, to measure what a model would have labelled.
    """

    source: str
    samples: pd.DataFrame
    features: np.ndarray
    reviewed: dict[str, ReviewedSample]
    listed: ClassList | None
    audited: frozenset[str] = frozenset()

    @property
    def classes(self) -> list[str]:
        """Those in use: listed by a person, or else of the labels; sorted."""
        found = {name for names in self.samples["labels"] for name in names}
        return sorted(found if self.listed is None else self.listed.names)

    @property
    def is_open(self) -> np.ndarray:
        """(N,) bool, samples without a label that a query may choose: of the pool, or of no split for want of one."""
        part = self.samples["split"].isin([POOL, NONE]) & ~self.samples["sample_id"].isin(self.audited)
        return np.asarray(
            part.to_numpy() & ~(self.samples["is_labelled"] | self.samples["is_dropped"]).to_numpy(dtype=bool)
        )

    @property
    def is_known(self) -> np.ndarray:
        """(N,) bool, the labelled samples from which a query may learn: never those of val and test."""
        part = self.samples["split"].isin(["train", POOL, NONE]).to_numpy()
        known = self.samples["is_labelled"] & ~self.samples["is_dropped"] & (self.samples["labels"].map(len) > 0)
        return np.asarray(part & known.to_numpy(dtype=bool))


def read_pool(params: Params) -> SamplePool:
    """The samples of the last run, with what people decided since; all are of the pool where the task has no labels.

    Raises:
        UserError: A stage did not run, or the features are of other samples.
    """
    source = str(config.get_section(params, "source")["name"])
    manifest = artifacts.read_table(artifacts.MANIFEST)
    splits = artifacts.read_table(artifacts.SPLITS)
    stored = Embeddings.load()
    missing = manifest["sample_id"][~manifest["sample_id"].isin(stored.index["sample_id"])]
    if len(missing):
        raise UserError(
            f"{artifacts.EMBEDDINGS}/ has no features of {count_of(len(missing), 'sample')}, as {missing.iloc[0]!r}; "
            "run colibri run, or dvc repro embed"
        )
    samples = manifest.drop(columns="group").merge(splits, on="sample_id")
    if len(samples) < len(manifest):
        raise UserError(f"{artifacts.SPLITS} lacks samples of {artifacts.MANIFEST}; run dvc repro split")
    if not is_supervised(params):
        samples = samples.assign(split=POOL)  # its parts measure no labels, so each sample may be chosen
    listed = load_classes(source)
    today, undecided = rename_decisions(load_decisions(source), listed)
    reviewed = combine_decisions(today)
    return SamplePool(
        source=source,
        samples=apply_since(samples, reviewed, undecided, listed),
        features=stored.of(samples["sample_id"]),
        reviewed=reviewed,
        listed=listed,
        audited=frozenset(find_audited(read_answers(answers_file(source)))),
    )


def apply_since(
    samples: pd.DataFrame,
    reviewed: dict[str, ReviewedSample],
    undecided: Collection[str] = (),
    listed: ClassList | None = None,
) -> pd.DataFrame:
    """The samples with `labels`, `is_labelled`, `is_dropped` and `decision` as decisions have them now.

    Args:
        samples: Of the manifest: a decision that ingest applied is applied again, and changes nothing.
        reviewed: What decisions come to, by sample_id; those of samples that ingest did not take are passed over.
        undecided: sample_id of samples whose decisions decide nothing any more, as `rename_decisions` finds them.
        listed: The classes, by whose names of today labels go.
    """
    labels = [list(names) for names in samples["labels"]]
    labelled, dropped = are_labelled(samples.drop(columns="split", errors="ignore")), np.zeros(len(samples), dtype=bool)
    decision: list[str | None] = samples["decision"].tolist() if "decision" in samples else [None] * len(samples)
    position = {name: row for row, name in enumerate(samples["sample_id"])}
    for name in undecided:
        if (row := position.get(name)) is not None and name not in reviewed:
            labels[row], labelled[row] = [], False
    for name, sample in reviewed.items():
        row = position.get(name)
        if row is None or sample.chosen is None:
            continue
        outcome = outcome_of(sample.chosen)
        dropped[row], decision[row] = outcome is None, sample.chosen.action
        if outcome is not None:
            labels[row] = list(outcome) if listed is None else listed.rename(outcome).labels
            labelled[row] = True
    return samples.assign(labels=labels, is_labelled=labelled, is_dropped=dropped, decision=decision)


def duplicate_groups(samples: pd.DataFrame, bits: int | None = None) -> np.ndarray:
    """(N,) name of the group of each sample: samples of one group or photograph, or that look alike, have the same one.

    A batch should hold one of each: a person learns nothing from the second.

    Args:
        samples: As `SamplePool.samples`.
        bits: Perceptual hashes within so many bits look alike; None for the least that counts.
    """
    duplicates = artifacts.read_table(artifacts.DUPLICATES)
    return connected_groups(add_duplicate_group(samples, duplicates), compared_bits(bits)).to_numpy()
