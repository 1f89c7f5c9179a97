"""The section on labels: who gave them, how fast, how much people agree, and what models labelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from pipeline.core.estimate import Estimate
from pipeline.core.terminal import count_of

if TYPE_CHECKING:
    from pipeline.core.open_types import JsonObject

NEEDED = 10  # labels given without the prediction, below which nothing is said of following


@final
@dataclass(frozen=True, kw_only=True)
class Annotator:
    """A row of the table of those who decided.

    Attributes:
        who: A person, or a model as `NAME@VERSION`.
        kind: In words.
        num_lines: Lines of the file.
        pace: Median seconds a label, in words; empty where nobody measured it.
    """

    who: str
    kind: str
    num_lines: int
    pace: str


@final
@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of two cells.

    Attributes:
        name: Of the first cell.
        text: Of the second one.
    """

    name: str
    text: str


@final
@dataclass(frozen=True, kw_only=True)
class Labelling:
    """What the section shows.

    Attributes:
        annotators: Most lines first.
        models: Each model that labelled samples, and what its audit found.
        agreement: Of all pairs of people, a sentence; empty where no two decided on the same sample.
        pairs: Of people, those who share most samples first.
        following: Whether people follow the model, a sentence; empty where no label says whether a prediction was seen.
        waiting: Samples that wait for a person, a sentence; empty where none does.
        conflicts: sample_id of the first ones.
        renamed: Former labels and what they are now.
    """

    annotators: list[Annotator]
    models: list[Row]
    agreement: str
    pairs: list[Row]
    following: str
    waiting: str
    conflicts: list[str]
    renamed: list[Row]


def labelling(found: JsonObject) -> Labelling | None:
    """The section, or None where nobody decided anything and no label has another name today.

    Args:
        found: `reports/labelling.json`.
    """
    if not found["annotators"] and not found["renamed"] and not found["models"]:
        return None
    pairs = [
        Row(name=f"{one['first']} and {one['second']}", text=describe_pair(one, Estimate.from_json(one["kappa"])))
        for one in found["agreement"]["pairs"]
    ]
    return Labelling(
        annotators=[_annotator(one) for one in found["annotators"]],
        models=[Row(name=str(one["model"]), text=describe_model(one)) for one in found["models"]],
        agreement=describe_agreement(Estimate.from_json(found["agreement"]["pooled"])),
        pairs=pairs if len(pairs) > 1 else [],
        following=_following(found["following"]),
        waiting=describe_waiting(found),
        conflicts=list(found["conflicts"]),
        renamed=[
            Row(
                name=str(one["former"]),
                text=f"{one['labels'] or 'waits for a person'}: {count_of(one['num'], 'sample')}",
            )
            for one in found["renamed"]
        ],
    )


def describe_model(result: Mapping[str, object]) -> str:
    """What a model labelled, and its error, as clauses; the fields are those of `AuditResult`."""
    error = Estimate.from_json(result["error"])  # type: ignore[arg-type]
    labelled, overruled, waiting = (int(str(result[f"num_{one}"])) for one in ("labelled", "overruled", "waiting"))
    parts = [f"{count_of(labelled, 'sample')} labelled by it"]
    parts += [f"{overruled:,} more that a person decided otherwise"] if overruled else []
    parts += [describe_error(error)]
    parts += [f"{count_of(waiting, 'sample')} kept back and waiting for a person"] if waiting else []
    return "; ".join(parts)


def describe_error(error: Estimate) -> str:
    """The error of a model's labels, in words."""
    if error.value is None:
        return "its error cannot be judged, since no person has labelled a sample that was kept back"
    among = f"of {count_of(error.n, 'sample')} kept back and labelled by people"
    if error.low is None or error.high is None:
        return f"{100 * error.value:.1f} % wrong {among}; {error.caveat}"
    return f"{100 * error.value:.1f} % wrong ({100 * error.low:.1f} % to {100 * error.high:.1f} %) {among}"


def describe_following(num_blind: int, difference: Estimate) -> str:
    """Whether people follow the model, in a sentence."""
    blind = count_of(num_blind, "label")
    if difference.value is None or difference.low is None or difference.high is None:
        return (
            f"Whether people follow the model cannot be judged: {blind} without its prediction in sight, and as many "
            f"with it, must be at least {NEEDED}."
        )
    value, low, high = (100 * one for one in (difference.value, difference.low, difference.high))
    verdict = "People follow the model" if low > 0 else "It is not shown that people follow the model"
    return (
        f"{verdict}: with its prediction in sight their labels agree with it by {value:+z.1f} points ({low:+z.1f} to "
        f"{high:+z.1f}) compared with {blind} without."
    )


def describe_agreement(pooled: Estimate) -> str:
    """The agreement of people in a sentence; empty where no two decided on the same sample."""
    if not pooled.n:
        return ""
    if pooled.value is None:
        return "Agreement beyond chance cannot be judged: everybody said the same of every sample."
    return f"Cohen's kappa of all pairs of people is {_kappa(pooled)}; 1 is perfect, 0 is chance."


def describe_pair(pair: Mapping[str, object], kappa: Estimate) -> str:
    """How much two people agree, in words; the fields are those of `PairAgreement`."""
    shared = count_of(int(str(pair["num_samples"])), "sample")
    return f"{pair['num_agreed']} of {shared} alike, kappa {_kappa(kappa)}"


def describe_waiting(found: JsonObject) -> str:
    """How many samples wait for a person, in a sentence; empty where none does."""
    parts = []
    if number := int(found["num_conflicts"]):
        parts.append(f"people differ on {count_of(number, 'sample')}, which need a further line")
    if number := int(found["num_waits"]):
        parts.append(f"{count_of(number, 'sample')} of a class that was split need a label")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def list_facts(found: JsonObject) -> list[str]:
    """The lines of the data sheet."""
    people = [one for one in found["annotators"] if not one["is_model"]]
    lines = []
    if people:
        number = sum(one["num_lines"] for one in people)
        lines.append(f"{count_of(number, 'decision')} on labels by {count_of(len(people), 'person', 'people')}")
    lines += [f"Labels by the model {one['model']}: {describe_model(one)}" for one in found["models"]]
    lines += [
        text.removesuffix(".") for text in (describe_agreement(_read_pooled(found)), describe_waiting(found)) if text
    ]
    if found["renamed"]:
        number = sum(one["num"] for one in found["renamed"])
        lines.append(f"{count_of(number, 'sample')} with labels that have other names today, see `data/classes/`")
    following = _following(found["following"])
    return [*lines, *([following.removesuffix(".")] if following else [])]


def _read_pooled(found: JsonObject) -> Estimate:
    return Estimate.from_json(found["agreement"]["pooled"])


def _annotator(entry: JsonObject) -> Annotator:
    seconds = entry["seconds"]
    return Annotator(
        who=str(entry["who"]),
        kind="a model" if entry["is_model"] else "a person",
        num_lines=int(entry["num_lines"]),
        pace="" if seconds is None else f"{seconds:.1f} s",
    )


def _following(entry: JsonObject) -> str:
    if not entry["num_seen"] and not entry["num_blind"]:
        return ""
    return describe_following(int(entry["num_blind"]), Estimate.from_json(entry["difference"]))


def _kappa(kappa: Estimate) -> str:
    if kappa.value is None:
        return "undefined: both said the same of every sample"
    if kappa.low is None or kappa.high is None:
        return f"{kappa.value:.2f} ({kappa.caveat})"
    return f"{kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f})"
