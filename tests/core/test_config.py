"""A wrong choice is answered with the key, what was found, and what to do."""

import pytest

from pipeline.checks.class_imbalance import ClassImbalance
from pipeline.core import choices, config
from pipeline.core.errors import UserError

CHECK = {"_target_": "pipeline.checks.class_imbalance.ClassImbalance", "max_ratio": 10.0, "on_fail": "warn"}


@pytest.fixture
def conf(tmp_path):
    """Two sources to choose from; the second one has a value that must be set."""
    folder = tmp_path / "conf"
    (folder / "source").mkdir(parents=True)
    (folder / "config.yaml").write_text("defaults:\n  - source: one\n  - _self_\nseed: 1\n")
    (folder / "source" / "one.yaml").write_text("path: raw\nwatch: ${.path}\n")
    (folder / "source" / "two.yaml").write_text("path: ???\n")
    return folder


def test_compose_resolves_the_choices(conf):
    assert config.compose(conf) == "source:\n  path: raw\n  watch: raw\nseed: 1\n"
    assert config.compose(conf, ["source=two", "source.path=x", "seed=2"]) == "source:\n  path: x\nseed: 2\n"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["source=three"], r"^.*: source=three: there is no file .*source/three\.yaml; there are one, two$"),
        (["source=tow"], r"source=tow: there is no file .*; did you mean 'two'\?$"),
        (["sauce.path=x"], r"there is no 'sauce\.path' to override; did you mean 'source\.path'\? \(a new key"),
        (["sourcee=two"], r"there is no 'sourcee' to override; did you mean 'source'\? \(a new key"),
        (["path=x"], r"there is no 'path' to override; did you mean 'source\.path'\? \(a new key"),
        (["source.zz=x"], r"there is no 'source\.zz' to override; source has path, watch \(a new key takes a \+"),
        (["sauce=one"], r"conf/: .*sauce"),
        (
            ["source.pth=x"],
            r"conf/: there is no 'source\.pth' to override; did you mean 'source\.path'\? \(a new key takes a \+",
        ),
        (
            ["sed=2"],
            r"conf/: there is no 'sed' to override; did you mean 'seed'\? \(a new key takes a \+",
        ),
        (
            ["source=two"],
            r"conf/: source\.path has no value \(\?\?\?\); set it in conf/ or with colibri run source\.path=",
        ),
        (["seed='${nowhere}'"], r"conf/: .*nowhere"),
        (["seed"], r"conf/: 'seed' is no override; expected KEY=VALUE, such as train\.epochs=10"),
        (["seed=[1"], r"conf/: an override cannot be read \(no viable alternative .*\); expected KEY=VALUE"),
    ],
)
def test_compose_refuses_in_one_line(conf, overrides, message):
    with pytest.raises(UserError, match=message) as caught:
        config.compose(conf, overrides)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["path: [", "path: 'x", "\tpath: 1"])
def test_compose_refuses_what_is_not_yaml(conf, text):
    (conf / "source" / "one.yaml").write_text(text)
    with pytest.raises(UserError, match=r"conf/: not valid YAML: .*one\.yaml"):
        config.compose(conf)


def test_compose_without_conf(tmp_path):
    with pytest.raises(UserError, match=r"conf/ does not exist here; run this in the project's folder"):
        config.compose(tmp_path / "conf")


def test_load_params(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("a: {b: 1}\n")
    assert config.load_params(path) == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"params\.yaml does not exist; run python -m pipeline\.stages\.compose --force"),
        (b"a: [1,", r"params\.yaml: not valid YAML \(.*\); git checkout"),
        (b"a: \xff", r"params\.yaml: not valid YAML \(.*\); git checkout"),
        (b"- 1\n", r"params\.yaml: expected a mapping of parameters, found list"),
        (b"", r"params\.yaml: expected a mapping of parameters, found NoneType"),
    ],
    ids=["missing", "cut", "binary", "list", "empty"],
)
def test_load_params_refuses(tmp_path, content, message):
    path = tmp_path / "params.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        config.load_params(path)
    assert "\n" not in str(caught.value)


