"""The name of an experiment in DVC: it changes with every file and choice that its results depend on."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.watched_places import watched_places

CODE = ("pipeline", "dvc.yaml", "data")
NOT_IN_A_STAGE = ("pipeline/commands/", "pipeline/experiments/")
COPIED = ("pipeline", "conf", "dvc.yaml")  # what DVC's copies need, and git must know


def names(experiments: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Each experiment to its name in DVC: its own, and a digest of parameters, code and source.

    Args:
        experiments: Name to the overrides that make it.

    Raises:
        UserError: An experiment does not compose, or git lacks a file that DVC's copies need.
    """
    refuse_untracked()
    tracked = [name for name in _git("ls-files", "-z", "--", *CODE) if not name.startswith(NOT_IN_A_STAGE)]
    code = artifacts.content_digest(*(part for name in tracked for part in (name.encode(), _bytes(Path(name)))))
    hashes: dict[str, str] = {}
    result = {}
    for experiment, overrides in experiments.items():
        text = config.compose(overrides=[*overrides])
        watched = watched_places(yaml.safe_load(text))
        hashes |= {place: _hash(place) for place in watched if place not in hashes}
        digest = artifacts.content_digest(code.encode(), text.encode(), *(hashes[one].encode() for one in watched))
        result[experiment] = f"{experiment}-{digest[:8]}"
    return result


def refuse_untracked() -> None:
    """Refuses files of the pipeline and of conf/ that git does not know: DVC's copies of the project lack them.

    Raises:
        UserError: There is such a file, or no git checkout.
    """
    untracked = _git("ls-files", "-z", "--others", "--exclude-standard", "--", *COPIED)
    if untracked:
        more = f" and {len(untracked) - 1} more" if len(untracked) > 1 else ""
        add = " ".join(dict.fromkeys(name.partition("/")[0] for name in untracked)) if more else untracked[0]
        raise UserError(
            f"git does not know {untracked[0]}{more}; DVC runs a copy of what git knows: "
            f"git add {add} && git commit -m 'Add {Path(untracked[0]).stem}'"
        )


def _hash(watch: str) -> str:
    """What DVC makes of a place of the source, as it does before `ingest`; empty where there is nothing to hash."""
    from dvc.exceptions import DvcException
    from dvc.output import Output
    from dvc.repo import Repo

    if not ("://" in watch or Path(watch).exists()):
        return ""  # compose says so, in the experiment's own row
    with Repo() as repo:
        try:
            return str(Output(repo.stage.collect("ingest")[0], watch, cache=False).get_hash().value)
        except DvcException as error:
            raise UserError(f"source.watch {watch!r} cannot be hashed: {error}") from None


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _git(*words: str) -> list[str]:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(
            "experiments are stored in git, and this folder is no git checkout; run git init and commit once"
        )
    return [name for name in done.stdout.split("\0") if name]
