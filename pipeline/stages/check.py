"""Runs the checks that need the manifest alone, before any network runs."""

from __future__ import annotations

from pipeline.checks.check_runner import merge_samples, report_failures, run_checks, store_findings
from pipeline.checks.media_words import MediaWords
from pipeline.core import artifacts, config, stage_runner
from pipeline.core.finding_text import count_states
from pipeline.core.terminal import count_of
from pipeline.datasets.near_duplicates.pixel_agreement import add_same_picture
from pipeline.media.reader import make_reader
from pipeline.media.thumbnails import load_thumbnails
from pipeline.report.checks import checks_page, linked_samples
from pipeline.report.index import write_index
from pipeline.report.pictures import link_files, side_of


def main() -> list[str]:
    params = config.load_params()
    checks = config.build_all(params, "check")
    manifest, splits, duplicates = map(
        artifacts.read_table, (artifacts.MANIFEST, artifacts.SPLITS, artifacts.DUPLICATES)
    )
    samples = merge_samples(manifest, splits, duplicates)
    reader = make_reader(params, samples)
    samples = add_same_picture(samples, duplicates, reader)
    findings = run_checks("check", checks, samples)
    stored = store_findings(checks, findings, artifacts.CHECKS, MediaWords.of(samples))
    names = linked_samples(stored)
    shown = load_thumbnails(reader, samples, names, side_of(len(names)))
    links, media = link_files(reader.source, samples, names), reader.codec.media
    artifacts.write_text(artifacts.CHECKS_PAGE, checks_page(reader.source.name, "check", stored, shown, links, media))
    write_index(reader.source.name, "check", media=media)
    report_failures("check", artifacts.CHECKS_PAGE, checks, findings)
    artifacts.write_passed("check")
    return [f"{count_of(len(findings), 'check')}: {count_states(findings)}"]


if __name__ == "__main__":
    stage_runner.run("check", main)
