"""Searches the space of conf/tune/NAME.yaml with Optuna and writes the winner as an experiment, with what to expect.

It trains on train and evaluates on val; it sees neither labels nor pictures of test. It needs data/packed as
colibri run leaves it, with experiment=NAME where the search starts from one. The start of the search is trained too:
the winner counts as better only if the paired interval of the gain on val is above 0. Trials stand under one run in
MLflow (colibri ui). A killed search resumes when it is started again, and has the same winner; a changed space, seed or
data set starts another study.

Examples:
  colibri tune finetune                      from conf/config.yaml as it is
  colibri tune svm --trials 60               the search of conf/tune/svm.yaml, with more trials
  colibri tune finetune --experiment elpv_lite0 --trials 40 --to elpv_lite0_tuned
"""

from __future__ import annotations

from argparse import ArgumentParser
from importlib.util import find_spec
from pathlib import Path

from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.core.terminal import say

STUDIES = Path(".cache/tune")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of conf/tune/NAME.yaml")
    parser.add_argument("--experiment", help="of conf/experiment/, from which the search starts; else the file's own")
    parser.add_argument(
        "--trials", type=int, help="how many in all, those of earlier runs included; else the file's own"
    )
    parser.add_argument("--to", help="name of the winner in conf/experiment/; else tuned_NAME")


def main(name: str, experiment: str | None, trials: int | None, to: str | None) -> None:
    if find_spec("optuna") is None:
        raise UserError("colibri tune needs Optuna, which is not installed: pip install 'colibri[tune]'")
    from filelock import FileLock, Timeout

    from pipeline.core.choices import refuse_without_labels
    from pipeline.datasets.packed import PackedDataset
    from pipeline.evaluation.split_evaluation import Options
    from pipeline.experiments import parameter_search, tuning
    from pipeline.experiments.space import select_nodes
    from pipeline.experiments.trial import Trial
    from pipeline.tracking.parent_runs import finish, study_run
    from pipeline.training.pretrained_encoder import refuse_stale

    to = to or f"tuned_{name}"
    search, params = tuning.read(name, experiment, trials)
    refuse_without_labels(params, "tune")
    tuning.destination(to)
    tuning.check_packed(params, search.experiment)
    refuse_stale(params)
    packed = tuning.drop_test(PackedDataset.load())
    key = tuning.study_key(search, params)
    STUDIES.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(STUDIES / f"{name}.lock", timeout=0):
            study = parameter_search.open_study(search, key, STUDIES / f"{name}.db", tuning.describe_file(name))
            parent = study_run(key, f"tune {name}", params)
            say(f"{len(parameter_search.finished_trials(study))} of {search.trials} trials have ended before")
            trial = Trial(
                start=config.select_experiment(search.experiment),
                nodes=select_nodes(params),
                packed=packed,
                search=search,
                metrics=tuning.summary_metrics(params),
                bootstrap=Options.of(params).bootstrap,
                parent=parent,
                folder=STUDIES / key,
            )
            best = parameter_search.run(study, search, trial, say)
            evidence = trial.evidence(best)
            trial.keep_only(best)
    except Timeout:
        raise UserError(f"another colibri tune {name} runs in this folder; wait until it has ended") from None
    except KeyboardInterrupt:
        raise UserError(f"interrupted; run colibri tune {name} again to resume") from None
    values = trial.values(best.params)
    text = tuning.winner(name, to, search, parameter_search.finished_trials(study), best, values, evidence)
    file = tuning.write_winner(to, text, search, values)
    finish(parent, {f"best_{search.figure}": best.value or 0.0, **evidence.figures()}, [file])
    start = "conf/config.yaml as it is" if search.experiment is None else f"experiment={search.experiment}"
    say("", *text.splitlines(), f"Wrote {file}. {'Next:' if evidence.is_better else f'Keep {start}.'}")
    if evidence.is_better:
        say(f"  git add {file} && git commit -m 'Tuned: {to}'", f"  colibri run experiment={to}")
