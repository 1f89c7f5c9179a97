"""Runs the checks of what pictures show: labels a model disagrees with, outliers, drift, harmful augmentation."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from pipeline.checks.check_runner import merge_samples, report_failures, run_checks, store_findings
from pipeline.checks.media_words import MediaWords
from pipeline.core import artifacts, config, stage_runner
from pipeline.core.content import EmbeddedImages
from pipeline.core.finding_text import count_states
from pipeline.core.open_types import Params
from pipeline.core.parallel import parallel_map
from pipeline.core.results import Finding
from pipeline.core.terminal import count_of
from pipeline.features.extractor import FeatureExtractor, FeatureOptions
from pipeline.features.store import Embeddings
from pipeline.media.reader import make_reader
from pipeline.media.thumbnails import load_thumbnails
from pipeline.report.checks import checks_page, linked_samples
from pipeline.report.index import write_index
from pipeline.report.pictures import link_files, side_of
from pipeline.report.suspects import NUM_SHOWN, suspects_page

SUSPECT_COLUMNS = ("sample_id", "previous", "labels", "quality", "p_suggested", "model", "split")


def main() -> list[str]:
    params = config.load_params()
    checks = config.build_all(params, "curate")
    samples = merge_samples(*map(artifacts.read_table, (artifacts.MANIFEST, artifacts.SPLITS, artifacts.DUPLICATES)))
    pictures = Pictures(params, samples)
    content = EmbeddedImages(
        features=Embeddings.load().of(samples["sample_id"]),
        policy=config.build_all(params, "augmentation"),
        pictures=pictures.read,
        embed=pictures.embed,
    )
    findings = run_checks("curate", checks, samples, content)
    suspects = find_suspects(findings)
    name, media = pictures.reader.source.name, pictures.reader.codec.media
    artifacts.write_csv(artifacts.SUSPECTS, suspects)
    shown = pictures.show(suspects["sample_id"][:NUM_SHOWN].tolist())
    decisions = artifacts.decisions_file(name)
    text = suspects_page(name, suspects, *shown, decisions, _obstacle(findings), media)
    artifacts.write_text(artifacts.SUSPECTS_PAGE, text)
    stored = store_findings(checks, findings, artifacts.CURATION, MediaWords.of(samples))
    shown = pictures.show(linked_samples(stored))
    artifacts.write_text(artifacts.CURATION_PAGE, checks_page(name, "curate", stored, *shown, media))
    write_index(name, "curate", media=media)
    report_failures("curate", artifacts.CURATION_PAGE, checks, findings)
    artifacts.write_passed("curate")
    return [f"{count_of(len(findings), 'check')}: {count_states(findings)}; {count_of(len(suspects), 'label suspect')}"]


class Pictures:
    """The samples' pictures as they were embedded, read again where a check asks for some of them."""

    def __init__(self, params: Params, samples: pd.DataFrame):
        self.samples = samples
        self.featuring: FeatureOptions = config.instantiate(
            FeatureOptions, config.get_section(params, "embed"), "embed"
        )
        self.reader = make_reader(params, samples)
        self.storage = self.reader.storage(
            self.featuring.image_size, self.featuring.fit, int(samples["channels"].max())
        )
        self.featuriser: FeatureExtractor | None = None

    def read(self, rows: np.ndarray) -> np.ndarray:
        """(n, *spatial, C) uint8 of these rows."""
        chosen = self.samples.iloc[rows]
        items = list(zip(chosen["path"], chosen["content_hash"], strict=True))
        load = partial(self.reader.load_stored, storage=self.storage)
        found = parallel_map(load, items, len(items), "curate")
        return np.stack([np.zeros(self.storage.shape, np.uint8), *found])[1:]

    def show(self, names: list[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """The pictures of these samples for a page, whole, and the addresses of their files."""
        shown = load_thumbnails(self.reader, self.samples, names, side_of(len(names)))
        return shown, link_files(self.reader.source, self.samples, names)

    def embed(self, images: np.ndarray) -> np.ndarray:
        self.featuriser = self.featuriser or FeatureExtractor(self.featuring)
        return self.featuriser(images)


def find_suspects(findings: dict[str, Finding]) -> pd.DataFrame:
    """The samples whose labels a check lists for people to decide; empty where none of the chosen checks does."""
    found = _suspecting(findings)
    listing = None if found is None else found.listing
    return pd.DataFrame({name: [] for name in SUSPECT_COLUMNS}) if listing is None else listing


def _obstacle(findings: dict[str, Finding]) -> str:
    """Why that check cannot judge the labels; empty where it can, or is not chosen."""
    found = _suspecting(findings)
    return "" if found is None else found.obstacle


def _suspecting(findings: dict[str, Finding]) -> Finding | None:
    listing = [one for one in findings.values() if one.listing is not None and {*SUSPECT_COLUMNS} <= {*one.listing}]
    return listing[0] if listing else None


if __name__ == "__main__":
    stage_runner.run("curate", main)
