"""colibri init on clips and volumes: folders of films and of frames, and tables that name them."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from films import film, numbered
from PIL import Image

from pipeline.commands.main import main
from pipeline.core import config

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def mp4():
    return film(numbered(8, 32, 32))


@pytest.fixture
def checkout(project):
    shutil.copytree(ROOT / "conf", project / "conf")
    return project


def run(*arguments):
    main(["init", *map(str, arguments), "--name", "mine", "--no-use"])
    content = yaml.safe_load(Path("conf/source/mine.yaml").read_text())
    defaults = {key.removeprefix("override /"): value for one in content["defaults"] for key, value in one.items()}
    return content, defaults, config.build(content["source"], "source")


def npy(seed):
    buffer = io.BytesIO()
    np.save(buffer, np.random.default_rng(seed).integers(0, 256, (20, 24, 28), dtype=np.uint8))
    return buffer.getvalue()


def frames(folder, seed):
    folder.mkdir(parents=True)
    scene = np.random.default_rng(seed).integers(0, 240, (24, 32, 3), dtype=np.uint8)
    for number in range(5):
        Image.fromarray(scene + np.uint8(number)).save(folder / f"{number:03}.png")


def test_a_folder_of_films(checkout, mp4, tmp_path, capsys):
    for name in ("run", "walk"):
        for number in range(3):
            place = tmp_path / f"set/{name}/{'abc'[number]}_{number}.mp4"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(mp4)
    (tmp_path / "set/run/text.mp4").write_text("no film")
    content, defaults, source = run(tmp_path / "set")
    shown = capsys.readouterr().out
    assert "set: clips, a folder per class" in shown
    assert "items: 7, labels: 2, one on each labelled clip (task single_label)" in shown
    assert "sizes of 6 clips looked at: 32 x 32 (6); of 8 to 8 frames" in shown
    assert "fewer than 10 clips each" in shown
    assert "refused, files that are no clips in spite of their names: 1 of 7 files looked at" in shown
    assert (defaults["media"], defaults["embed"], defaults["train"]) == ("clip", "frames", "logistic")
    assert type(source).__name__ == "Clips"
    assert content["image_size"] == 32
    composed = yaml.safe_load(config.compose(overrides=["source=mine"]))
    assert composed["media"]["_target_"] == "pipeline.media.clip.Clip"


def test_folders_of_frames(checkout, tmp_path, capsys):
    for seed, clip in enumerate(("run/run0", "run/run1", "walk/walk0", "walk/walk1")):
        frames(tmp_path / "set" / clip, seed)
    _, defaults, source = run(tmp_path / "set")
    assert "set: frames of clips, a folder per class" in capsys.readouterr().out
    assert defaults["media"] == "clip"
    assert sorted(source.read()["path"]) == ["run/run0", "run/run1", "walk/walk0", "walk/walk1"]


def test_a_table_of_films(checkout, mp4, tmp_path, capsys):
    (tmp_path / "set/films").mkdir(parents=True)
    for name in "abcd":
        (tmp_path / f"set/films/{name}.mp4").write_bytes(mp4)
    rows = [f"{name}.mp4,{'run' if name in 'ab' else 'walk'},{name in 'ac'}" for name in "abc"]
    (tmp_path / "set/labels.csv").write_text("\n".join(["video,label,site", *rows]))
    _, defaults, source = run(tmp_path / "set")
    shown = capsys.readouterr().out
    assert "image from column 'video', label from column 'label'" in shown
    assert "left out, clips that no annotation names: 1" in shown
    assert (defaults["media"], type(source).__name__) == ("clip", "Table")
    assert dict(zip(source.read()["path"], source.read()["labels"], strict=True))["b.mp4"] == ["run"]


def test_a_table_of_folders_of_frames(checkout, tmp_path, capsys):
    for seed in range(4):
        frames(tmp_path / f"set/frames/c{seed}", seed)
    rows = [f"c{seed},{'run' if seed % 2 else 'walk'}" for seed in range(3)]
    (tmp_path / "set/labels.csv").write_text("\n".join(["clip,label", *rows]))
    _, defaults, source = run(tmp_path / "set")
    assert "left out, clips that no annotation names: 1" in capsys.readouterr().out
    assert defaults["media"] == "clip"
    found = source.read()
    assert found["path"].tolist() == ["c0", "c1", "c2", "c3"]
    assert [name for name, _ in source.open("c1").files] == [f"{number:03}.png" for number in range(5)]


def test_a_folder_of_volumes(checkout, tmp_path, capsys):
    for seed, name in enumerate(("left", "right") * 2):
        place = tmp_path / f"set/{name}/v{seed}.npy"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(npy(seed))
    content, defaults, source = run(tmp_path / "set")
    shown = capsys.readouterr().out
    assert "sizes of 4 volumes looked at: 28 x 24 (4); of 20 to 20 slices" in shown
    assert (defaults["media"], type(source).__name__, content["image_size"]) == ("volume", "Volumes", 24)
    assert "/encoder" not in defaults
    assert "mirror" not in str(defaults)


def test_a_table_of_volumes_in_an_archive(checkout, tmp_path):
    (tmp_path / "set").mkdir()
    for seed in range(4):
        (tmp_path / f"set/v{seed}.nii.npy").write_bytes(npy(seed))
    rows = [f"v{seed}.nii.npy,{'left' if seed % 2 else 'right'}" for seed in range(4)]
    (tmp_path / "set/labels.csv").write_text("\n".join(["scan,side", *rows]))
    path = shutil.make_archive(str(tmp_path / "scans"), "zip", tmp_path / "set")
    _, defaults, source = run(path)
    assert (defaults["media"], type(source).__name__) == ("volume", "Archive")
