"""Choices: composed by Hydra from conf/, kept in params.yaml, built into nouns. Only this module knows Hydra."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.core import nouns
from pipeline.core.composition_errors import explain_error, refuse_missing
from pipeline.core.errors import UserError
from pipeline.core.hints import find_misfits
from pipeline.core.suggestions import did_you_mean
from pipeline.core.sweep import Sweep

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

CONF = Path("conf")
PARAMS = Path("params.yaml")
# sections of several nouns, by name; null switches one off
MAPPINGS = tuple("check curate augmentation views intervention metric corruption gate monitor retrain".split())  # noqa: SIM905
COMPOSE_AGAIN = "run python -m pipeline.stages.compose --force"
MAX_DEPTH = 4  # nouns within nouns; an archive of an archive of a table is 3


def compose(conf: Path = CONF, overrides: list[str] | None = None, root: str = "config") -> str:
    """The text of params.yaml: what `dvc exp run` would write for the same overrides.

    Args:
        conf: The folder of choices.
        overrides: As Hydra takes them.
        root: The file to begin with, another one for what stages do not read.

    Raises:
        UserError: An option or a parameter does not exist, or a value is missing.
    """
    refuse_missing(conf)
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        with initialize_config_dir(str(conf.resolve()), version_base=None):
            config = hydra_compose(config_name=root, overrides=overrides or [])
        OmegaConf.resolve(config)
        missing = sorted(OmegaConf.missing_keys(config))
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(f"{conf}/: {explain_error(error, conf, _keys_below(error)) or _one_line(error)}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{conf}/: not valid YAML: {_one_line(error)}") from None
    except UnicodeDecodeError as error:
        named = next((path for path in sorted(conf.rglob("*.yaml")) if error.object in path.read_bytes()), conf)
        raise UserError(f"{conf}/: {named} is not UTF-8 text ({error.reason}); save it as UTF-8") from None
    except ValueError as error:  # no list of defaults
        raise UserError(f"{conf}/: {_one_line(error)}") from None
    if missing:
        raise UserError(
            f"{conf}/: {missing[0]} has no value (???); set it in conf/ or with colibri run {missing[0]}=..."
        )
    return OmegaConf.to_yaml(config)


def parse_sweep(key: str, text: str) -> Sweep:
    """The values that an override of Hydra sweeps over, such as `choice(a, b)` or `tag(log, interval(1e-4, 1e-2))`.

    Args:
        key: The parameter, for messages.
        text: The sweep.

    Raises:
        UserError: The text is not a sweep, or is a single value.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import ValueType
    from hydra.errors import HydraException

    expected = (
        "expected choice(a, b), interval(0, 1) or range(1, 5), within tag(log, ...) where the scale is logarithmic"
    )
    try:
        override = OverridesParser.create().parse_override(f"x={text}")
    except HydraException as error:
        raise UserError(f"{key}: {text!r} is no sweep of Hydra ({_one_line(error)}); {expected}") from None
    if not override.is_sweep_override():
        raise UserError(f"{key}: {text!r} is one value; {expected}")
    if override.value_type is ValueType.GLOB_CHOICE_SWEEP:
        raise UserError(f"{key}: {text!r} names no values; {expected}")
    sweep: Any = override.value()
    if getattr(sweep, "shuffle", False):
        raise UserError(f"{key}: {text!r} has another order each time; write it without shuffle()")
    if override.is_choice_sweep():
        return Sweep(choices=tuple(override.sweep_string_iterator()))
    make: Any = Sweep.from_range if override.is_range_sweep() else Sweep.from_interval
    bounds = (sweep.start, sweep.stop, sweep.step) if override.is_range_sweep() else (sweep.start, sweep.end)
    try:
        return make(*bounds, log="log" in sweep.tags)
    except ValueError as error:
        raise UserError(f"{key}: {text!r}: {error}") from None


def compose_option(group: str, name: str, conf: Path = CONF) -> Params:
    """The parameters in one file of a group that only a command reads.

    Raises:
        UserError: There is no such file, or it does not compose.
    """
    refuse_missing(conf)
    names = sorted(path.stem for path in (conf / group).glob("*.yaml"))
    if name not in names:
        raise UserError(f"{conf / group / name}.yaml does not exist; available: {', '.join(names) or 'none yet'}")
    node = (yaml.safe_load(compose(conf, root=f"{group}/{name}")) or {}).get(group)
    if not isinstance(node, dict):
        raise UserError(f"{conf / group / name}.yaml must be a mapping of parameters, found {nouns.show_value(node)}")
    return node


def select_experiment(name: str | None) -> list[str]:
    """The overrides that take a file of conf/experiment/; none for conf/config.yaml as it is."""
    return [] if name is None else [f"experiment={name}"]


def load_params(path: Path = PARAMS) -> Params:
    """All parameters.

    Raises:
        UserError: The file is missing, corrupt or not a mapping.
    """
    try:
        params = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        refuse_missing(CONF)
        raise UserError(f"{path} does not exist; {COMPOSE_AGAIN}, which writes it from conf/") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(
            f"{path}: not valid YAML ({_one_line(error)}); git checkout {path}, or {COMPOSE_AGAIN}"
        ) from None
    if not isinstance(params, dict):
        raise UserError(f"{path}: expected a mapping of parameters, found {type(params).__name__}; {COMPOSE_AGAIN}")
    return params


def list_targets(group: str, conf: Path = CONF) -> dict[str, str]:
    """Each option of a group in conf/ to the dotted path that it builds.

    Raises:
        UserError: There is no such folder, or a file in it cannot be read.
    """
    folder = conf / group
    refuse_missing(folder)
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: not valid YAML: {_one_line(error)}") from None
        if target := _target(content, group):
            found[path.stem] = target
    return found


