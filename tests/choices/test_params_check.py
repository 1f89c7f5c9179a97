"""Every value of the parameters that is wrong in type, range or name is refused before the first stage that uses it."""

import copy
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml

from pipeline.choices import networks_check
from pipeline.choices.params_check import check_params, refuse_misfits
from pipeline.core import choices, config, hints
from pipeline.core.errors import UserError

ROOT = Path(__file__).parents[2]
EXPERIMENTS = ("", "multi_label", "elpv_svm_hog")
LOW = -(10**9)
ACCEPTED: dict[str, list[Any]] = {  # leaf to the wrong values that cannot be known to be wrong
    "source.name": ["nosuch"],  # any text names a data set
    "register.model_name": ["nosuch"],  # and a model
    **{f"card.data_{key}": ["nosuch"] for key in ("license", "citation", "people")},  # and says something of the data
    "train.estimator.gamma": [7],  # a number is a kernel coefficient of a support vector machine
    # a threshold that no picture reaches switches that fault off
    **{f"check.picture_quality.{key}": [LOW] for key in ("dark", "bright", "blurred", "uniform", "low_information")},
    "check.evaluable.max_classes": [LOW],
}

RANDOM = "pipeline.datasets.splits.random.Random"
PASSED_ON = ("epochs", "batch_size", "learning_rate", "watched")  # what others refer to, and are refused there


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    else:
        yield path, node


def wrong_values(value: Any) -> list[Any]:
    """Of another type, out of every range, or no name there is."""
    if isinstance(value, bool):
        return ["yes"]
    if isinstance(value, int | float):
        return ["ten", LOW]
    if isinstance(value, str):
        return [7, "nosuch"]
    return ["text", [{"a": 1}]] if isinstance(value, list) else [{"nosuch": 1}]


def changed(params: dict[str, Any], path: tuple[str, ...], value: Any, key: str | None = None) -> dict[str, Any]:
    """The parameters with another value, under another key where one is given."""
    result = copy.deepcopy(params)
    node = result
    for part in path[:-1]:
        node = node[part]
    node.pop(path[-1])
    node[key or path[-1]] = value
    return result


# the parameters are built thousands of times from the same conf/ and classes: this was over half of the time
names_in = cache(choices._names_in)
type_hints = cache(get_type_hints)


@pytest.fixture(autouse=True)
def passed(tmp_path_factory, monkeypatch):
    """Networks that passed are remembered for these tests alone; DVC watches files of the project."""
    monkeypatch.setattr(networks_check, "PASSED", tmp_path_factory.getbasetemp() / "compose")
    monkeypatch.setattr(choices, "_names_in", names_in)
    monkeypatch.setattr(hints, "get_type_hints", type_hints)
    monkeypatch.chdir(ROOT)


OF_NETWORKS = (*networks_check.SECTIONS, "embed")  # whose leaves torch looks at too
NAMED = ("metric", "check", "curate", "augmentation")  # sections whose first keys are names that a person may choose


def composed_leaves(of_networks: bool) -> Iterator[tuple[dict[str, Any], tuple[str, ...], Any]]:
    """The parameters, path and value of each leaf of all experiments; what two experiments share comes once."""
    seen = set()
    for experiment in EXPERIMENTS:
        params = yaml.safe_load(config.compose(overrides=[f"experiment={experiment}"] if experiment else []))
        refuse_misfits(params)
        for path, value in leaves(params):
            if path[0] in PASSED_ON:
                continue
            if (path, repr(value)) not in seen and (path[0] in OF_NETWORKS) is of_networks:
                seen.add((path, repr(value)))
                yield params, path, value


def is_refused(params: dict[str, Any], section: str) -> bool:
    try:
        check_params(params)
        if section in OF_NETWORKS:
            networks_check.check_networks(params)
    except UserError as error:
        return "\n" not in str(error)
    return False


@pytest.mark.parametrize("of_networks", [False])  # True, the networks, takes over ten minutes
def test_a_wrong_value_is_refused_in_every_leaf(of_networks):
    accepted: dict[str, list[Any]] = {}
    for params, path, value in composed_leaves(of_networks):
        key = ".".join(path)
        for wrong in wrong_values(value):
            if wrong not in ACCEPTED.get(key, ()) and not is_refused(changed(params, path, wrong), path[0]):
                accepted.setdefault(key, []).append(wrong)
    assert accepted == {}


@pytest.mark.parametrize("of_networks", [False])  # True, the networks, takes over ten minutes
def test_a_misspelt_key_is_refused_in_every_leaf(of_networks):
    accepted = [
        ".".join(path)
        for params, path, value in composed_leaves(of_networks)
        if not (path[0] in NAMED and len(path) == 2)
        and not is_refused(changed(params, path, value, f"{path[-1]}x"), path[0])
    ]
    assert accepted == []


