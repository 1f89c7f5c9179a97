"""The parameters of a run: the twenty or so that people compare by, and all that made it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import POOL
from pipeline.core.uris import mask_values
from pipeline.tracking.experiments import dataset_of

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params
    from pipeline.datasets.packed import PackedDataset

MAX_PARAM_LENGTH = 500
UNLOGGED = (
    *("validate", "check", "embed", "curate", "policy", "aim", "corruption", "robustness", "intervene", "intervention"),
    *("explain", "attribution"),
    *("evaluate", "metric", "gate", "register"),
)
OPTIONS = ("split", "task", "sampling", "mix", "risk")  # sections of which the name of the option says enough
PLUMBING = (  # of train: shown only where it was changed
    *("precision", "compile", "deterministic", "halve_batch", "checkpoint_seconds", "max_samples", "n_jobs", "views"),
    *("accumulation", "warmup_fraction", "layer_decay", "frozen_epochs", "min_steps"),
)
INTERPOLATED = ("augment.image_size", "transform.image_size")  # from image_size
COMPARED = (
    *("image_size", "split", "task", "transform", "encoder", "sampling", "imbalance", "mix", "risk", "train"),
    *("augmentation", "augment", "ingest", "near_duplicates", "objective", "views", "pretrain"),
)
OBJECTIVE = "objective"  # parameter of a run: there where an objective pretrained the encoder
OF_PRETRAINING = (OBJECTIVE, "views", "pretrain")  # sections that say nothing without a pretraining


def flatten(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Dotted key and text of every leaf of nested parameters."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from flatten(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, str(value)


def choices(params: Params) -> dict[str, str]:
    """The leaves of the parameters that made a run under their dotted keys, without credentials.

    Choices that only measure and evaluate are left out, and those of a pretraining where there was none.
    """
    left_out = {*UNLOGGED, *(() if has_pretraining(params) else OF_PRETRAINING)}
    return {key: text for key, text in flatten(mask_values(params)) if key.split(".")[0] not in left_out}


def has_pretraining(params: Params) -> bool:
    """Whether the parameters, or those of a run, name an objective that pretrains the encoder."""
    return option_name(params.get(OBJECTIVE) or "") not in ("", "unchanged")


def headline_parameters(params: Params, facts: Mapping[str, object]) -> dict[str, str]:
    """What people compare runs by, under short names; params.yaml, an artifact of the run, has everything.

    Args:
        params: All parameters of the pipeline.
        facts: What only the data say, such as the number of samples.
    """
    found: dict[str, object] = {"dataset": dataset_of(params), **facts}
    found |= {name: option_name(params[name]) for name in OPTIONS if name in params}
    if "encoder" in params:
        found["encoder"] = encoder_name(params["encoder"])
    if "train" in params:
        found["learner"] = learner_name(params["train"])
    if "augmentation" in params:
        found["augmentation"] = augmentation_names(params["augmentation"])
    if has_pretraining(params):
        found[OBJECTIVE] = option_name(params[OBJECTIVE])
        found |= {"views": augmentation_names(params.get("views")), "pretrain_epochs": params["pretrain"]["epochs"]}
    if "imbalance" in params:
        found["imbalance"] = option_name(params["imbalance"])
    if "image_size" in params:
        found["image_size"] = params["image_size"]
    for key, text in flatten(params.get("train", {})):
        name = key.rpartition(".")[2]
        if key and name != "_target_" and name not in PLUMBING:
            found[name] = text
    overrides = " ".join(f"{key}={text}" for key, text in changes(params).items())
    return as_parameters({**found, "overrides": overrides or ("none" if _defaults(dataset_of(params)) else None)})


def data_facts(packed: PackedDataset, pretraining: JsonObject | None) -> dict[str, object]:
    """The number of samples, extra copies not counted, of classes, and of the pool where a pretraining took from it.

    Args:
        packed: The data.
        pretraining: As the card of the encoder has it; None where there was none.
    """
    originals = packed.index.loc[packed.index["origin"] == packed.index["sample_id"], "split"]
    found = {"samples": int((originals != POOL).sum()), "classes": len(packed.classes)}
    pooled = int(pretraining["num_samples"][POOL]) if pretraining else 0
    return {**found, POOL: pooled} if pooled else dict(found)


def as_parameters(values: Mapping[str, object]) -> dict[str, str]:
    """Names and texts as MLflow takes them, without credentials; what is None or empty is left out."""
    return {
        re.sub(r"[^\w\-. /]", "_", key)[:250]: str(value)[:MAX_PARAM_LENGTH]
        for key, value in mask_values(dict(values)).items()
        if value is not None and value != ""
    }


def changes(params: Params) -> dict[str, str]:
    """Choices that differ from the data set's defaults in conf/, by dotted key; empty where conf/ has none.

    Of an option that was exchanged only its name is there.
    """
    default = _defaults(dataset_of(params))
    found: dict[str, str] = {}
    left_out = () if has_pretraining(params) else OF_PRETRAINING[1:]
    for section in COMPARED if default else ():
        ours, usual = params.get(section), default.get(section)
        if ours == usual or section in left_out:
            continue
        if section in ("augmentation", "views") and set(ours or ()) != set(usual or ()):
            found[section] = augmentation_names(ours)
        elif not isinstance(ours, dict) or not isinstance(usual, dict) or option_name(ours) != option_name(usual):
            found[section] = find_option(section, ours)
        else:
            before = dict(flatten(usual, section))
            found |= {key: text for key, text in flatten(ours, section) if before.get(key) != text}
    return {key: text for key, text in found.items() if key not in INTERPOLATED}


def find_option(group: str, node: Any) -> str:
    """The file in conf/ that a node comes from, which is what `-S` takes; where none has its classes, `option_name`.

    Of several files with the same classes it is the one whose values differ least.
    """
    values = dict(flatten(node))
    found = []
    for path in sorted((config.CONF / group).glob("*.yaml")):
        options = dict(flatten(yaml.safe_load(path.read_text(encoding="utf-8"))))
        if _classes(options) == _classes(values):
            found.append((sum(options.get(key) != value for key, value in values.items()), path.stem))
    return min(found)[1] if found and _classes(values) else option_name(node)


def _classes(values: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in values.items() if key.rpartition(".")[2] == "_target_"}


def option_name(node: Any) -> str:
    """An option of a group as people call it: the module of its class, else the text itself; empty for other nodes."""
    if not isinstance(node, dict):
        return str(node)
    if isinstance(node.get("candidates"), dict):  # of imbalance
        return f"best of {', '.join(node['candidates'])}"
    target = node.get("_target_")
    return target.split(".")[-2] if isinstance(target, str) and "." in target else ""


def augmentation_names(node: Any) -> str:
    """The names of the augmentations that are on."""
    return "+".join(name for name, one in (node or {}).items() if one is not None) or "none"


def encoder_name(node: Any) -> str:
    """An encoder in a word: `lite0`, `resnet50`, `hog`."""
    architecture = node.get("architecture") if isinstance(node, dict) else None
    return re.sub(r"^tf_(efficientnet_(?=lite))?", "", str(architecture)) if architecture else option_name(node)


def learner_name(node: Any) -> str:
    """A learner in words: `fine-tuned`, `SVC`, `logistic regression`, `random forest`."""
    estimator = node.get("estimator") if isinstance(node, dict) else None
    if not isinstance(estimator, dict) or "_target_" not in estimator:
        return {"finetune": "fine-tuned"}.get(option_name(node), option_name(node).replace("_", " "))
    kind = str(estimator["_target_"]).rpartition(".")[2].removesuffix("Classifier")
    return kind if kind.isupper() else re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", kind).lower()


def _defaults(dataset: str | None) -> Params:
    if dataset is None:
        return {}
    own = (config.CONF / "source" / f"{dataset}.yaml").is_file()
    try:
        return dict(yaml.safe_load(config.compose(overrides=[f"source={dataset}"] if own else [])))
    except UserError:  # conf/ is not what it was; the run's name is not worth a failure
        return {}
