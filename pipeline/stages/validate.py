"""A Great Expectations suite on the manifest: the run stops at the first broken promise, and the page shows all."""

from __future__ import annotations

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.errors import UserError
from pipeline.datasets.expectations import DATA_DOCS, ManifestExpectations, describe, validate


def main() -> None:
    params = config.load_params()
    promises = config.instantiate(ManifestExpectations, config.get_section(params, "validate"), "validate")
    with artifacts.atomic_write(DATA_DOCS) as pages:
        results = validate(artifacts.read_table(artifacts.MANIFEST), promises, pages)
    artifacts.write_json(
        artifacts.VALIDATION, {"passed": all(one["passed"] for one in results), "expectations": results}
    )
    broken = [one for one in results if not one["passed"]]
    if broken:
        raise UserError(
            f"{len(broken)} of {len(results)} expectations failed: {describe(broken[0])}; all in {artifacts.VALIDATION}"
        )
    artifacts.write_passed("validate")


if __name__ == "__main__":
    stage_runner.run("validate", main)
