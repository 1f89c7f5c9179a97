"""`colibri run`: what is refused before DVC starts, what is passed on, and when the summary is printed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.choices import networks_check
from pipeline.commands import run, summary
from pipeline.commands.main import main
from pipeline.core.errors import UserError
from pipeline.experiments import dvc_process, dvc_queue, naming, stale_stages

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def conf(project, monkeypatch):
    shutil.copytree(ROOT / "conf", project / "conf")
    (project / "requirements.lock").touch()  # what the default source watches
    monkeypatch.setattr(networks_check, "_build", lambda *_: None)


@pytest.fixture
def dvc(monkeypatch):
    """Commands that reached DVC; each ends with `answer`, after the lines of `printed`."""

    class Answers:
        code = 0
        reason = ""
        printed: tuple[str, ...] = ()

        def __init__(self):
            self.commands: list[list[str]] = []
            self.summaries = 0

    answers = Answers()

    def answer(words, log, see):
        answers.commands.append([*words])
        for line in answers.printed:
            see(line)
        return answers.code

    monkeypatch.setattr(dvc_process, "run_dvc", answer)
    monkeypatch.setattr(dvc_process, "explain_failure", lambda words: answers.reason)
    monkeypatch.setattr(summary, "main", lambda: setattr(answers, "summaries", answers.summaries + 1))
    return answers


def call(*words):
    main(["run", *words])


def test_without_overrides_it_is_dvc_repro(dvc, capsys):
    call()
    assert dvc.commands == [["repro"]]
    assert capsys.readouterr().out == "run: data set elpv; log: .cache/logs/run-1.log\n"
    assert dvc.summaries == 1


def test_overrides_are_those_of_dvc_exp_run(dvc, capsys):
    call("train.epochs=10", "encoder=resnet50", "-S", "split.seed=1")
    assert dvc.commands == [
        [
            *("exp", "run", "--set-param", "train.epochs=10"),
            *("--set-param", "encoder=resnet50", "--set-param", "split.seed=1"),
        ]
    ]
    assert capsys.readouterr().out.startswith(
        "run: data set elpv, train.epochs=10 encoder=resnet50 split.seed=1; log: "
    )


def test_the_summary_of_register_is_not_printed_again(dvc):
    dvc.printed = ("register: 3 s", "Report: reports/report.html")
    call()
    assert dvc.summaries == 0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trian.epochs=1", r"did you mean 'train\.epochs' or 'pretrain\.epochs'\?"),
        ("encoder=resnet51", r"did you mean 'resnet50'"),
        ("source=tiny", r"source=tiny: there is no file conf/source/tiny\.yaml"),
        (
            "gate.superior.metric=acuracy",
            r"gate\.superior\.metric: there is no figure 'acuracy'; did you mean 'accuracy'",
        ),
        ("evaluate.seed=ten", r"evaluate\.seed must be a valid integer, got 'ten'"),
        ("train", r"'train' is no override; expected KEY=VALUE"),
    ],
)
def test_what_is_wrong_never_reaches_dvc(dvc, override, message):
    with pytest.raises(UserError, match=message):
        run.main([override], [], dry=False, queue=False)
    assert dvc.commands == []


def test_outside_of_a_project(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^conf/ does not exist here; run this in the project's folder"):
        run.main([], [], dry=False, queue=False)


@pytest.mark.parametrize(
    ("code", "reason", "shown", "ends"),
    [
        (1, "", "colibri run: a stage stopped, see above; log: .cache/logs/run-1.log\n", 1),
        (255, "it is busy, PID 7", "colibri run: it is busy, PID 7; log: .cache/logs/run-1.log\n", 1),
        (130, "", "", 130),
        (143, "", "", 143),
    ],
)
def test_how_it_ends(dvc, capsys, code, reason, shown, ends):
    dvc.code, dvc.reason = code, reason
    with pytest.raises(SystemExit) as ended:
        call()
    assert ended.value.code == ends
    out, err = capsys.readouterr()
    assert err == shown
    assert ("run: interrupted; the same command goes on; log: .cache/logs/run-1.log" in out) is (ends > 128)
    assert dvc.summaries == 0


@pytest.mark.parametrize(
    ("stale", "shown"),
    [
        (["train", "evaluate"], "run: data set elpv, train.epochs=9; would run train, evaluate\n"),
        ([], "run: data set elpv, train.epochs=9; nothing would run: all is up to date\n"),
    ],
)
def test_dry(dvc, monkeypatch, capsys, stale, shown):
    seen = []
    monkeypatch.setattr(stale_stages, "find_stale", lambda params: (seen.append(params["train"]["epochs"]), stale)[1])
    call("--dry", "train.epochs=9")
    assert (seen, dvc.commands) == ([9], [])
    assert capsys.readouterr().out == shown


def test_queue(monkeypatch, capsys):
    commands = []
    monkeypatch.setattr(naming, "refuse_untracked", lambda: None)
    monkeypatch.setattr(
        dvc_queue, "call_dvc", lambda *words: (commands.append(words), "Queued experiment 'a-b' for future\n")[1]
    )
    call("--queue", "split.seed=1")
    assert commands == [("exp", "run", "--queue", "--set-param", "split.seed=1")]
    assert "Queued experiment 'a-b'" in capsys.readouterr().out


def test_a_queue_refuses_what_git_does_not_know(project):
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", "."], check=True)
    text = Path("conf/source/elpv.yaml").read_text()
    Path("conf/source/mine.yaml").write_text(text)
    with pytest.raises(
        UserError,
        match=r"^git does not know conf/source/mine\.yaml; DVC runs a copy of what git knows: "
        r"git add conf/source/mine\.yaml && git commit -m 'Add mine'$",
    ):
        run.main(["source=mine"], [], dry=False, queue=True)


def test_what_it_composes_is_what_dvc_would(dvc):
    text = run.compose_checked(["train.epochs=7"])
    assert yaml.safe_load(text)["train"]["epochs"] == 7


def test_the_help_has_examples_and_says_what_s_is():
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.commands.main", "run", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.count("\n  colibri run") >= 3
    assert "-S KEY=VALUE" in done.stdout


@pytest.mark.parametrize("override", ["epochs=10", "learning_rate=0.01", "batch_size=8"])
def test_a_value_that_no_choice_takes_is_refused(override):
    key = override.split("=")[0]
    with pytest.raises(UserError, match=rf"^{override} has no effect: nothing that is chosen here takes {key}; leave"):
        run.compose_checked(["train=svm", "encoder=hog", override])
    assert yaml.safe_load(run.compose_checked([override]))["train"][key] == float(override.split("=")[1])


def test_a_value_as_it_is_already_is_no_mistake():
    assert run.compose_checked(["image_size=128", "epochs=5"])
