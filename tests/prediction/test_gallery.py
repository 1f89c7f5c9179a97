"""The page of predictions, and the maps."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from policy_examples import make_policy
from trained_model import CLASSES, make_pictures, make_predictor, save_predictor

from pipeline.commands.main import main
from pipeline.core.errors import UserError
from pipeline.evaluation.attributions.none import NoAttribution
from pipeline.evaluation.attributions.occlusion import Occlusion
from pipeline.prediction.classifier import PictureClassifier
from pipeline.prediction.explained_pictures import PictureExplainer, map_name
from pipeline.prediction.gallery import GallerySelection, gallery_page
from pipeline.prediction.tables import predict_files

ROWS = pd.DataFrame(
    {
        "file": ["sure.png", "bad.png", "far.png", "left.png", "unsure.png"],
        "class": ["ant", "", "bee", "ant", "bee"],
        "confidence": [0.9, np.nan, 0.8, 0.4, 0.6],
        "abstains": [False, True, False, True, False],
        "out_of_distribution": [0.2, np.nan, 1.5, 0.1, 1.0],
        "reason": ["", "empty: 0 bytes", "", "", ""],
    }
)


def test_abstained_then_far_then_least_confident():
    selection = GallerySelection(num_shown=3)
    selection.add(ROWS[:2])
    selection.add(ROWS[2:])
    assert [(number, row["file"]) for number, row in selection.choice().items()] == [
        (3, "left.png"),
        (2, "far.png"),
        (4, "unsure.png"),
    ]
    assert (selection.num_files, selection.num_refused, selection.totals) == (5, 1, [1, 1, 2])
    assert selection.counts == {"ant": 2, "bee": 2}
    page = gallery_page("m", "all.csv", selection, {n: np.zeros((8, 8, 1), np.uint8) for n in selection.choice()})
    assert "shows the 3 pictures that most need a look, and leaves 1 out; all.csv has all" in page
    assert re.findall(r"<h2>(.*)</h2>", page) == [
        "Left to a person: 1",
        "Out of distribution: 1",
        "Decided, the least confident first: 2",
        "Could not be read: 1",
    ]
    assert page.index("left.png") < page.index("far.png") < page.index("unsure.png") < page.index("bad.png")


def test_several_labels_are_ordered_by_the_score_nearest_to_one_half():
    rows = pd.DataFrame({"file": ["a", "b"], "labels": ["x|y", ""], "reason": "", "score_x": [0.9, 0.1]})
    selection = GallerySelection()
    selection.add(rows.assign(score_y=[0.9, 0.45]))
    assert [row["file"] for row in selection.choice().values()] == ["b", "a"]
    assert selection.counts == {"x": 1, "y": 1, "(no label)": 1}


def test_names_are_escaped_and_nothing_is_loaded(project, encode, capsys):
    policy = make_policy(3, abstention="confidence", min_confidence=0.4)
    classes = ["ant", "<b>bee</b>", "fly"]
    save_predictor(make_predictor(), project / "model", classes=classes, policy=policy.to_json())
    for number, one in enumerate(make_pictures(4)):
        (project / f"<img src=x onerror=alert({number})>.png").write_bytes(encode(one))
    main(["predict", "*.png", "--model", "model", "--annotate", "look.html"])
    assert "wrote look.html: 4 pictures\n" in capsys.readouterr().out
    page = (project / "look.html").read_text()
    assert "<img src=x" not in page
    assert "<b>bee" not in page
    assert "&lt;img src=x onerror=alert(3)&gt;.png" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert page.count('src="data:image/png') == 4


def test_maps_of_the_pictures_that_were_read(classifier, scans, project):
    paths = ["scans/new/0.png", "scans/old/empty.png", "scans/new/2.png"]
    explainer = PictureExplainer(
        classifier=classifier, attribution=Occlusion(window=0.25, stride=0.25, batch_size=64), folder=project / "maps"
    )
    (table,) = predict_files(classifier, paths)
    pictures = [classifier.read((project / path).read_bytes()) for path in (paths[0], paths[2])]
    explainer.write(10, table, pictures)
    assert sorted(path.name for path in (project / "maps").iterdir()) == ["0000011-0.png", "0000013-2.png"]
    with Image.open(project / "maps/0000011-0.png") as one:
        pixels = np.asarray(one).astype(int)
    assert pixels.shape == (16, 16, 3)
    coloured = np.abs(pixels - pixels.mean(axis=2, keepdims=True)).max(axis=2)
    assert coloured.max() > 50  # the strongest place has three quarters of a colour


def test_the_name_of_a_map_leaves_no_folder():
    assert map_name(0, "../a b/<c>.png") == "0000001-c.png"
    assert map_name(8, "ö.png") == "0000009.png"


def test_a_method_that_makes_no_maps(classifier, tmp_path):
    with pytest.raises(UserError, match=r"^attribution=none makes no maps; choose one"):
        PictureExplainer(classifier=classifier, attribution=NoAttribution(), folder=tmp_path)


def test_the_digest_of_a_model_changes_with_its_policy(tmp_path):
    plain = PictureClassifier.load(save_predictor(make_predictor(), tmp_path / "a"), has_digest=True).digest
    policy = make_policy(len(CLASSES)).to_json()
    other = save_predictor(make_predictor(), tmp_path / "b", policy=policy)
    assert PictureClassifier.load(other, has_digest=True).digest not in ("", plain)
    assert PictureClassifier.load(tmp_path / "a", has_digest=True).digest == plain
