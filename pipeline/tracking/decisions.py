"""Decisions about champions carried out: first the line in `reports/promotions.jsonl`, then the aliases, then a mark.

`promote_by_hand` and `roll_back` take the lock of `lock_promotions` themselves; the others are called within it. Each
can be repeated after a crash.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError
from pipeline.core.terminal import warn
from pipeline.tracking import promotion_log, registry, runs
from pipeline.tracking.descriptions import describe_decision
from pipeline.tracking.model_choice import find_version, open_files
from pipeline.tracking.promotion_lock import lock_promotions
from pipeline.tracking.promotion_log import Decision, Kind

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

DONE_TAG = "colibri.registered"  # of a version: its aliases have moved, which the recorded verdict precedes
DECIDED_TAG = "colibri.decided"  # of a version: time and commit of the gates' decision
CARRIED_OUT = "colibri.decisions"  # of a version: digests of the decisions about it that were carried out
SHOWN_KEYS = ("name", "outcome", "sentence")  # of a gate, in the file


def carry_out_registration(result: JsonObject) -> None:
    """Records what the gates decided and moves the aliases; once, however often it is called.

    Args:
        result: As `reports/registration.json` holds it.
    """
    name, version = result["model"], result["version"]
    tags = registry.version_tags(name, version)
    if DONE_TAG in tags:
        return
    if DECIDED_TAG not in tags:
        tags[DECIDED_TAG] = f"{_now()} {runs.commit()}".strip()
        registry.tag_version(name, version, {DECIDED_TAG: tags[DECIDED_TAG]})
    moment, _, commit = tags[DECIDED_TAG].partition(" ")
    decision = Decision(
        kind="gate",
        model=name,
        version=version,
        champion_before=result["champion_before"],
        promoted="champion" in result["aliases"],
        reasons=result["reasons"],
        commit=commit,
        time=moment,
        run=registry.run_ids(name)[version],
        after=result["results_key"],
        figures=result["evidence"],
        gates=[{key: gate[key] for key in SHOWN_KEYS} for gate in result.get("gates", [])],
    )
    promotion_log.append(decision)
    _carry_out(decision)


def complete(name: str) -> None:
    """Carries out the last decision about a model, where a process was ended between its line and its aliases."""
    last = read_own_decisions(name)[-1:]
    if last and last[0].version in registry.run_ids(name):
        _carry_out(last[0])


def read_own_decisions(name: str) -> list[Decision]:
    """The decisions about a model of this store; git may bring lines of another store, with other versions 1, 2, ..."""
    known = registry.run_ids(name)
    return [one for one in promotion_log.read_decisions(name) if known.get(one.version) == one.run]


def is_outdated(name: str, result: JsonObject) -> bool:
    """Whether a verdict that was never carried out compares with a champion that has been replaced since."""
    if DONE_TAG in registry.version_tags(name, result["version"]):
        return False
    champion = registry.champion(name)
    return (champion[0] if champion else None) not in (result["champion_before"], result["version"])


def _carry_out(decision: Decision) -> None:
    """Moves the aliases and marks the version; a decision that is marked, or was overtaken, moves nothing."""
    name, version = decision.model, decision.version
    done = registry.version_tags(name, version).get(CARRIED_OUT, "").split()
    if decision.digest in done:
        return
    champion = registry.champion(name)
    now = champion[0] if champion else None
    if decision.kind == "gate":
        registry.set_alias(name, "challenger", version)
    else:
        describe_decision(name, version, decision.reasons[0], decision.champion_before, decision.kind)
    if decision.promoted and now in (decision.champion_before, version):
        registry.set_alias(name, "champion", version)
    elif decision.promoted:
        warn(
            f"{name}: version {now} became champion while the promotion of version {version} was interrupted; it stays "
            "champion"
        )
    marks = {DONE_TAG: "true"} if decision.kind == "gate" else {}
    registry.tag_version(name, version, {**marks, CARRIED_OUT: " ".join([*done, decision.digest])})


def read_reason(text: str) -> str:
    """What a person typed, on one line.

    Raises:
        UserError: It is empty, or is no text.
    """
    reason = " ".join(text.split())
    if not reason:
        raise UserError("--reason is empty; say why, it is kept with the version")
    try:
        reason.encode()
    except UnicodeEncodeError:
        raise UserError("--reason is not UTF-8 text; type it again in a terminal whose encoding is UTF-8") from None
    return reason


def promote_by_hand(name: str, version: str, reason: str) -> tuple[str | None, str]:
    """Makes a version champion; returns the champion before, if any, and the first reason of the gates' verdict.

    Args:
        name: Of the registered model.
        version: One of its versions.
        reason: Of the person, on one line.

    Raises:
        UserError: The store has no such version, or its registration was interrupted.
    """
    with lock_promotions():
        complete(name)
        known = sorted(registry.run_ids(name), key=int)
        if version not in known:
            found = f"it has {', '.join(known)}" if known else "it has none; colibri run registers one"
            raise UserError(f"{name} has no version {version} in MLflow's store; {found}")
        registration = registry.registration_of(name, version)
        tags = registry.version_tags(name, version)
        if DONE_TAG not in tags and (
            registration is not None or runs.RESULTS in tags
        ):  # a version made elsewhere has none
            raise UserError(f"the registration of {name} version {version} was interrupted; colibri run completes it")
        before = _decide_by_person("by_hand", name, version, reason)
    return before, next(iter((registration or {}).get("reasons", [])), "")


def roll_back(name: str, reason: str) -> tuple[str, str]:
    """Makes the champion before the present one champion again; returns the present one and the one before.

    Called again it goes further back. Who was champion is in `reports/promotions.jsonl`; what came before that file in
    the verdict that the registry has of each version.

    Args:
        name: Of the registered model.
        reason: Of the person, on one line.

    Raises:
        UserError: There is no champion, none before it, or the files of that one are gone.
    """
    with lock_promotions():
        complete(name)
        champion = registry.champion(name)
        if champion is None:
            raise UserError(f"{name} has no champion, so there is nothing to go back from; colibri promote VERSION")
        target = find_champion_before(name, champion[0])
        if target is None:
            raise UserError(
                f"there is no champion of {name} before version {champion[0]}; colibri promote VERSION names another"
            )
        try:
            with open_files(find_version(f"{name}/{target}")):
                pass
        except UserError as error:
            raise UserError(
                f"{name} version {target}, the champion before version {champion[0]}, cannot be brought back: {error}; "
                "colibri promote VERSION names another one"
            ) from None
        _decide_by_person("rollback", name, target, reason)
    return champion[0], target


def find_champion_before(name: str, champion: str) -> str | None:
    """The version that was champion before the present one; None where nobody knows of any."""
    decided = read_own_decisions(name)
    champions = promotion_log.list_champions(decided)
    if champions[-1:] != [champion]:  # it was moved in MLflow
        champions.append(champion)
    if len(champions) > 1:
        return champions[-2]
    registration = registry.registration_of(name, champion) or {}
    before = registration.get("champion_before")
    left = {one.champion_before for one in decided if one.kind == "rollback"}
    return None if before is None or before in left else str(before)


def _decide_by_person(kind: Kind, name: str, version: str, reason: str) -> str | None:
    """Records and carries out what a person decided; returns the champion before.

    The same words right after each other are one decision.
    """
    champion = registry.champion(name)
    before = champion[0] if champion else None
    last = next(iter(read_own_decisions(name)[-1:]), None)
    decision = Decision(
        kind=kind,
        model=name,
        version=version,
        champion_before=before,
        promoted=True,
        reasons=[reason],
        commit=runs.commit(),
        time=_now(),
        run=registry.run_ids(name)[version],
        after=last.digest if last else "",
    )
    if last is not None and last.is_repeated_by(decision) and before == version:
        decision = last
    promotion_log.append(decision)
    _carry_out(decision)
    return before


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
