"""Tests the manifest with Great Expectations: a failed expectation stops the run, and a page shows all results."""

from __future__ import annotations

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.choices import is_exclusive, is_supervised
from pipeline.core.errors import UserError
from pipeline.core.evaluation_contracts import Aim
from pipeline.core.terminal import count_of
from pipeline.datasets.expectations import (
    DATA_DOCS,
    ManifestExpectations,
    describe,
    refuse_few_classes,
    unused_labels,
    validate,
)
from pipeline.evaluation.threshold_choice import refuse_unfit_aim


def main() -> list[str]:
    params = config.load_params()
    expectations = config.instantiate(ManifestExpectations, config.get_section(params, "validate"), "validate")
    manifest = artifacts.read_table(artifacts.MANIFEST)
    needs_classes = is_supervised(params)
    if needs_classes:
        refuse_few_classes(manifest)
    with artifacts.atomic_write(DATA_DOCS) as pages:
        results = validate(manifest, expectations, pages, needs_classes)
    artifacts.write_json(
        artifacts.VALIDATION, {"passed": all(one["passed"] for one in results), "expectations": results}
    )
    failed = [one for one in results if not one["passed"]]
    if failed:
        raise UserError(
            f"{len(failed)} of {len(results)} expectations failed: {describe(failed[0])}; all in {artifacts.VALIDATION}"
        )
    aim: Aim = config.build(config.get_section(params, "aim"), "aim")
    refuse_unfit_aim(aim, sorted({label for labels in manifest["labels"] for label in labels}), is_exclusive(params))
    artifacts.write_passed("validate")
    notes = [] if needs_classes else unused_labels(manifest)
    return [f"{count_of(len(results), 'expectation')} met", *notes]


if __name__ == "__main__":
    stage_runner.run("validate", main)
