"""colibri verify: a commit is run again in a folder of its own, and every artifact is compared with the record."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from pipeline.commands import verify
from pipeline.core.errors import UserError
from pipeline.experiments import certificate as certificate_module
from pipeline.experiments import verification
from pipeline.experiments.certificate import JSON, PAGE
from pipeline.experiments.recorded_run import RecordedRun, digest_output

DVC_YAML = """stages:
  ingest:
    cmd: python make.py ingest
    deps: [pictures]
    outs: [data/manifest.json, data/assigned: {persist: true}]
  train:
    cmd: python make.py train
    deps: [data/manifest.json]
    outs: [data/model]
    metrics: [reports/metrics.json: {cache: false}]
  register:
    cmd: python make.py register
    deps: [data/model]
    outs: [reports/registration.json]
"""
MAKE = """import json, os, sys
from pathlib import Path

def write(path, value):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(value))

if sys.argv[1] == "ingest":
    names = sorted(path.name for path in Path("pictures").iterdir())
    before = json.loads(Path("data/assigned").read_text()) if Path("data/assigned").exists() else []
    write("data/manifest.json", before + [one for one in names if one not in before])
    write("data/assigned", before + [one for one in names if one not in before])
elif sys.argv[1] == "train":
    number = len(json.loads(Path("data/manifest.json").read_text()))
    write("data/model/weights.json", [number, 1 / 3])
    inherited = [name for name in os.environ if name.startswith(("MLFLOW_", "GIT_"))]
    write("data/model/card.json", {"number": number, "inherited": inherited})
    write("reports/metrics.json", {"accuracy": 0.5})
else:
    write("reports/registration.json", {"version": 1})
"""


def git(*words):
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *author, *words], check=True, capture_output=True)


def record(message="run"):
    """What the stages write now becomes the record of a new commit."""
    from dvc.repo import Repo

    own = {name: text for name, text in os.environ.items() if not name.startswith(("MLFLOW_", "GIT_"))}
    for stage in ("ingest", "train", "register"):
        subprocess.run([sys.executable, "make.py", stage], check=True, env=own)
    with Repo(".") as repo:
        repo.commit(force=True)
    git("add", "-A")
    git("commit", "-qm", message)


@pytest.fixture
def repository(project, monkeypatch, tmp_path):
    from dvc.repo import Repo

    (project / "dvc.yaml").write_text(DVC_YAML)
    (project / "make.py").write_text(MAKE)
    (project / "requirements.lock").write_text(
        "numpy==0.0.1 ; python_version >= '3' \\\n    --hash=sha256:0\nnumpy==0.0.2 ; python_version < '3'\n"
    )
    (project / ".gitignore").write_text(
        "/data\n/pictures\n/.cache\n/reports/registration.json\n/reports/certificate.*\n"
    )
    (project / "pictures").mkdir()
    for name in ("a.png", "b.png"):
        (project / "pictures" / name).touch()
    git("init", "-q")
    Repo.init(str(project)).close()
    record()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    yield project
    assert list(scratch.iterdir()) == []  # whatever happened


def run(commit="HEAD", stages=(), tolerance=1e-6):
    verify.main(commit, list(stages), tolerance)


def certificate():
    return json.loads(JSON.read_text())


def change(old, new):
    """Another program in the same commit, as if the machine computed something else."""
    text = Path("make.py").read_text()
    assert old in text
    Path("make.py").write_text(text.replace(old, new))
    git("commit", "-qam", "other code, same record")


def test_everything_comes_out_again(repository, capsys):
    before = sorted(path for path in repository.rglob("*") if ".git" not in path.parts and ".dvc" not in path.parts)
    run()
    shown = capsys.readouterr().out
    assert "ingest: 2 of 2 artifacts have the same bytes, " in shown
    assert "train: 2 of 2 artifacts have the same bytes, " in shown
    assert "verify: all 4 artifacts came out again, 4 with the same bytes" in shown
    found = certificate()
    assert (found["result"], found["not_run"]) == ("same bytes", ["register"])
    assert found["counts"] == {"same bytes": 4, "within tolerance": 0, "differs": 0, "missing": 0}
    assert (
        found["commit"] == subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    )
    assert found["other_versions"]["numpy"].endswith("instead of 0.0.1")
    assert {"cores", "memory", "threads"} <= found["machine"].keys()
    assert "register is not run: its outputs say what MLflow's store held" in found["notes"][0]
    page = PAGE.read_text()
    assert "Of 4 artifacts: same bytes: 4." in page
    assert "| data/model | train | same bytes | 0 |  |" in page
    after = {path for path in repository.rglob("*") if ".git" not in path.parts and ".dvc" not in path.parts}
    new = {path.relative_to(repository).as_posix() for path in after - set(before)}
    assert {one for one in new if not one.startswith(".cache")} == {
        "reports/certificate.json",
        "reports/certificate.md",
    }


EVALUATE = """
if sys.argv[1] == "evaluate":
    ledger = Path("test_readings.jsonl")
    before = [json.loads(line)["result"] for line in ledger.read_text().splitlines()] if ledger.exists() else []
    results = before[: before.index("mine") + 1] if "mine" in before else before + ["mine"]
    readings = [{"what": "evaluate", "result": one, "run": "key"} for one in results]
    write("reports/test_readings.json", {"test_set": "t", "readings": readings})
    write("reports/page.json", len(results))
