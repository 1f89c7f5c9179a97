"""Runs the pipeline: dvc repro, or with overrides dvc exp run, after a look at every value; ends with the summary.

A wrong key, option or value is refused within seconds, before DVC starts. The terminal shows what the stages print;
.cache/logs/run-N.log keeps it. Ctrl-C ends the stage, and the same command goes on. An override is KEY=VALUE (a value)
or GROUP=OPTION (a file of conf/GROUP/), also after -S as for dvc exp run; without any, conf/ counts as it is.

Examples:
  colibri run                                      run what has changed
  colibri run epochs=10 encoder=resnet50           one run with other choices; conf/ stays as it is
  colibri run --dry image_size=224                 show which stages would run
  colibri run --queue train=svm encoder=hog        put it into DVC's queue; dvc queue start runs it
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING

import yaml

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.terminal import say

if TYPE_CHECKING:
    from pipeline.core.open_types import Params


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="choices of this run; colibri options")
    parser.add_argument(
        *("-S", "--set-param"),
        dest="more",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="the same, as DVC writes it",
    )
    parser.add_argument("--dry", action="store_true", help="check the choices and list the stages that would run")
    parser.add_argument("--queue", action="store_true", help="queue it in DVC instead of running it here")


def main(overrides: list[str], more: list[str], dry: bool, queue: bool) -> None:
    overrides = [*overrides, *more]
    text = compose_checked(overrides)
    params: Params = yaml.safe_load(text)
    what = f"data set {params['source'].get('name', '?')}" + (f", {' '.join(overrides)}" if overrides else "")
    if dry:
        from pipeline.experiments.stale_stages import find_stale

        stale = find_stale(params)
        say(f"run: {what}; " + (f"would run {', '.join(stale)}" if stale else "nothing would run: all is up to date"))
    elif queue:
        _queue(what, overrides)
    else:
        _run(what, overrides)


def compose_checked(overrides: list[str]) -> str:
    """The text of params.yaml for these overrides.

    Raises:
        UserError: A key, an option or a value is refused, or has no effect.
    """
    from pipeline.choices.params_check import refuse_misfits

    text = config.compose(overrides=overrides)
    params: Params = yaml.safe_load(text)
    refuse_misfits(params)
    for override in overrides:
        _refuse_without_effect(override, overrides, params)
    return text


def _refuse_without_effect(override: str, overrides: list[str], params: Params) -> None:
    """Refuses a value that sections only refer to (`epochs`), where none of those that are chosen does.

    Raises:
        UserError: Nothing but the key itself differs from the composition without the override.
    """
    key = override.partition("=")[0]
    if key not in params or isinstance(params[key], dict):
        return
    without: Params = yaml.safe_load(config.compose(overrides=[one for one in overrides if one != override]))
    if {name for name in params if params[name] != without.get(name)} == {key}:
        raise UserError(f"{override} has no effect: nothing that is chosen here takes {key}; leave it out")


def _run(what: str, overrides: list[str]) -> None:
    from pipeline.commands import summary
    from pipeline.experiments.dvc_process import explain_failure, next_log, run_dvc

    command = ["exp", "run"] if overrides else ["repro"]
    words = [*command, *(word for override in overrides for word in ("--set-param", override))]
    log = next_log()
    say(f"run: {what}; log: {log}")
    printed: list[str] = []
    code = run_dvc(words, log, printed.append)
    if code > 128 and code - 128 < 65:  # a signal's number
        say(f"run: interrupted; the same command goes on; log: {log}")
        raise SystemExit(code)
    if code:
        reason = explain_failure(words) or "a stage stopped, see above"
        raise UserError(f"{reason}; log: {log}")
    if not any(str(artifacts.REPORT) in line for line in printed):  # else register has ended with the summary
        summary.main()


def _queue(what: str, overrides: list[str]) -> None:
    from pipeline.experiments.dvc_queue import Refusal, call_dvc
    from pipeline.experiments.naming import refuse_untracked

    refuse_untracked()
    words = [word for override in overrides for word in ("--set-param", override)]
    try:
        say(f"run: {what}", *call_dvc("exp", "run", "--queue", *words).splitlines()[:1])
    except Refusal as error:
        raise UserError(f"DVC does not queue it: {error}") from None
    say("dvc queue start runs what waits, dvc queue status lists it")
