"""What curate writes about label suspects: every one in the table, the worst on the page."""

import numpy as np
import pandas as pd
import pytest
import yaml
from ingest_examples import MAX_PIXELS, ingest, source
from labelled_features import exchanged, make_features
from report_material import Page

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.results import Finding
from pipeline.stages import curate
from pipeline.stages.curate import SUSPECT_COLUMNS, find_suspects

PLANTED = np.array([3, 10, 17, 24])
CHECK = {
    "_target_": "pipeline.checks.label_suspects.LabelSuspects",
    "max_share": 0.05,
    "num_folds": 3,
    "seed": 0,
    "on_fail": "warn",
}


@pytest.fixture
def given(project, encode, noise):
    """Sixty embedded pictures, four of them in the wrong folder, as the stages before would have left them."""
    features, truth = make_features(num_per_class=20, spread=0.2)
    folder = project / "pictures"
    for row, label in enumerate(exchanged(truth, PLANTED)):
        (folder / "abc"[label]).mkdir(parents=True, exist_ok=True)
        (folder / "abc"[label] / f"{row:02d}.png").write_bytes(encode(noise(row)))
    manifest, _ = ingest(source(folder), MAX_PIXELS)
    names = manifest["sample_id"]
    artifacts.write_table(artifacts.MANIFEST, manifest)
    artifacts.write_table(artifacts.SPLITS, pd.DataFrame({"sample_id": names, "split": "train", "group": names}))
    artifacts.write_table(artifacts.DUPLICATES, pd.DataFrame({"left": [], "right": []}, dtype="str"))
    rows = names.str[2:4].astype(int).to_numpy()
    artifacts.EMBEDDINGS.mkdir(parents=True)
    np.save(artifacts.EMBEDDINGS / "features.npy", features[rows].astype("<f2"))
    artifacts.write_table(artifacts.EMBEDDINGS / "index.parquet", manifest[["sample_id"]])
    artifacts.write_json(artifacts.EMBEDDINGS / "card.json", {})
    return folder


def write_params(folder, **checks):
    params = {
        "source": {
            "_target_": "pipeline.datasets.sources.folder.Folder",
            "name": "pets",
            "path": str(folder),
            "watch": "x",
        },
        "ingest": {"max_pixels": MAX_PIXELS},
        "embed": {"encoder": {}, "transform": {"image_size": 20}, "image_size": 20, "fit": "crop", "batch_size": 8},
        "augmentation": {},
        "curate": checks,
    }
    config.PARAMS.write_text(yaml.safe_dump(params))


def test_the_suspects_are_listed_shown_and_judged(given, capsys):
    write_params(given, label_suspects=CHECK)
    curate.main()
    listed = pd.read_csv(artifacts.SUSPECTS)
    assert list(listed) == list(SUSPECT_COLUMNS)
    assert set(listed["sample_id"].head(4).str[2:4].astype(int)) == set(PLANTED)
    page = Page(artifacts.SUSPECTS_PAGE.read_text())
    assert [one["title"] for one in page.all("img")] == listed["sample_id"].tolist()
    entry = artifacts.read_json(artifacts.CURATION)["label_suspects"]
    assert "listing" not in entry
    assert entry["table"][0].keys() == {"given_label", "true_label", "estimated_share_of_the_true"}
    assert {name for names in entry["pictures"].values() for name in names} <= set(listed["sample_id"])
    assert "curate: warning, label_suspects: " in capsys.readouterr().err


def test_where_it_may_stop_the_run_the_listing_is_there_to_be_worked_on(given):
    write_params(given, label_suspects={**CHECK, "on_fail": "error"})
    with pytest.raises(UserError, match=r"^stopped by label_suspects: Of 60 labels, .* accepted\)$"):
        curate.main()
    assert len(pd.read_csv(artifacts.SUSPECTS)) >= 4
    assert artifacts.SUSPECTS_PAGE.exists()


def test_the_same_bytes_every_time(given):
    write_params(given, label_suspects=CHECK)
    curate.main()
    outputs = (artifacts.CURATION, artifacts.SUSPECTS, artifacts.SUSPECTS_PAGE)
    before = [path.read_bytes() for path in outputs]
    curate.main()
    assert [path.read_bytes() for path in outputs] == before


def test_without_the_check_the_listing_is_empty_and_the_page_says_so(given):
    write_params(given)
    curate.main()
    assert pd.read_csv(artifacts.SUSPECTS).empty
    assert artifacts.SUSPECTS.read_text() == "sample_id,previous,labels,quality,p_suggested,model,split\n"
    assert "The model agrees with every label." in artifacts.SUSPECTS_PAGE.read_text()


def test_a_check_without_a_listing():
    assert find_suspects({"label_suspects": Finding(0.0, 0.0, "x")}).empty