def test_section():
    assert config.get_section({"split": {"seed": 0}}, "split") == {"seed": 0}
    with pytest.raises(UserError, match=r"params\.yaml: no 'check'; expected one of conf/'s keys \['split'\]"):
        config.get_section({"split": {}}, "check")


def test_a_section_that_is_no_mapping():
    with pytest.raises(UserError, match=r"^params\.yaml: ingest must be a mapping of parameters, found None$"):
        config.instantiate(ClassImbalance, None, "ingest")
    with pytest.raises(
        UserError, match=r"^params\.yaml: check must be a mapping of names to nodes with _target_, found 3"
    ):
        config.build_all({"check": 3}, "check")


def test_each_of_a_list_is_built_by_name():
    assert config.build_all({"check": {}}, "check") == {}
    built = config.build_all({"check": {"one": CHECK}}, "check")
    assert built == {"one": ClassImbalance(max_ratio=10.0, on_fail="warn")}
    with pytest.raises(UserError, match=r"^params\.yaml: check\.one must be a mapping with _target_"):
        config.build_all({"check": {"one": 7}}, "check")


def test_null_switches_one_off():
    assert config.build_all({"check": {"one": None, "two": CHECK}}, "check") == {
        "two": ClassImbalance(max_ratio=10.0, on_fail="warn")
    }


def test_only_what_is_there_can_be_switched_off(conf):
    (conf / "check").mkdir()
    (conf / "check" / "default.yaml").write_text("one:\n  on_fail: warn\ntwo: null\n")
    (conf / "check" / "more.yaml").write_text("defaults: [default, _self_]\nthree:\n  on_fail: warn\n")
    choices.refuse_unknown_names({"check": {"one": None, "two": None, "three": None, "mine": CHECK}}, conf)
    with pytest.raises(UserError, match=r"check\.tow is null, which .* has no 'tow'; expected one of one, three, two$"):
        choices.refuse_unknown_names({"check": {"one": None, "tow": None}}, conf)


@pytest.mark.parametrize("content", ["", "# nothing yet\n", "---\n"])
def test_an_emptied_option_of_a_list_is_noticed(conf, content):
    (conf / "check").mkdir()
    (conf / "check" / "one.yaml").write_text("one:\n  on_fail: warn\n")
    choices.refuse_emptied(conf)
    (conf / "check" / "two.yaml").write_text(content)
    with pytest.raises(
        UserError, match=r"two\.yaml defines nothing, so choosing 'two' has no effect; git checkout .*two"
    ):
        choices.refuse_emptied(conf)


def test_compose_refuses_what_is_not_text(conf):
    (conf / "source" / "one.yaml").write_bytes(b"path: \xff\n")
    with pytest.raises(
        UserError, match=r"conf/: .*conf/source/one\.yaml is not UTF-8 text \(invalid start byte\); save it"
    ):
        config.compose(conf)


def test_compose_refuses_what_is_no_list_of_defaults(conf):
    (conf / "config.yaml").write_text("defaults: 7\n")
    with pytest.raises(UserError, match=r"conf/: Invalid defaults list in 'config', defaults must be a list"):
        config.compose(conf)


def test_build_takes_choices_from_conf_and_data_from_artifacts():
    built = config.build({key: CHECK[key] for key in ("_target_", "max_ratio")}, "check.x", on_fail="error")
    assert built == ClassImbalance(max_ratio=10.0, on_fail="error")


