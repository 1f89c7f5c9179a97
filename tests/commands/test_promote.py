"""A version promoted by a person, with the reason."""

import json

import pytest

from pipeline.commands import promote
from pipeline.commands.main import commands, parser
from pipeline.core import config
from pipeline.core.errors import UserError
from pipeline.tracking import promotion
from pipeline.tracking.promotion import DONE_TAG, promote_by_hand
from pipeline.tracking.registry import PROMOTION_TAG

NAME = "colibri-insects"


class Registry:
    """Three versions in memory, of which the first is champion; `fail_on` names the call that fails."""

    def __init__(self):
        verdict = {"reasons": ["gain -0.1000 [-0.2000, +0.0000]: its lower end is not above 0.0"]}
        self.registrations = dict.fromkeys(("1", "2", "3"), verdict)
        self.tags = {version: {DONE_TAG: "true"} for version in self.registrations}
        self.aliases, self.fail_on = {"champion": "1"}, None
        self.PROMOTION_TAG = PROMOTION_TAG

    def list_versions(self, name):
        return sorted(self.tags) if name == NAME else []

    def version_tags(self, name, version):
        return self.tags[version]

    def registration_of(self, name, version):
        return self.registrations[version]

    def champion(self, name):
        return (self.aliases["champion"], "run") if "champion" in self.aliases else None

    def record_promotion(self, name, version, reason, champion_before):
        about = {"reason": reason, "champion_before": champion_before}
        self.tags[version] |= {PROMOTION_TAG: json.dumps(about)}

    def set_alias(self, name, alias, version):
        if self.fail_on == alias:
            raise UserError("the store is gone")
        self.aliases[alias] = version


@pytest.fixture
def registry(monkeypatch):
    fake = Registry()
    monkeypatch.setattr(promotion, "registry", fake)
    monkeypatch.setattr(config, "load_params", lambda: {"register": {"model_name": NAME}})
    return fake


def test_a_version_becomes_champion_with_its_reason(registry, capsys):
    promote.main("3", reason="knows the\nnew class ")
    assert registry.aliases == {"champion": "3"}
    assert json.loads(registry.tags["3"][PROMOTION_TAG]) == {"reason": "knows the new class", "champion_before": "1"}
    assert capsys.readouterr().out.splitlines() == [
        f"{NAME} version 3 is champion; before it was version 1",
        "The gate had said: gain -0.1000 [-0.2000, +0.0000]: its lower end is not above 0.0",
    ]


def test_the_first_champion(registry, capsys):
    del registry.aliases["champion"]
    promote.main("2", reason="a start")
    assert registry.aliases == {"champion": "2"}
    assert json.loads(registry.tags["2"][PROMOTION_TAG])["champion_before"] is None
    assert capsys.readouterr().out.splitlines()[0] == f"{NAME} version 2 is champion"


def test_an_interrupted_promotion_is_completed_by_the_same_call(registry):
    registry.fail_on = "champion"
    with pytest.raises(UserError, match=r"^the store is gone$"):
        promote_by_hand(NAME, "3", "why")
    assert registry.aliases == {"champion": "1"}
    registry.fail_on = None
    for _ in range(2):  # the second finds it done
        promote_by_hand(NAME, "3", "why")
        assert json.loads(registry.tags["3"][PROMOTION_TAG]) == {"reason": "why", "champion_before": "1"}
        assert registry.aliases == {"champion": "3"}


def test_the_champion_itself(registry, capsys):
    promote.main("1", reason="looked at")
    assert registry.aliases == {"champion": "1"}
    assert capsys.readouterr().out == f"{NAME} version 1 was champion already; the reason is kept\n"


@pytest.mark.parametrize(
    ("version", "options", "message"),
    [
        ("9", {}, r"^colibri-insects has no version 9 in MLflow's store; it has 1, 2, 3$"),
        ("champion", {}, r"^colibri-insects has no version champion in"),
        (
            "1",
            {"model": "other"},
            r"^other has no version 1 in MLflow's store; it has none; colibri run",
        ),
        ("3", {"reason": "  "}, r"^--reason is empty; say why"),
    ],
)
def test_refused(registry, version, options, message):
    with pytest.raises(UserError, match=message):
        promote.main(version, **{"reason": "why", **options})
    assert registry.aliases == {"champion": "1"}
    assert not any(PROMOTION_TAG in tags for tags in registry.tags.values())


def test_an_interrupted_registration_is_completed_first(registry):
    del registry.tags["3"][DONE_TAG]
    with pytest.raises(UserError, match=r"registration of colibri-insects version 3 was interrupted; colibri run"):
        promote.main("3", reason="why")


def test_the_line_that_the_gate_prints_is_a_command():
    command = promotion.way_out("4").partition("colibri ")[2]
    words = [one.strip("'") for one in command.split(" ")]
    options = vars(parser(commands(), words).parse_args(words))
    assert options == {"command": "promote", "version": "4", "reason": "why", "model": None}
