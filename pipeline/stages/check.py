"""Everything the manifest alone can tell against the data, before any network runs."""

from __future__ import annotations

from pipeline.core import config, files, stage
from pipeline.core.contracts import Source
from pipeline.core.findings import build_checks, conclude, entries, judged_samples
from pipeline.core.looking import glimpses
from pipeline.core.pictures import Decoding
from pipeline.report.checks import checks_page, pointed_at
from pipeline.report.pictures import MAX_SIDE


def main() -> None:
    params = config.load_params()
    checks = build_checks(params, "check")
    source: Source = config.build(config.section(params, "source"), "source")
    samples = judged_samples(*map(files.read_table, (files.MANIFEST, files.SPLITS, files.TWINS)))
    findings = {name: check(samples) for name, check in checks.items()}
    told = entries(checks, findings)
    files.write_json(files.CHECKS, told)
    shown = glimpses(source, Decoding.of_manifest(params, samples), samples, pointed_at(told), MAX_SIDE)
    files.write_text(files.CHECKS_PAGE, checks_page(source.name, "check", told, shown))
    conclude("check", files.CHECKS_PAGE, checks, findings)


if __name__ == "__main__":
    stage.run("check", main)
