"""Keeps samples that somebody selected out of val and test: feedback, which is mostly mistakes, and queried samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd

from pipeline.core.contracts import Split
from pipeline.core.labels import are_labelled
from pipeline.core.manifest_schema import EXIF, NONE, ORIGIN, SPLITS
from pipeline.datasets.near_duplicates.groups import add_duplicate_group, compared_bits, connected_groups
from pipeline.images.feedback_pictures import FROM_SOURCE, SAID, is_feedback

SELECTED = "what a query chose or a model labelled"
HELD_OUT = [name for name in SPLITS if name != "train"]


@final
@dataclass(frozen=True, kw_only=True)
class FeedbackPlaces:
    """Where samples went that are no random sample.

    Attributes:
        what: What they are: `the feedback`, or `what a query chose or a model labelled`.
        train: In train.
        like_held_out: In no split, since they belong together with a sample of val or test.
        copies: In no split, since train has the same pixels with the same labels from the source.
        unlabelled: In no split, for want of a label.
    """

    what: str = "the feedback"
    train: int = 0
    like_held_out: int = 0
    copies: int = 0
    unlabelled: int = 0

    @property
    def sentence(self) -> str:
        """What was left out and why; empty where nothing was."""
        parts = [
            (self.like_held_out, "belong together with pictures of val or test"),
            (self.copies, "are in train already, with the same labels"),
            (self.unlabelled, "have no label"),
        ]
        said = ", ".join(f"{count:,} {why}" for count, why in parts if count)
        return f"of {self.what} in no split: {said}" if said else ""


def split_samples(
    split: Split, manifest: pd.DataFrame, duplicates: pd.DataFrame, recorded: pd.DataFrame | None, part: str
) -> tuple[pd.DataFrame, FeedbackPlaces, FeedbackPlaces]:
    """The split of all samples, and where those of feedback went, and those that a query chose or a model labelled.

    The latter are treated as feedback is with `train`: what is said of feedback here is true of them, too.

    With `any` the split rule sees no difference. Else it sees the source's samples alone, so their split is the one
    without feedback; each sample of feedback then goes to train, or to no split where it would leak into val or test
    (through a group, a photograph, equal pixels or near-duplicates, by any chain: of hashes within as many bits as the
    rule joins, at least 2, also where the rule compares none). A new sample of the source that
    belongs together with feedback that was trained on goes to train, as it would with a picture of the source, where
    the rule reads the record: `grouped` and `random` do. `fold` does not, and `given` only for a part that it takes
    from train; a sample that they hold out stays there, and its feedback leaves train, though models have seen it.

    Args:
        split: The rule.
        manifest: All samples.
        duplicates: Pairs of `sample_id` that show one photograph.
        recorded: An earlier result of the same options, or None.
        part: `train` or `any`.
    """
    from_feedback = manifest["sample_id"].map(is_feedback).to_numpy(dtype=bool)
    chosen = selected_rows(manifest) & ~from_feedback
    is_own = ~chosen if part == "any" else ~(from_feedback | chosen)
    if is_own.all():
        return split(add_duplicate_group(manifest, duplicates), recorded), FeedbackPlaces(), FeedbackPlaces()
    rows = add_duplicate_group(manifest, duplicates).set_index("sample_id", drop=False)
    joined = connected_groups(rows, compared_bits(getattr(split, "near_duplicate_bits", None)))
    own_names = set(manifest.loc[is_own, "sample_id"])
    pairs = duplicates[duplicates["left"].isin(own_names) & duplicates["right"].isin(own_names)]
    own = split(
        add_duplicate_group(_as_without_feedback(manifest, is_own), pairs), _with_twins(recorded, joined, is_own)
    )
    added = _place(rows, joined, own, is_own)
    reasons = added.pop("reason")
    result = pd.concat([own, added], ignore_index=True).set_index("sample_id").loc[manifest["sample_id"]].reset_index()
    of_feedback = added["sample_id"].map(is_feedback).to_numpy(dtype=bool)
    fed = _count("the feedback", reasons[of_feedback])
    return result, fed, _count(SELECTED, reasons[~of_feedback])


def _count(what: str, reasons: pd.Series) -> FeedbackPlaces:
    counts = {str(name): int(count) for name, count in reasons.value_counts().items()}
    return FeedbackPlaces(what=what, **counts)


def selected_rows(manifest: pd.DataFrame) -> np.ndarray:
    """(N,) bool, the samples that a query chose or a model labelled; false where the manifest has no such column."""
    if "selected" not in manifest:
        return np.zeros(len(manifest), dtype=bool)
    return manifest["selected"].to_numpy(dtype=bool)


def are_wanted(manifest: pd.DataFrame) -> np.ndarray:
    """(N,) bool, the samples that a task without labels groups: all but feedback that a person gave no label.

    Such a picture may be of no kind that the model is for.
    """
    from_feedback = manifest["sample_id"].map(is_feedback).to_numpy(dtype=bool)
    return np.asarray(~from_feedback | manifest["labels"].map(len).to_numpy(dtype=bool))


def pairs_in_use(
    duplicates: pd.DataFrame, splits: pd.DataFrame, selected: frozenset[str] = frozenset()
) -> pd.DataFrame:
    """The pairs without those of selected samples in no split, through which two splits would seem to share one.

    Args:
        duplicates: Pairs of `sample_id` that show one photograph.
        splits: `sample_id` and `split`.
        selected: Names of samples that a query chose or a model labelled; those of feedback are known by their names.
    """
    unused = {name for name, one in zip(splits["sample_id"], splits["split"], strict=True) if one == NONE}
    unused = {name for name in unused if is_feedback(name) or name in selected}
    return duplicates[~(duplicates["left"].isin(unused) | duplicates["right"].isin(unused))] if unused else duplicates


def _as_without_feedback(manifest: pd.DataFrame, is_own: np.ndarray) -> pd.DataFrame:
    """The source's rows as `ingest` writes them where there is no feedback, so that the rule evens out the same."""
    own = manifest[is_own].reset_index(drop=True)
    columns = [*SAID.values(), *(name for name in own if str(name).startswith(EXIF))]
    empty = [name for name in columns if name in own and own[name].isna().all()]
    if ORIGIN in own and (own[ORIGIN] == FROM_SOURCE).all():
        empty.append(ORIGIN)
    return own.drop(columns=empty)


