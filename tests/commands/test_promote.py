"""A version promoted by a person, and the way back, with the reason."""

from contextlib import contextmanager

import pytest
from registry_in_memory import RegistryInMemory

from pipeline.commands import promote, rollback
from pipeline.commands.main import commands, parser
from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.tracking import decisions, promotion, promotion_log
from pipeline.tracking.decisions import DONE_TAG, find_champion_before
from pipeline.tracking.promotion_log import Decision, list_champions, read_decisions
from pipeline.tracking.runs import RESULTS

NAME = "colibri-insects"
VERDICT = "gain -0.1000 [-0.2000, +0.0000]: its lower end is not above 0.0"


@pytest.fixture
def registry(project, monkeypatch):
    """Three versions, of which the first is champion; what was decided about them is older than the file."""
    fake = RegistryInMemory(project)
    fake.put_in_place(monkeypatch)
    monkeypatch.setattr(config, "load_params", lambda: {"register": {"model_name": NAME}})
    for version in "123":
        fake.versions[version] = {
            "run_id": f"run {version}",
            "results_key": version,
            "tags": {DONE_TAG: "true"},
            "registration": {"reasons": [VERDICT], "champion_before": None},
        }
    fake.aliases = {"champion": "1"}
    fake.gone = set()

    @contextmanager
    def open_files(version):
        if version in fake.gone:
            raise UserError("the files of it are missing")
        yield project

    monkeypatch.setattr(decisions, "find_version", lambda text: text.rpartition("/")[2])
    monkeypatch.setattr(decisions, "open_files", open_files)
    return fake


def lines():
    return [(one.kind, one.version, one.champion_before, one.reasons) for one in read_decisions(NAME)]


def test_a_version_becomes_champion_with_its_reason(registry, capsys):
    promote.main("3", reason="knows the\nnew class ")
    assert registry.aliases == {"champion": "3"}
    assert (registry.versions["3"]["tags"]["verdict"], registry.versions["3"]["tags"]["reason"]) == (
        "by_hand",
        "knows the new class",
    )
    assert capsys.readouterr().out.splitlines() == [
        f"{NAME} version 3 is champion; before it was version 1",
        f"The gate had said: {VERDICT}",
    ]
    assert lines() == [("by_hand", "3", "1", ["knows the new class"])]


def test_the_first_champion(registry, capsys):
    del registry.aliases["champion"]
    promote.main("2", reason="a start")
    assert registry.aliases == {"champion": "2"}
    assert capsys.readouterr().out.splitlines()[0] == f"{NAME} version 2 is champion"


@pytest.mark.parametrize("fails_after", [False, True])
@pytest.mark.parametrize("step", range(1, 5))
@pytest.mark.parametrize("again", ["the same call", "another one"])
def test_a_promotion_that_broke_off_at_any_step_is_completed(registry, step, fails_after, again):
    """Four writes: the line, the words, the alias, the mark."""
    registry.fail_at, registry.fails_after = step, fails_after
    with pytest.raises(UserError, match=r"^the store is gone$"):
        promote.main("3", reason="why")
    registry.fail_at = None
    wrote_nothing = step == 1 and not fails_after
    if again == "the same call":
        promote.main("3", reason="why")
        assert (lines(), registry.aliases) == ([("by_hand", "3", "1", ["why"])], {"champion": "3"})
        return
    promote.main("2", reason="other")
    before = "1" if wrote_nothing else "3"
    first = [] if wrote_nothing else [("by_hand", "3", "1", ["why"])]
    assert (lines(), registry.aliases) == ([*first, ("by_hand", "2", before, ["other"])], {"champion": "2"})


def test_the_champion_itself(registry, capsys):
    promote.main("1", reason="looked at")
    promote.main("1", reason="looked at")
    assert registry.aliases == {"champion": "1"}
    assert capsys.readouterr().out == 2 * f"{NAME} version 1 was champion already; the reason is kept\n"
    assert lines() == [("by_hand", "1", "1", ["looked at"])]  # the same decision twice is one line


def test_the_same_decision_later_is_another_one(registry):
    for version in ("2", "1", "2"):
        promote.main(version, reason="why")
    assert [one[1] for one in lines()] == ["2", "1", "2"]


@pytest.mark.parametrize(
    ("version", "options", "message"),
    [
        ("9", {}, r"^colibri-insects has no version 9 in MLflow's store; it has 1, 2, 3$"),
        ("champion", {}, r"^colibri-insects has no version champion in"),
        ("3", {"reason": "  "}, r"^--reason is empty; say why"),
        ("3", {"reason": "a \udcff b"}, r"^--reason is not UTF-8 text; type it again"),
    ],
)
def test_refused(registry, version, options, message):
    with pytest.raises(UserError, match=message):
        promote.main(version, **{"reason": "why", **options})
    assert (registry.aliases, lines()) == ({"champion": "1"}, [])


def test_a_line_of_another_store_is_no_decision_of_this(registry):
    promote.main("2", reason="a")
    foreign = Decision(**{**vars(read_decisions(NAME)[-1]), "version": "7", "run": "of a colleague"})
    promotion_log.append(foreign)  # as git brings it
    assert [one.version for one in decisions.read_own_decisions(NAME)] == ["2"]
    rollback.main(reason="b")
    assert registry.aliases == {"champion": "1"}


