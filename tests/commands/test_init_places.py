"""colibri init on archives, on URLs, and where labels and pictures are in different places."""

import csv
import functools
import http.server
import shutil
import tarfile
import threading
import zipfile
from pathlib import Path

import fsspec
import numpy as np
import pytest
import yaml
from PIL import Image

from pipeline.commands.main import main
from pipeline.core import config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(project):
    """A project of which init sees conf/."""
    shutil.copytree(ROOT / "conf", project / "conf")
    return project


def picture(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def classes(root):
    for seed, name in enumerate(("cat/0", "cat/1", "dog/0", "dog/1")):
        picture(root / f"{name}.png", seed)
    return root


def labels(file, prefix=""):
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as out:
        rows = [(f"{prefix}{name}/{n}.png", name) for name in ("cat", "dog") for n in (0, 1)]
        csv.writer(out).writerows([("image", "label"), *rows])
    return file


def run(*arguments):
    main(["init", *map(str, arguments)])


def refused(capsys, *arguments):
    """The one line on stderr."""
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    return message


def written(name):
    return config.build(yaml.safe_load(Path(f"conf/source/{name}.yaml").read_text())["source"], "source")


def contents(source):
    """Path and label of each item, which can all be read."""
    rows = source.read()
    assert all(source.open(path) for path in rows["path"])
    return sorted(zip(rows["path"], rows["labels"].str[0], strict=True))


EXPECTED = [("cat/0.png", "cat"), ("cat/1.png", "cat"), ("dog/0.png", "dog"), ("dog/1.png", "dog")]


def pack(place, archive, around=""):
    files = sorted(place.rglob("*.*"))
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as out:
            for file in files:
                out.write(file, f"{around}{file.relative_to(place)}")
            out.writestr(f"__MACOSX/{around}._x", b"x")
    else:
        with tarfile.open(archive, "w:gz") as out:
            for file in files:
                out.add(file, f"{around}{file.relative_to(place)}")
    return archive


@pytest.mark.parametrize("around", ["", "pets/", "a/b/"])
@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_an_archive_is_unpacked_and_its_format_found(around, ending, tmp_path, checkout, capsys):
    archive = pack(classes(tmp_path / "made"), tmp_path / f"my pets.{ending}", around)
    run(archive)
    shown = capsys.readouterr().out
    assert "an archive: a folder per class" in shown
    assert "items: 4, labels: 2" in shown
    source = written("my_pets")
    assert (source.path, source.watch, source.tree) == (str(archive), str(archive), ".cache/trees/my_pets")
    assert contents(source) == EXPECTED


def test_a_table_in_an_archive_with_pictures_in_a_folder_of_it(tmp_path, checkout, capsys):
    classes(tmp_path / "made/images")
    labels(tmp_path / "made/labels.csv")
    archive = pack(tmp_path / "made", tmp_path / "set.zip")
    run(archive, "--pictures", "images")
    assert "an archive: a table, labels.csv" in capsys.readouterr().out
    inner = written("set").inner
    assert (inner.path, inner.pictures) == (".cache/trees/set/labels.csv", ".cache/trees/set/images")
    assert contents(written("set")) == EXPECTED


def test_names_of_another_code_page_are_refused_until_it_is_named(tmp_path, checkout, capsys):
    class Raw(zipfile.ZipInfo):
        def _encodeFilenameFlags(self):
            return self.raw, self.flag_bits & ~0x800

    with zipfile.ZipFile(tmp_path / "far.zip", "w") as out:
        for seed, name in enumerate(("猫/0.png", "狗/0.png")):
            picture(tmp_path / "x.png", seed)
            info = Raw(f"{seed}.png")
            info.raw = name.encode("gbk")
            out.writestr(info, (tmp_path / "x.png").read_bytes())
    message = refused(capsys, tmp_path / "far.zip")
    assert "none of its 2 files is read; --names says which code page its names are in" in message
    assert "gbk '猫/0.png'" in message
    run(tmp_path / "far.zip", "--names", "gbk")
    assert written("far").names == "gbk"
    assert contents(written("far")) == [("狗/0.png", "狗"), ("猫/0.png", "猫")]


@pytest.mark.parametrize("name", ["labels.xlsx", "arrays.npz"])
def test_other_zips_are_no_archives(name, tmp_path, checkout, capsys):
    pack(classes(tmp_path / "made"), tmp_path / "set.zip").rename(tmp_path / name)
    assert "is a file that no source reads" in refused(capsys, tmp_path / name)
    assert not Path(".cache/trees").exists()


def test_a_damaged_archive_is_one_line(tmp_path, checkout, capsys):
    archive = pack(classes(tmp_path / "made"), tmp_path / "set.tar.gz")
    archive.write_bytes(archive.read_bytes()[:-200])
    assert "set.tar.gz is damaged, or no archive" in refused(capsys, archive)


@pytest.fixture
def web(tmp_path):
    """A web server of a folder, whose pages list its files."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def end_headers(self):
            if self.path.endswith(".zip"):
                self.send_header("ETag", '"1"')
            super().end_headers()

    (tmp_path / "served").mkdir()
    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield tmp_path / "served", f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_folder_of_web_pages(web, checkout, capsys):
    folder, url = web
    classes(folder / "pets")
    run(f"{url}/pets/")
    shown = capsys.readouterr().out
    assert "fetched: a folder per class" in shown
    assert "the server gives no ETag, so DVC cannot notice a change" in shown
    source = written("pets")
    assert (source.url, source.watch, source.tree) == (f"{url}/pets/", "conf/source/pets.yaml", ".cache/trees/pets")
    assert contents(source) == EXPECTED
    assert f"{url}/pets is no archive; the address of a folder of files ends with a slash, like {url}/pets/" in refused(
        capsys, f"{url}/pets", "--name", "other"
    )


def test_a_password_in_an_address_is_not_shown(web, checkout, capsys):
    folder, url = web
    classes(folder / "pets")
    secret = url.replace("://", "://me:hunter2@")
    run(f"{secret}/pets/")
    shown = capsys.readouterr().out
    assert "fetching http://***@127.0.0.1" in shown
    assert "the address carries a password or a key, so conf/source/pets.yaml holds it too: do not commit it" in shown
    message = refused(capsys, f"{secret}/pets", "--name", "other")
    assert "hunter2" not in message


def test_an_archive_on_a_web_server(web, checkout, tmp_path, capsys):
    folder, url = web
    pack(classes(tmp_path / "made"), folder / "pets.zip", "around/")
    run(f"{url}/pets.zip")
    assert "fetched: an archive: a folder per class" in capsys.readouterr().out
    source = written("pets")
    assert (source.url, source.watch) == (f"{url}/pets.zip", f"{url}/pets.zip")
    assert (source.inner.path, source.inner.tree) == (".cache/trees/pets/pets.zip", ".cache/trees/pets-unpacked")
    assert contents(source) == EXPECTED


def test_a_bucket(checkout, tmp_path, capsys):
    """fsspec's file system in memory stands for one of another network."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    for one in classes(tmp_path / "made").rglob("*.png"):
        system.pipe(f"/bucket/pets/{one.relative_to(tmp_path / 'made')}", one.read_bytes())
    run("memory://bucket/pets")
    source = written("pets")
    assert (source.url, source.watch) == ("memory://bucket/pets", "memory://bucket/pets")
    assert contents(source) == EXPECTED


@pytest.mark.parametrize(("url", "package"), [("s3://bucket/pics", "s3fs"), ("gs://bucket/pics", "gcsfs")])
def test_a_bucket_without_its_package_names_the_command(url, package, checkout, capsys, monkeypatch):
    def missing(url, **options):
        raise ImportError

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    message = refused(capsys, url)
    assert message == f"colibri init: {url} needs {package}, which is not installed; run make install EXTRAS=remote\n"


def test_a_file_uri_is_a_path(tmp_path, checkout, capsys):
    run(classes(tmp_path / "my pets").as_uri())
    assert written("my_pets").path == str(tmp_path / "my pets")


def test_a_table_in_the_project_and_pictures_outside(tmp_path, checkout, capsys):
    pictures = classes(tmp_path / "far/pictures")
    run(labels(checkout / "pets.csv"), "--pictures", pictures)
    source = written("pets")
    assert (source.path, source.watch) == ("pets.csv", ["pets.csv", str(pictures)])
    assert contents(source) == EXPECTED


def test_a_table_around_the_project(tmp_path, checkout, capsys):
    """As ~/labels.csv of ~/colibri; nothing but the table and the pictures is looked at."""
    table, pictures = labels(checkout.parent / "mine.csv"), classes(tmp_path / "far/pictures")
    run(table, "--pictures", pictures)
    assert written("mine").watch == [str(table), str(pictures)]


def test_a_table_within_its_pictures_is_watched_with_them(tmp_path, checkout, capsys):
    run(labels(classes(tmp_path / "set") / "labels.csv"))
    assert written("set").watch == str(tmp_path / "set")


def test_pictures_around_the_project_are_refused(tmp_path, checkout, capsys):
    classes(checkout.parent)
    message = refused(capsys, labels(tmp_path / "labels.csv"), "--pictures", checkout.parent)
    assert "holds this project itself" in message
    assert "--pictures FOLDER where a table or document labels them" in message


@pytest.mark.parametrize("pictures", ["real", "link"])
@pytest.mark.parametrize("prefix", ["{place}/real/", "{place}/link/", "file://{place}/real/", "D:\\old\\"])
def test_absolute_paths_below_the_pictures_are_read(prefix, pictures, tmp_path, checkout, capsys):
    classes(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    table = labels(tmp_path / "tables/labels.csv", prefix.format(place=tmp_path))
    run(table, "--pictures", tmp_path / pictures)
    assert contents(written("tables")) == EXPECTED


def test_absolute_paths_of_another_tree_name_the_pictures(tmp_path, checkout, capsys):
    classes(tmp_path / "real")
    picture(tmp_path / "real/left_out.png", 7)
    run(labels(tmp_path / "tables/labels.csv", f"{tmp_path}/real/"))
    shown = capsys.readouterr().out
    assert f"are absolute; the pictures are read from {tmp_path / 'real'} (--pictures names another" in shown
    assert "items: 4, labels: 2" in shown
    assert "left out, pictures that no annotation names: 1" in shown
    assert "ingest will stop" not in shown
    assert contents(written("tables"))[:-1] == EXPECTED  # the last is left_out.png


def test_absolute_paths_around_the_project_are_not_watched(tmp_path, checkout, capsys):
    classes(tmp_path / "real")
    rows = [f"{tmp_path}/real/cat/0.png,cat", f"{tmp_path}/other/1.png,dog"]
    table = tmp_path / "tables/labels.csv"
    table.parent.mkdir()
    table.write_text("\n".join(["path,label", *rows]) + "\n")
    message = refused(capsys, table)
    assert f"2 begin with '{tmp_path}/': cut that from them" in message


def test_absolute_paths_elsewhere_name_the_prefix(tmp_path, checkout, capsys):
    table = labels(tmp_path / "tables/labels.csv", "/srv/disk/other/x")
    message = refused(capsys, table, "--pictures", classes(tmp_path / "real"))
    assert (
        "paths that leave the source's folder (4 of 8); 4 begin with '/srv/disk/other/': cut that from them, or name "
        "that folder with --pictures"
    ) in message


def test_a_single_picture_is_no_data_set(tmp_path, checkout, capsys):
    (classes(tmp_path / "set") / "empty").mkdir()
    message = refused(capsys, tmp_path / "set/cat/0.png", "--name", "one")
    assert "0.png' is a single picture; name the folder that holds all; expected one folder per class" in message
    assert "empty" not in message


def test_a_misspelt_path_names_the_nearest(tmp_path, checkout, capsys):
    classes(tmp_path / "clothing")
    message = refused(capsys, tmp_path / "clohting")
    assert f"does not exist; did you mean '{tmp_path / 'clothing'}'? Else name the folder" in message


def test_class_folders_of_folders_name_both_ways_out(tmp_path, checkout, capsys):
    for name in ("first", "second"):
        picture(tmp_path / f"set/{name}/{name}_a/0.png", 1)
        picture(tmp_path / f"set/{name}/{name}_b/0.png", 2)
    run(tmp_path / "set")
    shown = capsys.readouterr().out
    assert "the folders of 'first', 'second' hold folders, whose pictures get the outer label" in shown
    assert f"if they are data sets, name one: colibri init {tmp_path / 'set/first'}" in shown


def test_the_only_data_set_of_a_folder_is_taken(tmp_path, checkout, capsys):
    classes(tmp_path / "set/pets/pictures")
    labels(tmp_path / "set/pets/tables/labels.csv")
    (tmp_path / "set/notes").mkdir()
    (tmp_path / "set/notes/a.txt").write_text("x")
    run(tmp_path / "set")
    shown = capsys.readouterr().out
    assert "only its folder 'pets' is in a known format (a table, tables/labels.csv) and read" in shown
    assert contents(written("set")) == EXPECTED
