"""What only content tells against the data: labels a model disagrees with, outliers, drift, harmful augmentation."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from pipeline.checks.check_runner import build_checks, conclude, entries, judged_samples
from pipeline.core import artifacts, config, stage_runner
from pipeline.core.content import Content
from pipeline.core.contracts import Source
from pipeline.core.parallel import map_in_order
from pipeline.core.results import Finding
from pipeline.features.extractor import Featuring, Featuriser
from pipeline.features.store import Embeddings
from pipeline.images.decoding import Decoding
from pipeline.images.loading import fitted, glimpses
from pipeline.report.checks import checks_page, pointed_at
from pipeline.report.pictures import MAX_SIDE
from pipeline.report.suspects import NUM_SHOWN, suspects_page

SUSPECT_COLUMNS = ("sample_id", "previous", "labels", "quality", "split")


def main() -> None:
    params = config.load_params()
    checks = build_checks(params, "curate")
    samples = judged_samples(*map(artifacts.read_table, (artifacts.MANIFEST, artifacts.SPLITS, artifacts.TWINS)))
    pictures = Pictures(params, samples)
    content = Content(
        features=Embeddings.load().of(samples["sample_id"]),
        policy=config.build_each(params, "augmentation"),
        pictures=pictures.read,
        embed=pictures.embed,
    )
    findings = {name: check(samples, content) for name, check in checks.items()}
    suspects = suspected(findings)
    rows = pd.Index(samples["sample_id"]).get_indexer(suspects["sample_id"][:NUM_SHOWN])
    artifacts.write_csv(artifacts.SUSPECTS, suspects)
    name = str(config.section(params, "source")["name"])
    artifacts.write_text(artifacts.SUSPECTS_PAGE, suspects_page(name, suspects, pictures.read(rows)))
    told = entries(checks, findings)
    artifacts.write_json(artifacts.CURATION, told)
    shown = glimpses(pictures.source, pictures.decoding, samples, pointed_at(told), MAX_SIDE)
    artifacts.write_text(artifacts.CURATION_PAGE, checks_page(name, "curate", told, shown))
    conclude("curate", artifacts.CURATION_PAGE, checks, findings)
    artifacts.write_passed("curate")


class Pictures:
    """The samples' pictures as they were embedded, read again where a check asks for some of them."""

    def __init__(self, params: dict[str, Any], samples: pd.DataFrame):
        self.samples = samples
        self.featuring: Featuring = config.call(Featuring, config.section(params, "embed"), "embed")
        self.source: Source = config.build(config.section(params, "source"), "source")
        self.decoding = Decoding.of_manifest(params, samples)
        self.featuriser: Featuriser | None = None

    def read(self, rows: np.ndarray) -> np.ndarray:
        """(n, S, S, C) uint8 of these rows."""
        size, channels = int(self.featuring.transform["size"]), int(self.samples["channels"].max())
        chosen = self.samples.iloc[rows]
        items = list(zip(chosen["path"], chosen["content_hash"], strict=True))
        one = partial(fitted, self.source, self.decoding, size, self.featuring.fit, channels)
        return np.stack([np.zeros((size, size, channels), np.uint8), *map_in_order(one, items, len(items), "curate")])[
            1:
        ]

    def embed(self, images: np.ndarray) -> np.ndarray:
        self.featuriser = self.featuriser or Featuriser(self.featuring)
        return self.featuriser(images)


def suspected(findings: dict[str, Finding]) -> pd.DataFrame:
    """The listing of label suspects; empty where that check was not chosen."""
    finding = findings.get("label_suspects")
    if finding is None or finding.listing is None:
        return pd.DataFrame({name: [] for name in SUSPECT_COLUMNS})
    return finding.listing


if __name__ == "__main__":
    stage_runner.run("curate", main)
