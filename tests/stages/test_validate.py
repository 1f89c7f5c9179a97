"""Great Expectations' verdict, normalised: the same manifest gives the same JSON, without clock or random ids."""

import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest
import yaml
from file_options import from_file

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.datasets import expectations
from pipeline.datasets.expectations import ManifestExpectations, describe, refuse_few_classes
from pipeline.stages import validate as stage

# Great Expectations imports deprecated modules of the standard library
pytestmark = [
    pytest.mark.xdist_group("validate"),
    pytest.mark.filterwarnings("ignore:module 'sre_:DeprecationWarning"),
]
PROMISES = {"min_samples": 4, "min_side": 16, "max_side": 64, "channels": [1, 3], "classes": ["a", "b"]}
AS_TRAINED = {"_target_": "pipeline.evaluation.aims.as_trained.AsTrained"}
TASK = {"_target_": "pipeline.training.tasks.single_label.SingleLabel"}
PROPERTIES = (*expectations.UNIT_PROPERTIES, *expectations.SIGNED_PROPERTIES, "jpeg_quality", "entropy", "num_bytes")


def promised(make_manifest, labels="abab"):
    """A manifest that keeps every promise."""
    columns = {f"prop_{name}": [1.0] * len(labels) for name in PROPERTIES}
    return make_manifest(labels, height=16, width=64, channels=3, **columns)


