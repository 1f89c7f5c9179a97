"""Lists the samples that people should label next, for colibri label --queue.

A strategy of conf/query/ chooses among the samples without a label by the features of data/embeddings/ and the labels
that are known, those since the last run among them. Samples of val and test are never offered, and no labels of them
are used. Near-duplicates are not in one batch while there are others. colibri simulate-labelling measures on your own
data whether a strategy is worth it.

A part of each batch is random, since only random samples can go to val and test, which measure the model: the others
go to train alone. Without --random-share it is half of a batch while val or test has under 20 labelled samples, so
that a project without labels gets them, and a tenth after that, so that both follow what arrives.

Writes reports/label_queue.csv: sample_id, batch (STRATEGY/NUMBER, random/NUMBER for the random ones), order, strategy,
score and why. While no sample of a queue is labelled, the same call changes nothing.

Examples:
  colibri query --budget 40                       the default: typical samples first, then those hard to decide
  colibri query --strategy margin --budget 100    another file of conf/query/
  colibri query --budget 200 --random-share 1     random samples alone, for val and test
  colibri query --strategy suspects --budget 30   labels that curation suspects, to be looked at again
"""

from __future__ import annotations

from argparse import ArgumentParser

from pipeline.core.errors import UserError
from pipeline.core.terminal import say

BUDGET = 40
STRATEGY = "typical_then_margin"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--budget", type=int, default=BUDGET, metavar="N", help=f"samples in all (default: {BUDGET})")
    parser.add_argument(
        "--strategy", default=STRATEGY, metavar="NAME", help=f"of conf/query/NAME.yaml (default: {STRATEGY})"
    )
    parser.add_argument(
        "--random-share",
        type=float,
        metavar="F",
        help="of the batch, 0 to 1 (default: 0.5 while val or test has under 20 labelled samples, else 0.1)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is random (default: 0)")


def main(budget: int = BUDGET, strategy: str = STRATEGY, random_share: float | None = None, seed: int = 0) -> None:
    if budget < 1 or seed < 0 or not (random_share is None or 0 <= random_share <= 1):
        raise UserError(
            "--budget must be at least 1, --random-share from 0 to 1 and --seed at least 0; got "
            f"{budget}, {random_share} and {seed}"
        )
    from pipeline.core import config
    from pipeline.core.choices import is_exclusive
    from pipeline.datasets.label_decisions import load_decisions
    from pipeline.labelling.automatic.blind_share import is_of_audit
    from pipeline.labelling.pool import read_pool
    from pipeline.labelling.queries.label_queue import next_number, read_queue, write_queue
    from pipeline.labelling.queries.query import Query, run_query
    from pipeline.labelling.queries.query_text import describe_queue, describe_waiting, is_waiting

    params = config.load_params()
    query = Query(strategy=strategy, budget=budget, random_share=random_share, seed=seed)
    queue = read_queue()
    audit = [line for line in queue if is_of_audit(line.batch)]  # stays until a person has labelled it
    before = [line for line in queue if not is_of_audit(line.batch)]
    decisions = load_decisions(str(config.get_section(params, "source")["name"]))
    pool = read_pool(params)
    if is_waiting(before, decisions, pool, query):
        say(*describe_waiting(before))
        return
    number = next_number([*(line.batch for line in decisions), *(line.batch for line in before)])
    samples = run_query(pool, is_exclusive(params), query, number)
    labelled = {line.sample_id for line in decisions}
    write_queue([*(line for line in audit if line.sample_id not in labelled), *samples])
    say(*describe_queue(samples, pool, query, before))