@pytest.fixture(scope="module")
def default():
    return yaml.safe_load(config.compose(ROOT / "conf"))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "gate.superior.metric",
            "acuracy",
            r"gate\.superior\.metric: there is no figure 'acuracy'; did you mean 'accuracy'",
        ),
        (
            "gate.superior.metric",
            "recall",
            r"gate\.superior\.metric: recall is one number per class; name the class as in recall/CLASS",
        ),
        ("gate.superior.min_samples", 0, r"gate\.superior\.min_samples must be at least 1, got 0"),
        ("gate", None, r"^params\.yaml: gate must be a mapping of names to nodes with _target_, found None"),
        (
            "gate",
            {},
            r"^params\.yaml: gate has no gate that shows a gain, so no version would ever replace the champion",
        ),
        ("imbalance", "wieghted", r"imbalance is 'wieghted', and conf/imbalance/ has no such file; did you mean 'weig"),
        ("register.model_name", "a/b", r"register: model_name must not be empty or hold '/' or ':', got 'a/b'"),
        ("validate.classes", "cat", r"validate\.classes must be null or a valid array, got 'cat'|validate\.classes"),
        ("validate.channels", ["grey"], r"validate\.channels\.0 must be a valid integer"),
        ("source.watch", "/no/such/folder", r"^source\.watch '/no/such/folder' does not exist; set source\.path"),
        ("source.block_size", 0, r"params\.yaml: source\.block_size must be at least 1, got 0"),
        ("evaluate.half_width", 0.7, r"evaluate\.half_width must be above 0 and below 0\.5"),
    ],
)
def test_what_a_later_stage_would_refuse(default, key, value, message):
    with pytest.raises(UserError, match=message):
        check_params(changed(default, tuple(key.split(".")), value))


def with_leakage(params, joined, **changes):
    """The parameters with a check of leaks, and a split that joins so many bits, or is `random` and compares none."""
    split = {key: value for key, value in params["split"].items() if key != "near_duplicate_bits"}
    split |= {"_target_": RANDOM} if joined == "random" else {"near_duplicate_bits": joined}
    leakage = {**params["check"]["split_leakage"], **changes}
    return {**params, "split": split, "check": {"split_leakage": leakage}}


@pytest.mark.parametrize(
    ("joined", "compared", "remedy"),
    [
        (2, 2, "split.near_duplicate_bits=4, or check.split_leakage.on_fail=warn"),
        (3, 3, "split.near_duplicate_bits=4, or check"),
        (None, 2, "split.near_duplicate_bits=4, or check"),
        ("random", 2, "split=grouped and split.near_duplicate_bits=4, or check"),
    ],
)
def test_a_check_of_leaks_that_looks_further_than_the_split_joins(default, joined, compared, remedy):
    message = (
        "params.yaml: check.split_leakage.near_duplicate_bits is 4, and the split leaves near-duplicates of more than "
        f"{compared} bits apart, for which the check would stop the run; set {remedy}"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}"):
        check_params(with_leakage(default, joined, near_duplicate_bits=4))


@pytest.mark.parametrize(("joined", "bits"), [(4, 4), (0, 2), ("random", 2)])
def test_a_check_of_leaks_that_looks_as_far_as_the_split_joins(default, joined, bits):
    check_params(with_leakage(default, joined, near_duplicate_bits=bits))


def test_a_check_of_leaks_that_stops_nothing_may_look_further(default):
    check_params(with_leakage(default, 2, near_duplicate_bits=16, on_fail="warn"))
    check_params({**default, "check": {"split_leakage": None}})
    check_params({**default, "check": {}})


def test_the_class_that_decides_must_be_one_that_may_occur(default):
    listed = changed(default, ("validate", "classes"), ["functional", "defective"])
    check_params(changed(listed, ("gate", "superior", "metric"), "recall/defective"))
    with pytest.raises(
        UserError, match=r"gate\.superior\.metric: there is no class 'defectiv'; did you mean 'defective'\?$"
    ):
        check_params(changed(listed, ("gate", "superior", "metric"), "recall/defectiv"))


def test_the_aim_must_name_a_class_that_may_occur(default):
    listed = changed(default, ("validate", "classes"), ["functional", "defective"])
    recall = {"_target_": "pipeline.evaluation.aims.recall_at_least.RecallAtLeast", "of": "defective", "recall": 0.9}
    check_params({**listed, "aim": recall})
    check_params({**default, "aim": {**recall, "of": "defectiv"}})  # the classes are known when there is a manifest
    with pytest.raises(UserError, match=r"^params\.yaml: aim\.of: there is no class 'defectiv'; did you mean 'defecti"):
        check_params({**listed, "aim": {**recall, "of": "defectiv"}})
    cost = {"_target_": "pipeline.evaluation.aims.lowest_cost.LowestCost", "costs": {"defective": {"fine": 9}}}
    with pytest.raises(UserError, match=r"^params\.yaml: aim\.costs: there is no class 'fine'"):
        check_params({**listed, "aim": cost})
