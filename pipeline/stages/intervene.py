"""The trained model on test pictures whose suspected properties are those of another class: does it follow them?"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.core import artifacts, config, progress, stage_runner
from pipeline.core.evaluation_contracts import Intervention
from pipeline.core.results import read_findings
from pipeline.core.terminal import count_of
from pipeline.evaluation.counterfactual_results import CounterfactualResult, Counterfactuals
from pipeline.evaluation.counterfactual_text import describe_untested
from pipeline.evaluation.counterfactuals import CounterfactualTest, Options
from pipeline.evaluation.suspicions import Suspicion, find_suspicions

if TYPE_CHECKING:
    from pipeline.core.open_types import Params

SWITCHED_OFF = "Nothing was tested: params.yaml names no intervention."
NO_CHECK = "Nothing was tested: the check shortcut, which suspects properties, did not run."
NO_SUSPICION = "Nothing was tested: the check shortcut suspects no property."
CHECK = "shortcut"


def main() -> list[str]:
    params = config.load_params()
    options: Options = config.instantiate(Options, config.get_section(params, "intervene"), "intervene")
    interventions: dict[str, Intervention] = config.build_all(params, "intervention")
    suspicions, reason = _find(params)
    if not interventions:
        found = Counterfactuals(note=SWITCHED_OFF)
    elif not suspicions:
        found = Counterfactuals(note=reason)
    else:
        found = _intervene(suspicions, interventions, options)
    write(found)
    counts = Counter(result.state.replace("_", " ") for result in found.results)
    return [", ".join(f"{number} {state}" for state, number in sorted(counts.items())) or found.note.rstrip(".")]


def _find(params: Params) -> tuple[list[Suspicion], str]:
    """What the check suspects, and why it is nothing."""
    node = (config.get_section(params, "check") or {}).get(CHECK)
    finding = read_findings(artifacts.CHECKS).get(CHECK)
    if node is None or finding is None:
        return [], NO_CHECK
    return find_suspicions(finding, config.build(node, f"check.{CHECK}", "check").alpha), NO_SUSPICION


def _intervene(
    suspicions: list[Suspicion], interventions: dict[str, Intervention], options: Options
) -> Counterfactuals:
    from pipeline.datasets.packed import PackedDataset
    from pipeline.training.model_card import load_predictor

    packed = PackedDataset.load()
    predictor, _ = load_predictor(artifacts.PREDICTOR)
    able = [one for one in suspicions if any(one.name in other.properties for other in interventions.values())]
    untested = able[options.max_properties :]
    late = {one.name for one in untested}
    test = CounterfactualTest(packed=packed, predictor=predictor, interventions=interventions, options=options)
    results: list[CounterfactualResult] = []
    with progress.show("intervene", test.count_predictions(able[: options.max_properties]), "pictures") as bar:
        test = replace(test, bar=bar)
        for suspicion in suspicions:
            if suspicion.name not in late:
                results += test(suspicion)
    suspected = f"The check shortcut suspects {count_of(len(suspicions), 'property', 'properties')}"
    return Counterfactuals(note=suspected + describe_untested(untested, options.max_properties), results=results)


def write(found: Counterfactuals) -> None:
    artifacts.write_json(artifacts.INTERVENTIONS, found.to_json())
    artifacts.write_csv(artifacts.INTERVENTIONS_TABLE, found.table)
    with artifacts.atomic_write(artifacts.INTERVENTION_PICTURES) as temporary, temporary.open("wb") as stream:
        np.save(stream, found.pictures)


if __name__ == "__main__":
    stage_runner.run("intervene", main)