def get_section(params: Params, key: str) -> Any:
    """One top-level entry of the parameters.

    Raises:
        UserError: There is none.
    """
    if key not in params:
        raise UserError(f"{PARAMS}: no {key!r}; expected one of conf/'s keys {sorted(params)}; {COMPOSE_AGAIN}")
    return params[key]


def build(node: Any, where: str, kind: str | None = None, /, **data: Any) -> Any:
    """The noun that a node's `_target_` names, built from its other keys; those that are nodes are built first.

    Args:
        node: Mapping with `_target_`, the dotted path of a class that `nouns.import_target` takes.
        where: As for `nouns.describe_place`, for messages.
        kind: Key of `nouns.KINDS`. None takes it from `where`: its first part if in `MAPPINGS`, else its last one.
        data: Arguments that come from artifacts, not from conf/.

    Raises:
        UserError: No target, one of another kind, an unknown or missing parameter, or a value that the noun refuses.
    """
    first, _, _ = where.partition(".")
    return _build_node(node, where, kind or (first if first in MAPPINGS else where.rpartition(".")[2]), MAX_DEPTH, data)


def _build_node(node: Any, where: str, kind: str, depth: int, data: dict[str, Any]) -> Any:
    if not isinstance(node, dict) or not isinstance(node.get("_target_"), str):
        raise UserError(
            f"{nouns.describe_place(where)} must be a mapping with _target_ (the dotted path of a class), "
            f"found {nouns.show_value(node)}"
        )
    if not depth:
        raise UserError(
            f"{nouns.describe_place(where)} is nested more than {MAX_DEPTH} levels deep; expected at most {MAX_DEPTH}"
        )
    target = nouns.import_target(node["_target_"], where, kind)
    arguments = {key: value for key, value in node.items() if key != "_target_"} | data
    _refuse_unknown(target, arguments, where)
    inner = {
        key: _build_node(value, f"{where}.{key}", key, depth - 1, {})
        for key, value in arguments.items()
        if isinstance(value, dict) and "_target_" in value
    }
    return instantiate(target, arguments | inner, where)


def build_all(params: Params, key: str) -> dict[str, Any]:
    """The nouns that `build` makes of the nodes of one of `MAPPINGS`, by name; a null is left out.

    Raises:
        UserError: There is no such entry, it is no mapping, or one of its nodes cannot be built.
    """
    nodes = get_section(params, key)
    if not isinstance(nodes, dict):
        raise UserError(
            f"{PARAMS}: {key} must be a mapping of names to nodes with _target_, found {nouns.show_value(nodes)}"
        )
    return {name: build(node, f"{key}.{name}", key) for name, node in nodes.items() if node is not None}


def to_node(noun: Any) -> Params:
    """The mapping from which `build` makes an equal one; the inverse of `build` for a dataclass."""
    return {"_target_": f"{type(noun).__module__}.{type(noun).__qualname__}", **dataclasses.asdict(noun)}


def instantiate(target: Any, arguments: Params, where: str) -> Any:
    """`target(**arguments)`; an error names the parameter that is unknown, missing or refused, and its file.

    Args:
        target: A class or a function.
        arguments: By name.
        where: As for `nouns.describe_place`, for messages.

    Raises:
        UserError: A parameter is unknown, missing or refused.
    """
    if not isinstance(arguments, dict):
        raise UserError(
            f"{nouns.describe_place(where)} must be a mapping of parameters, found {nouns.show_value(arguments)}"
        )
    accepted = _refuse_unknown(target, arguments, where)
    needed = [
        name
        for name, p in accepted.items()
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and name not in arguments
    ]
    if needed:
        raise UserError(
            f"{nouns.describe_place(where)} lacks the parameter {needed[0]!r}; set it in conf/ and run this again"
        )
    for misfit in find_misfits(target, arguments):
        raise UserError(nouns.describe_place(f"{where}.{misfit}"))
    try:
        return target(**arguments)
    except UserError as error:
        raise type(error)(f"{nouns.describe_place(where)}: {error}") from None
    except (ValueError, TypeError) as error:
        raise UserError(f"{nouns.describe_place(where)}: {_one_line(error)}") from error


def _target(content: Any, group: str) -> str | None:
    """What a file of a group builds; one with a recipe (`# @package _global_`) has the group's section within."""
    inner = content.get(group, content) if isinstance(content, dict) else {}
    target = inner.get("_target_") if isinstance(inner, dict) else None
    return target if isinstance(target, str) else None


def _refuse_unknown(target: Any, arguments: Params, where: str) -> Mapping[str, inspect.Parameter]:
    """The parameters of the target, if it takes all of these arguments."""
    accepted = inspect.signature(target).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    unknown = [] if open_ended else [key for key in arguments if key not in accepted]
    if unknown:
        named = nouns.show_value(unknown[0])
        takes = did_you_mean(str(unknown[0]), accepted) or f"; it takes {', '.join(accepted) or 'none'}"
        raise UserError(f"{nouns.describe_place(where)} has no parameter {named}{takes}")
    return accepted


def _one_line(error: BaseException) -> str:
    return re.sub(r"\s*\n\s*", "; ", str(error).strip()) or type(error).__name__


def _keys_below(error: BaseException) -> Any:
    """What is below the last part of a key that exists, where the next part does not; None of another error."""
    from omegaconf import DictConfig, OmegaConf

    parent = getattr(error.__cause__, "parent_node", None)
    return OmegaConf.to_container(parent, resolve=False) if isinstance(parent, DictConfig) else None
