"""The source's items to the manifest; each picture is read and decoded once, one that cannot be goes to quarantine."""

from __future__ import annotations

import pandas as pd

from pipeline.core import artifacts, config, stage_runner, terminal
from pipeline.core.contracts import Source
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of
from pipeline.datasets.feedback_items import LEFT_OUT, describe_feedback
from pipeline.datasets.ingestion import Limits, check_quarantine, grey_scale_warning, ingest_pictures, unlabelled_note
from pipeline.images.grey_scales import Greys
from pipeline.labelling.automatic.label_figures import LabelHistory, measure_labelling
from pipeline.media.choice import build_media


def main() -> list[str]:
    params = config.load_params()
    limits = config.instantiate(Limits, config.get_section(params, "ingest"), "ingest")
    source: Source = config.build(config.get_section(params, "source"), "source")
    manifest, quarantine = ingest_pictures(source, limits, build_media(params))
    artifacts.write_table(artifacts.QUARANTINE, quarantine)
    check_quarantine(manifest, quarantine, limits)
    artifacts.write_table(artifacts.MANIFEST, manifest)
    history = LabelHistory.load(str(source.name), manifest, limits.decisions)
    artifacts.write_json(artifacts.LABELLING, measure_labelling(history))
    if empty := unlabelled_note(manifest):
        terminal.say(f"ingest: {empty}")
    if other := grey_scale_warning(Greys.of_manifest(manifest), str(source.name)):
        terminal.warn(f"ingest: {other}")
    return [describe(manifest, quarantine)]


def describe(manifest: pd.DataFrame, quarantine: pd.DataFrame) -> str:
    """The numbers of samples, classes, refused files, samples without an annotation, and those from feedback."""
    noun = noun_of(str(manifest["media"].iloc[0]) if len(manifest) else "image")
    num_classes = len({label for labels in manifest["labels"] for label in labels})
    num_unnamed = int((quarantine["reason"] == "no_row").sum())
    num_refused = int((~quarantine["reason"].isin(["no_row", *LEFT_OUT])).sum())
    parts = [count_of(len(manifest), noun), count_of(num_classes, "class", "classes")]
    parts += [f"{count_of(num_refused, 'file')} refused"] if num_refused else []
    parts += [f"{count_of(num_unnamed, f'other {noun}')} without an annotation left out"] if num_unnamed else []
    parts += [feedback] if (feedback := describe_feedback(manifest, quarantine)) else []
    return ", ".join(parts)


if __name__ == "__main__":
    stage_runner.run("ingest", main)
