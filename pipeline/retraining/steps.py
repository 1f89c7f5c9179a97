"""The steps of one retraining, each recorded when it is done, so that a kill anywhere costs only the step it hit."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import yaml

from pipeline.choices.retraining_options import Options
from pipeline.core import artifacts, config
from pipeline.core.choices import is_supervised
from pipeline.core.errors import UserError
from pipeline.core.retrain_contracts import DataChanges, DriftReading, RetrainEvidence, RetrainRule
from pipeline.core.terminal import say, warn
from pipeline.experiments.dvc_queue import Refusal, call_dvc
from pipeline.retraining import branch_commit, data_changes, drift_reading, history, notification, pipeline_run
from pipeline.retraining.decision import decide
from pipeline.retraining.feedback_step import feedback_in_advance, feedback_record, take_feedback
from pipeline.retraining.fetching import fetch_commands
from pipeline.retraining.journal import RetrainJournal
from pipeline.serving.answered_pictures import find_store
from pipeline.tracking import retrainings

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject, Params

NOTHING, PROMOTED, REFUSED, UNCHANGED = "nothing_to_do", "promoted", "refused", "unchanged"
RAN = (PROMOTED, REFUSED, UNCHANGED)  # outcomes after a whole run
ENDED_BADLY = (pipeline_run.FAILED, pipeline_run.REFUSED_DATA)
COMMITTED = (  # those that exist; what DVC versions is in dvc.lock
    *(Path("dvc.lock"), Path("params.yaml"), history.LAST, history.ALL),
    Path("reports/promotions.jsonl"),
)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Retraining:
    """What one call of `colibri retrain` works with.

    Attributes:
        params: As conf/ composes them now.
        options: What is done around the pipeline.
        rules: Name to rule.
        now: The clock of the call.
    """

    params: Params
    options: Options
    rules: Mapping[str, RetrainRule]
    now: datetime

    @classmethod
    def of(cls, now: datetime) -> Retraining:
        """That of the project in this folder.

        Raises:
            UserError: conf/ does not compose, or a value is refused.
        """
        from pipeline.choices.params_check import refuse_misfits

        params: Params = yaml.safe_load(config.compose())
        refuse_misfits(params)
        options: Options = config.instantiate(Options, config.get_section(params, "retraining"), "retraining")
        return cls(params=params, options=options, rules=config.build_all(params, "retrain"), now=now)

    def fetch(self) -> JsonObject:
        """Brings the data up to date where conf/ says how; otherwise the source's folder is taken as it is."""
        commands = fetch_commands(self.options)
        if commands:
            pipeline_run.wait_for_other_run()
        for words in commands:
            call(*words)
        return {"commands": [f"dvc {' '.join(words)}" for words in commands]}

    def look(self, write: bool, feedback: Path | None = None) -> JsonObject:
        """What the rules look at, with the feedback of another folder where one is given; with `write` also pages."""
        before = data_changes.read_reference()
        manifest = data_changes.ingest_now(self.params, *([] if feedback is None else [feedback]))
        changes = data_changes.compare_manifests(before, manifest, is_supervised(self.params))
        since = retrainings.champion_time(str(self.params["register"]["model_name"]))
        days = None if since is None else round(max((self.now - since).total_seconds(), 0.0) / 86_400, 3)
        found: JsonObject = {"changes": changes.to_json(), "champion_days": days}
        store = find_store(self.options.feedback)
        served = drift_reading.find_served(self.params, before, store, since) if store else None
        is_measured = isinstance(served, tuple)
        drift, report = drift_reading.measure_new(self.params, before, manifest, write, 0.5 if is_measured else 1.0)
        found |= {"drift": asdict(drift)} | ({} if report is None else {"drift_figures": report.figures()})
        if isinstance(served, DriftReading):
            found["served"] = asdict(served)
        elif served is not None:
            reading, of_served = drift_reading.measure_served(self.params, *served, write)
            found |= {"served": asdict(reading), "served_figures": of_served.figures()}
        return found

    def decide(self, found: JsonObject) -> JsonObject:
        """The decision, and the newest version before a run."""
        evidence = read_evidence(found)
        decision = decide(self.rules, evidence).to_json()
        _, newest = retrainings.read_versions(str(self.params["register"]["model_name"]))
        return {"changes": evidence.changes.sentence, **decision, "version_before": newest}

    def work(self, journal: RetrainJournal) -> JsonObject:
        """Everything up to the model; an error that a person can solve is a result, too."""
        try:
            journal.take("fetch", self.fetch)
            said = journal.take("feedback", lambda: take_feedback(self.params, self.options.feedback))
            if said:
                say(said["sentence"])
            found = journal.take("look", lambda: self.look(write=True))
            decision = journal.take("decide", lambda: self.decide(found))
            say(decision["changes"], *(f"{name}: {rule['sentence']}" for name, rule in decision["rules"].items()))
            if not decision["does_run"]:
                return {"outcome": NOTHING, "reasons": [decision["reason"]]}
            say(f"The pipeline runs: {decision['reason']}")
            journal.take("run", pipeline_run.run_pipeline)
        except data_changes.DataRefused as error:
            return {"outcome": pipeline_run.REFUSED_DATA, "reasons": [str(error)]}
        except UserError as error:
            return {"outcome": pipeline_run.FAILED, "reasons": [str(error)]}
        return pipeline_run.read_outcome(decision["version_before"])  # fails with MLflow: the next call goes on here

    def finish(self, journal: RetrainJournal) -> JsonObject:
        """All steps that are not done yet; returns the result.

        `problems` has what failed after the model: the journal stays then, and the next call tries these again.
        """
        outcome = journal.take("outcome", lambda: self.work(journal))
        done = journal.results
        result: JsonObject = {"key": journal.key, "started": journal.started, **outcome}
        result |= {
            "feedback": done.get("feedback"),
            "data": done.get("look"),
            "decision": done.get("decide"),
            "run": done.get("run"),
        }
        problems: list[str] = []

        def attempt(step: str, act: Callable[[], Any]) -> None:
            try:
                journal.take(step, lambda: {"result": act()})
            except UserError as error:
                problems.append(f"{step}: {error}")
                warn(f"retrain: {problems[-1]}")

        attempt("write", lambda: history.write_result(result))
        attempt("track", lambda: self.track(result))
        if outcome["outcome"] in RAN:
            attempt("push", lambda: call("push") if self.options.push else None)
            if "push" in done:  # a commit must not name data that are nowhere else
                attempt("commit", lambda: self.commit(result))
        result["problems"] = problems
        if outcome["outcome"] != NOTHING or self.options.notify_always or problems:
            attempt("notify", lambda: notification.notify(self.options, result))
        if problems:
            journal.results.pop("notify", None)  # somebody must hear of the end, too
            journal.save()
        else:
            journal.close()
        return result

    def track(self, result: JsonObject) -> str:
        tags = {"outcome": result["outcome"], "reason": " ".join(result["reasons"])[:500]}
        tags |= {name: str(result[name]) for name in ("version", "model", "champion_before") if result.get(name)}
        found = result["data"] or {}
        figures = {f"data/{name}": count for name, count in found.get("changes", {}).items() if count is not None}
        figures |= found.get("drift_figures", {})
        figures |= {f"served_{name}": figure for name, figure in found.get("served_figures", {}).items()}
        said = result["feedback"] or {}
        figures |= {f"feedback/{name}": count for name, count in said.items() if name != "sentence"}
        if found.get("champion_days") is not None:
            figures["champion/days"] = found["champion_days"]
        dataset, has_failed = str(self.params["source"]["name"]), result["outcome"] in ENDED_BADLY
        pages = [path for path in (artifacts.MONITORING, artifacts.MONITORING_PAGE) if "drift_figures" in found]
        pages += [path for path in (drift_reading.SERVED, drift_reading.SERVED_PAGE) if "served_figures" in found]
        return retrainings.record_retraining(dataset, result["key"], has_failed, tags, figures, [history.LAST, *pages])

    def commit(self, result: JsonObject) -> str | None:
        if self.options.commit is None:
            return None
        message = f"Retrained: {result['model']} version {result['version']}, {result['outcome']}"
        files = [*COMMITTED, feedback_record(self.params), *map(Path, self.options.update)]
        return branch_commit.commit_files(self.options.commit, files, message, result["key"])


