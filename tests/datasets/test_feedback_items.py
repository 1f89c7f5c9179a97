"""Feedback becomes labelled samples below those of the source, or is left out with its reason."""

import pytest
import yaml
from feedback_examples import digest_of, feedback_id, write_feedback
from ingest_examples import source, write_params

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.datasets.feedback_items import add_feedback, read_feedback
from pipeline.datasets.ingestion import Limits, check_quarantine, ingest_pictures
from pipeline.datasets.label_decisions import COLUMNS
from pipeline.media.image import Image
from pipeline.stages import ingest as stage

LEFT_OUT = [(f"{number:064x}", "dog", reason, "Ada") for number, reason in enumerate(("discarded", "contradicted"))]


@pytest.fixture
def pictures(encode, noise):
    return [encode(noise(100 + number)) for number in range(4)]


def configure(folder, **options):
    write_params(folder)
    params = yaml.safe_load(config.PARAMS.read_text())
    params["ingest"] |= options
    config.PARAMS.write_text(yaml.safe_dump(params))


def test_the_stage_adds_them_and_says_how_many(project, picture_folder, pictures):
    configure(picture_folder, max_quarantine_fraction=0.0)
    plain = stage.main()
    before = artifacts.read_table(artifacts.MANIFEST)
    write_feedback("x", [(pictures[0], "cat"), (pictures[1], "dog"), (pictures[2], "wolf")], LEFT_OUT)
    (line,) = stage.main()
    assert plain == ["8 pictures, 2 classes"]
    assert line == "10 pictures, 2 classes, 2 from feedback (3 left out: 1 contradicted, 1 discarded, 1 unknown class)"
    manifest = artifacts.read_table(artifacts.MANIFEST)
    assert manifest["sample_id"].tolist()[8:] == [feedback_id(one) for one in pictures[:2]]
    assert manifest["attr_origin"].tolist() == ["source"] * 8 + ["feedback"] * 2
    assert manifest[["attr_of_label_decided", "attr_of_label_version", "attr_of_label_who"]].iloc[9].tolist() == [
        "cat", "3", "Ada"
    ]  # fmt: skip
    assert manifest["attr_of_label_who"].isna().sum() == 8
    assert manifest[list(before)].head(8).equals(before)
    quarantine = artifacts.read_table(artifacts.QUARANTINE)
    assert quarantine["reason"].tolist() == ["unknown_class", "discarded", "contradicted"]
    assert quarantine["detail"].iloc[0] == "no sample of the source is labelled 'wolf'"


def test_what_may_be_read_is_an_option(project, picture_folder, pictures):
    write_feedback("x", [(pictures[0], "cat"), (pictures[1], "wolf")])
    configure(picture_folder, feedback="never")
    assert stage.main() == ["8 pictures, 2 classes"]
    assert "attr_origin" not in artifacts.read_table(artifacts.MANIFEST)
    configure(picture_folder, feedback_classes="any")
    assert stage.main() == ["10 pictures, 3 classes, 2 from feedback"]
    configure(picture_folder, feedback="all")
    with pytest.raises(UserError, match=r"ingest\.feedback must be 'train', 'any' or 'never', got 'all'"):
        stage.main()


def test_a_picture_that_is_gone_or_damaged_is_refused_and_counts(project, picture_folder, pictures):
    folder = write_feedback("x", [(pictures[0], "cat"), (pictures[1], "dog"), (b"no picture", "dog")])
    (folder / f"pictures/{digest_of(pictures[0])}.png").unlink()
    limits = Limits(max_pixels=9_999, max_quarantine_fraction=0.1)
    assert (
        len(ingest_pictures(source(picture_folder), limits, Image())[0]) == 8
    )  # of the data set "pictures", which has no feedback
    configure(picture_folder, max_quarantine_fraction=0.1)
    with pytest.raises(UserError, match=r"^2 of 11 items were refused.*the first is 'feedback:.*\.png', missing: no"):
        stage.main()
    assert sorted(artifacts.read_table(artifacts.QUARANTINE)["reason"]) == ["missing", "not_a_picture"]


def test_left_out_feedback_makes_no_room_for_broken_pictures(project, picture_folder):
    """One broken picture of eight is 12.5 %, also where a thousand other words were left out."""
    (picture_folder / "cat/0.png").write_bytes(b"text")
    write_feedback("x", [], [(f"{number:064x}", "dog", "not_stored", "Ada") for number in range(1000)])
    configure(picture_folder, max_quarantine_fraction=0.05)
    with pytest.raises(UserError, match=r"^1 of 8 items were refused"):
        stage.main()


def test_a_person_decides_on_feedback_as_on_any_sample(project, picture_folder, pictures):
    write_feedback("x", [(pictures[0], "cat"), (pictures[1], "dog")])
    names = [feedback_id(one) for one in pictures[:2]]
    lines = (f"{names[0]},relabel,cat,dog,Ann,2026-11-24,barks", f"{names[1]},drop,dog,,Ann,2026-11-24,a hand")
    artifacts.write_text(artifacts.decisions_file("x"), "\n".join([",".join(COLUMNS), *lines, ""]))
    configure(picture_folder)
    stage.main()
    manifest = artifacts.read_table(artifacts.MANIFEST).set_index("sample_id")
    assert manifest.loc[names[0], "labels"].tolist() == ["dog"]
    assert artifacts.read_table(artifacts.QUARANTINE)["path"].tolist() == [names[1]]


def test_columns_of_the_source_keep_their_values(project, picture_folder, pictures):
    write_feedback("x", [(pictures[0], "cat|dog"), (pictures[1], "")])
    items = source(picture_folder).read().assign(attr_origin="camera", given_split="train", negative=False)
    items.at[0, "labels"], items.at[0, "negative"] = [], True
    feedback = read_feedback(source(picture_folder), "train")
    assert feedback is None
    from pipeline.images.feedback_pictures import FeedbackPictures

    found = add_feedback(items, FeedbackPictures.of("x").read(), "known")
    assert found["attr_origin"].tolist() == ["camera"] * 8 + ["feedback"] * 2
    assert found["negative"].tolist() == [True, *[False] * 8, True]
    assert found["labels"].tolist()[8:] == [["cat", "dog"], []]
    assert found["given_split"].isna().tolist() == [False] * 8 + [True] * 2


def test_a_source_that_names_a_picture_like_feedback_is_refused(project, picture_folder, pictures):
    write_feedback("x", [(pictures[0], "cat")])
    (picture_folder / "cat/0.png").rename(picture_folder / feedback_id(pictures[1]))
    items = source(picture_folder).read()
    items.loc[0, "path"] = feedback_id(pictures[1])
    with pytest.raises(UserError, match=r"^the source names a picture 'feedback:.*', as only feedback may; rename it$"):
        add_feedback(items, read_feedback(type(source(picture_folder))(name="x", path="p", watch="p"), "train"), "any")


def test_limits_of_the_quarantine_are_those_of_the_source(project, picture_folder, pictures):
    write_feedback("pictures", [(pictures[0], "cat")], LEFT_OUT)
    limits = Limits(max_pixels=9_999, max_quarantine_fraction=0.0)
    manifest, quarantine = ingest_pictures(source(picture_folder), limits, Image())
    check_quarantine(manifest, quarantine, limits)
    assert (len(manifest), len(quarantine)) == (9, 2)