def _with_twins(recorded: pd.DataFrame | None, joined: pd.Series, is_own: np.ndarray) -> pd.DataFrame | None:
    """The record, in which new samples of the source that belong together with feedback in train are in train, too."""
    if recorded is None:
        return None
    before = recorded.set_index("sample_id")["split"].reindex(joined.index)
    trained = set(joined[(before == "train").to_numpy() & ~is_own])
    held_out = set(joined[before.isin(HELD_OUT).to_numpy()])
    twins = joined[is_own & ~before.isin(SPLITS).to_numpy() & joined.isin(trained - held_out).to_numpy()]
    more = pd.DataFrame({"sample_id": twins.index, "split": "train", "group": twins.to_numpy()})
    return pd.concat([recorded[~recorded["sample_id"].isin(set(twins.index))], more], ignore_index=True)


def _place(rows: pd.DataFrame, joined: pd.Series, own: pd.DataFrame, is_own: np.ndarray) -> pd.DataFrame:
    """`sample_id`, `split`, `group` and `reason` (a field of FeedbackPlaces) of the samples of feedback."""
    of_own = joined[is_own].to_numpy()
    held_out = set(of_own[own["split"].isin(HELD_OUT).to_numpy()])
    group_of = own.groupby(of_own)["group"].min()
    texts = rows["labels"].map(lambda names: tuple(sorted(names)))
    pixels = list(zip(rows["content_hash"], texts, strict=True))
    in_train = {pixels[row] for row, part in zip(np.flatnonzero(is_own), own["split"], strict=True) if part == "train"}
    labelled = are_labelled(rows)
    rows_out = []
    for row in np.flatnonzero(~is_own):
        group = joined.iloc[row]
        reason = "train"
        if group in held_out:
            reason = "like_held_out"
        elif not labelled[row]:
            reason = "unlabelled"
        elif pixels[row] in in_train:
            reason = "copies"
        split = "train" if reason == "train" else NONE
        rows_out.append((rows.index[row], split, group_of.get(group, group), reason))
    return pd.DataFrame(rows_out, columns=["sample_id", "split", "group", "reason"]).astype("str")
