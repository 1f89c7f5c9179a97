"""Pictures of 12 bits in PNG of 16: one scale from ingest to the packed arrays, the card and what is served."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.core import artifacts, config
from pipeline.datasets.packed import PackedDataset
from pipeline.stages import augment, find_duplicates, ingest, split, train
from pipeline.tracking.pyfunc_model import PyfuncClassifier
from pipeline.training.model_card import load_predictor
from pipeline.training.recipe import SECTIONS, no_log, select_recipe

ROOT = config.Path(__file__).parents[2]
SIDE = 24
OVERRIDES = [
    "source=folder",
    "source.path=deep",
    "encoder=pixels",
    "transform=unit",
    "train=logistic",
    "augmentation=[]",
    f"image_size={SIDE}",
    "augment.margin=0",
    "split.near_duplicate_bits=0",
    "split.fractions={train: 0.5, val: 0.25, test: 0.25}",
]


def pixels(label, number):
    """Dim or bright structure up to 12 bits; all of it is nearly black where 16 bits are taken for white."""
    noise = np.random.default_rng(number).integers(0, 1500, (SIDE, SIDE))
    return (noise + (2595 if label == "bright" else 0)).astype(np.uint16)


@pytest.fixture
def trained(project, encode):
    """Runs all stages from ingest to train on 24 pictures; returns the bytes of each by its path."""
    for label in ("dim", "bright"):
        (project / "deep" / label).mkdir(parents=True)
        for number in range(12):
            data = encode(pixels(label, number + 100 * (label == "dim")), "PNG")
            (project / f"deep/{label}/{number}.png").write_bytes(data)
    (project / "deep/bright/0.png").write_bytes(encode(np.full((SIDE, SIDE), 4095, np.uint16), "PNG"))
    config.PARAMS.write_text(config.compose(ROOT / "conf", OVERRIDES))
    for stage in (ingest, find_duplicates, split, augment):
        stage.main()
    params, packed = config.load_params(), PackedDataset.load()
    recipe, tried = select_recipe({name: config.get_section(params, name) for name in SECTIONS}, packed)
    predictor, history = recipe.fit(packed, no_log)
    train.write(predictor, history, tried, {"source": "pictures", **recipe.card(packed, predictor.task)})
    return {str(path): (project / "deep" / path).read_bytes() for path in packed.index["sample_id"]}


def served():
    model = PyfuncClassifier()
    model.load_context(SimpleNamespace(artifacts={"predictor": str(artifacts.PREDICTOR)}))
    return model


def test_12_bits_are_one_scale_up_to_what_is_served(trained):
    packed = PackedDataset.load()
    rows = packed.index.index.to_numpy()
    predictor, card = load_predictor(artifacts.PREDICTOR)
    assert packed.card["grey_scale"] == card["packing"]["grey_scale"] == [0, 4095]
    assert packed.images[rows].max() == 255
    first = packed.index.loc[packed.index["sample_id"] == "dim/3.png"].index[0]
    expected = np.rint(pixels("dim", 103) / 4095 * 255)
    np.testing.assert_array_equal(packed.images[first][:, :, 0], expected)
    model, inputs = served(), pd.DataFrame({"image": [trained[path] for path in packed.index["sample_id"]]})
    answers = model.predict(None, inputs)
    scores = np.array([[one[name] for name in card["classes"]] for one in answers["scores"]])
    np.testing.assert_array_equal(scores, predictor.predict(packed.images[rows]))
    assert (answers["class"] == packed.index["labels"].map(lambda names: names[0])).mean() == 1
    del model.classifier.card["packing"]["grey_scale"]  # each by the 16 bits of its file: all of it is dim
    assert set(model.predict(None, inputs)["class"]) == {"dim"}


def test_a_brighter_picture_changes_the_scale_and_that_is_said(trained, project, encode, capsys):
    (project / "deep/bright/20.png").write_bytes(encode(np.full((SIDE, SIDE), 9_000, np.uint16), "PNG"))
    capsys.readouterr()
    ingest.main()
    assert (
        "ingest: greys of more than 8 bits go from 0 to 16383 now, and went from 0 to 4095 when the present model was "
        "trained: all of these pictures change, and every result is computed again;"
        " ingest.grey_scale=12 keeps the old scale"
    ) in capsys.readouterr().err
    with_model = artifacts.MANIFEST.read_bytes()
    card = artifacts.PREDICTOR / "card.json"
    for text in (None, "", "[]", '{"source": "pictures"}', '{"source": "pictures", "packing": {"grey_scale": "x"}}'):
        card.unlink(missing_ok=True)
        if text is not None:
            card.write_text(text)
        ingest.main()
        assert "went from" not in capsys.readouterr().err
        assert artifacts.MANIFEST.read_bytes() == with_model  # a message, and no input