def test_a_sentence_with_any_kind_of_line_end_stays_one_line(registry):
    promote.main("2", reason="a")
    named = Decision(**{**vars(read_decisions(NAME)[-1]), "reasons": ["class a\u2028b\x85c is worse"]})
    promotion_log.append(named)
    promotion_log.append(named)
    assert [one.reasons for one in read_decisions(NAME)] == [["a"], named.reasons]


def test_an_interrupted_registration_is_completed_first(registry):
    del registry.versions["3"]["tags"][DONE_TAG]
    with pytest.raises(UserError, match=r"registration of colibri-insects version 3 was interrupted; colibri run"):
        promote.main("3", reason="why")


def test_a_version_that_was_made_and_not_decided_about_is_completed_first(registry):
    """Its process ended before the verdict was recorded. One that another program registered has no such tag."""
    del registry.versions["3"]["tags"][DONE_TAG]
    del registry.versions["3"]["registration"]
    registry.versions["3"]["tags"][RESULTS] = "3"
    with pytest.raises(UserError, match=r"registration of colibri-insects version 3 was interrupted; colibri run"):
        promote.main("3", reason="why")
    assert registry.aliases == {"champion": "1"}
    del registry.versions["3"]["tags"][RESULTS]
    promote.main("3", reason="why")
    assert registry.aliases["champion"] == "3"


def test_back_and_further_back(registry, capsys):
    promote.main("2", reason="a")
    promote.main("3", reason="b")
    rollback.main(reason="c")
    assert registry.aliases == {"champion": "2"}
    assert registry.versions["2"]["tags"]["verdict"] == "rollback"
    rollback.main(reason="c")
    assert registry.aliases == {"champion": "1"}
    assert capsys.readouterr().out.splitlines()[-1] == f"{NAME} version 1 is champion again; before it was version 2"
    with pytest.raises(UserError, match=r"^there is no champion of colibri-insects before version 1; colibri promote"):
        rollback.main(reason="c")
    assert [one[:3] for one in lines()] == [
        ("by_hand", "2", "1"),
        ("by_hand", "3", "2"),
        ("rollback", "2", "3"),
        ("rollback", "1", "2"),
    ]
    promote.main("3", reason="b")
    rollback.main(reason="d")
    assert registry.aliases == {"champion": "1"}


def test_back_to_what_was_before_the_file_was_there(registry):
    """The registry knows who was champion when a version was registered; and never walks in a circle."""
    registry.versions["3"]["registration"]["champion_before"] = "2"
    registry.versions["2"]["registration"]["champion_before"] = "3"
    registry.aliases["champion"] = "3"
    rollback.main(reason="why")
    assert registry.aliases["champion"] == "2"
    with pytest.raises(UserError, match="no champion of colibri-insects before version 2"):
        rollback.main(reason="why")


def test_an_alias_that_was_moved_in_mlflow_counts(registry):
    promote.main("2", reason="a")
    registry.aliases["champion"] = "3"
    assert find_champion_before(NAME, "3") == "2"


def test_no_way_back(registry):
    promote.main("2", reason="a")
    registry.gone = {"1"}
    with pytest.raises(UserError, match=r"version 1, the champion before version 2, cannot be brought back: the files"):
        rollback.main(reason="why")
    assert registry.aliases["champion"] == "2"
    with pytest.raises(UserError, match=r"^--reason is empty"):
        rollback.main(reason=" ")
    del registry.aliases["champion"]
    with pytest.raises(UserError, match=r"^colibri-insects has no champion, so there is nothing to go back from"):
        rollback.main(reason="why")


@pytest.mark.parametrize("fails_after", [False, True])
@pytest.mark.parametrize("step", range(1, 5))
def test_a_rollback_that_broke_off_at_any_step_is_completed(registry, step, fails_after):
    promote.main("2", reason="a")
    registry.fail_at, registry.fails_after = registry.num_writes + step, fails_after
    with pytest.raises(UserError, match=r"^the store is gone$"):
        rollback.main(reason="why")
    registry.fail_at = None
    if step == 1 and not fails_after:
        rollback.main(reason="why")
    decisions.complete(NAME)
    assert registry.aliases["champion"] == "1"
    assert [one[0] for one in lines()] == ["by_hand", "rollback"]


def test_lines_of_another_store_move_nothing(registry):
    """A colleague's git history names versions 1, 2, ... too."""
    promote.main("2", reason="a")
    registry.aliases["champion"] = "1"
    registry.versions["2"] |= {"run_id": "of another store", "tags": {DONE_TAG: "true"}}
    decisions.complete(NAME)
    assert registry.aliases["champion"] == "1"
    assert find_champion_before(NAME, "1") is None


def test_a_line_that_was_cut_short_is_left_out_and_costs_no_other(registry, project):
    promote.main("2", reason="a")
    file = project / artifacts.PROMOTIONS
    file.write_bytes(file.read_bytes() + b'{"id":"12","kind":"by_h')
    promote.main("3", reason="b")
    assert [one[1] for one in lines()] == ["2", "3"]
    assert list_champions(read_decisions(NAME)) == ["1", "2", "3"]


def test_the_line_that_the_gate_prints_is_a_command():
    command = promotion.way_out("4").partition("colibri ")[2]
    words = [one.strip("'") for one in command.split(" ")]
    options = vars(parser(commands(), words).parse_args(words))
    assert options == {"command": "promote", "version": "4", "reason": "why", "model": None}
