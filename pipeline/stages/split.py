"""Assigns the manifest to train, val and test, and pictures without a label to the pool, which pretraining alone uses.

Samples keep the split of an earlier run with the same options.
"""

from __future__ import annotations

from pipeline.core import artifacts, config, stage_runner, terminal
from pipeline.core.contracts import Split, Task
from pipeline.core.errors import UserError
from pipeline.core.labels import without_labels, without_negatives
from pipeline.core.manifest_schema import SPLITS
from pipeline.core.nouns import import_target
from pipeline.core.terminal import count_of
from pipeline.datasets.assignments import assignment_path, other_split_recorded, split_warnings, with_absent
from pipeline.datasets.feedback_split import are_wanted, split_samples
from pipeline.datasets.unlabelled_pool import pool_unlabelled


def main() -> list[str]:
    params = config.load_params()
    options = config.get_section(params, "split")
    split: Split = config.build(options, "split")
    manifest, duplicates = artifacts.read_table(artifacts.MANIFEST), artifacts.read_table(artifacts.DUPLICATES)
    task: type[Task] = import_target(config.get_section(params, "task")["_target_"], "task", "task")
    if not task.supervised:
        manifest = without_labels(manifest, are_wanted(manifest))
    elif task.exclusive:
        manifest = without_negatives(manifest)
    record = assignment_path(options, config.build(config.get_section(params, "source"), "source"))
    before = artifacts.read_table(record) if record.exists() else None
    part = str(params.get("ingest", {}).get("feedback", "train"))
    splits, places, selected = split_samples(split, manifest, duplicates, before, part)
    missing = sorted(set(SPLITS) - set(splits["split"]))
    if missing:
        advice = "add samples or change split.fractions"
        if selected.train:
            advice = (
                f"{count_of(selected.train, 'sample')} that a query chose or a model labelled can be in train alone: "
                "label randomly chosen ones, which colibri query --random-share 1 finds"
            )
        raise UserError(
            f"no sample is left for {', '.join(missing)}: {len(splits)} samples in {splits['group'].nunique()} groups; "
            f"{advice}"
        )
    artifacts.write_table(record, with_absent(splits, before))  # none for the pool: with a label, a sample is new
    splits, pooled = pool_unlabelled(split, manifest, duplicates, splits)
    artifacts.write_table(artifacts.SPLITS, splits)
    for line in split_warnings(splits, before is None and other_split_recorded(params)):
        terminal.warn(f"split: {line}")
    for line in filter(None, (places.sentence, selected.sentence, pooled.sentence)):
        terminal.say(f"split: {line}")
    counts = splits["split"].value_counts()
    parts = ", ".join(f"{counts[name]:,} {name}" for name in SPLITS)
    added = f"; {places.train:,} of train from feedback" if places.train else ""
    added += f"; {selected.train:,} of train queried or labelled by a model" if selected.train else ""
    added += f"; {pooled.pool:,} without a label in the pool, for pretraining" if pooled.pool else ""
    return [f"{parts}, in {count_of(splits['group'].nunique(), 'group')}{added}"]


if __name__ == "__main__":
    stage_runner.run("split", main)
