"""Which trained model a person means: the champion, a version, a `models:/` URI, or a folder with card and weights."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.uris import file_path, sqlite_path
from pipeline.prediction.classifier import PictureClassifier
from pipeline.tracking.connection import open_store, tracking_uri
from pipeline.tracking.registry import ABSENT

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
CARD = "card.json"
QUOTE = "'"  # in no name that Colibri registers
INSIDE = "artifacts"  # of a served model: where `registry.create_version` puts the folder of the predictor
EXPECTED = "expected NAME@champion, NAME/3, a version of this project such as 3, a models:/ URI, or a folder"
REFERENCE = re.compile(r"(?:models:/)?(?P<name>[^@/]*)(?:@(?P<alias>[^@/]+)|/(?P<version>\d+))")


@final
@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """A version in MLflow's registry.

    Attributes:
        name: Of the registered model.
        version: Its number.
        aliases: Such as `champion`, sorted.
        model_id: Of the logged model that holds the files.
    """

    name: str
    version: str
    aliases: tuple[str, ...]
    model_id: str

    @property
    def uri(self) -> str:
        """As MLflow takes it."""
        return f"models:/{self.name}/{self.version}"

    def __str__(self) -> str:
        aliases = f" ({', '.join(self.aliases)})" if self.aliases else ""
        return f"{self.name} version {self.version}{aliases}"


def load_classifier(model: str | None = None, has_digest: bool = False) -> tuple[PictureClassifier, str]:
    """The classifier that a person means, and a text that names it.

    Args:
        model: As for `find_version`, or a folder with card and weights. None: the champion of the project's source, or
            `data/predictor` where none is registered.
        has_digest: As for `PictureClassifier.load`.

    Raises:
        UserError: There is no such model, or its files are missing or do not fit.
    """
    if model is not None and (Path(model) / CARD).is_file():
        return PictureClassifier.load(Path(model), has_digest), model
    if model is None and (problem := _without_champion()):
        if not (artifacts.PREDICTOR / CARD).is_file():
            raise UserError(f"{problem}, and {artifacts.PREDICTOR} does not exist; colibri run trains a model")
        title = f"{artifacts.PREDICTOR}, the last trained model ({problem})"
        return PictureClassifier.load(artifacts.PREDICTOR, has_digest), title
    version = find_version(model)
    with open_files(version) as folder:
        return PictureClassifier.load(folder, has_digest), str(version)


def find_version(model: str | None = None) -> RegisteredVersion:
    """The version that a person means.

    Args:
        model: `NAME@ALIAS`, `NAME/VERSION`, either after `models:/`; `@ALIAS` or a version alone is one of the
            project's model (`register.model_name`). None: its champion.

    Raises:
        UserError: The text is none of these, or there is no such version.
    """
    text = f"@{CHAMPION}" if model is None else model
    found = REFERENCE.fullmatch(f"/{text}" if text.isdecimal() else text)
    if not found:
        raise UserError(f"{text!r} is no model; {EXPECTED}")
    name = found["name"] or project_model()
    if not _store_exists():
        raise UserError(f"{text!r}: MLflow's store {tracking_uri()} does not exist; colibri run makes it")
    with open_store() as (client, _):
        entry = _look_up(client, name, found["alias"], found["version"])
    return RegisteredVersion(
        name=name,
        version=str(entry.version),
        aliases=tuple(sorted(entry.aliases)),
        model_id=str(entry.model_id or entry.source.rpartition("/")[2]),
    )


def is_reference(text: str) -> bool:
    """Whether a text has the form of a registered version; see `find_version`."""
    return text.isdecimal() or REFERENCE.fullmatch(text) is not None


def project_model() -> str:
    """The name under which the project registers its models.

    Raises:
        UserError: This is no folder of a project.
    """
    if not config.PARAMS.is_file():
        raise UserError(
            f"{Path.cwd()} is no folder of a Colibri project (it has no {config.PARAMS}); go to the project's folder, "
            "or name a model, such as models:/NAME@champion"
        )
    params = config.load_params()
    return str(config.get_section(params, "register")["model_name"])


def _without_champion() -> str:
    """Why the project has no champion, or an empty text where it has one."""
    name = project_model()
    if not _store_exists():
        return "nothing is registered yet"
    with open_store() as (client, _):
        return "" if _search(client, name, CHAMPION) else f"{name} has no champion"


def _store_exists() -> bool:
    """Whether connecting would find a store; connecting to an SQLite file that is not there makes one."""
    database = sqlite_path(tracking_uri())
    return database is None or database.exists()


def _look_up(client: MlflowClient, name: str, alias: str | None, version: str | None) -> Any:
    """The entry in the registry.

    Raises:
        UserError: There is none; the message says which there are.
    """
    entry = _search(client, name, alias, version)
    if entry is not None:
        return entry
    known = sorted(int(one.version) for one in client.search_model_versions(f"name = '{name.replace(QUOTE, '')}'"))
    what = f"version with the alias {alias!r}" if alias else f"version {version}"
    if known:
        numbers = ", ".join(map(str, known[-10:]))
        raise UserError(f"{name} has no {what}; its versions are {numbers}{' and earlier ones' if known[10:] else ''}")
    names = ", ".join(sorted(one.name for one in client.search_registered_models(max_results=20))) or "none yet"
    raise UserError(f"MLflow's store {tracking_uri()} has no model {name!r}; it has {names}")


def _search(client: MlflowClient, name: str, alias: str | None, version: str | None = None) -> Any:
    import mlflow

    try:
        return client.get_model_version_by_alias(name, alias) if alias else client.get_model_version(name, version)
    except mlflow.MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        return None


@contextmanager
def open_files(version: RegisteredVersion) -> Iterator[Path]:
    """The folder with card and weights: where MLflow keeps it on this machine, else a download.

    Raises:
        UserError: The files are missing.
    """
    with open_store() as (client, _):
        place = str(client.get_logged_model(version.model_id).artifact_location)
    local = file_path(place)
    if local is not None:
        yield _find_predictor(local / INSIDE, version)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield _find_predictor(_download(f"{place.rstrip('/')}/{INSIDE}", Path(folder)), version)


def _find_predictor(folder: Path, version: RegisteredVersion) -> Path:
    """The folder in which the card is, one level below.

    Raises:
        UserError: There is none.
    """
    for card in sorted(folder.glob(f"*/{CARD}")):
        return card.parent
    what = f"{folder}, the files of {version}, holds no model"
    raise UserError(f"{what}; copy mlruns/ from where it was trained, or choose another model")


def _download(uri: str, folder: Path) -> Path:
    with open_store():
        from mlflow.artifacts import download_artifacts

        return Path(download_artifacts(artifact_uri=uri, dst_path=str(folder), tracking_uri=tracking_uri()))


def serving_environment() -> dict[str, str]:
    """The variables with which a process of MLflow finds the project's store."""
    return {**os.environ, "MLFLOW_TRACKING_URI": tracking_uri(), "MLFLOW_DISABLE_TELEMETRY": "true"}
