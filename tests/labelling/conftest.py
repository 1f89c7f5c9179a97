"""A labelling server in this process: a few pictures, two classes, files of its own, and a client."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from starlette.testclient import TestClient

from pipeline.datasets.sources.folder import Folder
from pipeline.images.decoding import content_hash
from pipeline.labelling.web.pictures import PictureStore
from pipeline.labelling.web.server import Labelling, create_application
from pipeline.labelling.web.session import Session
from pipeline.labelling.web.views import Views
from pipeline.media.image import Image as ImageMedia
from pipeline.media.reader import SampleReader
from pipeline.serving.gate import Access

NUMBER = 12  # samples: the first four have a label, the next two are of val, the others have none
CLASSES = "name,key,attributes\ncat,c,mood:choice(calm|wild); size:number\ndog,d,\n"


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Folder of pictures and the manifest of a run."""
    folder = tmp_path_factory.mktemp("pictures")
    rows = []
    for row in range(NUMBER):
        label = ["cat", "dog"][row % 2]
        pixels = np.full((20, 30), 20 * row, dtype=np.uint8)
        path = f"{label}/{row}.png"
        (folder / label).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / path)
        rows.append(
            {
                "sample_id": path,
                "path": path,
                "labels": [label] if row < 6 else [],
                "content_hash": content_hash(pixels),
                "perceptual_hash": f"{row // 2:016x}",
                "group": path,
                "prop_brightness": row / NUMBER,
                "attr_site": "north",
                "width": 30,
                "height": 20,
                "depth": 1,
                "split": "train" if row < 4 else "val" if row < 6 else "pool",
            }
        )
    return folder, pd.DataFrame(rows)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The current folder, in which the files are."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def begin(pictures, project):
    """Begins a server: `Labelling`, with the classes that are given as text."""

    def build(classes=CLASSES, exclusive=True, batches=None, decision=None, **choices):
        folder, manifest = pictures
        if decision is not None:
            manifest = manifest.assign(decision=decision)
        path = project / "data/classes/pets.csv"
        if classes:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(classes)
        session = Session(
            source="pets",
            manifest=manifest,
            decisions=project / "data/label_decisions/pets.csv",
            classes=path,
            exclusive=exclusive,
            batches=batches or {},
        )
        source = Folder(name="pets", path=str(folder), watch=str(folder), label_level=1, split_folders=True)
        codec = ImageMedia().codec({"max_pixels": 10_000})
        items = list(manifest[["path", "content_hash"]].itertuples(index=False, name=None))
        store = PictureStore(SampleReader(source=source, codec=codec), items, 2)
        samples = manifest.assign(group=manifest["sample_id"])
        features = np.random.default_rng(0).normal(size=(len(manifest), 8)).astype("<f2")
        views = Views(samples, features, session.state.row_of)
        return Labelling(session=session, views=views, pictures=store, **choices)

    return build


@pytest.fixture
def connect():
    """A client of a server."""

    def build(labelling, key=""):
        return TestClient(create_application(labelling, Access(key=key)), base_url="http://127.0.0.1:5002")

    return build


@pytest.fixture
def lines(project):
    """The rows of the file of decisions."""

    def read():
        path = project / "data/label_decisions/pets.csv"
        return pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")

    return read
