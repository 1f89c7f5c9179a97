"""Attribution maps of decisions on test, compared with those of the model without what it learned."""

from __future__ import annotations

import numpy as np

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.evaluation_contracts import Attribution
from pipeline.core.feature_reference import read_reference
from pipeline.datasets.packed import PackedDataset
from pipeline.evaluation.explanation_results import Explanations
from pipeline.evaluation.explanations import SWITCHED_OFF, Explainer, Options
from pipeline.evaluation.policy_evaluation import read_policy
from pipeline.evaluation.robustness import choose_samples


def main() -> list[str]:
    params = config.load_params()
    options: Options = config.instantiate(Options, config.get_section(params, "explain"), "explain")
    attribution: Attribution = config.build(config.get_section(params, "attribution"), "attribution")
    found = _explain(attribution, options) if attribution.explains else Explanations(note=SWITCHED_OFF)
    found.write()
    return [describe(found)]


def _explain(attribution: Attribution, options: Options) -> Explanations:
    from pipeline.training.model_card import load_predictor

    packed = PackedDataset.load()
    predictor, card = load_predictor(artifacts.PREDICTOR)
    test = packed.index[packed.index["split"] == "test"]
    chosen = choose_samples(test["labels"].map(sorted).tolist(), options.max_predictions, options.seed)
    policy = read_policy(card)
    explainer = Explainer(
        packed=packed,
        predictor=predictor,
        policy=policy,
        reference=read_reference(policy, artifacts.REFERENCE),
        transform=config.build(card["transform"], "card.transform"),
        attribution=attribution,
        options=options,
    )
    return explainer(test.iloc[np.sort(chosen)])


def describe(found: Explanations) -> str:
    """The number of explained decisions, and whether their maps depend on what was learned."""
    if not found.method:
        return found.note.rstrip(".")
    verdict = {
        "depend": "the maps depend on what was learned",
        "do_not_depend": "the maps do not depend on what was learned",
        "cannot_be_judged": "whether the maps depend on what was learned cannot be judged",
    }[found.state]
    return f"{found.note.rstrip('.')} by {found.method}; {verdict}"


if __name__ == "__main__":
    stage_runner.run("explain", main)
