"""The count of the readings of test, and the warning above the limit."""

import pandas as pd

from pipeline.core import artifacts
from pipeline.core.test_ledger import Reading, Uses, digest_samples, record, write_history
from pipeline.report.test_uses import describe_uses, read_evaluation_note, read_limit, read_uses


def uses(**results):
    return Uses(results=results)


def test_within_the_limit_one_line():
    (line,) = describe_uses(2, uses(evaluate=3, compare=1), 25)
    assert line == (
        "4 results were read from these test pictures (3 by evaluate, 1 by compare), 2 versions are registered; "
        "choosing by them makes the best figure too good"
    )
    assert describe_uses(1, uses(evaluate=1), 1)[0].startswith(
        "1 result was read from these test pictures, 1 version is registered; "
    )


def test_above_the_limit_the_reason_and_what_to_do():
    finding, way_out = describe_uses(2, uses(evaluate=26), 25)
    assert finding == (
        "warning: 26 results were read from these test pictures, more than register.max_test_readings (25): the best "
        "of 26 equal models looks up to 2.0 standard errors better than it is"
    )
    assert way_out == (
        "report its figures on new test pictures; docs/evaluation.md#how-often-test-was-read "
        "(Dwork et al. 2015, doi:10.1126/science.aaa9375)"
    )


def test_versions_of_other_machines_count_where_the_ledger_knows_fewer():
    assert describe_uses(30, uses(evaluate=1), 25)[0].startswith("warning: 30 results were read")
    assert describe_uses(3, None, None)[0].startswith("3 results were read from these test pictures, 3 versions are")


def test_what_is_read_from_files(project):
    assert read_uses() is None
    assert read_limit() is None
    table = pd.DataFrame({"sample_id": ["v", "b", "a"], "split": ["val", "test", "test"]})
    artifacts.write_table(artifacts.PREDICTIONS, table)
    (project / "params.yaml").write_text("register: {max_test_readings: 7}\n")
    record(Reading(test_set=digest_samples(["a", "b"]), result="r", what="evaluate", run="k", date="2026-01-01"))
    record(Reading(test_set=digest_samples(["v"]), result="r", what="evaluate", run="k", date="2026-01-01"))
    assert read_uses() == Uses(results={"evaluate": 1})
    assert read_limit() == 7


def test_pages_have_the_count_until_the_evaluation(project):
    readings = [Reading(test_set="t", result=str(number), what="evaluate", run="k", date="") for number in range(3)]
    write_history(readings)
    (project / "params.yaml").write_text("register: {max_test_readings: 3}\n")
    record(Reading(test_set="t", result="later", what="evaluate", run="k", date="2026-01-01"))
    until = "3 results were read from these test pictures until this evaluation"
    assert read_evaluation_note().lines == [f"{until}; choosing by them makes the best figure too good"]
    assert read_evaluation_note(2).finding.startswith(f"{until}, 2 versions are registered; ")
    (project / "params.yaml").write_text("register: {max_test_readings: 2}\n")
    finding, advice = read_evaluation_note().lines
    assert finding.startswith(f"warning: {until}, more than register.max_test_readings (2): the best of 3 equal models")
    assert advice.startswith("report its figures on new test pictures")
