"""A registry in memory, which can be made to fail at any of its writes."""

from contextlib import contextmanager

from pipeline.core import artifacts
from pipeline.core.errors import UserError
from pipeline.tracking import contest, decisions, promotion_log, registry, version_comparison

WRITES = ("create_version", "record_registration", "set_alias", "tag_version")


class Failed(UserError):
    """The store is gone."""


class RegistryInMemory:
    """Versions, aliases and tags; each run's predictions are a file in the folder.

    `fail_at` is the number of the write, counted from 1, that fails; `fails_after` says whether it is done before.
    """

    def __init__(self, folder):
        self.folder, self.versions, self.aliases = folder, {}, {}
        self.card, self.findings, self.fitted, self.said = None, {}, {}, []
        self.num_writes, self.fail_at, self.fails_after = 0, None, False

    @contextmanager
    def writing(self):
        self.num_writes += 1
        fails = self.num_writes == self.fail_at
        if fails and not self.fails_after:
            raise Failed("the store is gone")
        yield
        if fails:
            raise Failed("the store is gone")

    def find_version(self, name, results_key):
        return next((one for one, entry in self.versions.items() if entry["results_key"] == results_key), None)

    def version_tags(self, name, version):
        return dict(self.versions[version]["tags"])

    def champion(self, name):
        version = self.aliases.get("champion")
        return (version, self.versions[version]["run_id"]) if version else None

    def run_ids(self, name):
        return {one: entry["run_id"] for one, entry in self.versions.items()}

    def earlier_data(self, name, data_hash):
        others = [one for one, entry in self.versions.items() if entry["tags"]["data_hash"] != data_hash]
        return [(one, self.versions[one]["run_id"], self.versions[one]["tags"]) for one in reversed(others)]

    def num_versions_tested_on(self, name, test_set):
        return sum(entry["tags"][registry.TEST_SET] == test_set for entry in self.versions.values())

    def create_version(self, name, run_id, results_key, predictor, example, tags):
        version = str(len(self.versions) + 1)
        with self.writing():
            self.card = artifacts.read_json(predictor / "card.json") if predictor.is_dir() else None
            self.versions[version] = {"run_id": run_id, "results_key": results_key, "tags": dict(tags)}
        return version

    def record_registration(self, name, version, result):
        with self.writing():
            self.versions[version]["registration"] = result

    def registration_of(self, name, version):
        return self.versions[version].get("registration")

    def set_alias(self, name, alias, version):
        with self.writing():
            self.aliases[alias] = version

    def tag_version(self, name, version, tags):
        with self.writing():
            self.versions[version]["tags"] |= {key: str(value) for key, value in tags.items()}

    def predictions_of(self, run_id, folder):
        return self.folder / f"{run_id}.parquet"

    def train_samples_of(self, run_id, folder):
        return self.fitted.get(run_id)

    def findings_of(self, run_id):
        return self.findings.get(run_id, {})

    def describe_decision(self, name, version, reason, champion_before, kind):
        with self.writing():
            self.versions[version]["tags"] |= {"verdict": kind, "reason": reason}

    def append(self, decision):
        with self.writing():
            APPEND(decision)

    def put_in_place(self, monkeypatch):
        """Takes the place of MLflow everywhere."""
        names = [
            *("find_version", "version_tags", "champion", "run_ids", "earlier_data", "num_versions_tested_on"),
            *("registration_of", "predictions_of", "train_samples_of", *WRITES),
        ]
        for name in names:
            monkeypatch.setattr(registry, name, getattr(self, name))
        monkeypatch.setattr(contest, "findings_of", self.findings_of)
        monkeypatch.setattr(decisions, "describe_decision", self.describe_decision)
        monkeypatch.setattr(promotion_log, "append", self.append)
        monkeypatch.setattr(version_comparison.runs, "differing_params", lambda run_id, other: ["train.epochs"])


APPEND = promotion_log.append
