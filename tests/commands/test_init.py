"""colibri init on generated places: what it says, what it writes, what it refuses."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pillow_heif
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ingest_examples import ingest
from PIL import Image
from source_examples import MAKERS

from pipeline.commands import init
from pipeline.commands.main import main
from pipeline.core import config, nouns
from pipeline.core.errors import UserError
from pipeline.datasets.discovery.source_file import compose_text

ROOT = Path(__file__).parents[2]
FORMATS = {
    option: target
    for option, target in config.list_targets("source", ROOT / "conf").items()
    if "recognise" in vars(nouns.import_target(target, "source", "source")) and option != "unlabelled"
}


@pytest.fixture
def checkout(project):
    """A project of which init sees conf/."""
    shutil.copytree(ROOT / "conf", project / "conf")
    return project


def picture(path, seed=0, side=20):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def classes(root, *names, number=3):
    for seed, name in enumerate(names):
        for each in range(number):
            picture(root / name / f"{each}.png", seed * number + each)
    return root


def dangling(root, number):
    for one in range(number):
        (root / "cat").mkdir(parents=True, exist_ok=True)
        (root / f"cat/{one}.png").symlink_to("/nowhere")


def run(*arguments):
    main(["init", *map(str, arguments)])


def refused(capsys, *arguments):
    """The one line on stderr."""
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 1
    message = capsys.readouterr().err
    assert message.startswith("colibri init: ")
    assert message.count("\n") == 1
    return message


def written(name):
    """The source of the file; not composed, as the whole takes half a second."""
    content = yaml.safe_load(Path(f"conf/source/{name}.yaml").read_text())
    return config.build(content["source"], "source")


def defaults(name):
    """What the file overrides: group to option."""
    content = yaml.safe_load(Path(f"conf/source/{name}.yaml").read_text())
    entries = [{entry: None} if isinstance(entry, str) else entry for entry in content["defaults"]]
    return {key.removeprefix("override /"): value for entry in entries for key, value in entry.items()}


def project_source():
    (line,) = [one for one in Path("conf/config.yaml").read_text().splitlines() if one.startswith("  - source: ")]
    return line.split()[2]


def test_there_are_formats():
    assert set(FORMATS) >= {"folder", "table", "coco", "voc", "darwin", "label_studio", "idx"}


@pytest.mark.parametrize("option", FORMATS)
def test_each_format_is_recognised_and_read_alike(option, tmp_path, checkout, capsys):
    """A source that recognises itself needs an example, and init must find the choices that its maker knows."""
    place = tmp_path / "pictures"
    place.mkdir()
    known = MAKERS[option](place)
    known.pop("tree", None)  # where init unpacks it is its own choice
    run(place, "--name", "mine")
    shown = capsys.readouterr().out
    task = (
        "multi_label" if option in ("coco", "cvat", "voc") else "single_label"
    )  # the ninth picture shows none of the labels
    noun = {"clips": "clip", "volumes": "volume"}.get(option, "picture")
    number = 8 if option in ("idx", "arrays") else 9
    assert f"items: {number}, labels: 2, one on each labelled {noun} (task {task})" in shown
    params = yaml.safe_load(config.compose())
    assert params["source"]["_target_"] == FORMATS[option]
    assert params["validate"]["min_samples"] == number
    expected = yaml.safe_load(config.compose(ROOT / "conf", [f"source={option}"]))["source"]
    if option == "volumes":
        known["salt"] = params["source"]["salt"]  # a new one for each project
        assert len(known["salt"]) == 32
    expected = config.build({**expected, **known, "name": "mine", "watch": str(place)}, "source")
    found = config.build(params["source"], "source")
    assert found == expected
    pd.testing.assert_frame_equal(found.read(), expected.read())


def test_what_it_says_of_a_split(tmp_path, checkout, capsys):
    for split in ("train", "valid", "test"):
        classes(tmp_path / "set" / split, "cat", "dog", number={"train": 10, "valid": 2, "test": 2}[split])
    shutil.rmtree(tmp_path / "set/valid/dog")
    run(tmp_path / "set")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].endswith("/set: a folder per class, below test, train, valid")
    assert "  cat        14 ########################################" in shown
    assert "  dog        12 ##################################" in shown
    assert "  given split: train 20, val 2, test 4" in shown
    assert "  sizes of 26 pictures looked at: 20 x 20 (26)" in shown
    assert "  - val lacks 'dog'" in shown
    enlarged = "pixels, enlarged from 20: a pretrained network needs fewer pictures"
    assert f"  image_size=64                         {enlarged}" in shown
    assert "  validate.min_samples=26               all there are; the default stops below 100" in shown
    assert shown[-6:] == [
        "conf/config.yaml: '- source: elpv' is now '- source: set', so every run takes these pictures.",
        "To go back, write '- source: elpv' there again.",
        "Next:",
        "  git add conf && git commit -m 'Pictures: set'",
        "  colibri run",
        "  colibri report",
    ]
    assert defaults("set") == {"split": "given", "augmentation": ["mirror", "shift", "exposure"]}
    assert project_source() == "set"


@pytest.mark.parametrize(
    ("parts", "split"), [(("train", "test"), True), (("train", "val"), False), (("val", "test"), False)]
)
def test_a_given_split_is_kept_where_something_is_learnt_and_judged(parts, split, tmp_path, checkout, capsys):
    for part in parts:
        classes(tmp_path / "set" / part, "cat", "dog")
    run(tmp_path / "set")
    assert (defaults("set")["split"] == "given") is split


def test_several_labels_make_the_task(tmp_path, checkout, capsys):
    for number in range(12):
        picture(tmp_path / f"set/{number}.png", number)
    rows = [f"{number}.png,{['red;round', 'red', 'round', 'blue'][number % 4]},p{number // 3}" for number in range(12)]
    (tmp_path / "set/labels.csv").write_text("\n".join(["file,label,patient", *rows]))
    run(tmp_path / "set")
    shown = capsys.readouterr().out
    assert "/experiment/multi_label" in defaults("set")
    assert "several on one picture (task multi_label)" in shown
    assert "image from column 'file', group from column 'patient', label from column 'label', ';' between" in shown
    assert "groups that stay together: 4" in shown
    assert set(written("set").read()["labels"].explode()) == {"red", "round", "blue"}


def test_a_guess_gives_way_to_what_is_told(tmp_path, checkout, capsys):
    for number in range(8):
        picture(tmp_path / f"set/{number}.png", number)
    rows = [f"{number}.png,{'ab'[number % 2]},{'xyz'[number % 3]}" for number in range(8)]
    (tmp_path / "set/labels.csv").write_text("\n".join(["file,one,two", *rows]))
    assert "none of the columns ['one', 'two'] is certainly the label; give it with --label-column" in refused(
        capsys, tmp_path / "set"
    )
    run(tmp_path / "set", "--label-column", "two", "--group-column", "one")
    source = written("set")
    assert (source.label_column, source.group_column, source.attribute_columns) == ("two", "one", [])
    assert "--label-column has no effect on folder" in refused(
        capsys, classes(tmp_path / "folders", "cat", "dog"), "--label-column", "two"
    )


def test_pictures_elsewhere_are_watched_too(tmp_path, checkout, capsys):
    known = MAKERS["coco"](tmp_path / "all/pictures")
    (tmp_path / "all/labels").mkdir()
    document = tmp_path / "all/labels/coco.json"
    Path(known["path"]).rename(document)
    assert "none of the 9 pictures that" in refused(capsys, document)
    run(document, "--pictures", tmp_path / "all/pictures", "--name", "mine")
    source = written("mine")
    assert (source.pictures, source.watch) == (
        str(tmp_path / "all/pictures"),
        [str(document), str(tmp_path / "all/pictures")],
    )


def test_labels_without_their_pictures_are_counted_and_refused(tmp_path, checkout, capsys):
    MAKERS["darwin"](tmp_path / "set")
    for one in (tmp_path / "set").glob("*.png"):
        one.unlink()
    with pytest.raises(UserError, match=r"^none of the 9 pictures .* exists, only their labels; nothing was written"):
        init.main(str(tmp_path / "set"), None, None, False)
    shown = capsys.readouterr().out
    assert "items: 9, labels: 2" in shown
    assert "none of the pictures that it names was found" in shown
    assert (
        "refused, named by an annotation or a link, but missing: 9 of 9 files looked at; the first is '0.png'" in shown
    )
    assert not Path("conf/source/set.yaml").exists()


def test_a_folder_of_data_sets_is_told_apart(tmp_path, checkout, capsys):
    (tmp_path / "sets/cells").mkdir(parents=True)
    MAKERS["voc"](tmp_path / "sets/cells")
    for part in ("train", "test"):
        classes(tmp_path / "sets/clothes" / part, "hat", "shoe")
    message = refused(capsys, tmp_path / "sets")
    assert "holds several data sets: cells (Pascal VOC, 9 XML files" in message
    assert "clothes (a folder per class, below test, train); name one of them, for example colibri init" in message


def test_equal_claims_are_left_to_the_person(tmp_path, checkout, capsys):
    place = tmp_path / "set"
    known = MAKERS["coco"](place)
    shutil.copy(known["path"], place / "second.json")
    message = refused(capsys, place)
    assert "can be read in 2 ways: coco (COCO JSON, coco.json); coco (COCO JSON, second.json)" in message
    run(place / "second.json")
    assert written("second").path == str(place / "second.json")


def test_a_less_likely_reading_can_be_chosen(tmp_path, checkout, capsys):
    place = classes(tmp_path / "set", "cat", "dog")
    rows = [f"{name}/{number}.png,{name}" for name in ("cat", "dog") for number in range(3)]
    (place / "labels.csv").write_text("\n".join(["image,label", *rows]))
    run(place, "--name", "table_first")
    assert "it could also be read as folder (a folder per class)" in capsys.readouterr().out
    run(place, "--name", "folder_told", "--format", "folder")
    assert type(written("table_first")).__name__ == "Table"
    assert type(written("folder_told")).__name__ == "Folder"
    assert (
        "--format 'elpv' is not a format that init can recognise; expected one of ['arrays', 'clips', 'coco',"
        in refused(capsys, place, "--format", "elpv")
    )


def test_pictures_without_labels_are_to_be_grouped(tmp_path, checkout, capsys):
    place = classes(tmp_path / "set", "cat", "dog")
    run(place, "--format", "unlabelled")
    shown = capsys.readouterr().out
    assert "items: 6, labels: 0, none on any picture (task clusters)" in shown
    assert "experiment=clusters" in shown
    assert type(written("set")).__name__ == "Unlabelled"
    params = yaml.safe_load(config.compose())
    assert params["task"]["_target_"] == "pipeline.training.tasks.clusters.Clusters"
    assert params["metric"] == {}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: None, "does not exist; name the folder"),
        (lambda root: root.mkdir(), "it holds no file; name the folder"),
        (lambda root: os.mkfifo(root), "is neither a file nor a folder"),
        (lambda root: [picture(root / f"{n}.png") for n in range(3)], "holds 3 pictures and nothing that labels them"),
        (lambda root: classes(root, "cat"), "holds 3 pictures and nothing that labels them"),
        (lambda root: (root.mkdir(), (root / "a.txt").write_text("x")), "holds 1 files (1 .txt) in no known layout"),
        (
            lambda root: (root.mkdir(), (root / "a.tar.gz").write_text("x")),
            "holds archives alone; name one, for example colibri init",
        ),
        (lambda root: root.write_text("x"), "is a file that no source reads"),
        (
            lambda root: classes(root, "train", "test", "notes"),
            "have siblings ['notes']; move those away, or give --split-fold",
        ),
        (lambda root: (classes(root, "cat"), (root / "dog").mkdir()), "labels them; its folder 'dog' is empty; expec"),
        (
            lambda root: dangling(root, 4),
            "4 of its files are broken links, or pipes, the first is 'cat/0.png' (mount",
        ),
    ],
    ids=["nothing", "empty", "pipe", "flat", "one class", "text", "archive", "file", "beside", "empty class", "links"],
)
def test_what_cannot_be_read_ends_in_one_line(make, message, tmp_path, checkout, capsys):
    make(tmp_path / "set")
    before = sorted(Path("conf/source").iterdir())
    assert message in refused(capsys, tmp_path / "set")
    assert sorted(Path("conf/source").iterdir()) == before


def test_broken_json_names_its_line(tmp_path, checkout, capsys):
    picture(tmp_path / "set/0.png")
    (tmp_path / "set/coco.json").write_text('{"images": [\n{"id": 1, "file_name": "0.png"}, {"id"')
    assert "coco.json: not valid JSON at line 2 column" in refused(capsys, tmp_path / "set")


@pytest.mark.parametrize(
    ("closed", "message"),
    [
        ("", "cannot be opened: Permission denied; correct"),
        ("cat", "nothing that labels them; its folder 'cat' cannot be opened (chmod"),
    ],
)
def test_a_closed_folder(closed, message, tmp_path, checkout, capsys, monkeypatch):
    """By a stand-in for os.scandir, since root may open everything."""
    place = classes(tmp_path / "set", "cat", "dog")
    scandir = os.scandir

    def refusing(folder):
        if Path(folder) == place / closed:
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr("pipeline.datasets.discovery.file_walk.os.scandir", refusing)
    assert message in refused(capsys, place)


@pytest.mark.parametrize("path", [".", "..", "/"])
def test_a_place_around_the_project_is_refused(path, checkout, capsys):
    assert "holds this project itself, and DVC would watch what it writes" in refused(capsys, path)


@pytest.mark.parametrize("name", ["a/b", "../x", "", "1st", "null", "True", "a b", "x" * 65, "ä", "a\n", "-x"])
def test_odd_names_are_refused(name, tmp_path, checkout, capsys):
    place = classes(tmp_path / "set", "cat", "dog")
    assert "must start with a letter and hold only letters, digits" in refused(capsys, place, f"--name={name}")


def test_a_path_that_gives_no_name(tmp_path, checkout, capsys):
    assert "gives no good name for the data set; choose one with --name" in refused(
        capsys, classes(tmp_path / "2024", "cat", "dog")
    )


def test_an_existing_file_is_kept_unless_forced(tmp_path, checkout, capsys):
    place = classes(tmp_path / "folder", "cat", "dog")
    before = Path("conf/source/folder.yaml").read_text()
    assert "conf/source/folder.yaml exists; choose another name with --name" in refused(capsys, place)
    assert Path("conf/source/folder.yaml").read_text() == before
    run(place, "--force")
    assert written("folder").path == str(place)


def test_outside_a_project(tmp_path, project, capsys):
    assert "conf/source/ does not exist here; run this in the project's folder" in refused(
        capsys, classes(tmp_path / "set", "cat", "dog")
    )


def test_inside_the_project_the_path_stays_relative(checkout, capsys, monkeypatch):
    classes(checkout / "data/my pictures/images", "cat", "dog")
    run(checkout / "data/my pictures")
    source = written("my_pictures")
    assert source.path == source.watch == "data/my pictures/images"
    assert len(source.read()) == 6


def test_terminal_escapes_reach_neither_screen_nor_comment(tmp_path, checkout, capsys):
    place = classes(tmp_path / "set\n_target_: evil\x1b[2J", "cat\x1b[31m", "dog\nname: x")
    run(place, "--name", "mine")
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "  cat\\x1b[31m" in shown
    assert "\x1b" not in Path("conf/source/mine.yaml").read_text()
    assert {label for labels in written("mine").read()["labels"] for label in labels} == {"cat\x1b[31m", "dog\nname: x"}


@pytest.mark.parametrize("name", ["${oc.env:HOME}", os.fsdecode(b"caf\xe9")])
def test_a_path_that_conf_cannot_hold(name, tmp_path, checkout, capsys):
    place = classes(tmp_path / name, "cat", "dog")
    assert "Hydra takes ${ for a reference and reads only UTF-8; rename it" in refused(capsys, place, "--name", "x")


def test_a_limit_that_would_stop_the_run_is_named(tmp_path, checkout, capsys):
    place = classes(tmp_path / "set", "cat", "dog")
    (place / "cat/zero.png").touch()
    (place / "cat/page.jpg").write_text("<html>")
    run(place)
    shown = capsys.readouterr().out
    assert "refused, empty files: 1 of 8 files looked at; the first is 'cat/zero.png': 0 bytes" in shown
    assert "refused, files that are no pictures in spite of their names: 1 of 8 files looked at" in shown
    assert "ingest will stop at ingest.max_quarantine_fraction 0.05; repair what is refused" in shown


def test_no_picture_at_all(tmp_path, checkout, capsys):
    place = classes(tmp_path / "set", "cat", "dog")
    for one in place.rglob("*.png"):
        one.write_text("<html>")
    message = refused(capsys, place)
    assert (
        "can be read: files that are no pictures in spite of their names (6 of 6, the first is 'cat/0.png': " in message
    )


def test_one_label_alone(tmp_path, checkout, capsys):
    for number in range(4):
        picture(tmp_path / f"set/{number}.png", number)
    (tmp_path / "set/labels.csv").write_text("image,label\n" + "".join(f"{n}.png,cat\n" for n in range(4)))
    assert "a classifier needs at least two labels, found ['cat']" in refused(capsys, tmp_path / "set")


@given(
    st.dictionaries(
        st.sampled_from(["path", "label_column", "image_column"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.none(),
    ),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=10), max_size=3),
)
def test_whatever_a_choice_holds_yaml_and_hydra_read_it_back(choices, columns):
    from omegaconf import OmegaConf

    node = {
        "_target_": "pipeline.datasets.sources.table.Table",
        "name": "mine",
        **choices,
        "attribute_columns": columns,
    }
    content = compose_text(node, "a table", [])
    assert yaml.safe_load(content)["source"] == node
    if "${" not in content:
        assert OmegaConf.to_container(OmegaConf.create(content))["source"] == node


def outcome(name, path):
    """The name, or why there is none."""
    try:
        return init.check_name(name, path)
    except UserError as error:
        return str(error)


@given(st.text(max_size=12))
def test_whatever_the_folder_is_called_the_name_is_a_name_or_refused(text):
    path = Path("x", *Path(text.replace("\0", "")).parts[-1:])
    name = outcome(None, str(path))
    assert "choose one with --name" in name or (init.NAME.fullmatch(name) and yaml.safe_load(name) == name)


@given(st.text(max_size=12))
def test_a_told_name_is_a_name_or_refused(name):
    result = outcome(name, "x")
    assert "must start with a letter" in result or result == yaml.safe_load(name) == name


def test_json_of_another_kind_is_no_format(tmp_path, checkout, capsys):
    place = tmp_path / "set"
    place.mkdir()
    for number, content in enumerate([[], {}, [1], {"images": 3}, "x", None]):
        (place / f"{number}.json").write_text(json.dumps(content))
    assert "in no known layout" in refused(capsys, place)


def test_what_nobody_chose_is_counted_and_is_neither_class_nor_picture(tmp_path, checkout, capsys):
    place = classes(tmp_path / "set", "cat", "dog")
    for name in ("cat", "dog"):
        (place / name / "Thumbs.db").write_bytes(b"x")
        picture(place / name / "@eaDir/0.png/SYNOPHOTO_THUMB_M.png")
    picture(place / "@eaDir/0.png")
    picture(place / "__MACOSX/0.png")
    run(place)
    shown = capsys.readouterr().out
    assert "items: 6, labels: 2," in shown
    assert "  - ignored, since programs left them there: @eaDir (3), Thumbs.db (2), __MACOSX (1)" in shown
    assert "refused" not in shown
    assert len(written("set").read()) == 6


def test_linked_folders_are_read_and_what_dvc_does_not_see_is_said(tmp_path, checkout, capsys):
    classes(tmp_path / "disk", "cat", "dog")
    (tmp_path / "set").mkdir()
    for name in ("cat", "dog"):
        (tmp_path / "set" / name).symlink_to(tmp_path / "disk" / name)
    (tmp_path / "set/cat/loop").symlink_to(tmp_path / "set")
    run(tmp_path / "set")
    shown = capsys.readouterr().out
    assert "items: 6, labels: 2," in shown
    assert "folders that are links: 2, such as 'cat'; DVC does not look into them, so after a change there run" in shown
    assert "ignored links to a folder that holds them: 1, such as 'cat/loop'" in shown


def test_folders_that_all_hold_the_same_ones_are_asked_about(tmp_path, checkout, capsys):
    for site in ("north", "south"):
        classes(tmp_path / "set" / site, "cat", "dog")
    message = refused(capsys, tmp_path / "set")
    assert "--label-level 1 ('north', 'south') or --label-level 2 ('cat', 'dog')" in message
    run(tmp_path / "set", "--label-level", 2)
    assert {label for labels in written("set").read()["labels"] for label in labels} == {"cat", "dog"}
    run(tmp_path / "set", "--label-level", 1, "--force")
    assert {label for labels in written("set").read()["labels"] for label in labels} == {"north", "south"}
    assert (
        "- the folders of 'north', 'south' hold folders, whose pictures get the outer label" in capsys.readouterr().out
    )
    assert "--label-level takes a whole number, got 'two'" in refused(capsys, tmp_path / "set", "--label-level", "two")


def test_a_table_beside_class_folders_is_named(tmp_path, checkout, capsys):
    place = classes(tmp_path / "set", "part_1", "part_2")
    (place / "notes.csv").write_text("who,when\nAnn,today\n")
    run(place)
    shown = capsys.readouterr().out
    assert "'notes.csv' was not read; if it holds the labels, add --format table" in shown
    assert "the class folders differ only in a number: 'part_1', 'part_2' are no labels if they are parts" in shown


def test_the_guess_of_a_split_gives_way(tmp_path, checkout, capsys):
    for split in ("Training", "Testing"):
        classes(tmp_path / "set" / split, "cat", "dog")
    run(tmp_path / "set")
    assert defaults("set")["split"] == "given"
    run(tmp_path / "set", "--force", "--split", "grouped")
    assert defaults("set")["split"] == "grouped"
    run(tmp_path / "set", "--force", "--split", "random")
    assert defaults("set")["split"] == "random"
    assert "each of its folders holds the same folders" in refused(
        capsys, tmp_path / "set", "--force", "--split-folders", "no"
    )
    run(tmp_path / "set", "--force", "--split-folders", "no", "--label-level", "1")
    assert {label for labels in written("set").read()["labels"] for label in labels} == {"Training", "Testing"}


def test_negatives_make_several_labels_and_can_be_told_otherwise(tmp_path, checkout, capsys):
    place = tmp_path / "set"
    place.mkdir()
    MAKERS["voc"](place)  # of its nine pictures one has an annotation without an object
    run(place)
    shown = capsys.readouterr().out
    assert "/experiment/multi_label" in defaults("set")
    assert (
        "show none of the labels, negatives of a multi-label task: 1; --empty own_label makes a class of them" in shown
    )
    run(place, "--empty", "unlabelled", "--force")
    shown = capsys.readouterr().out
    assert "/experiment/multi_label" not in defaults("set")
    assert "pictures without a label, which take no part in a training for labels: 1" in shown
    run(place, "--empty", "own_label", "--force")
    assert "labels: 3, one on each labelled picture" in capsys.readouterr().out


def test_one_label_and_negatives(tmp_path, checkout, capsys):
    place = tmp_path / "set"
    known = MAKERS["coco"](place)
    content = json.loads(Path(known["path"]).read_text())
    content["annotations"] = [one for one in content["annotations"] if one["category_id"] == "cat"]
    Path(known["path"]).write_text(json.dumps(content))
    message = refused(capsys, place)
    assert "at least two labels, found ['cat']; --empty own_label makes one of the 5 pictures without any" in message
    run(place, "--empty", "own_label")
    assert "labels: 2, one on each labelled picture (task single_label)" in capsys.readouterr().out


@pytest.mark.parametrize("layout", ["beside", "annotations"])
def test_a_document_for_each_part_is_one_data_set(layout, tmp_path, checkout, capsys):
    """As exported to train/ and valid/, or to annotations/ for folders of pictures; the names of pictures repeat."""
    for seed, split in enumerate(("train", "valid")):
        picture(tmp_path / f"set/{split}/0.png", seed)
        picture(tmp_path / f"set/{split}/only_{split}.png", 2 + seed)
        content = {
            "images": [{"id": 1, "file_name": f"only_{split}.png"}, {"id": 2, "file_name": "0.png"}],
            "annotations": [{"image_id": 1, "category_id": 1}, {"image_id": 2, "category_id": 2}],
            "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        }
        file = {"beside": f"{split}/_annotations.coco.json", "annotations": f"annotations/instances_{split}2017.json"}
        (tmp_path / "set" / file[layout]).parent.mkdir(exist_ok=True)
        (tmp_path / "set" / file[layout]).write_text(json.dumps(content))
    run(tmp_path / "set")
    shown = capsys.readouterr().out
    assert "items: 4, labels: 2, one on each labelled picture (task single_label)" in shown
    assert "given split: train 2, val 2" in shown
    table = written("set").read()
    assert sorted(table["path"]) == ["train/0.png", "train/only_train.png", "valid/0.png", "valid/only_valid.png"]
    assert dict(zip(table["path"], table["given_split"], strict=True))["valid/0.png"] == "val"


def table_of_part(place, layout, split, names, extra=""):
    """Its rows as CSV of pandas, with an index and names as the layout has them; the same columns in each part."""
    file, prefix = {
        "one folder": (f"{split}.csv", ""),
        "a folder of pictures each": (f"{split}.csv", ""),
        "folders in the names": (f"labels_{split}.csv", f"{split}/"),
        "imagefolder": (f"{split}/metadata.csv", ""),
        "imagefolder, deeper": (f"{split}/metadata.csv", "images/"),
    }[layout]
    folder = {"one folder": "pictures", "imagefolder, deeper": f"{split}/images"}.get(layout, split)
    lines = [",file_name,label,site,subset"]
    for number, name in enumerate(names):
        picture(place / folder / name, hash_of(f"{split}{name}"))
        lines.append(f"{number},{prefix}{name},{('cat', 'dog')[number % 2]},{'NS'[number // 2 % 2]},{split}")
    (place / file).parent.mkdir(parents=True, exist_ok=True)
    (place / file).write_text("\n".join(lines) + "\n")


def hash_of(text):
    return sum(ord(letter) * (place + 1) for place, letter in enumerate(text))


@pytest.mark.parametrize(
    ("layout", "clash", "splits"),
    [
        ("one folder", False, ("train", "valid", "test")),
        ("a folder of pictures each", True, ("train", "valid", "test")),
        ("a folder of pictures each", False, ("train", "test")),
        ("folders in the names", True, ("train", "test")),
        ("imagefolder", True, ("train", "valid", "test")),
        ("imagefolder, deeper", True, ("train", "test")),
    ],
)
def test_a_table_for_each_part_is_one_data_set(layout, clash, splits, tmp_path, checkout, capsys):
    """CSV files beside pictures, or metadata.csv in each folder; the names of pictures may repeat in other parts."""
    place = tmp_path / "set"
    for split in splits:
        table_of_part(place, layout, split, [f"{'' if clash else split}{number}.png" for number in range(8)])
    run(place)
    shown = capsys.readouterr().out
    assert f"items: {8 * len(splits)}, labels: 2, one on each labelled picture (task single_label)" in shown
    known = {"train": "train", "valid": "val", "test": "test"}
    assert "given split: " + ", ".join(f"{known[one]} 8" for one in splits) in shown
    assert "left out, as each table is a part of the split: column 'subset'" in shown
    assert "left out as row numbers: ['']" in shown
    assert "split=given" in shown
    table = written("set").read()
    assert "refused" not in table
    assert [column for column in table if column.startswith("attr_")] == ["attr_site"]
    pictures = dict(zip(table["path"], table[["labels", "given_split"]].to_numpy().tolist(), strict=True))
    for split in splits:
        folder = {"one folder": "", "imagefolder, deeper": f"{split}/images/"}.get(layout, f"{split}/")
        for number in range(8):
            name = f"{folder}{'' if clash else split}{number}.png"
            assert pictures[name] == [[("cat", "dog")[number % 2]], known[split]]


def test_tables_of_other_columns_are_no_parts_of_one_data_set(tmp_path, checkout, capsys):
    place = tmp_path / "set"
    table_of_part(place, "one folder", "train", [f"{number}.png" for number in range(8)])
    (place / "test.csv").write_text(
        "file,kind\n" + "".join(f"{number}.png,{'xy'[number % 2]}\n" for number in range(4))
    )
    assert "can be read in 2 ways: table (a table, test.csv); table (a table, train.csv)" in refused(capsys, place)


def test_pictures_of_a_format_that_is_not_read_are_items_with_a_reason(tmp_path, checkout, capsys):
    root = classes(tmp_path / "phone", "cat", "dog", number=12)
    (root / "cat/13.jxl").write_bytes(b"\xff\x0a" + bytes(20))
    run(root)
    told = capsys.readouterr().out
    assert "refused, pictures of a format that is not read: 1 of 25 files looked at; the first is 'cat/13.jxl'" in told
    assert "JPEG XL, which is not read: convert it to PNG" in told


@pytest.mark.parametrize(("suffix", "data"), [(".jxl", b"\xff\x0a" + bytes(20)), (".CR2", b"II*\0\x10\0\0\0CR\x02\0")])
def test_a_folder_of_nothing_but_such_pictures(suffix, data, tmp_path, checkout, capsys):
    for name in ("cat/0", "dog/0"):
        (tmp_path / "raw" / name).parent.mkdir(parents=True)
        (tmp_path / f"raw/{name}{suffix}").write_bytes(data)
    message = refused(capsys, tmp_path / "raw")
    assert "pictures of a format that is not read (2 of 2, the first is 'cat/0" in message


def test_heic_is_read(tmp_path, checkout, capsys):
    root = classes(tmp_path / "phone", "cat", "dog", number=2)
    for one in root.rglob("*.png"):
        with Image.open(one) as image:
            pillow_heif.from_pillow(image).save(one.with_suffix(".HEIC"), format="HEIF")
        one.unlink()
    run(root)
    told = capsys.readouterr().out
    assert "refused" not in told
    rows, quarantine = ingest(written("phone"), 10_000)
    assert (len(rows), len(quarantine), set(rows["format"])) == (4, 0, {"HEIF"})


@pytest.mark.parametrize("inner", ["", "inner"])
def test_no_folder_is_listed_twice(inner, tmp_path, checkout, monkeypatch, capsys):
    """On a disk in a network a listing of a million files takes minutes."""
    picture(tmp_path / "set" / inner / "images/deep/0.png")
    picture(tmp_path / "set" / inner / "images/deep/1.png", 1)
    rows = [f"{number % 2}.png,{'ab'[number % 2]}" for number in range(2)]
    (tmp_path / "set" / inner / "labels.csv").write_text("\n".join(["file,label", *rows]))
    seen = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (seen.append(str(path)), scan(path))[1])
    run(tmp_path / "set", "--label-column", "label")
    below = [one for one in seen if one.startswith(str(tmp_path / "set"))]
    assert len(below) == len({*below}) == 3 + bool(inner)


def test_only_the_file_is_written_where_the_project_keeps_its_source(tmp_path, checkout, capsys):
    before = Path("conf/config.yaml").read_bytes()
    run(classes(tmp_path / "set", "cat", "dog"), "--no-use")
    shown = capsys.readouterr().out
    assert Path("conf/config.yaml").read_bytes() == before
    assert "write '- source: set' into the defaults of conf/config.yaml." in shown
    assert "  colibri run source=set\n" in shown


def test_a_line_that_is_not_understood_is_left_alone(tmp_path, checkout, capsys):
    file = Path("conf/config.yaml")
    file.write_text(file.read_text().replace("  - source: elpv ", "  - source@source: elpv "))
    before = file.read_bytes()
    run(classes(tmp_path / "set", "cat", "dog"))
    shown = capsys.readouterr().out
    assert file.read_bytes() == before
    assert "conf/config.yaml was left as it is: conf/config.yaml has no line like '- source: NAME'." in shown
    assert "  colibri run source=set\n" in shown


def test_params_follow_the_new_source(tmp_path, checkout, capsys):
    shutil.copy(ROOT / "dvc.yaml", checkout)
    config.PARAMS.write_text(config.compose())
    run(classes(tmp_path / "set", "cat", "dog"))
    run(classes(tmp_path / "other", "cat", "dog"))
    assert config.PARAMS.read_text() == config.compose()
    assert config.load_params()["source"]["watch"] == str(tmp_path / "other")
    edited = config.PARAMS.read_text().replace("seed: 0", "seed: 7", 1)
    config.PARAMS.write_text(edited)
    run(classes(tmp_path / "third", "cat", "dog"))
    assert config.PARAMS.read_text() == edited
    assert "params.yaml holds values that conf/ does not explain; the run will list them." in capsys.readouterr().out


def test_a_name_with_a_wrong_letter_is_suggested(tmp_path, checkout, capsys):
    classes(tmp_path / "clothing", "cat", "dog")
    message = refused(capsys, tmp_path / "clohting")
    assert f"clohting' does not exist; did you mean '{tmp_path}/clothing'?" in message
    assert "did you mean" not in refused(capsys, tmp_path / "zzz")
    assert "did you mean" not in refused(capsys, tmp_path / "none/clothing")


@pytest.mark.parametrize(
    ("path", "expected"),
    [("screws/labels.csv", "screws"), ("screws/annotations.json", "screws"), ("screws/rust.csv", "rust")],
)
def test_a_table_with_a_name_that_many_have_is_called_as_its_folder(path, expected, tmp_path):
    (tmp_path / path).parent.mkdir()
    (tmp_path / path).touch()
    assert init.check_name(None, str(tmp_path / path)) == expected