def run(folder, manifest, promises=PROMISES, aim=AS_TRAINED):
    """What the stage wrote, and the line it stopped with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "params.yaml").write_text(yaml.safe_dump({"validate": promises, "aim": aim, "task": TASK}))
        artifacts.write_table(artifacts.MANIFEST, manifest)
        try:
            stage.main()
        except UserError as error:
            return artifacts.VALIDATION.read_text(encoding="utf-8"), str(error)
        return artifacts.VALIDATION.read_text(encoding="utf-8"), None


@pytest.fixture(scope="module")
def passing(tmp_path_factory, make_manifest):
    folder = tmp_path_factory.mktemp("passing")
    return folder, *run(folder, promised(make_manifest))


@pytest.fixture(scope="module")
def failing(tmp_path_factory, make_manifest):
    """Too few rows, a small picture, a property past 1 and one missing, a repeated id, an odd label; run twice."""
    manifest = promised(make_manifest, ["a", ["b", "c"], "b"]).drop(columns="prop_entropy")
    manifest.loc[1, "height"] = 15
    manifest.loc[2, "prop_contrast"] = 1.5
    manifest.loc[2, "sample_id"] = "s00"
    manifest.loc[0, "content_hash"] = "odd"
    return [run(tmp_path_factory.mktemp("failing"), manifest) for _ in range(2)]


def test_a_manifest_that_keeps_every_promise(passing):
    folder, text, error = passing
    written = json.loads(text)
    assert error is None
    assert written["passed"] is True
    assert all(one["passed"] and one["offenders"] == [] for one in written["expectations"])
    assert len(written["expectations"]) == 23
    assert (folder / "reports" / "data_docs" / "index.html").exists()


def test_samples_of_more_axes_have_bounds_of_their_own(make_manifest):
    """What only pictures have is left out where no clip has it; a manifest of pictures has the same as before."""
    manifest = promised(make_manifest)
    promises = expectations.suites(ManifestExpectations(**PROMISES), needs_classes=True)["manifest"]
    for pictures in (manifest, manifest.assign(media="image", prop_motion_energy=0.5, depth=1)):
        assert expectations.of_axes(promises, pictures) == promises
    clips = manifest.drop(columns="prop_jpeg_quality").assign(media="clip", prop_motion_energy=0.5, depth=16)
    found = {one.column: (one.min_value, one.max_value) for one in expectations.of_axes(promises, clips)[-2:]}
    assert found == {"depth": (1, None), "prop_motion_energy": (0, 1)}
    columns = [getattr(one, "column", None) for one in expectations.of_axes(promises, clips)]
    assert "prop_jpeg_quality" not in columns
    assert {"prop_brightness", "height", "sample_id", "prop_entropy"} <= {*columns}


def test_every_broken_promise_is_found(failing):
    written = json.loads(failing[0][0])
    broken = {(one["column"], one["expectation"]): one for one in written["expectations"] if not one["passed"]}
    between = "expect_column_values_to_be_between"
    assert written["passed"] is False
    assert set(broken) == {
        (None, "expect_table_row_count_to_be_between"),
        ("sample_id", "expect_column_values_to_be_unique"),
        ("content_hash", "expect_column_values_to_match_regex"),
        ("height", between),
        ("prop_contrast", between),
        ("prop_entropy", between),
        ("label", "expect_column_values_to_be_in_set"),
    }
    height = broken["height", between]
    assert height["expected"] == {"min_value": 16, "max_value": 64}
    assert height["offenders"] == [{"sample_id": "s01", "value": 15}]
    assert height["observed"] == "1 of 3 values break it"
    assert broken["label", "expect_column_values_to_be_in_set"]["offenders"] == [{"sample_id": "s01", "value": "c"}]
    assert "could not be evaluated" in broken["prop_entropy", between]["observed"]


def test_a_broken_promise_stops_the_run_with_one_line(failing):
    assert failing[0][1] == (
        "7 of 23 expectations failed: expect_column_values_to_be_between on prop_entropy "
        "{'min_value': 0.0, 'max_value': 8.0}, the expectation could not be evaluated (is the column there?); "
        "all in reports/validation.json"
    )


def test_an_aim_for_a_class_that_does_not_exist_stops_the_run_before_training(tmp_path, make_manifest):
    aim = {"_target_": "pipeline.evaluation.aims.best_f1.BestF1", "of": "c"}
    written, line = run(tmp_path, promised(make_manifest), aim=aim)
    assert json.loads(written)["passed"]
    assert line == "params.yaml: aim.of: there is no class 'c'; the classes are a, b"
    assert run(tmp_path, promised(make_manifest), aim={**aim, "of": "b"})[1] is None


def test_a_classifier_needs_two_classes(make_manifest):
    refuse_few_classes(promised(make_manifest))
    one = promised(make_manifest).assign(labels=[["cat"], ["cat"], [], []])
    with pytest.raises(UserError, match=r"needs at least two classes with readable pictures; .* only \['cat'\]$"):
        refuse_few_classes(one)
    with pytest.raises(
        UserError, match=r"only \['cat'\]; source\.empty=own_label makes a class of the pictures that sho"
    ):
        refuse_few_classes(one.assign(negative=[False, False, True, True]))


def test_pictures_without_any_label_are_for_clusters(tmp_path, make_manifest, monkeypatch):
    manifest = promised(make_manifest).assign(labels=[[] for _ in range(4)])
    promises = {**PROMISES, "classes": None}
    monkeypatch.chdir(tmp_path)
    artifacts.write_table(artifacts.MANIFEST, manifest)
    section = {"validate": promises, "aim": AS_TRAINED, "task": TASK}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(section))
    with pytest.raises(UserError, match=r"none of 4 pictures has a label, .* colibri run experiment=clusters"):
        stage.main()
    monkeypatch.setitem(TASK, "_target_", "pipeline.training.tasks.clusters.Clusters")
    assert run(tmp_path, manifest, promises)[1] is None
    one = manifest.assign(labels=[["cat"], [], [], []])  # clusters of which a person has named one
    assert run(tmp_path, one, promises)[1] is None


def test_the_json_is_free_of_clock_and_random_ids(failing, passing):
    assert failing[0] == failing[1]
    for text in (failing[0][0], passing[1]):
        assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}|20\d\d-\d\d|run_(time|id)|/tmp", text)


def test_offenders_are_named():
    result = {
        "expectation": "expect_x",
        "column": "height",
        "expected": {"min_value": 16},
        "observed": "1 of 3 values break it",
        "offenders": [{"sample_id": "s01", "value": 15}],
    }
    assert describe(result) == "expect_x on height {'min_value': 16}, 1 of 3 values break it, first s01 (15)"


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</script><script>alert(1)//",
    "&lt;script&gt;alert(1)&lt;/script&gt; {{7*7}} ${x}",
    "<a href=javascript:alert(1)>&amp;</a>",
]


class Elements(HTMLParser):
    """What a browser would make of pages: elements with the names of their attributes, and the text between them."""

    def __init__(self, folder):
        super().__init__()
        self.found, self.text = Counter(), ""
        for page in sorted(folder.rglob("*.html")):
            self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.found[tag, tuple(sorted(name for name, _ in attrs))] += 1

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, make_manifest):
    """Data Docs of names that hold markup, and of as many tame ones: folder, verdict and line of each."""

    def write(names):
        manifest = promised(make_manifest, names)
        columns = {f"attr_{name}": name for name in names} | {"sample_id": [f"{name}.png" for name in names]}
        manifest = manifest.assign(**columns, content_hash=names, group=names, path=names, prop_contrast=2.0)
        folder = tmp_path_factory.mktemp("docs")
        return folder / "reports/data_docs", *run(folder, manifest, {**PROMISES, "classes": [f"{names[0]} class"]})

    return write(HOSTILE), write([f"tame{number}" for number in range(len(HOSTILE))])


def test_no_page_takes_a_name_for_markup(hostile):
    ours, tame = Elements(hostile[0][0]), Elements(hostile[1][0])
    assert ours.found == tame.found  # not one element or attribute more than for tame names
    assert sum(ours.found.values()) > 100
    assert ours.text.count("<script>alert(1)</script>") >= 2  # a label and a file name, shown as they are


def test_the_verdict_names_them_as_they_are(hostile):
    written = {(one["column"], one["expectation"]): one for one in json.loads(hostile[0][1])["expectations"]}
    labels = written["label", "expect_column_values_to_be_in_set"]
    assert labels["expected"]["value_set"] == [f"{HOSTILE[0]} class"]
    assert labels["offenders"][0] == {"sample_id": f"{HOSTILE[0]}.png", "value": HOSTILE[0]}
    assert [one["value"] for one in labels["offenders"]] == HOSTILE[: expectations.NUM_OFFENDERS]
    assert hostile[0][2].startswith("3 of 23 expectations failed")


@pytest.mark.parametrize("value", [*HOSTILE, "&amp;lt;", "", "ünï", 3, None])
def test_escaped_text_comes_back_as_it_was(value):
    assert expectations.unescape(expectations.escape(value)) == value
    assert not isinstance(value, str) or not set(expectations.escape(value)) & set("<>\"'")


@pytest.mark.parametrize(
    ("sides", "message"),
    [
        ((0, 64), r"^min_side must be at least 1, got 0$"),
        ((65, 64), r"^min_side must be at most max_side, got 65 and 64$"),
    ],
)
def test_refused_choices(sides, message):
    with pytest.raises(ValueError, match=message):
        from_file(ManifestExpectations, **{**PROMISES, "min_side": sides[0], "max_side": sides[1]})


@pytest.mark.parametrize("number", [0, -1])
def test_a_number_of_samples_that_every_manifest_has_is_refused(number):
    with pytest.raises(ValueError, match=f"^min_samples must be at least 1, got {number}$"):
        from_file(ManifestExpectations, **{**PROMISES, "min_samples": number})
