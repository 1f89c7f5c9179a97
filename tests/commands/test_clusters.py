"""`colibri clusters` and `colibri name-clusters` on a finished run."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from finished_run import paint, write_params
from pretraining_examples import make_packed

from pipeline.commands import clusters, name_clusters
from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.datasets.label_decisions import read_decisions
from pipeline.datasets.packed import PackedDataset
from pipeline.images.decoding import Decoding
from pipeline.images.properties import decode_and_measure

QUICK = ["clusters.num_permutations=39", "clusters.num_resamples=100", "clusters.num_pictures=2"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifacts of 40 dark and light pictures, whose features say which is which, but for every fifth."""
    project, generator = tmp_path_factory.mktemp("project"), np.random.default_rng(0)
    write_params(project)
    names = [f"{'light' if number % 2 else 'dark'}/{number}.png" for number in range(40)]
    hashes = []
    for number, name in enumerate(names):
        path = paint(project / f"data/raw/{name.partition('/')[0]}", f"{number}.png", 90 + 60 * (number % 2), generator)
        hashes.append(decode_and_measure(path.read_bytes(), Decoding(max_pixels=10**6)).content_hash)
    is_light = np.arange(40) % 2
    looks_light = np.where(np.arange(40) % 5 == 0, 1 - is_light, is_light)
    manifest = pd.DataFrame(
        {
            "sample_id": names,
            "path": names,
            "labels": [[name.partition("/")[0]] for name in names],
            "group": names,
            "content_hash": hashes,
            "channels": 1,
            "prop_brightness": looks_light + generator.normal(0, 0.1, 40),
        }
    )
    split = pd.DataFrame(
        {"sample_id": names, "split": np.repeat(["train", "val", "test"], [24, 10, 6]), "group": names}
    )
    artifacts.write_table(project / artifacts.MANIFEST, manifest)
    artifacts.write_table(project / artifacts.SPLITS, split)
    folder = project / artifacts.EMBEDDINGS
    folder.mkdir()
    features = np.eye(2)[looks_light] + generator.normal(0, 0.05, (40, 2))
    np.save(folder / "features.npy", features.astype(np.float16))
    artifacts.write_table(folder / "index.parquet", manifest[["sample_id"]])
    artifacts.write_json(folder / "card.json", {})
    return project


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_pictures_are_grouped_and_named(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(made)
    clusters.main([*QUICK, "clusters.max_clusters=3", "clusters.num_repeats=2"])
    report = artifacts.read_json(artifacts.CLUSTERS)
    assert report["num_fitted"] == 24
    assert [one["num_clusters"] for one in report["curve"]] == [2, 3]
    assert [one["column"] for one in report["findings"]] == ["prop_brightness", "labels"]
    assert report["num_clusters"] == 2
    assert list(report["made_of"]) == ["data/embeddings/card.json", "data/manifest.parquet", "data/splits.parquet"]
    assert "" not in report["made_of"].values()
    assert report["answer"][0].startswith("2 clusters")
    assert "data:image/png" in artifacts.CLUSTERS_PAGE.read_text()
    first = artifacts.CLUSTERS_TABLE.read_bytes()
    text = capsys.readouterr().out
    assert "Names:  reports/cluster_names.csv" in text
    assert "against labels (val): matched accuracy" in text
    with monkeypatch.context() as patch:
        patch.setattr(artifacts, "write_csv", interrupt)
        with pytest.raises(KeyboardInterrupt):
            clusters.main([*QUICK, "clusters.num_repeats=0"], number=2)
    assert not artifacts.CLUSTER_NAMES.exists()  # it would be of other clusters than the table
    clusters.main([*QUICK, "clusters.num_repeats=0"], number=2)
    assert artifacts.CLUSTERS_TABLE.read_bytes() == first  # the same clusters, however their number came about
    names = pd.read_csv(artifacts.CLUSTER_NAMES).assign(name="")
    names["name"] = ["dark", *[""] * (len(names) - 1)]
    artifacts.write_csv(artifacts.CLUSTER_NAMES, names)
    with pytest.raises(UserError, match=r"cluster_names\.csv holds names, which new clusters would replace"):
        clusters.main(QUICK, number=3)
    assert pd.read_csv(artifacts.CLUSTER_NAMES)["name"].tolist()[0] == "dark"
    artifacts.write_csv(artifacts.CLUSTER_NAMES, names.assign(pictures=names["pictures"] - 1))
    with pytest.raises(UserError, match=r"names are of other clusters: 'cluster 1' has"):
        name_clusters.main(who="Ada")
    artifacts.write_csv(artifacts.CLUSTER_NAMES, names)
    name_clusters.main(who="Ada", when="2026-11-29", relabel=True)
    assert "are of test, which is not labelled from clusters" in capsys.readouterr().out
    decisions = read_decisions(artifacts.decisions_file("pictures"))
    assigned = (
        pd.read_csv(artifacts.CLUSTERS_TABLE, dtype=str).set_index("sample_id").query("split != 'test'")["cluster"]
    )
    assert {one.sample_id for one in decisions} == {
        name for name, cluster in assigned.items() if cluster == "cluster 1" and str(name).startswith("light")
    }
    assert all((one.labels, one.previous, one.who) == (["dark"], ["light"], "Ada") for one in decisions)


def test_a_number_is_one_however_yaml_reads_it(made: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(made)
    assert clusters.read_options(config.load_params(), ["clusters.reg_covar=1e-3"], None).reg_covar == 0.001


def test_packed_pictures_that_are_gone_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    packed = make_packed(["train"] * 4)
    monkeypatch.setattr(PackedDataset, "load", lambda: packed)
    lost = packed.index["sample_id"].iloc[0]
    with pytest.raises(
        UserError, match=f"data/packed/ has 1 picture that .* lacks, as '{lost}'; run dvc repro augment"
    ):
        clusters.encode({}, packed.index.iloc[1:])


def test_what_is_refused(made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(made)
    artifacts.remove(artifacts.CLUSTER_NAMES)  # another test wrote names into it
    with pytest.raises(UserError, match=r"'train\.seed=1' is no choice of the section clusters"):
        clusters.main(["train.seed=1"])
    with pytest.raises(UserError, match="train has 24 pictures, fewer than 51 clusters"):
        clusters.main(["clusters.num_repeats=0"], number=51)
    with pytest.raises(UserError, match=r"'clusters\.seed=\[' has a value that YAML cannot read"):
        clusters.main(["clusters.seed=["])
    with pytest.raises(UserError, match=r"data/packed/card\.json does not exist"):
        clusters.main([], features="encoder")
    with pytest.raises(UserError, match="--min-score must be from 0 to 1"):
        name_clusters.main(who="Ada", min_score=2)
    with pytest.raises(UserError, match="--who is empty"):
        name_clusters.main(who=" ")
    with pytest.raises(UserError, match="--when must be a date like 2026-11-29, found 'yesterday'"):
        name_clusters.main(who="Ada", when="yesterday")
    (tmp_path / "params.yaml").write_bytes(Path("params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"reports/cluster_names\.csv does not exist; run colibri clusters"):
        name_clusters.main(who="Ada")