def changed(**changes):
    return {key: value for key, value in {**CHECK, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("text", r"check\.x must be a mapping with _target_ .*, found 'text'"),
        (changed(_target_=None), r"check\.x must be a mapping with _target_"),
        (changed(_target_=7), r"check\.x must be a mapping with _target_"),
        (
            changed(_target_="os.system"),
            r"check\.x\._target_ must name a class of pipeline\.checks that is a Check, got 'os\.system'",
        ),
        (
            changed(_target_="pipeline.checks.nowhere.X"),
            r"check\.x\._target_ 'pipeline\.checks\.nowhere\.X' cannot be loaded: .*nowhere",
        ),
        (changed(_target_="pipeline.checks.class_imbalance.X"), r"check\.x\._target_ .* cannot be loaded: .*'X'"),
        (
            changed(_target_="pipeline.core.evaluation_contracts.Gate", max_ratio=None, on_fail=None),
            r"check\.x\._target_ must name a class of pipeline\.checks that is a Check",
        ),
        (changed(max_rato=2), r"check\.x has no parameter 'max_rato'; did you mean 'max_ratio'\?$"),
        (changed(zz=2), r"check\.x has no parameter 'zz'; it takes max_ratio, on_fail$"),
        (changed(on_fail=None), r"check\.x lacks the parameter 'on_fail'; set it in conf/"),
        (changed(max_ratio=0.5), r"check\.x\.max_ratio must be at least 1, got 0\.5"),
        (changed(max_ratio="large"), r"check\.x\.max_ratio must be a valid number, got 'large'"),
    ],
)
def test_build_refuses(node, message):
    with pytest.raises(UserError, match=rf"params\.yaml: {message}") as caught:
        config.build(node, "check.x")
    assert "\n" not in str(caught.value)


def test_build_builds_inner_nodes_first_and_says_where_they_stand():
    inner = {"_target_": "pipeline.datasets.sources.folder.Folder", "name": "x", "path": "p", "watch": "w"}
    archive = {"name": "x", "path": "a.zip", "tree": "t", "watch": "w", "max_bytes": 1, "max_entries": 1}
    node = {"_target_": "pipeline.datasets.sources.archive.Archive", **archive, "inner": inner}
    assert config.build(node, "source").inner == config.build(inner, "inner")
    with pytest.raises(UserError, match=r"source\.inner has no parameter 'paths'"):
        config.build({**node, "inner": {**inner, "paths": 1}}, "source")


def test_node_is_the_inverse_of_build():
    node = {"_target_": "pipeline.checks.class_imbalance.ClassImbalance", "max_ratio": 2.0, "on_fail": "warn"}
    assert config.to_node(config.build(node, "check.x")) == node


def test_call_leaves_open_ended_functions_open():
    assert config.instantiate(lambda a, *rest, b=2, **more: (a, b, more), {"a": 1, "c": 3}, "x") == (1, 2, {"c": 3})


def test_call_says_where_a_user_error_comes_from():
    def refuses(path):
        raise UserError(f"{path} is not a folder")

    with pytest.raises(UserError, match=r"^params\.yaml: source: raw is not a folder$"):
        config.instantiate(refuses, {"path": "raw"}, "source")


def test_targets_of_a_group(conf):
    (conf / "source/three.yaml").write_text("_target_: pipeline.datasets.sources.three.Three\n")
    (conf / "source/four.yaml").write_text("[]\n")
    recipe = "# @package _global_\nsource:\n  _target_: pipeline.datasets.sources.five.Five\nepochs: 7\n"
    (conf / "source/five.yaml").write_text(recipe)
    (conf / "source/six.yaml").write_text("source: pictures\n")
    expected = {"three": "pipeline.datasets.sources.three.Three", "five": "pipeline.datasets.sources.five.Five"}
    assert config.list_targets("source", conf) == expected
    (conf / "source/four.yaml").write_text("[\n")
    with pytest.raises(UserError, match=r"source/four\.yaml: not valid YAML: "):
        config.list_targets("source", conf)
    with pytest.raises(UserError, match=r"/sink/ does not exist here; run this in the project's folder"):
        config.list_targets("sink", conf)


@pytest.mark.parametrize(
    "call", [config.compose, config.load_params, lambda: config.compose_option("tune", "finetune")]
)
def test_outside_of_a_project(project, call):
    with pytest.raises(UserError, match=r"^conf/ does not exist here; run this in the project's folder, where dvc\.ya"):
        call()
