"""Classifies pictures: files, folders, archives and addresses to a table with the class and the scores of each.

Takes the champion of the project's source, or another model (--model). A PATH is a picture, a folder, a pattern, a zip
or tar archive, an address (s3://bucket/folder, https://...), or - for a list on standard input, one a line. Folders
are read with their sub-folders; hidden files, and those with the suffix of something else than a picture, are left
out. A file that cannot be read is a row with the reason and never stops the others. The ending of --out chooses CSV,
Parquet or JSON lines. A call that was ended early goes on where it stopped when it is given again.

--explain writes a map for each picture: what speaks for its class (orange) and against it (blue). --annotate writes a
page with the pictures that most need a look. --split writes the last run's scores of its own val or test pictures,
with their true labels, and runs no model.

Examples:
  colibri predict ~/new_pictures
  colibri predict a.png b.png 'scans/2026-*/*.tif' --out scores.parquet --model 3
  colibri predict scans.zip s3://bucket/march/ --annotate look.html
  find /archive -name '*.jpg' -newer last | colibri predict - --out new.jsonl
  colibri predict --split test --out test_scores.csv
"""

from __future__ import annotations

import io
import sys
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core import artifacts
from pipeline.core.errors import UserError, name_some
from pipeline.core.progress import go_on
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import bar_chart, count_of, say
from pipeline.media.choice import media_of_card

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.prediction.classifier import PictureClassifier
    from pipeline.prediction.explained_pictures import PictureExplainer
    from pipeline.prediction.gallery import GallerySelection
    from pipeline.prediction.inputs import Inputs
    from pipeline.prediction.part_journal import PartJournal

SPLITS = {"val": ("val",), "test": ("test",), "both": ("val", "test")}
SHOWN = 3  # files named in a line
NO_LABEL = "(no label)"
ROWS_OF_A_PART = 1024  # a multiple of the rows of a batch; what a killed call loses at most


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="a picture, a folder, a pattern in quotes, an archive, an address, or - for a list on stdin",
    )
    parser.add_argument(
        "--model",
        help="NAME@champion, NAME/3, 3 or @challenger of this project, a models:/ URI, or a folder such as "
        "data/predictor (default: the project's champion)",
    )
    parser.add_argument(
        "-o", "--out", default="predictions.csv", help=".csv, .parquet or .jsonl (default: predictions.csv)"
    )
    parser.add_argument("--split", choices=list(SPLITS), help="instead of a PATH: the scores that evaluate stored")
    parser.add_argument("--explain", metavar="FOLDER", help="write an attribution map of each picture there")
    parser.add_argument("--annotate", metavar="FILE.html", help="write a page with the pictures that need a look")


def main(
    paths: list[str],
    model: str | None,
    out: str,
    split: str | None,
    explain: str | None = None,
    annotate: str | None = None,
) -> None:
    from pipeline.prediction.table_files import refuse_unwritable

    refuse_unwritable(Path(out))
    if bool(paths) == (split is not None):
        raise UserError("name pictures to classify (colibri predict FOLDER), or one of val, test and both with --split")
    if annotate is not None and Path(annotate).suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--annotate {annotate!r} must end in .html")
    if split is None:
        predict(paths, model, Path(out), Path(explain) if explain else None, Path(annotate) if annotate else None)
    elif model is not None:
        raise UserError("--split takes the scores of the last run; leave --model out, or name the pictures to classify")
    elif explain is not None or annotate is not None:
        raise UserError("--split runs no model; leave --explain and --annotate out, reports/report.html has both")
    else:
        export_split(SPLITS[split], Path(out))


def predict(
    names: list[str], model: str | None, out: Path, explain: Path | None = None, annotate: Path | None = None
) -> None:
    """Writes the predictions of the files that the names stand for, and says what was found.

    Raises:
        UserError: A name or the model does not exist, the table cannot be written, or no file could be read.
    """
    from pipeline.prediction.shared_cores import share_cores

    share_cores()
    from pipeline.prediction.gallery import GallerySelection
    from pipeline.prediction.inputs import list_inputs
    from pipeline.prediction.part_journal import open_journal
    from pipeline.prediction.picture_files import check_names
    from pipeline.prediction.program_state import program_digest
    from pipeline.prediction.sample_names import SampleNames
    from pipeline.prediction.table_files import open_table
    from pipeline.tracking.model_choice import load_classifier

    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # as the names of files that are no UTF-8 come elsewhere
    check_names(names)
    classifier, title = load_classifier(model, has_digest=True)
    samples = SampleNames(classifier.codec.media)
    inputs = list_inputs(names, sys.stdin, samples)
    by = "" if classifier.network is None else f"; {classifier.runtime}"
    say(f"model: {title}; {len(classifier.classes)} classes{by}")
    if inputs.left_out:
        say(f"left out, no {samples.noun}s by their names: {name_some(inputs.left_out, SHOWN)}")
    explainer = _make_explainer(classifier, explain) if explain else None
    method = "" if explainer is None else repr((str(explainer.folder.resolve()), explainer.attribution))
    key = {"model": classifier.digest, "pictures": inputs.digest(), "options": method}
    key["program"] = program_digest(classifier)
    totals, selection = Totals(classifier.classes, samples.noun), GallerySelection()
    with open_journal(out, key) as (journal, changed):
        if changed:
            say(f"an earlier call that was ended early is left, with other {' and '.join(changed)}: begins anew")
        _fill(journal, classifier, inputs, explainer)
        with open_table(out) as table:
            for part in journal.tables():
                table.append(part)
                totals.add(part)
                selection.add(part)
        if annotate is not None:
            _write_page(annotate, title, out, selection, classifier, inputs)
    say(*totals.lines(), f"wrote {out}", *([f"wrote maps to {explain}"] if explain else []))
    if totals.num_refused == totals.num_files:
        raise UserError(f"none of the {totals.num_files:,} files could be read; the reasons are in {out}")


