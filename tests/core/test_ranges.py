"""Ranges in the types of options: every type can be read, so that a file's values are held to it."""

import inspect
import re
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import pytest

from pipeline.core.hints import find_misfits

CONF = Path(__file__).parents[2] / "conf"
TARGETS = sorted(
    {
        target
        for path in CONF.rglob("*.yaml")
        for target in re.findall(r"^[^#\n]*_target_: (pipeline\.\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
)
OPTIONS = [
    "pipeline.datasets.expectations.ManifestExpectations",
    "pipeline.datasets.ingestion.Limits",
    "pipeline.datasets.near_duplicates.photo_pairs.DuplicateSearch",
    "pipeline.datasets.packing.Packing",
    "pipeline.evaluation.split_evaluation.Options",
    "pipeline.experiments.listing.Listing",
    "pipeline.experiments.listing.Published",
    "pipeline.experiments.space.Search",
    "pipeline.features.extractor.FeatureOptions",
    "pipeline.tracking.promotion.Options",
    "pipeline.training.lr_range_test.LearningRateRangeTest",
    "pipeline.training.model_selection.CandidateSelection",
]


@pytest.mark.parametrize("target", TARGETS + OPTIONS)
def test_the_types_of_what_files_build_can_be_read(target: str) -> None:
    """A name that only type checkers import would leave all options of a class unchecked, and nobody would notice."""
    module, _, name = target.rpartition(".")
    found = getattr(import_module(module), name)
    taken = set(inspect.signature(found).parameters)
    assert taken <= set(get_type_hints(found if is_dataclass(found) else found.__init__))
    if "seed" in taken:
        assert list(find_misfits(found, {"seed": -1})) == ["seed must be at least 0, got -1"]
    if "on_fail" in taken:
        assert list(find_misfits(found, {"on_fail": "never"})) == ["on_fail must be 'error' or 'warn', got 'never'"]
