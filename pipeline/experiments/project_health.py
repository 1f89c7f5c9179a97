"""The project's folder, looked at for `colibri doctor`: git, DVC, disk, MLflow's store, leftovers and conf/."""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pipeline.core.environment import GIB, Finding

REMOVABLE = (".*.[0-9]*.tmp", "data/.*.[0-9]*.tmp", "reports/.*.[0-9]*.tmp")
SECONDS = 2.0  # for a server of MLflow to answer


def look_at_git() -> Iterator[Finding]:
    if shutil.which("git") is None:
        yield Finding(state="error", name="git", text="is not installed", remedy="install git")
    elif _git("rev-parse", "--git-dir") is None:
        start = "git init && git add -A && git commit -m start"
        yield Finding(state="error", name="git", text="this folder is no git repository", remedy=start)
    elif (commit := _git("rev-parse", "--short", "HEAD")) is None:
        yield Finding(state="error", name="git", text="there is no commit", remedy="git add -A && git commit -m start")
    elif not _git("config", "user.email") or not _git("config", "user.name"):
        remedy = "git config --global user.name NAME && git config --global user.email ADDRESS"
        yield Finding(state="warning", name="git", text="has no name or address for commits", remedy=remedy)
    else:
        new = (_git("ls-files", "--others", "--exclude-standard", "--", "conf", "pipeline") or "").splitlines()
        text, remedy = f"commit {commit}", ""
        if new:
            text += f"; it does not know {new[0]}" + (f" and {len(new) - 1} more" if len(new) > 1 else "")
            remedy = f"before colibri run --queue: git add {new[0]} && git commit"
        yield Finding(state="warning" if new else "ok", name="git", text=text, remedy=remedy)


def _git(*words: str) -> str | None:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def look_at_dvc() -> Iterator[Finding]:
    if not Path(".dvc").is_dir() or not Path("dvc.yaml").is_file():
        text = "there is no DVC project here"
        yield Finding(state="error", name="dvc", text=text, remedy="run this where dvc.yaml is; else dvc init")
        return
    settings = configparser.ConfigParser()
    settings.read([".dvc/config", ".dvc/config.local"], encoding="utf-8")
    links = settings.get("cache", "type", fallback="reflink, else copy")
    remote = settings.get("core", "remote", fallback="none: results stay on this machine")
    yield Finding(state="ok", name="dvc", text=f"initialised; cache by {links}; remote {remote}")
    yield from _look_at_running_dvc()


def _look_at_running_dvc() -> Iterator[Finding]:
    """Processes that DVC has noted as using this project."""
    import psutil

    file = Path(".dvc/tmp/rwlock")
    entries = json.loads(file.read_text(encoding="utf-8") or "{}") if file.exists() else {}
    numbers = sorted({int(pid) for pid in _find_values(entries, "pid")})
    gone = [pid for pid in numbers if not psutil.pid_exists(pid)]
    if gone:
        text = f"{file} names processes that have ended ({', '.join(map(str, gone))})"
        yield Finding(
            state="warning", name="lock", text=text, remedy=f"rm {file}, unless another machine runs DVC here"
        )
    elif numbers:
        text = f"process {numbers[0]} runs the pipeline here"
        yield Finding(state="warning", name="lock", text=text, remedy="wait until it has ended")


def _find_values(node: object, key: str) -> Iterator[str]:
    for name, value in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ()):
        if name == key:
            yield str(value)
        else:
            yield from _find_values(value, key)


def look_at_disk() -> Iterator[Finding]:
    """Free space against what one more run writes: the outputs in data/, and a copy of them in DVC's cache."""
    free = shutil.disk_usage(".").free
    outputs = sum(file.stat().st_size for file in Path("data").rglob("*") if file.is_file() and not file.is_symlink())
    needed = max(2 * outputs, GIB // 2)
    text = f"{free / GIB:.1f} GiB free; a run writes up to {needed / GIB:.1f} GiB"
    remedy = "dvc gc --workspace removes cached results that the workspace does not use"
    if free < needed:
        yield Finding(state="error", name="disk", text=text, remedy=remedy)
    elif free < 3 * needed:
        yield Finding(state="warning", name="disk", text=text, remedy=remedy)
    else:
        yield Finding(state="ok", name="disk", text=text)


def look_at_store() -> Iterator[Finding]:
    from urllib.request import urlopen

    from pipeline.core.uris import mask_credentials, sqlite_path
    from pipeline.tracking.connection import tracking_uri

    uri = tracking_uri()
    shown, file = mask_credentials(uri), sqlite_path(uri)
    try:
        if uri.startswith(("http://", "https://")):
            with urlopen(f"{uri.rstrip('/')}/health", timeout=SECONDS) as answer:  # noqa: S310 - http only
                answer.read(100)
        elif file is not None and file.exists():
            with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=SECONDS)) as database:
                database.execute("select version_num from alembic_version").fetchone()
            if not os.access(file, os.W_OK):
                raise PermissionError("it cannot be written")
    except (OSError, sqlite3.Error, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        remedy = "start the server, or correct MLFLOW_TRACKING_URI" if file is None else f"mv {file} {file}.broken"
        yield Finding(state="error", name="mlflow", text=f"{shown} cannot be used ({reason})", remedy=remedy)
        return
    state = "answers" if file is None or file.exists() else "does not exist yet: the first run makes it"
    yield Finding(state="ok", name="mlflow", text=f"{shown} {state}")


def look_at_leftovers() -> Iterator[Finding]:
    """Files of runs that were killed."""
    found = [path for pattern in REMOVABLE for path in Path().glob(pattern)]
    if found:
        text = f"{len(found)} incomplete files of a run that was killed, the first is {found[0]}"
        yield Finding(state="warning", name="leftovers", text=text, remedy="the next run of the stage removes them")
    if Path(".checkpoints").is_dir() and any(Path(".checkpoints").iterdir()):
        text = ".checkpoints/ holds a training that has not ended; colibri run goes on from there"
        yield Finding(state="ok", name="leftovers", text=text, remedy="to start again: rm -r .checkpoints")


def look_at_choices() -> Iterator[Finding]:
    """Whether conf/ composes, holds values that stages take, names a source that exists, and explains params.yaml."""
    import yaml

    from pipeline.choices.params_check import check_params
    from pipeline.core import config
    from pipeline.core.errors import UserError

    try:
        text = config.compose()
        params = yaml.safe_load(text)
        check_params(params)
    except UserError as error:
        yield Finding(state="error", name="conf", text=str(error), remedy="colibri options lists what there is")
        return
    yield Finding(state="ok", name="conf", text=f"composes; data set {params['source'].get('name', '?')}")
    if config.PARAMS.exists() and config.PARAMS.read_text(encoding="utf-8") != text:
        recorded = Path("dvc.lock").read_text(encoding="utf-8") if Path("dvc.lock").exists() else ""
        digest = hashlib.md5(config.PARAMS.read_bytes(), usedforsecurity=False).hexdigest()
        if digest not in recorded:
            text = "params.yaml was edited, which the next run refuses"
            remedy = "move the values into conf/, or python -m pipeline.stages.compose --force"
            yield Finding(state="warning", name="params", text=text, remedy=remedy)