def _fill(
    journal: PartJournal, classifier: PictureClassifier, inputs: Inputs, explainer: PictureExplainer | None
) -> None:
    """Adds the rows that the journal lacks, `ROWS_OF_A_PART` at a time, in the batches of an undisturbed call."""
    import pandas as pd

    from pipeline.prediction.tables import PREDICT, predict_contents

    done, noun = journal.num_rows(), noun_of(classifier.codec.media)
    first = done
    if done:
        say(f"goes on after {done:,} of {len(inputs):,} {noun}s of an earlier call")
    waiting: list[pd.DataFrame] = []
    rest = range(done, len(inputs))
    with go_on(PREDICT, done):
        for part, pictures in predict_contents(classifier, inputs.read(rest), len(rest), spool=journal.folder):
            if explainer is not None:
                explainer.write(first, part, pictures)
            first += len(part)
            waiting.append(part)
            if sum(map(len, waiting)) >= ROWS_OF_A_PART or first == len(inputs):
                journal.append(pd.concat(waiting, ignore_index=True))
                waiting.clear()
    if first != len(inputs):
        raise UserError(f"only {first:,} of {len(inputs):,} {noun}s are there: an archive changed; run it again")


def _make_explainer(classifier: PictureClassifier, folder: Path) -> PictureExplainer:
    from pipeline.core import config
    from pipeline.prediction.explained_pictures import PictureExplainer

    attribution = config.build(config.get_section(config.load_params(), "attribution"), "attribution")
    return PictureExplainer(classifier=classifier, attribution=attribution, folder=folder)


def _write_page(
    path: Path,
    title: str,
    out: Path,
    selection: GallerySelection,
    classifier: PictureClassifier,
    inputs: Inputs,
) -> None:
    from pipeline.prediction.gallery import gallery_page, load_pictures

    images = dict(load_pictures(classifier, inputs, set(selection.choice())))
    try:
        artifacts.write_text(path, gallery_page(title, out.name, selection, images, classifier.codec.media))
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be written: {error.strerror}; choose another --annotate") from None
    num_read = selection.num_files - selection.num_refused
    left = num_read - len(images)
    say(f"wrote {path}: {len(images):,} {noun_of(classifier.codec.media)}s" + (f", {left:,} left out" if left else ""))


def export_split(splits: tuple[str, ...], out: Path) -> None:
    """Writes the scores that evaluate stored."""
    from pipeline.prediction.table_files import open_table
    from pipeline.prediction.tables import stored_predictions

    found = stored_predictions(*splits)
    with open_table(out) as table:
        table.append(found)
    path = artifacts.PREDICTOR / "card.json"
    card = artifacts.read_json(path) if path.is_file() else {}
    samples = count_of(len(found), noun_of(media_of_card(card.get("packing") or {})))
    say(f"{samples} of {' and '.join(splits)}, {found['right'].sum():,} of them right", f"wrote {out}")


class Totals:
    """What the summary says, counted part by part."""

    def __init__(self, classes: list[str], noun: str = "picture") -> None:
        self.noun = noun
        self.counts: Counter[str] = Counter(dict.fromkeys(classes, 0))
        self.num_files = self.num_refused = self.num_abstained = self.num_far = 0
        self.confidence = 0.0
        self.refused: list[str] = []

    def add(self, table: pd.DataFrame) -> None:
        """Adds the rows of `predict_files`."""
        from pipeline.core.labels import parse_labels
        from pipeline.core.policy import OUT_OF_DISTRIBUTION

        is_read = table["reason"].isin(["", OUT_OF_DISTRIBUTION])
        read = table[is_read]
        self.num_files += len(table)
        self.num_refused += len(table) - len(read)
        bad = table.loc[~is_read, ["file", "reason"]].itertuples(index=False)
        self.refused += [f"{file}: {reason}" for file, reason in bad][: SHOWN - len(self.refused)]
        for text in read["class" if "class" in table else "labels"]:
            self.counts.update(parse_labels(text) or [NO_LABEL])
        self.num_far += int((read["out_of_distribution"] > 1).sum()) if "out_of_distribution" in table else 0
        self.num_abstained += int(read["abstains"].sum()) if "abstains" in table else 0
        self.confidence += float(read["confidence"].sum()) if "confidence" in table else float("nan")

    def lines(self) -> list[str]:
        """A bar for each class, the mean confidence, and the files that were refused."""
        num_read = self.num_files - self.num_refused
        lines = bar_chart(dict(self.counts)) if num_read else []
        if num_read and self.confidence == self.confidence:
            lines.append(f"mean confidence {self.confidence / num_read:.3f}")
        if self.num_abstained:
            lines.append(
                f"{self.num_abstained:,} of {num_read:,} {self.noun}s left to a person, see the column abstains"
            )
        if self.num_far:
            lines.append(f"{self.num_far:,} of {num_read:,} {self.noun}s out of distribution: far from those of train")
        if self.num_refused:
            lines.append(f"{self.num_refused:,} of {self.num_files:,} files refused:")
            lines += [f"  {one}" for one in self.refused]
            lines += [f"  and {self.num_refused - SHOWN:,} more, see the column reason"] * (self.num_refused > SHOWN)
        return lines
