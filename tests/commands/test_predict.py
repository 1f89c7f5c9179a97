"""colibri predict: a table of every file, and a summary."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from policy_examples import make_policy
from trained_model import make_pictures, make_predictor, save_predictor

from pipeline.commands.main import main
from pipeline.commands.predict import Totals, predict
from pipeline.core import artifacts, progress
from pipeline.prediction import tables
from pipeline.prediction.part_journal import PartJournal
from pipeline.tracking import model_choice

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_predictor(make_predictor(), tmp_path_factory.mktemp("model")))


@pytest.fixture
def folder(project, encode):
    """pictures/ with four pictures, two files that are none, and a text."""
    (project / "pictures").mkdir()
    for number, picture in enumerate(make_pictures(4)):
        (project / f"pictures/{number}.png").write_bytes(encode(picture))
    (project / "pictures/bad.jpg").write_text("hello")
    (project / "pictures/none.png").touch()
    (project / "pictures/notes.txt").touch()
    return project


def test_a_folder(folder, model, capsys):
    main(["predict", "pictures", "--model", model])
    found = pd.read_csv("predictions.csv", keep_default_na=False)
    assert found["file"].tolist() == [
        f"pictures/{name}" for name in ("0.png", "1.png", "2.png", "3.png", "bad.jpg")
    ] + ["pictures/none.png"]
    best = make_predictor().predict(make_pictures(4)[..., None]).argmax(axis=1)
    names = [["ant", "bee", "fly"][one] for one in best]
    assert found["class"].tolist() == [*names, "", ""]
    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == [f"model: {model}; 3 classes", "left out, no pictures by their names: 'pictures/notes.txt'"]
    counts = {line.split()[0]: int(line.split()[1]) for line in shown[2:5]}
    assert counts == {name: names.count(name) for name in ("ant", "bee", "fly")}
    mean = pd.to_numeric(found["confidence"][:4]).mean()
    assert shown[5:] == [
        f"mean confidence {mean:.3f}",
        "2 of 6 files refused:",
        "  pictures/bad.jpg: not_a_picture: starts with b'hello'",
        "  pictures/none.png: empty: 0 bytes",
        "wrote predictions.csv",
    ]


def test_how_many_pictures_are_left_to_a_person(folder, tmp_path, capsys):
    policy = make_policy(3, abstention="confidence", min_confidence=0.425)  # the first of four has 0.43
    model = save_predictor(make_predictor(), tmp_path / "model", policy=policy.to_json())
    main(["predict", "pictures", "--model", str(model)])
    found = pd.read_csv("predictions.csv", keep_default_na=False)
    left = int(found["abstains"][:4].sum())
    assert 0 < left < 4
    assert (found["abstains"][:4] == (pd.to_numeric(found["confidence"][:4]) < 0.425)).all()
    assert f"{left} of 4 pictures left to a person, see the column abstains" in capsys.readouterr().out.splitlines()


def test_what_is_out_of_distribution_is_said_and_not_refused():
    table = {"file": ["a", "b", "c"], "class": ["ant", "", "ant"], "out_of_distribution": [1.5, float("nan"), 1.0]}
    table |= {"abstains": [True] * 3, "reason": ["out of distribution", "empty: 0 bytes", ""]}
    totals = Totals(["ant"])
    totals.add(pd.DataFrame(table))
    assert totals.lines()[-4:] == [
        "2 of 2 pictures left to a person, see the column abstains",
        "1 of 2 pictures out of distribution: far from those of train",
        "1 of 3 files refused:",
        "  b: empty: 0 bytes",
    ]
    assert totals.counts == {"ant": 2}


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_other_formats(folder, model, kind):
    main(["predict", "pictures/0.png", "pictures/bad.jpg", "--model", model, "--out", f"new/out.{kind}"])
    if kind == "parquet":
        assert pd.read_parquet("new/out.parquet")["reason"].tolist() == ["", "not_a_picture: starts with b'hello'"]
    else:
        first, second = map(json.loads, Path("new/out.jsonl").read_text().splitlines())
        assert (first["reason"], second["scores"]) == (None, None)


def test_the_same_bytes_each_time(folder, model):
    main(["predict", "pictures", "--model", model, "--out", "a.csv"])
    main(["predict", "pictures", "--model", model, "--out", "b.csv"])
    assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()


def ends(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code, capsys.readouterr().err.strip()


def test_only_bad_files_end_with_1(folder, model, capsys):
    code, said = ends(["predict", "pictures/bad.jpg", "pictures/none.png", "--model", model], capsys)
    assert (code, said) == (
        1,
        "colibri predict: none of the 2 files could be read; the reasons are in predictions.csv",
    )
    assert len(pd.read_csv("predictions.csv")) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name pictures to classify (colibri predict FOLDER), or one of val, test and both with --split"),
        (["a.png", "--split", "test"], "name pictures to classify (colibri predict FOLDER), or one of"),
        (["--split", "test", "--model", "3"], "--split takes the scores of the last run; leave --model out"),
        (["pictures", "--out", "x.xls"], "--out 'x.xls' must end in .csv, .parquet, .jsonl"),
        (["picture"], "'picture' does not exist; did you mean 'pictures'?"),
    ],
)
def test_what_is_refused_before_a_model_is_loaded(folder, words, message, capsys, monkeypatch):
    monkeypatch.setattr(model_choice, "load_classifier", None)
    code, said = ends(["predict", *words], capsys)
    assert code == 1
    assert said.startswith(f"colibri predict: {message}")


def test_a_list_of_names_that_are_no_utf_8(folder, model, encode, monkeypatch):
    """As find prints them."""
    name = b"pictures/caf\xe9.png"
    Path(os.fsdecode(name)).write_bytes(encode(make_pictures(1)[0]))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(name + b"\npictures/0.png\n"), encoding="utf-8"))
    main(["predict", "-", "--model", model])
    found = pd.read_csv("predictions.csv", keep_default_na=False)
    assert found["file"].tolist() == ["pictures/caf\\udce9.png", "pictures/0.png"]
    assert found["reason"].tolist() == ["", ""]


def test_the_scores_of_a_split(project, capsys):
    rows = {
        "sample_id": ["1.png", "2.png", "3.png"],
        "split": ["val", "test", "test"],
        "labels": [["a"], ["b"], ["a"]],
        "scores": [np.float32([0.75, 0.25]), np.float32([0.5, 0.5]), np.float32([0.875, 0.125])],
        "decided": [["a"], ["a"], ["a"]],
    }
    artifacts.write_table(artifacts.PREDICTIONS, pd.DataFrame(rows), metadata={"classes": ["a", "b"]})
    main(["predict", "--split", "test", "--out", "test.csv"])
    assert Path("test.csv").read_text() == (
        "file,split,true,right,class,confidence,score_a,score_b\n"
        "2.png,test,b,False,a,0.500000,0.500000,0.500000\n"
        "3.png,test,a,True,a,0.875000,0.875000,0.125000\n"
    )
    assert capsys.readouterr().out == "2 pictures of test, 1 of them right\nwrote test.csv\n"
    main(["predict", "--split", "both"])
    assert len(pd.read_csv("predictions.csv")) == 3


@pytest.mark.slow
def test_memory_is_flat(folder, model):
    """1,700 pictures of 224 pixels more are 256 MB; they never are in memory together."""
    large = make_pictures(1)[0].repeat(14, 0).repeat(14, 1)
    for number in range(40):
        (folder / f"pictures/l{number}.pgm").write_bytes(b"P5 224 224 255\n" + large.tobytes())
    code = (
        "import resource, sys\nfrom pipeline.prediction.classifier import PictureClassifier\n"
        "from pipeline.prediction.tables import predict_files\nfrom pathlib import Path\n"
        "one = PictureClassifier.load(Path(sys.argv[1])); one.card['packing']['max_pixels'] = 10**6\n"
        "paths = [f'pictures/l{i % 40}.pgm' for i in range(int(sys.argv[2]))]\n"
        "rows = sum(len(part) for part in predict_files(one, paths)); assert rows == len(paths)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    kilobytes = [
        int(
            subprocess.run(
                [sys.executable, "-c", code, model, count], capture_output=True, text=True, check=True
            ).stdout
        )
        for count in ("300", "2000")
    ]
    assert kilobytes[1] - kilobytes[0] < 30_000


def test_the_bar_of_a_call_that_goes_on_has_all_pictures(folder, model, monkeypatch):
    seen = []

    def stop(classifier, contents, total, **_):
        seen.append((dict(progress._before), total))
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(PartJournal, "num_rows", lambda self: 2)
    monkeypatch.setattr(tables, "predict_contents", stop)
    with pytest.raises(KeyboardInterrupt):
        predict(["pictures"], model, Path("predictions.csv"))
    assert seen == [({"predict": 2}, 4)]


def test_threads_do_not_spin_where_processes_decode(folder, model, monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    main(["predict", "pictures/0.png", "--model", model])
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    main(["predict", "pictures/0.png", "--model", model])
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"  # what a person chose stays
