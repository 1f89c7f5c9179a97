"""Everything the manifest alone can tell against the data, before any network runs."""

from __future__ import annotations

from pipeline.checks.check_runner import build_checks, conclude, entries, judged_samples
from pipeline.core import artifacts, config, stage_runner
from pipeline.core.contracts import Source
from pipeline.images.decoding import Decoding
from pipeline.images.loading import glimpses
from pipeline.report.checks import checks_page, pointed_at
from pipeline.report.pictures import MAX_SIDE


def main() -> None:
    params = config.load_params()
    checks = build_checks(params, "check")
    source: Source = config.build(config.section(params, "source"), "source")
    samples = judged_samples(*map(artifacts.read_table, (artifacts.MANIFEST, artifacts.SPLITS, artifacts.TWINS)))
    findings = {name: check(samples) for name, check in checks.items()}
    told = entries(checks, findings)
    artifacts.write_json(artifacts.CHECKS, told)
    shown = glimpses(source, Decoding.of_manifest(params, samples), samples, pointed_at(told), MAX_SIDE)
    artifacts.write_text(artifacts.CHECKS_PAGE, checks_page(source.name, "check", told, shown))
    conclude("check", artifacts.CHECKS_PAGE, checks, findings)
    artifacts.write_passed("check")


if __name__ == "__main__":
    stage_runner.run("check", main)
