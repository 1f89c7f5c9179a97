"""Whatever a document holds, a source reads it or says in one line what is wrong with it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import UserError
from pipeline.datasets.sources.coco import Coco
from pipeline.datasets.sources.darwin import Darwin
from pipeline.datasets.sources.label_studio import LabelStudio
from pipeline.images.decoding import REJECTION_REASONS

KEYS = {
    Coco: "images annotations categories id image_id category_id name file_name attributes ignore",
    Darwin: "version item name path slots type annotations tag properties value text attributes",
    LabelStudio: "id data image annotations result type value choices from_name was_cancelled",
}
LEAVES = ["2.0", "image", "choices", "a.jpg", "../a.jpg", "/data/upload/a.jpg", "\ud800", "", 0, 1, 1.5, None, True]


def documents(keys):
    """JSON made of a format's own keys, so that it gets past the first look."""
    return st.recursive(
        st.sampled_from(LEAVES),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(keys), inner, max_size=5),
        max_leaves=12,
    )


def nearly_right(kind, part):
    """The skeleton of a format around any JSON."""
    if kind is Coco:
        entries = st.lists(
            st.fixed_dictionaries(
                {"id": st.sampled_from([0, 1, "x"]), "file_name": st.sampled_from(["a.jpg", "/a", "\ud800"])},
                optional={"image_id": part, "category_id": part, "name": st.just("cat"), "attributes": part},
            )
            | part,
            max_size=3,
        )
        return st.fixed_dictionaries({"images": entries, "annotations": entries, "categories": entries})
    if kind is Darwin:
        tag = st.fixed_dictionaries({"name": part, "tag": part}, optional={"properties": part, "text": part})
        item = st.fixed_dictionaries({"name": st.just("a.jpg")}, optional={"path": part, "slots": part})
        return st.fixed_dictionaries(
            {"version": st.just("2.0"), "item": item}, optional={"annotations": st.lists(tag), "properties": part}
        )
    result = st.fixed_dictionaries({"type": st.just("choices"), "value": st.fixed_dictionaries({"choices": part})})
    annotation = st.fixed_dictionaries({"result": st.lists(result | part, max_size=2)})
    task = st.fixed_dictionaries(
        {"data": st.fixed_dictionaries({"image": part})}, optional={"annotations": st.lists(annotation)}
    )
    return st.lists(task | part, max_size=3)


@pytest.mark.parametrize("kind", [Coco, Darwin, LabelStudio])
@settings(max_examples=80)
@given(st.data())
def test_it_is_read_or_refused_in_one_line(tmp_path_factory, kind, data):
    part = documents(KEYS[kind].split())
    folder = tmp_path_factory.getbasetemp() / kind.__name__
    folder.mkdir(exist_ok=True)
    (folder / "a.json").write_text(json.dumps(data.draw(part | nearly_right(kind, part))))
    path = folder if kind is Darwin else folder / "a.json"
    try:
        rows = kind(name="x", path=str(path), pictures=str(folder), watch="x").read()
    except UserError as error:
        message = str(error)
    else:
        message = ""
        assert set(rows.get("refused", [])) - {None} <= set(REJECTION_REASONS)
        assert all(labels == sorted(set(labels)) for labels in rows["labels"])
    assert "\n" not in message
