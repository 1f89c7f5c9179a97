"""Fitted estimators in files: the same bytes for the same estimator, and nothing wild comes back."""

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.training import skops_file

FEATURES = np.random.default_rng(0).random((60, 5)).astype(np.float32)
TRUTH = np.arange(60) % 3
KINDS = {
    "svm": SVC(),
    "neighbours": KNeighborsClassifier(algorithm="brute"),
    "tree": DecisionTreeClassifier(random_state=0),
    "forest": RandomForestClassifier(5, random_state=0),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_was_written_is_read(tmp_path, name):
    fitted = KINDS[name].fit(FEATURES, TRUTH)
    digest = skops_file.write(tmp_path / "a.skops", {"estimator": fitted, "scaling": None})
    found = skops_file.read(tmp_path / "a.skops", digest)
    assert found["scaling"] is None
    np.testing.assert_array_equal(found["estimator"].predict(FEATURES), fitted.predict(FEATURES))
    if name != "svm":
        np.testing.assert_array_equal(found["estimator"].predict_proba(FEATURES), fitted.predict_proba(FEATURES))


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(tmp_path):
    script = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "from pipeline.training import skops_file\n"
        "features = np.random.default_rng(0).random((60, 5)).astype(np.float32)\n"
        "fitted = RandomForestClassifier(5, random_state=0).fit(features, np.arange(60) % 3)\n"
        "skops_file.write(Path(sys.argv[1]), {'estimator': fitted, 'scaling': None})\n"
    )
    skops_file.write(tmp_path / "a", {"estimator": KINDS["forest"].fit(FEATURES, TRUTH), "scaling": None})
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "b")], check=True)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with zipfile.ZipFile(tmp_path / "a") as written:
        assert {one.date_time for one in written.infolist()} == {skops_file.EPOCH}
        assert sum(one.compress_size for one in written.infolist()) < 0.5 * sum(
            one.file_size for one in written.infolist()
        )


def test_what_could_not_be_read_again_is_not_written(tmp_path):
    boosted = HistGradientBoostingClassifier(max_iter=2).fit(FEATURES, TRUTH)
    with pytest.raises(
        UserError, match=r"^a\.skops: .*CyHalfMultinomialLoss.* cannot be saved without pickle; take another"
    ):
        skops_file.write(tmp_path / "a.skops", boosted)
    assert not (tmp_path / "a.skops").exists()


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_damaged_file(tmp_path, damage):
    path = tmp_path / "a.skops"
    digest = skops_file.write(path, SVC().fit(FEATURES, TRUTH))
    data = path.read_bytes()
    path.write_bytes({"cut": data[:-30], "changed": data[:50] + b"x" + data[51:], "empty": b""}[damage])
    with pytest.raises(UserError, match=r"a\.skops is damaged, or not the file that its card describes; run dvc repro"):
        skops_file.read(path, digest)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"a\.skops cannot be read \(FileNotFoundError\); run dvc repro train$"):
        skops_file.read(tmp_path / "a.skops", "0" * 32)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (b"{}", r"is refused \(\w+: .*\); run dvc repro train$"),
        (
            json.dumps(
                {
                    "__class__": "system",
                    "__module__": "os",
                    "__loader__": "FunctionNode",
                    "__id__": 1,
                    "content": {"module_path": "os", "function": "system"},
                    "protocol": 2,
                }
            ).encode(),
            r"is refused \(TypeError: it holds os\.system\)",
        ),
    ],
)
def test_a_crafted_file_with_a_card_that_fits_it(tmp_path, schema, message):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("schema.json", schema)
    (tmp_path / "a.skops").write_bytes(buffer.getvalue())
    with pytest.raises(UserError, match=message) as caught:
        skops_file.read(tmp_path / "a.skops", artifacts.content_digest(buffer.getvalue()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("foreign", [FunctionTransformer(np.exp), SimpleImputer(), MultiOutputClassifier(GaussianNB())])
def test_a_class_that_no_option_fits_is_not_taken(tmp_path, foreign):
    """skops would build it, as any class of scikit-learn."""
    fitted = foreign.fit(FEATURES, np.stack([TRUTH > 0, TRUTH > 1], axis=1))
    data = skops.io.dumps({"estimator": fitted, "scaling": None})
    (tmp_path / "a.skops").write_bytes(data)
    with pytest.raises(UserError, match=rf"is refused .*{type(getattr(fitted, 'estimator', fitted)).__name__}"):
        skops_file.read(tmp_path / "a.skops", artifacts.content_digest(data))


@pytest.mark.parametrize(
    ("field", "value"), [("left_child", 10**6), ("right_child", 0), ("feature", 99), ("feature", -5)]
)
@pytest.mark.parametrize("kind", ["tree", "forest", "several"])
def test_a_tree_whose_branches_lead_out_of_it(tmp_path, field, value, kind):
    """scikit-learn follows them without a look: out of memory, or in a circle for ever."""
    fitted = {**KINDS, "several": MultiOutputClassifier(KINDS["tree"])}[kind].fit(
        FEATURES, np.stack([TRUTH > 0, TRUTH > 1], axis=1).astype(int) if kind == "several" else TRUTH
    )
    inner = fitted if kind == "tree" else fitted.estimators_[-1]
    state = inner.tree_.__getstate__()
    state["nodes"] = state["nodes"].copy()
    state["nodes"][field][0] = value
    inner.tree_.__setstate__(state)
    digest = skops_file.write(tmp_path / "a.skops", fitted)
    with pytest.raises(UserError, match=r"a\.skops (holds a tree whose branches lead out of it|is refused)"):
        skops_file.read(tmp_path / "a.skops", digest)
