"""params.yaml is what DVC itself would write, and an edit by hand is never overwritten."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import compose_and_dump

from pipeline.choices import networks_check
from pipeline.choices.params_check import refuse_misfits
from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.stages import compose as stage
from pipeline.stages.compose import write_params

ROOT = Path(__file__).parents[2]
PARAMS = Path("params.yaml")


@pytest.fixture(scope="module")
def passed(tmp_path_factory):
    return tmp_path_factory.mktemp("compose")


@pytest.fixture(autouse=True)
def conf(project, passed, monkeypatch):
    """A copy of conf/ and dvc.yaml in an empty project; networks that passed in one test pass in the next."""
    monkeypatch.setattr(networks_check, "PASSED", passed)
    shutil.copytree(ROOT / "conf", project / "conf")
    shutil.copy(ROOT / "dvc.yaml", project)
    (project / "requirements.lock").touch()  # what the default source watches
    return project / "conf"


def edit(path, old, new):
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    Path(path).write_text(text.replace(old, new, 1), encoding="utf-8")


def record(text):
    """dvc.lock as it is after DVC ran the stage or applied an experiment."""
    md5 = hashlib.md5(text.encode()).hexdigest()
    outs = [{"path": "other", "md5": "0"}, {"path": "params.yaml", "md5": md5}]
    Path("dvc.lock").write_text(yaml.safe_dump({"stages": {"compose": {"outs": outs}}}))


@pytest.mark.parametrize(
    "overrides", [[], ["source=folder", "source.path=raw"], ["split.fractions.train=0.6", "split.fractions.val=0.25"]]
)
def test_the_text_is_what_dvc_writes(conf, overrides):
    compose_and_dump("params.yaml", str(conf), None, "config", str(conf), overrides)
    assert config.compose(overrides=overrides) == PARAMS.read_text(encoding="utf-8")


def test_the_first_run_writes_params_and_the_next_one_leaves_them():
    stage.main()
    assert PARAMS.read_text(encoding="utf-8") == config.compose()
    before = PARAMS.stat().st_mtime_ns
    stage.main()
    assert PARAMS.stat().st_mtime_ns == before


def test_an_edit_of_conf_is_taken_when_params_is_what_was_recorded():
    stage.main()
    record(PARAMS.read_text(encoding="utf-8"))
    edit("conf/split/grouped.yaml", "seed: 0", "seed: 7")
    stage.main()
    assert config.load_params()["split"]["seed"] == 7


def test_an_edit_of_conf_is_taken_after_init_before_any_run_was_recorded():
    write_params(force=True)  # as colibri init does
    edit("conf/split/grouped.yaml", "seed: 0", "seed: 7")
    stage.main()
    assert config.load_params()["split"]["seed"] == 7


def test_an_edit_of_conf_is_taken_when_params_was_composed_and_nothing_has_run():
    stage.write_params(force=False)
    edit("conf/split/grouped.yaml", "seed: 0", "seed: 7")
    stage.write_params(force=False)
    assert config.load_params()["split"]["seed"] == 7
    edit(PARAMS, "seed: 7", "seed: 8")
    with pytest.raises(UserError, match="neither conf/ nor a recorded experiment explains"):
        stage.write_params(force=False)


def test_an_applied_experiment_gives_way_to_conf():
    stage.main()
    edit(PARAMS, "seed: 0", "seed: 7")
    record(PARAMS.read_text(encoding="utf-8"))
    stage.main()
    assert config.load_params()["split"]["seed"] == 0


@pytest.mark.parametrize(
    "lock",
    [
        None,
        "",
        "stages: {}",
        "stages: {compose: {outs: [{path: params.yaml}]}}",
        "stages: {compose: {outs: [7]}}",
        "a: [",
    ],
)
def test_an_edit_by_hand_is_refused_and_names_key_and_both_ways_out(lock):
    stage.main()
    edit(PARAMS, "validate:\n  min_samples: 100", "validate:\n  min_samples: 1")
    edited = PARAMS.read_bytes()
    if lock is not None:
        Path("dvc.lock").write_text(lock)
    message = r"^params\.yaml holds 1 value\(s\) that neither conf/ nor a recorded experiment explains:$"
    with pytest.raises(UserError, match=message) as caught:
        stage.main()
    ways_out = (
        "Keep them: write them into conf/, or colibri run KEY=VALUE. "
        "Drop them: python -m pipeline.stages.compose --force. Then colibri run again."
    )
    assert caught.value.details == ("  validate.min_samples: 1 in params.yaml, 100 from conf/", ways_out)
    assert PARAMS.read_bytes() == edited


def test_a_comment_by_hand_is_refused_too():
    stage.main()
    PARAMS.write_text("# mine\n" + PARAMS.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(UserError, match=r"holds 0 value\(s\)") as caught:
        stage.main()
    assert caught.value.details[0] == "  only its layout or comments differ"


def test_corrupt_params_are_refused():
    PARAMS.write_text("a: [1,")
    with pytest.raises(UserError, match=r"params\.yaml: not valid YAML"):
        stage.main()


def test_an_experiment_keeps_the_params_that_dvc_composed(monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "noted-name")
    stage.main()
    assert PARAMS.read_text(encoding="utf-8") == config.compose()
    edit(PARAMS, "seed: 0", "seed: 7")
    edited = PARAMS.read_bytes()
    stage.main()
    assert PARAMS.read_bytes() == edited


def test_a_broken_conf_is_named_and_params_stay(conf):
    stage.main()
    before = PARAMS.read_bytes()
    edit("conf/config.yaml", "- split: grouped", "- split: gruoped")
    with pytest.raises(UserError, match=r"^conf/: split=gruoped: there is no file .*; did you mean 'grouped'\?$"):
        stage.main()
    assert PARAMS.read_bytes() == before


@pytest.mark.parametrize(
    ("present", "composed", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [("a.c", 2, 3)]),
        ({"a": {"b": 1}}, {"a": {}}, [("a.b", 1, "(absent)")]),
        ({}, {"a": {"b": 1}}, [("a", "(absent)", {"b": 1})]),
        ({"a": [1, 2]}, {"a": [1]}, [("a", [1, 2], [1])]),
        ({"a": {"b": 1}, "z": 0}, {"a": 5}, [("a", {"b": 1}, 5), ("z", 0, "(absent)")]),
    ],
)
def test_differences(present, composed, expected):
    assert stage.differences(present, composed) == expected


def test_force_drops_a_hand_edit():
    stage.main()
    edit("params.yaml", "epochs: 5", "epochs: 99")
    stage.main(force=True)
    assert PARAMS.read_text(encoding="utf-8") == config.compose()


def test_what_dvc_watches_on_a_server_is_left_to_dvc():
    PARAMS.write_text(config.compose(overrides=["source=remote", "source.url=https://a.org/b.zip"]), encoding="utf-8")
    refuse_misfits(config.load_params())


@pytest.mark.parametrize("watch", [7, None])
def test_what_to_watch_that_is_no_text_is_refused_by_the_source(watch):
    params = yaml.safe_load(config.compose())
    with pytest.raises(UserError, match=r"^params\.yaml: source\.watch must be a valid string or a valid array, got"):
        refuse_misfits({**params, "source": {**params["source"], "watch": watch}})
    with pytest.raises(UserError, match=r"^params\.yaml: source must be a mapping with _target_"):
        refuse_misfits({**params, "source": watch})


@pytest.mark.parametrize(
    ("watch", "watched"),
    [
        ("conf", ["conf", ".dvcignore"]),
        (["conf"], ["conf", ".dvcignore"]),
        (["conf", "dvc.yaml"], ["conf", "dvc.yaml"]),
        ("https://a.org/b.zip", ["https://a.org/b.zip", ".dvcignore"]),
    ],
)
def test_dvc_gets_one_place_or_two(watch, watched):
    chosen = ["source=folder", f"source.watch={json.dumps(watch)}"]
    params = yaml.safe_load(config.compose(overrides=chosen))
    assert params["watched"] == watched
    refuse_misfits(params)


@pytest.mark.parametrize("group", ["check", "curate", "augmentation"])
def test_none_of_a_list_can_be_chosen(group):
    assert yaml.safe_load(config.compose(overrides=[f"{group}=[]"]))[group] == {}


def test_without_a_metric_nothing_runs():
    edit(
        "conf/config.yaml",
        next(
            line for line in Path("conf/config.yaml").read_text().splitlines(True) if line.startswith("  - metric: [")
        ),
        "",
    )
    with pytest.raises(
        UserError, match=r"^metric is empty, so nothing would be measured; set it to a list of names from conf/metric"
    ):
        stage.main()
    assert not PARAMS.exists()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("metric", {"accuracy": None}, r"^metric is empty, so nothing would be measured"),
        ("register", "default", r"^params\.yaml: register must be a mapping of parameters, found 'default'$"),
        ("validate", {"min_samples": 1}, r"^params\.yaml: validate lacks the parameter"),
        (
            "imbalance",
            {"imbalance": "mine", "task": {}},
            r"found keys imbalance, task; .* begins with # @package _global_$",
        ),
    ],
)
def test_what_only_a_later_stage_reads_is_refused_here(key, value, message):
    with pytest.raises(UserError, match=message):
        refuse_misfits({**yaml.safe_load(config.compose()), key: value})


def test_an_emptied_check_is_not_switched_off_in_silence():
    Path("conf/check/default.yaml").write_text("")
    with pytest.raises(UserError, match=r"conf/check/default\.yaml defines nothing"):
        stage.main()


@pytest.mark.parametrize("experiment", [False, True])
def test_a_source_that_is_not_there_is_named_before_dvc_meets_it(monkeypatch, experiment):
    if experiment:
        monkeypatch.setenv("DVC_EXP_NAME", "try")
    PARAMS.write_text(config.compose(overrides=["source=folder", "source.path=nowhere"]), encoding="utf-8")
    edit("conf/config.yaml", "source: elpv", "source: folder")
    edit("conf/source/folder.yaml", "path: data/raw", "path: nowhere")
    with pytest.raises(UserError, match=r"source\.watch 'nowhere' does not exist; set source\.path"):
        stage.main()


def test_a_metric_that_the_task_does_not_take_is_refused_before_anything_runs():
    edit("conf/config.yaml", "  - task: single_label", "  - task: multi_label")
    with pytest.raises(
        UserError, match=r"metric\.balanced_accuracy is for one label per picture, but this task allows"
    ):
        stage.main()
    assert not PARAMS.exists()


def test_every_other_stage_gets_the_list_of_its_code():
    stage.main()
    names = set(yaml.safe_load(Path("dvc.yaml").read_text())["stages"]) - {"compose"}
    assert {path.stem for path in artifacts.CODE.iterdir()} == names
    train = (artifacts.CODE / "train.txt").read_text()
    assert "training/trainers/finetune.py" in train
    assert "training/trainers/estimator.py" not in train  # not chosen
    evaluate = (artifacts.CODE / "evaluate.txt").read_text()
    for name in ("training/trainers/network.py", "training/tasks/single_label.py", "models/transforms/normalise.py"):
        assert name in train
        assert name in evaluate  # the card names what predicts
    assert "report/templates/page.css" in (artifacts.CODE / "evaluate.txt").read_text()
    assert "tracking/pyfunc_model.py" in (artifacts.CODE / "register.txt").read_text()
    stage.main()
    assert (artifacts.CODE / "train.txt").read_text() == train


def test_without_dvc_yaml_it_says_where_it_should_run():
    Path("dvc.yaml").unlink()
    with pytest.raises(UserError, match=r"^dvc\.yaml does not exist here; run this in the project's folder"):
        stage.main()