def retrain(now: datetime) -> JsonObject:
    """What was left of an earlier call, and then, unless that ran the pipeline to its end, a retraining of its own."""
    left = RetrainJournal.load()
    work = Retraining.of(now)
    if left is not None:
        steps = ", ".join(left.results) or "nothing"
        say(f"retrain: going on with the call of {left.started}, which ended early; done before: {steps}")
        pipeline_run.wait_for_other_run()  # which writes dvc.lock, with which new data are compared
        result = work.finish(left)
        if result["outcome"] in RAN or result["problems"]:
            return result
    journal = RetrainJournal(f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}", now.isoformat(timespec="seconds"))
    journal.save()
    return work.finish(journal)


def plan(now: datetime) -> list[str]:
    """What `retrain` would do, a line each; nothing is changed."""
    from pipeline.experiments.stale_stages import find_stale

    lines = []
    if left := RetrainJournal.load():
        lines.append(
            f"would go on with the call of {left.started}; done before: {', '.join(left.results) or 'nothing'}"
        )
    work = Retraining.of(now)
    lines += [f"would run dvc {' '.join(words)} first" for words in fetch_commands(work.options)]
    with feedback_in_advance(work.params, work.options.feedback) as (feedback, said):
        decision = work.decide(work.look(write=False, feedback=feedback))
    lines += [said] * bool(said)
    lines += [decision["changes"], *(f"{name}: {rule['sentence']}" for name, rule in decision["rules"].items())]
    if not decision["does_run"]:
        return [*lines, f"would do nothing: {decision['reason']}"]
    stale = find_stale(work.params)
    none = "ingest and what follows" if said else "nothing, all is up to date"  # feedback is not there as yet
    lines.append(f"would run {', '.join(stale) or none}: {decision['reason']}")
    options = work.options
    lines += [f"would commit dvc.lock and reports on {options.commit}"] * (options.commit is not None)
    lines += ["would push data and model to DVC's remote"] * options.push
    notified = [*(options.notify_command or [])[:1], *["the webhook"] * (options.notify_webhook is not None)]
    return lines + ([f"would notify {' and '.join(notified)}"] if notified else [])


def read_evidence(found: JsonObject) -> RetrainEvidence:
    """The evidence out of its JSON form."""
    return RetrainEvidence(
        changes=DataChanges(**found["changes"]),
        drift=DriftReading(**found["drift"]),
        champion_days=found["champion_days"],
        served=DriftReading(**found["served"]) if "served" in found else None,
    )


def call(*words: str) -> None:
    """A command of DVC.

    Raises:
        UserError: It fails.
    """
    try:
        call_dvc(*words)
    except Refusal as error:
        raise UserError(f"dvc {' '.join(words)}: {error}") from None
