"""What needs labels is refused for clusters, and what is for clusters where there are labels."""

import re
from functools import cache

import pytest
import yaml

from pipeline.choices.params_check import check_params, refuse_misfits
from pipeline.core import config
from pipeline.core.choices import refuse_without_labels
from pipeline.core.errors import UserError

CONF = config.Path(__file__).parents[2] / "conf"


@cache
def compose(*overrides):
    return config.compose(CONF, list(overrides))


def composed(*overrides):
    return yaml.safe_load(compose(*overrides))


def test_the_experiment_is_all_that_clusters_need():
    check_params(composed("experiment=clusters", "source=digits"))
    check_params(composed("experiment=clusters", "source=digits", "train=mixture", "objective=simclr"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("metric=[accuracy]", "metric.accuracy is measured against labels, which task=clusters does not have"),
        ("corruption=[blur]", "corruption.blur is measured against labels"),
        ("intervention=[exposure]", "intervention.exposure is measured against labels"),
        ("aim=best_f1", "aim needs labels, which task=clusters does not have; experiment=clusters sets all"),
        ("attribution=occlusion", "attribution needs labels"),
        ("sampling=by_class", "sampling needs labels"),
        ("risk=group_dro", "risk needs labels"),
        ("mix=mixup", "mix needs labels"),
        ("policy.calibration=temperature", "policy.calibration temperature needs labels"),
        ("policy.sets=overall", "policy.sets overall needs labels"),
        ("policy.abstain=sets", "policy.abstain sets needs prediction sets, and so labels"),
        ("augment.min_class_share=0.5", "augment.min_class_share 0.5 needs labels"),
        ("imbalance=auto", "imbalance is about unequal classes, and task=clusters has none"),
        ("objective=supcon", "objective.positives class pretrains by labels, at which task=clusters must not look"),
        ("gate=[same_clusters,superior]", "gate.superior compares labels, which task=clusters does not have"),
    ],
)
def test_what_compares_with_labels_is_refused(override, message):
    with pytest.raises(UserError, match=re.escape(message)):
        check_params(composed("experiment=clusters", "source=digits", override))


def test_gates_of_clusters_are_refused_where_there_are_labels():
    with pytest.raises(UserError, match=r"gate\.stable_clusters compares clusters; set task=clusters"):
        check_params(composed("source=digits", "gate=[superior,stable_clusters]"))


def test_task_and_learner_must_fit():
    with pytest.raises(UserError, match=r"one of task and train needs labels and the other has none; set train=kmeans"):
        refuse_misfits(composed("experiment=clusters", "source=digits", "train=logistic", "encoder=hog", "embed=hog"))
    with pytest.raises(UserError, match=r"one of task and train needs labels and the other has none; set task=clus"):
        refuse_misfits(composed("source=digits", "train=kmeans", "encoder=hog", "embed=hog"))


def test_commands_that_compare_by_labels_say_so():
    refuse_without_labels(composed("source=digits"), "tune")
    with pytest.raises(UserError, match=r"colibri tune compares by labels, which task=clusters does not have"):
        refuse_without_labels(composed("experiment=clusters", "source=digits"), "tune")
