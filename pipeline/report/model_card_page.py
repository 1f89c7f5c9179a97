"""`reports/model_card.md`: the model card of the registered version, from artifacts and what a person wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.core.estimate import Estimate
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of
from pipeline.evaluation.margin_text import BEYOND, CROSS, describe_margin
from pipeline.evaluation.robustness import ALL, CLEAN
from pipeline.media.choice import media_of_card
from pipeline.report.card_texts import CardTexts, join_sections
from pipeline.report.formatting import PLAIN, SPACE, figure, with_noun
from pipeline.report.markdown import bullets, escape, table
from pipeline.report.model_card_decisions import describe_decisions
from pipeline.report.pretraining import describe_options, describe_pretraining
from pipeline.report.robustness import describe_loss

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.core.open_types import JsonObject
    from pipeline.core.results import StoredFinding

SOURCE = "Mitchell et al. 2019, doi:10.1145/3287560.3287596"
TEXTS = ("intended_use", "out_of_scope", "ethics", "contact", "license")
OF_CLASS = ("precision", "recall", "f1", "auroc")
MAX_CLASSES, MAX_SLICES = 50, 20
PAIR = " and "  # between the two attributes of a slice

TASKS = {
    "SingleLabel": "one label per {noun}",
    "MultiLabel": "several labels per {noun}",
    "Clusters": "clusters, found without labels",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelFacts:
    """What the card is made of.

    Attributes:
        card: Of the predictor.
        details: Name and value, as the first page has them: version, verdict, model, training, software.
        metrics: `reports/test_metrics.json`.
        slices: `reports/slices.csv`.
        findings: Of both groups of checks.
        readings: How often the test part was read, in words.
        decisions: `reports/policy_figures.json`.
        robustness: `reports/robustness.json`.
        counterfactuals: What the model makes of suspected properties, a sentence for each.
    """

    card: JsonObject
    details: Sequence[tuple[str, str]]
    metrics: Mapping[str, Estimate]
    slices: pd.DataFrame
    findings: Mapping[str, StoredFinding]
    readings: Sequence[str]
    decisions: JsonObject
    robustness: Mapping[str, Estimate]
    counterfactuals: Sequence[str]

    @property
    def noun(self) -> str:
        """What a sample is called."""
        return noun_of(media_of_card(self.card.get("packing") or {}))


def model_card(facts: ModelFacts, texts: CardTexts) -> str:
    """The card in Markdown, with the sections of Mitchell et al.; the same text for the same facts."""
    return join_sections(
        f"Model card: {escape(facts.details[0][1])}",
        f"The sections are those of {SOURCE}. Figures are of test, with 95 % intervals; [the report](report.html) "
        "shows more, and [the data sheet](data_sheet.md) describes the data.",
        [
            (
                "Model details",
                [
                    _details(facts),
                    _write_fact("License", texts.text("license")),
                    _write_fact("Contact", texts.text("contact")),
                ],
            ),
            ("Intended use", [texts.text("intended_use"), _write_fact("Out of scope", texts.text("out_of_scope"))]),
            ("Factors", [_factors(facts)]),
            (
                "Metrics",
                [_metrics(facts), describe_decisions(facts.decisions, facts.card, facts.findings.get("class_drift"))],
            ),
            ("Evaluation data", [_evaluation_data(facts)]),
            ("Training data", [_training_data(facts)]),
            (
                "Quantitative analyses",
                [_overall(facts), _by_class(facts), _by_slice(facts), _robustness(facts), _counterfactuals(facts)],
            ),
            ("Ethical considerations", [texts.text("ethics")]),
            ("Caveats and recommendations", [_caveats(facts)]),
        ],
        texts.missing(TEXTS),
    )


def _write_fact(name: str, text: str) -> str:
    return f"**{name}**: {text}" if text else ""


def _details(facts: ModelFacts) -> str:
    card = facts.card
    task = str((card.get("task") or {}).get("_target_", "")).rpartition(".")[2]
    rows = [
        *facts.details,
        ("Data set", str(card["source"])),
        ("Task", with_noun(TASKS.get(task, task), facts.noun)),
    ]
    rows += [("Data hash", card.get("data_hash", "")), ("Training key", card.get("training_key", ""))]
    return bullets(f"{escape(name)}: {escape(value)}" for name, value in rows if value)


def _factors(facts: ModelFacts) -> str:
    known = [*dict.fromkeys(map(str, facts.slices["attribute"]))]
    single = [name for name in known if PAIR not in name and name != "label"]
    if not single:
        return f"The {facts.noun}s have no attributes (such as site or camera): the figures are divided by class alone."
    pairs = " and by pairs of these" if any(PAIR in name for name in known) else ""
    count = len(facts.slices[["attribute", "slice"]].drop_duplicates())
    return (
        f"The figures below are divided by class and by {', '.join(map(escape, single))}{pairs}: "
        f"{count_of(count, 'slice')}, all in `reports/slices.csv`."
    )


def _metrics(facts: ModelFacts) -> str:
    names = [name for name in facts.metrics if "/" not in name]
    lines = [
        f"**{escape(title)}**: {escape(with_noun(note, facts.noun))}"
        for name in names
        for title, note in [PLAIN.get(name, (name, ""))]
        if note
    ]
    return bullets(lines)


def _evaluation_data(facts: ModelFacts) -> str:
    leading = next((one for name, one in facts.metrics.items() if "/" not in name), None)
    size = facts.card.get("num_samples", {}).get("test", 0)
    groups = "" if leading is None else f" of {count_of(leading.groups, 'independent group')}"
    return " ".join(
        [
            f"{count_of(size, f'test {facts.noun}')}{groups}, which training did not see.",
            *(f"{escape(line[:1].upper() + line[1:])}." for line in facts.readings),
        ]
    )


def _training_data(facts: ModelFacts) -> str:
    samples = facts.card.get("num_samples", {})
    parts = [count_of(samples.get(name, 0), f"{name} {facts.noun}") for name in ("train", "val")]
    classes = f"of {count_of(len(facts.card['classes']), 'class', 'classes')}; val selects the best epoch"
    if (facts.card.get("task") or {}).get("names"):
        classes = "without a look at labels; the clusters are those of train"
    sheet = f"{' and '.join(parts)} {classes}. See [the data sheet](data_sheet.md)."
    return "\n\n".join([sheet, *_pretraining(facts.card, facts.noun)])


def _pretraining(card: JsonObject, noun: str) -> list[str]:
    found = card.get("pretraining")
    if not found:
        return []
    views = ", ".join(f"{name} ({describe_options(node)})" for name, node in (found["views"] or {}).items() if node)
    said = f" Its views, which are taken to carry no meaning: {views}." if views else ""
    return [f"**Pretraining**: {escape(describe_pretraining(found, noun) + said)}"]


def _format_estimate(name: str, estimate: Estimate, noun: str) -> str:
    made = figure(name, estimate)
    return f"{made.text} ({with_noun(made.between, noun)})".replace(SPACE, " ")


def _heading(facts: ModelFacts) -> str:
    return f"{facts.noun.capitalize()}s"


def _overall(facts: ModelFacts) -> str:
    rows = [
        (PLAIN.get(name, (name.replace("_", " "), ""))[0], _format_estimate(name, one, facts.noun), one.n)
        for name, one in facts.metrics.items()
        if "/" not in name
    ]
    return table(("Metric", "Value and 95 % interval", _heading(facts)), rows) if rows else ""


def _by_class(facts: ModelFacts) -> str:
    names = [name for name in OF_CLASS if any(key.startswith(f"{name}/") for key in facts.metrics)]
    classes = list(facts.card["classes"])
    rows = []
    for label in classes[:MAX_CLASSES]:
        of_class = {name: facts.metrics.get(f"{name}/{label}") for name in names}
        known = [one for one in of_class.values() if one is not None]
        if known:
            rows.append(
                (
                    label,
                    known[0].n,
                    *("" if one is None else _format_estimate(name, one, facts.noun) for name, one in of_class.items()),
                )
            )
    if not rows:
        return ""
    more = len(classes) - MAX_CLASSES
    shown = table(("Class", _heading(facts), *(PLAIN[name][0] for name in names)), rows)
    return (
        "### Class by class\n\n"
        + shown
        + (f"\n\n{count_of(more, 'more class', 'more classes')} in `reports/test_metrics.json`." if more > 0 else "")
    )


def _by_slice(facts: ModelFacts) -> str:
    known = facts.slices.dropna(subset=["value"])
    known = known[known["repeats"].isna() | (known["repeats"] == "")]
    for metric in ("accuracy", "f1_macro"):
        rows = known[known["metric"] == metric].assign(is_weaker=known["verdict"] == "weaker")
        if len(rows):
            break
    else:
        return ""
    cells = []
    ordered = rows.sort_values(["is_weaker", "value", "attribute", "slice"], ascending=[False, True, True, True])
    for row in ordered.head(MAX_SLICES).to_dict("records"):
        ends = "no interval" if row["low"] != row["low"] else f"{100 * row['low']:.1f} to {100 * row['high']:.1f} %"
        cells.append(
            (
                f"{row['attribute']} = {row['slice']}",
                int(row["n"]),
                f"{100 * row['value']:.1f} % ({ends})",
                "" if row["rest"] != row["rest"] else f"{100 * row['rest']:.1f} %",
                "" if row["p"] != row["p"] else f"{row['p']:.3f}",
                row["verdict"] if isinstance(row["verdict"], str) else "",
            )
        )
    weaker = int(rows["is_weaker"].sum())
    found = f"Of {count_of(len(rows), 'slice')} {weaker:,} {'is' if weaker == 1 else 'are'} shown to be weaker than"
    columns = ("Slice", _heading(facts), PLAIN[metric][0], "The rest", "p", "Verdict")
    heading = (
        "### Slice by slice, the weakest first\n\n"
        f"{found} the rest of test; p is corrected for all of them together; slices that only repeat another one are "
        "left out."
    )
    return f"{heading}\n\n{table(columns, cells)}"


def _robustness(facts: ModelFacts) -> str:
    rows = [
        (name.replace("_", " "), describe_loss(one), one.n)
        for name, one in facts.robustness.items()
        if name not in (ALL, CLEAN)
    ]
    if not rows or ALL not in facts.robustness:
        return ""
    whole = f"Under all corruptions the accuracy changes by {describe_loss(facts.robustness[ALL])} of the clean one."
    return f"### Corrupted {facts.noun}s\n\n{whole}\n\n" + table(
        ("Corruption", "Change of the accuracy, mean over five severities", _heading(facts)), rows
    )


def _counterfactuals(facts: ModelFacts) -> str:
    return (
        f"### Suspected properties changed in the {facts.noun}\n\n" + bullets(map(escape, facts.counterfactuals))
        if facts.counterfactuals
        else ""
    )


def _caveats(facts: ModelFacts) -> str:
    lines = [
        f"{escape(name.replace('_', ' '))}: {escape(one.sentence or one.unit)} {escape(one.advice)}".strip()
        for name, one in facts.findings.items()
        if one.state == "failed"
    ]
    lines += [
        f"{escape(name.replace('_', ' '))} cannot be judged: {escape(one.obstacle)}"
        for name, one in facts.findings.items()
        if one.state == "cannot_be_judged"
    ]
    lines += [
        escape(text)
        for key in (BEYOND, CROSS + BEYOND)
        if (text := describe_margin(facts.metrics.get(key), noun=facts.noun))
    ]
    caveats: dict[str, list[str]] = {}
    for name, one in facts.metrics.items():
        if one.caveat and "/" not in name:
            caveats.setdefault(one.caveat, []).append(PLAIN.get(name, (name.replace("_", " "), ""))[0])
    lines += [f"{escape(', '.join(names))}: {escape(caveat)}" for caveat, names in caveats.items()]
    return bullets(lines)
