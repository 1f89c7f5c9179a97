"""Checks warn or stop, and what they found is written either way."""

import pandas as pd
import pytest
import yaml
from report_material import Page

from pipeline.checks.check_runner import merge_samples
from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.core.stage_runner import run as run_stage
from pipeline.images.decoding import Decoding, content_hash, decode
from pipeline.stages import check as stage

LIMITS = Decoding(max_pixels=10_000)


@pytest.fixture
def run(project, make_manifest, picture_folder):
    """Runs the stage on three a and one b in train and one a in test, of which four are pictures that are there."""

    def main(**checks):
        nodes = {
            name: {"_target_": f"pipeline.checks.{name}.{''.join(part.title() for part in name.split('_'))}", **options}
            for name, options in checks.items()
        }
        source = {
            "_target_": "pipeline.datasets.sources.folder.Folder",
            "name": "pets <b>",
            "path": str(picture_folder),
        }
        params = {"source": {**source, "watch": "x"}, "ingest": {"max_pixels": 10_000}, "check": nodes}
        (project / "params.yaml").write_text(yaml.safe_dump(params))
        paths = [f"cat/{number}.png" for number in range(4)]
        hashes = [content_hash(decode((picture_folder / path).read_bytes(), LIMITS)) for path in paths]
        columns = {"path": [*paths, "gone.png"], "content_hash": [*hashes, "0" * 32]}
        manifest = make_manifest("aaaba", group=["g", None, None, None, "g"], **columns)
        artifacts.write_table(artifacts.MANIFEST, manifest)
        artifacts.write_table(artifacts.DUPLICATES, pd.DataFrame({"left": [], "right": []}))
        splits = pd.DataFrame({"sample_id": manifest["sample_id"][::-1], "split": ["test"] + ["train"] * 4})
        artifacts.write_table(artifacts.SPLITS, splits.assign(group=splits["sample_id"]))
        stage.main()

    return main


def imbalance(max_ratio, on_fail="warn"):
    return {"class_imbalance": {"max_ratio": max_ratio, "on_fail": on_fail}}


def test_a_check_that_passes_is_written_and_silent(run, capsys):
    run(**imbalance(3, "error"))
    written = artifacts.read_json(artifacts.CHECKS)
    advice = written["class_imbalance"].pop("advice")
    assert advice.endswith(".")
    assert written == {
        "class_imbalance": {
            "question": "How much larger is the largest class than the smallest?",
            "value": 3.0,
            "limit": 3,
            "unit": "largest class / smallest class in train",
            "worst": {"b": 1, "a": 3},
            "sentence": "The largest class of train, a, has 3 pictures; the smallest, b, has 1.",
            "pictures": {},
            "table": [],
            "num_rows": 0,
            "obstacle": "",
            "note": "",
            "state": "passed",
            "passed": True,
            "on_fail": "error",
        }
    }
    assert capsys.readouterr().err == ""


def test_a_warning_goes_to_stderr_and_the_run_goes_on(run, capsys):
    run(**imbalance(2))
    assert not artifacts.read_json(artifacts.CHECKS)["class_imbalance"]["passed"]
    finding, advice = capsys.readouterr().err.splitlines()
    sizes = "The largest class of train, a, has 3 pictures; the smallest, b, has 1 (3, at most 2 accepted)"
    assert finding == f"check: warning, class_imbalance: {sizes}"
    assert advice.startswith("  -> Collect more of the smallest classes, or train with imbalance=auto")
    assert advice.endswith(": reports/checks.html#class_imbalance")


def test_an_error_stops_after_all_were_measured_and_names_them(run, capsys):
    missing = {"missing_class": {"on_fail": "error"}}
    message = r"^stopped by class_imbalance: The largest .* at most 2 accepted\) \(also failed: missing_class\)$"
    with pytest.raises(UserError, match=message):
        run(
            **imbalance(2, "error"),
            **missing,
            rare_class={"min_samples": 9, "half_width": 0.2, "min_groups": 1, "on_fail": "warn"},
        )
    assert list(artifacts.read_json(artifacts.CHECKS)) == ["class_imbalance", "missing_class", "rare_class"]
    assert "warning, rare_class" in capsys.readouterr().err


def test_a_run_that_stops_has_its_exit_code_and_its_page(run, capsys):
    leaks = {"split_leakage": {"near_duplicate_bits": 0, "max_samples": 0, "on_fail": "error"}}
    with pytest.raises(SystemExit) as ended:
        run_stage("check", lambda: run(**leaks, **imbalance(3)))
    assert ended.value.code == 1
    first, page, _, ways_out = capsys.readouterr().err.splitlines()
    assert first.startswith("check: stopped by split_leakage: 1 of 1 pictures of validation and test")
    assert page.endswith(": reports/checks.html#split_leakage")
    assert ways_out.endswith("  colibri run check.split_leakage.on_fail=warn")
    html = artifacts.CHECKS_PAGE.read_text(encoding="utf-8")
    page = Page(html)
    assert [card["class"] for card in page.all("article")] == ["card failed"]
    assert [card["id"] for card in page.all("article")] == ["split_leakage"]
    assert "card passed" in [one.get("class") for one in page.all("details")]
    assert "The run stopped before training" in artifacts.INDEX.read_text(encoding="utf-8")
    assert [picture["alt"] for picture in page.all("img")] == ["s00"]  # s04 is gone, and named instead
    assert "s04" in page.text
    assert "pets <b>" in page.text
    first = artifacts.CHECKS.read_bytes()
    with pytest.raises(UserError, match="split_leakage"):
        run(**leaks, **imbalance(3))
    assert (artifacts.CHECKS_PAGE.read_text(encoding="utf-8"), artifacts.CHECKS.read_bytes()) == (html, first)


def test_checks_see_the_source_group_beside_the_joined_one(run):
    with pytest.raises(UserError, match=r"^stopped by split_leakage: 1 of 1 pictures"):
        run(split_leakage={"near_duplicate_bits": 0, "max_samples": 0, "on_fail": "error"})
    assert artifacts.read_json(artifacts.CHECKS)["split_leakage"]["worst"] == {"s04": "test"}


def test_on_fail_is_error_or_warn(run):
    with pytest.raises(UserError, match=r"check\.class_imbalance\.on_fail must be 'error' or 'warn', got 'shout'"):
        run(**imbalance(2, "shout"))


def test_manifest_and_splits_must_fit(make_manifest):
    splits = pd.DataFrame({"sample_id": ["s00", "s00"], "split": "train", "group": "g"})
    with pytest.raises(pd.errors.MergeError, match="not a one-to-one merge"):
        merge_samples(make_manifest("ab"), splits, pd.DataFrame({"left": [], "right": []}))