"""


def test_an_evaluation_finds_the_readings_of_test_that_were_before_it(repository, capsys):
    stage = "  evaluate:\n    cmd: python make.py evaluate\n    deps: [data/model]\n"
    outputs = "    outs: [reports/test_readings.json, reports/page.json]\n"
    Path("dvc.yaml").write_text(DVC_YAML.replace("  register:", stage + outputs + "  register:"))
    with Path("make.py").open("a") as file:
        file.write(EVALUATE)
    with Path(".gitignore").open("a") as file:
        file.write("/test_readings.jsonl\n/reports/*.json\n")
    entries = [
        {"test_set": "t", "result": one, "what": "evaluate", "run": "key", "date": "x"} for one in ("a", "mine", "b")
    ]
    Path("test_readings.jsonl").write_text("".join(json.dumps(one) + "\n" for one in entries))
    subprocess.run([sys.executable, "make.py", "evaluate"], check=True)
    record("with an evaluation")
    Path("test_readings.jsonl").unlink()  # as in another checkout
    run(stages=["evaluate"])
    assert "verify: all 2 artifacts came out again, 2 with the same bytes" in capsys.readouterr().out
    assert not Path("test_readings.jsonl").exists()  # the copy has its own


def test_the_machine_is_compared_with_that_of_the_original_training(repository, monkeypatch, capsys):
    monkeypatch.setattr(
        certificate_module, "describe_machine", lambda: {"processor": "new", "vector instructions": "AVX2"}
    )
    run(stages=["train"])
    unknown = (
        "The machine of the original training is not known: its run in MLflow was recorded by an older Colibri, or is "
        "in another store"
    )
    assert unknown in capsys.readouterr().out
    assert unknown in PAGE.read_text()
    found = {"processor": "new", "vector instructions": "AVX512", "torch": "2.1"}
    monkeypatch.setattr(certificate_module, "read_recorded_machine", lambda run: found)
    run(stages=["train"])
    expected = (
        "This machine is not that of the original training: vector instructions AVX2 instead of AVX512, "
        "torch unknown instead of 2.1"
    )
    assert expected in capsys.readouterr().out
    assert expected in PAGE.read_text()
    assert "| vector instructions | AVX2 | AVX512 |" in PAGE.read_text()
    assert certificate()["other_machine"]["vector instructions"] == "AVX2 instead of AVX512"
    del found["torch"]
    found["vector instructions"] = "AVX2"
    run(stages=["train"])
    assert "This machine is like that of the original training in all that is recorded" in PAGE.read_text()


def test_the_machine_of_the_record_is_that_of_its_run_in_mlflow(repository, monkeypatch):
    keys = []
    monkeypatch.setattr("pipeline.tracking.runs.read_machine", lambda key: keys.append(key) or {"processor": "old"})
    assert certificate_module.read_recorded_machine(RecordedRun.find("HEAD")) == {}
    change('{"number": number, "inherited": inherited}', '{"number": number, "training_key": "k1"}')
    monkeypatch.setattr(certificate_module, "CARD_FILE", "data/model/card.json")
    assert certificate_module.read_recorded_machine(RecordedRun.find("HEAD")) == {}  # no key in this card
    record("with a key")
    assert certificate_module.read_recorded_machine(RecordedRun.find("HEAD")) == {"processor": "old"}
    assert keys == ["k1"]


def test_a_number_within_the_tolerance(repository, capsys):
    change("1 / 3", "1 / 3 + 1e-9")
    run()
    assert "3 with the same bytes, 1 within 1e-06" in capsys.readouterr().out
    assert certificate()["result"] == "within tolerance"
    assert "| data/model | train | within tolerance | 1e-09 | weights.json |" in PAGE.read_text()


def test_an_artifact_that_differs_ends_with_an_error(repository):
    change("1 / 3", "0.25")
    message = (
        r"^1 of 4 artifacts came out different, the first is data/model of train: differs \(largest difference 0\.083; "
        r"weights\.json\); reports/certificate\.md lists all$"
    )
    with pytest.raises(UserError, match=message):
        run()
    assert certificate()["result"] == "differs"
    run(tolerance=0.1)


def test_an_artifact_that_is_not_made(repository):
    change('    write("reports/metrics.json", {"accuracy": 0.5})\n', "")
    git("rm", "-q", "--cached", "reports/metrics.json")
    git("commit", "-qm", "not in git")
    with pytest.raises(UserError, match=r"the first is reports/metrics\.json of train: is missing \(it was not made\)"):
        run()


def test_a_stage_that_fails_says_why_and_leaves_the_last_certificate(repository):
    run()
    before = JSON.read_bytes()
    change("    number = len", "    sys.exit('the disk is gone')\n    number = len")
    with pytest.raises(
        UserError, match=r"^train failed where it was run again: the disk is gone; log: \.cache/logs/run-2"
    ):
        run()
    assert JSON.read_bytes() == before


def test_a_stage_that_starts_from_an_earlier_run(repository):
    """c.png came later; sorted anew, a.png would come after 0.png."""
    (repository / "pictures/0.png").touch()
    record("more pictures")
    assert json.loads(Path("data/manifest.json").read_text()) == ["a.png", "b.png", "0.png"]
    run()
    assert "ingest starts from an earlier run: data/assigned was taken from the record" in certificate()["notes"]
    assert certificate()["result"] == "same bytes"


def test_some_stages_on_recorded_outputs(repository):
    shutil.rmtree(repository / "pictures")
    run(stages=["train"])
    assert [one["path"] for one in certificate()["artifacts"]] == ["data/model", "reports/metrics.json"]
    with pytest.raises(
        UserError, match=r"^pictures, which ingest read in \w{10}, does not exist here; put the pictures b"
    ):
        run()


def test_what_is_not_in_the_cache(repository):
    for path in (repository / ".dvc/cache").rglob("*"):
        path.chmod(0o700)
        if path.is_file():
            path.unlink()
    with pytest.raises(
        UserError, match=r"^data/manifest\.json of \w{10} is not in DVC's cache, and ingest is not among"
    ):
        run(stages=["train"])
    run()  # the record of the digests is enough where the bytes are the same
    change("1 / 3", "0.25")
    with pytest.raises(UserError, match=r"other bytes, and the recorded ones are not in DVC's cache"):
        run()


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (["register"], r"^register cannot be verified: its outputs say what MLflow's store held"),
        (["cook"], r"^\w{10} records no stage 'cook'; it has ingest, train$"),
    ],
)
def test_stages_that_cannot_be_verified(repository, stages, message):
    with pytest.raises(UserError, match=message):
        run(stages=stages)


def test_commits_that_cannot_be_verified(repository):
    with pytest.raises(UserError, match=r"^there is no revision 'nosuch'; expected a commit, a tag or an experiment"):
        run("nosuch")
    git("rm", "-q", "--cached", "dvc.lock")
    git("commit", "-qm", "no record")
    with pytest.raises(
        UserError, match=r"^HEAD records no run: its dvc\.lock is missing or empty; commit it after coli"
    ):
        run()


@pytest.mark.parametrize("name", ["", " ", "HEAD:make.py", "HEAD^{tree}", "x" * 5000])
def test_what_names_no_run_is_refused_before_anything_runs(repository, name):
    with pytest.raises(
        UserError, match=r"^'.{0,25}' names no run; expected a commit, a tag or an experiment \(dvc exp"
    ):
        run(name)
    assert not JSON.exists()
    assert not list(Path().glob(".cache/logs/*"))


def test_a_full_disk_is_refused_before_anything_runs(repository, monkeypatch):
    usage = shutil.disk_usage(".")._replace(free=10)
    monkeypatch.setattr(verification.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(UserError, match=r"has 0\.0 GiB free, and running \w{10} again needs 0\.5 GiB; free some space"):
        run()
    assert not JSON.exists()


def test_outside_of_a_project(project):
    with pytest.raises(UserError, match=r"^dvc\.yaml does not exist here; run this in the project's folder"):
        run()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_stage_and_removes_the_folder(repository, number):
    change("    number = len", "    import time; Path('../../started').touch(); time.sleep(300)\n    number = len")
    code = (  # tests may run where ctrl-C is ignored
        "import signal, tempfile; signal.signal(signal.SIGINT, signal.default_int_handler);"
        f"tempfile.tempdir = {tempfile.gettempdir()!r}; from pipeline.commands.main import main; main()"
    )
    process = subprocess.Popen([sys.executable, "-c", code, "verify"], stderr=subprocess.PIPE, text=True)
    started = Path(tempfile.gettempdir()) / "started"
    with process:
        deadline = time.monotonic() + 60
        while not started.exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.1)
        started.unlink()
        process.send_signal(number)
        try:
            assert process.wait(40) == 128 + number
        finally:
            process.kill()
        assert "Traceback" not in process.stderr.read()
    assert not JSON.exists()


def test_digests_are_those_of_dvc(repository):
    found = RecordedRun.find("HEAD")
    made = [one for stage in found.lock for one in found.outputs(stage)]
    assert [digest_output(one.path) for one in made] == [one.digest for one in made]
    assert [str(one.path) for one in made if one.is_kept] == ["data/assigned"]
    assert found.source_files().keys() == {"pictures"}


@pytest.mark.parametrize("text", ["-1", "2", "small"])
def test_a_tolerance_that_is_none(text):
    with pytest.raises(ArgumentTypeError, match=rf"^must be a number from 0 to 1, got '{text}'$"):
        verify.parse_tolerance(text)
    assert verify.parse_tolerance("1e-3") == 0.001


@pytest.mark.parametrize("is_there", [True, False])
def test_the_feedback_of_the_commit_is_taken_from_the_cache(tmp_path, is_there):
    """git holds `data/feedback/NAME.dvc`, and DVC's cache what `ingest` read."""

    class Run:
        commit = "0123456789abcdef"

        def source_files(self):
            return {}

        def fetch(self, path, target):
            if is_there:
                target.mkdir()
                (target / "labels.csv").write_text(str(path))
            return is_there

    (tmp_path / "data/feedback").mkdir(parents=True)
    (tmp_path / "data/feedback/x.dvc").touch()
    if is_there:
        verification.link_source(Run(), tmp_path, tmp_path)
        assert (tmp_path / "data/feedback/x/labels.csv").read_text() == "data/feedback/x"
        return
    with pytest.raises(UserError, match=r"^data/feedback/x of 0123456789 is not in DVC's cache; dvc pull may have it$"):
        verification.link_source(Run(), tmp_path, tmp_path)
