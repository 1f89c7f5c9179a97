"""What only content tells against the data: labels a model disagrees with, outliers, drift, harmful augmentation."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from pipeline.checks.check_runner import build_checks, findings_to_json, merge_samples, report_failures
from pipeline.core import artifacts, config, stage_runner
from pipeline.core.content import EmbeddedImages
from pipeline.core.contracts import Source
from pipeline.core.parallel import parallel_map
from pipeline.core.results import Finding
from pipeline.features.extractor import FeatureExtractor, FeatureOptions
from pipeline.features.store import Embeddings
from pipeline.images.decoding import Decoding
from pipeline.images.loading import load_resized, load_thumbnails
from pipeline.report.checks import checks_page, linked_samples
from pipeline.report.pictures import MAX_SIDE
from pipeline.report.suspects import NUM_SHOWN, suspects_page

SUSPECT_COLUMNS = ("sample_id", "previous", "labels", "quality", "split")


def main() -> None:
    params = config.load_params()
    checks = build_checks(params, "curate")
    samples = merge_samples(*map(artifacts.read_table, (artifacts.MANIFEST, artifacts.SPLITS, artifacts.DUPLICATES)))
    pictures = Pictures(params, samples)
    content = EmbeddedImages(
        features=Embeddings.load().of(samples["sample_id"]),
        policy=config.build_all(params, "augmentation"),
        pictures=pictures.read,
        embed=pictures.embed,
    )
    findings = {name: check(samples, content) for name, check in checks.items()}
    suspects = label_suspects(findings)
    rows = pd.Index(samples["sample_id"]).get_indexer(suspects["sample_id"][:NUM_SHOWN])
    artifacts.write_csv(artifacts.SUSPECTS, suspects)
    name = str(config.get_section(params, "source")["name"])
    artifacts.write_text(artifacts.SUSPECTS_PAGE, suspects_page(name, suspects, pictures.read(rows)))
    told = findings_to_json(checks, findings)
    artifacts.write_json(artifacts.CURATION, told)
    shown = load_thumbnails(pictures.source, pictures.decoding, samples, linked_samples(told), MAX_SIDE)
    artifacts.write_text(artifacts.CURATION_PAGE, checks_page(name, "curate", told, shown))
    report_failures("curate", artifacts.CURATION_PAGE, checks, findings)
    artifacts.write_passed("curate")


class Pictures:
    """The samples' pictures as they were embedded, read again where a check asks for some of them."""

    def __init__(self, params: dict[str, Any], samples: pd.DataFrame):
        self.samples = samples
        self.featuring: FeatureOptions = config.instantiate(
            FeatureOptions, config.get_section(params, "embed"), "embed"
        )
        self.source: Source = config.build(config.get_section(params, "source"), "source")
        self.decoding = Decoding.of_manifest(params, samples)
        self.featuriser: FeatureExtractor | None = None

    def read(self, rows: np.ndarray) -> np.ndarray:
        """(n, S, S, C) uint8 of these rows."""
        size, channels = self.featuring.image_size, int(self.samples["channels"].max())
        chosen = self.samples.iloc[rows]
        items = list(zip(chosen["path"], chosen["content_hash"], strict=True))
        one = partial(load_resized, self.source, self.decoding, size, self.featuring.fit, channels)
        return np.stack([np.zeros((size, size, channels), np.uint8), *parallel_map(one, items, len(items), "curate")])[
            1:
        ]

    def embed(self, images: np.ndarray) -> np.ndarray:
        self.featuriser = self.featuriser or FeatureExtractor(self.featuring)
        return self.featuriser(images)


def label_suspects(findings: dict[str, Finding]) -> pd.DataFrame:
    """The listing of label suspects; empty where that check was not chosen."""
    finding = findings.get("label_suspects")
    if finding is None or finding.listing is None:
        return pd.DataFrame({name: [] for name in SUSPECT_COLUMNS})
    return finding.listing


if __name__ == "__main__":
    stage_runner.run("curate", main)
