"""Everything the manifest alone can tell against the data, before any network runs."""

from __future__ import annotations

from pipeline.core import config, files, stage
from pipeline.core.findings import build_checks, conclude, judged_samples


def main() -> None:
    params = config.load_params()
    checks = build_checks(config.section(params, "check"), "check")
    samples = judged_samples(*map(files.read_table, (files.MANIFEST, files.SPLITS, files.TWINS)))
    findings = {name: check(samples) for name, check in checks.items()}
    conclude("check", files.CHECKS, checks, findings)


if __name__ == "__main__":
    stage.run("check", main)
