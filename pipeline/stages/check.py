"""Runs the checks that need the manifest alone, before any network runs."""

from __future__ import annotations

from pipeline.checks.check_runner import merge_samples, report_failures, store_findings
from pipeline.core import artifacts, config, stage_runner
from pipeline.images.reader import make_reader
from pipeline.images.thumbnails import load_thumbnails
from pipeline.report.checks import checks_page, linked_samples
from pipeline.report.index import write_index
from pipeline.report.pictures import link_files, side_of


def main() -> None:
    params = config.load_params()
    checks = config.build_all(params, "check")
    samples = merge_samples(*map(artifacts.read_table, (artifacts.MANIFEST, artifacts.SPLITS, artifacts.DUPLICATES)))
    reader = make_reader(params, samples)
    findings = {name: check(samples) for name, check in checks.items()}
    stored = store_findings(checks, findings, artifacts.CHECKS)
    names = linked_samples(stored)
    shown = load_thumbnails(reader, samples, names, side_of(len(names)))
    links = link_files(reader.source, samples, names)
    artifacts.write_text(artifacts.CHECKS_PAGE, checks_page(reader.source.name, "check", stored, shown, links))
    write_index(reader.source.name, "check")
    report_failures("check", artifacts.CHECKS_PAGE, checks, findings)
    artifacts.write_passed("check")


if __name__ == "__main__":
    stage_runner.run("check", main)
