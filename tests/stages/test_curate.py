"""What only content shows is written first, then warns or stops."""

import numpy as np
import pandas as pd
import pytest
from report_material import Page

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.results import Finding
from pipeline.core.stage_runner import run as run_stage
from pipeline.stages import curate, embed

WRITTEN = (artifacts.CURATION, artifacts.CURATION_PAGE, artifacts.SUSPECTS, artifacts.SUSPECTS_PAGE)


def outliers(max_deviations, on_fail):
    node = {"_target_": "pipeline.checks.outliers.Outliers", "num_neighbours": 2, "max_share": 0.0}
    return {"outliers": {**node, "max_deviations": max_deviations, "on_fail": on_fail}}


@pytest.fixture
def curated(ingested):
    """Embeds, then curates with the given checks."""
    ingested("embed=color_histogram")
    embed.main()

    def run(**checks):
        ingested("embed=color_histogram", curate=checks)
        curate.main()

    return run


def test_a_check_that_passes_writes_everything(curated, capsys):
    curated(**outliers(1e6, "error"))
    assert all(path.stat().st_size for path in WRITTEN)
    assert capsys.readouterr().err == ""
    assert artifacts.read_json(artifacts.CURATION)["outliers"]["passed"]
    page = Page(artifacts.CURATION_PAGE.read_text(encoding="utf-8"))
    assert page.open == []
    assert page.all("article") == []
    assert "card passed" in [one.get("class") for one in page.all("details")]
    assert "1 check: 1 passed." in artifacts.INDEX.read_text(encoding="utf-8")
    assert {picture["alt"] for picture in page.all("img")} == set(artifacts.read_table(artifacts.MANIFEST)["sample_id"])


def test_a_warning_goes_to_stderr(curated, capsys):
    curated(**outliers(0.01, "warn"))
    assert not artifacts.read_json(artifacts.CURATION)["outliers"]["passed"]
    assert capsys.readouterr().err.startswith("curate: warning, outliers: ")


def test_an_error_ends_with_its_exit_code_after_everything_was_written(curated, capsys):
    with pytest.raises(SystemExit) as ended:
        run_stage("curate", lambda: curated(**outliers(0.01, "error")))
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("curate: stopped by outliers: ")
    assert ": reports/curation.html#outliers\n" in said
    assert said.endswith("colibri run curate.outliers.on_fail=warn\n")
    assert all(path.stat().st_size for path in WRITTEN)
    page = Page(artifacts.CURATION_PAGE.read_text(encoding="utf-8"))
    assert [card["class"] for card in page.all("article")] == ["card failed"]
    assert len(page.all("img")) == 8
    assert "of them stops the run" in page.text


def test_the_same_bytes_every_time(curated):
    curated(**outliers(0.01, "warn"))
    first = [path.read_bytes() for path in WRITTEN]
    curated(**outliers(0.01, "warn"))
    assert [path.read_bytes() for path in WRITTEN] == first


def test_no_check_at_all(curated):
    curated()
    assert artifacts.read_json(artifacts.CURATION) == {}
    assert "No check was run." in artifacts.CURATION_PAGE.read_text(encoding="utf-8")
    assert pd.read_csv(artifacts.SUSPECTS).empty


def test_other_embeddings_than_the_manifest_are_refused(curated):
    manifest = artifacts.read_table(artifacts.MANIFEST)
    artifacts.write_table(artifacts.MANIFEST, manifest.assign(sample_id="x" + manifest["sample_id"]))
    splits = artifacts.read_table(artifacts.SPLITS)
    artifacts.write_table(artifacts.SPLITS, splits.assign(sample_id="x" + splits["sample_id"]))
    with pytest.raises(KeyError, match="xcat"):
        curated(**outliers(1.0, "warn"))


def test_on_fail_is_error_or_warn(curated):
    with pytest.raises(UserError, match=r"curate\.outliers\.on_fail must be 'error' or 'warn', got 'shout'"):
        curated(**outliers(1.0, "shout"))


def test_suspects_are_the_listing_of_labels_whatever_its_check_is_called():
    listing = pd.DataFrame({name: ["a"] for name in curate.SUSPECT_COLUMNS})
    far = pd.DataFrame({"sample_id": ["b"], "deviations": np.array([6.0])})
    findings = {
        name: Finding(value=0.0, limit=1.0, unit="x", listing=one) for name, one in (("far", far), ("mine", listing))
    }
    assert curate.find_suspects(findings) is listing
    assert list(curate.find_suspects({})) == list(curate.SUSPECT_COLUMNS)
