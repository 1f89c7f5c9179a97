"""Model card and data sheet: the usual sections, filled from facts, and no placeholder."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from report_material import NASTY, NO_LABELLING, entry, pretraining_of

from pipeline.core.results import StoredFinding
from pipeline.evaluation.slices import COLUMNS
from pipeline.report.card_texts import CardTexts
from pipeline.report.data_sheet import DataFacts, data_sheet
from pipeline.report.formatting import SPACE
from pipeline.report.model_card_page import ModelFacts, model_card

FULL = CardTexts(**dict.fromkeys(CardTexts.__dataclass_fields__, "Written *by hand*."))
WARNED = {"value": 0.9, "limit": 0.7, "unit": "AUC", "worst": {}, "passed": False, "advice": "Mask the border."}
FINDINGS = {
    "shortcut": StoredFinding.from_json({**WARNED, "sentence": f"The border predicts {NASTY[0]}."}),
    "outliers": StoredFinding.from_json({**WARNED, "state": "cannot_be_judged", "obstacle": "Too few pictures."}),
    "rare_class": StoredFinding.from_json({**WARNED, "passed": True, "sentence": "All is well."}),
}
CARD = {
    "source": "pets",
    "classes": [NASTY[0], "dog"],
    "task": {"_target_": "pipeline.training.tasks.single_label.SingleLabel"},
    "num_samples": {"train": 60, "val": 20, "test": 40},
    "data_hash": "0a1b",
    "packing": {"size": 28, "fit": "crop"},
}
METRICS = {
    "accuracy": entry(0.8, 0.7, 0.9, 40),
    f"recall/{NASTY[0]}": entry(0.75, 0.5, 0.9, 20),
    "recall/dog": entry(0.85, 0.6, 0.95, 20),
    "baseline_margin": entry(0.1, 0.02, 0.18, 40),
}
SLICES = pd.DataFrame(
    [
        ("site", "north", 20, 20, "accuracy", 0.9, 0.7, 0.97, ""),
        ("site", "a|b", 20, 20, "accuracy", 0.7, None, None, ""),
        ("site", "tiny", 2, 2, "accuracy", None, None, None, ""),
    ],
    columns=COLUMNS[:9],
).reindex(columns=COLUMNS)


POLICY = {
    "exclusive": True,
    "temperatures": [1.0, 1.0],
    "abstention": "confidence",
    "min_confidence": 0.8,
    "set_thresholds": None,
    "rule": {"thresholds": [None, 0.4321], "costs": None, "note": ""},
    "coverage": 0.9,
    "notes": ["Prediction sets cannot be judged: val is small."],
}
MEDIA = Path(__file__).parents[2] / "conf/media"
DECISIONS = {
    "policy": POLICY,
    "figures": {},
    "rule": [{"class": "dog", "threshold": 0.4321}],
    "exchangeability": {"state": "differs", "sentence": "Test is not like val."},
}


def model(texts=FULL, **changes):
    facts = {
        "card": CARD,
        "details": [("Version", "colibri-pets version 3"), ("Verdict", "challenger: no gain")],
        "metrics": METRICS,
        "slices": SLICES,
        "findings": FINDINGS,
        "readings": ["3 results were read from these test pictures"],
        "decisions": DECISIONS,
        "robustness": {},
        "counterfactuals": [],
    }
    return model_card(ModelFacts(**{**facts, **changes}), texts)


def samples(**changes):
    columns = {
        "sample_id": ["a", "b", "c", "d"],
        "labels": [[NASTY[0]], ["dog"], ["dog"], ["dog"]],
        "split": ["train", "train", "test", "none"],
        "group": ["g", "g", "h", "h"],
        "format": ["PNG", "PNG", "JPEG", "PNG"],
        "width": [32, 32, 64, 32],
        "height": [32] * 4,
        "channels": [1, 1, 3, 1],
        "attr_site": ["north", "a|b", None, "north"],
        "decision": [None, "relabel", None, None],
    }
    return pd.DataFrame({**columns, **changes})


def sheet(texts=FULL, **changes):
    facts = {
        "name": "pets",
        "samples": samples(),
        "quarantine": pd.DataFrame({"reason": ["empty", "empty", "truncated"]}),
        "findings": FINDINGS,
        "num_suspects": 2,
        "packing": CARD["packing"],
        "data_hash": "0a1b",
        "labelling": NO_LABELLING,
    }
    return data_sheet(DataFacts(**{**facts, **changes}), texts)


def headings(text):
    return re.findall(r"^## (.*)$", text, flags=re.MULTILINE)


def test_the_sections_of_mitchell_and_of_gebru_in_their_order():
    assert headings(model()) == [
        *("Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data"),
        *("Quantitative analyses", "Ethical considerations", "Caveats and recommendations"),
    ]
    assert headings(sheet()) == [
        *("Motivation", "Composition", "Collection process", "Preprocessing, cleaning and labelling", "Uses"),
        *("Distribution", "Maintenance"),
    ]
    assert "doi:10.1145/3287560.3287596" in model()
    assert "doi:10.1145/3458723" in sheet()


def test_no_slice_that_only_repeats_another_one():
    text = model(slices=SLICES.assign(repeats=["", "site = north", ""]))
    assert "site = north" in text
    assert "site = a" not in text
    assert "slices that only repeat another one are left out" in text


def test_figures_of_all_of_classes_and_of_slices():
    text = model()
    assert "| accuracy | 80.0 % (70.0 to 90.0 %) | 40 |" in text
    assert "| dog | 20 | 85.0 % (60.0 to 95.0 %) |" in text
    assert text.index("site = a\\|b | 20 | 70.0 % (no interval)") < text.index("site = north | 20 | 90.0 %")
    assert "tiny" not in text
    assert "40 test pictures of 40 independent groups" in text
    assert "3 results were read from these test pictures." in text
    assert "60 train pictures and 20 val pictures of 2 classes" in text
    assert "outliers cannot be judged: Too few pictures." in text
    assert "Mask the border." in text
    assert "All is well" not in text


def test_how_a_score_becomes_a_decision():
    text = model()
    assert text.index("## Metrics") < text.index("### Decisions") < text.index("## Evaluation data")
    assert "* The scores are those of the model: no temperature was fitted." in text
    assert "* dog is predicted where its score is at least 0.432, chosen on val" in text
    assert "* A picture whose highest score is below 80 % is left to a person" in text
    assert "* Test is not like val." in text
    assert "* Prediction sets cannot be judged: val is small." in text
    plain = model(decisions={**DECISIONS, "rule": [], "policy": {**POLICY, "abstention": "never"}})
    assert "* The class with the highest score is predicted." in plain
    assert "* Every picture gets a decision; none is left to a person" in plain


def decided(figures=None, **policy):
    """The card of a policy without thresholds."""
    return model(
        decisions={**DECISIONS, "rule": [], "figures": figures or {}, "policy": {**POLICY, "num_groups": 40, **policy}}
    )


def test_costs_decide_where_the_aim_has_them():
    text = decided(rule={"thresholds": None, "costs": [[0, 1], [5, 0]], "note": ""})
    assert "* The class with the lowest expected cost is predicted (aim.costs)." in text
    assert "The class with the highest score is predicted" not in text


def test_far_pictures_that_are_left_to_a_person_are_named():
    flag = {"share": 0.01, "limit": 2.0, "abstains": True}
    figures = {"out_of_distribution": entry(0.05, 0.0, 0.1).to_json()}
    for abstention in ("never", "sets"):
        text = decided(figures, abstention=abstention, out_of_distribution=flag)
        assert "1 % of new pictures like those of val are flagged; 5.0 % of test is." in text.replace(SPACE, " ")
        assert "The policy leaves them to a person." in text
        assert "Every picture gets a decision" not in text
        assert "no picture is left to a person" not in text
    text = decided(figures, abstention="never", out_of_distribution={**flag, "abstains": False})
    assert "* Every picture gets a decision; none is left to a person" in text
    assert "They are decided all the same" in text


def test_abstention_by_sets_needs_sets():
    by_sets = "A picture whose prediction set does not hold exactly one class is left to a person"
    assert by_sets in decided(abstention="sets", set_thresholds=[0.2, 0.3])
    without = decided(abstention="sets")
    assert "* No prediction sets could be fitted, so no picture is left to a person" in without
    assert by_sets not in without


def test_weak_slices_come_first_with_their_corrected_p():
    weak = SLICES.assign(rest=[0.6, 0.85, 0.8], p=[1.0, 0.004, None], verdict=["not shown", "weaker", ""])
    pair = weak.iloc[[0]].assign(attribute="site and label", slice="north, dog", value=0.1)
    text = model(slices=pd.concat([weak, pair], ignore_index=True))
    assert "Of 3 slices 1 is shown to be weaker than the rest of test" in text
    assert "| site = a\\|b | 20 | 70.0 % (no interval) | 85.0 % | 0.004 | weaker |" in text
    assert text.index("0.004 | weaker") < text.index("site and label = north, dog")
    assert "divided by class and by site and by pairs of these: 4 slices" in text


def test_corruptions_and_suspected_properties():
    losses = {"clean": entry(0.8, 0.7, 0.9), "all": entry(-0.2, -0.3, -0.1), "colour_cast": entry(-0.05, -0.1, -0.01)}
    text = model(robustness=losses, counterfactuals=[f"The model follows {NASTY[0]}."])
    assert "Under all corruptions the accuracy changes by -20.0 % (-30.0 to -10.0 %) of the clean one." in text
    assert "| colour cast | -5.0 % (-10.0 to -1.0 %) | 40 |" in text
    assert "| clean |" not in text
    assert "### Suspected properties changed in the picture" in text
    assert "<script>" not in text
    assert "### Corrupted pictures" not in model()


def test_counts_of_the_data():
    text = sheet()
    assert "* 4 pictures, one label each; 0 without a label" in text
    assert "* 2 groups of 2 to 2 pictures, which share a split" in text
    assert "* 3 PNG, 1 JPEG; 32 to 64 x 32 pixels; grey and colour" in text
    assert "| dog | 1 | 0 | 1 | 3 |" in text
    assert "**site** (from the source): north (2), a\\|b (1); 1 without" in text
    assert "* 2 items refused: the file has no bytes" in text
    assert "* 1 label decided by a person" in text
    assert "* 1 picture in no split" in text
    assert "* 2 labels that a model doubts" in text
    assert "split into 2 train, 0 val, 1 test" in text


def test_the_data_sheet_counts_the_pool_and_why_others_are_in_no_split():
    labels = [["cat"], ["dog"], ["dog"], []]
    text = sheet(samples=samples(labels=labels, split=["train", "test", "none", "pool"]))
    assert "split into 1 train, 0 val, 1 test" in text
    assert "* 1 picture without a label: for pretraining alone, never for a figure" in text
    assert "* 1 picture in no split, since they resemble pictures of two splits\n" in text
    text = sheet(samples=samples(labels=labels, split=["train", "test", "none", "none"]))
    assert "* 1 picture in no split, since they resemble pictures of two splits\n" in text
    assert (
        "* 1 picture without a label in no split: like pictures of val or test, or given to them by the source" in text
    )
    assert "pretraining" not in text


def test_the_model_card_says_what_the_encoder_was_pretrained_on():
    assert "retrain" not in model()
    text = model(card={**CARD, "pretraining": pretraining_of(NASTY[0])})
    assert (
        "**Pretraining**: Before training, the encoder was pretrained by the objective simclr for 8 epochs on 40 "
        "pictures of train and 1,200 without a label. No picture of val or test took part." in text
    )
    assert "carry no meaning: " in text
    assert "(min area 0.3)" in text
    assert NASTY[0] not in text
    seen = {**pretraining_of("crop"), "num_samples": {"train": 3, "val": 1, "test": 0}}
    with pytest.raises(AssertionError, match="pictures of val or test took part in a pretraining"):
        model(card={**CARD, "pretraining": seen})


@pytest.mark.parametrize("text", [model(), sheet(), model(CardTexts()), sheet(CardTexts())])
def test_text_from_outside_is_escaped_and_nothing_is_a_placeholder(text):
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "*by hand*" not in text
    assert not re.search(r"(?i)todo|tbd|lorem|placeholder|\bnone\b\.|\bnan\b|more information needed", text)


def test_what_nobody_wrote_is_named_by_its_key_and_its_section_left_out():
    text = model(CardTexts(intended_use="Sorting screws.\n\nOn line 3."))
    assert "## Intended use\n\nSorting screws.\n\nOn line 3.\n" in text
    assert "Ethical considerations" not in text
    assert text.endswith("* `card.out_of_scope`\n* `card.ethics`\n* `card.contact`\n* `card.license`\n")
    bare = sheet(CardTexts(data_license="CC BY 4.0"))
    assert "Motivation" not in headings(bare)
    assert "**License**: CC BY 4.0" in bare
    assert "`card.data_motivation`" in bare
    assert "`card.data_license`" not in bare


def test_a_data_set_without_attributes_groups_or_problems():
    text = model(slices=SLICES.iloc[:0], findings={}, metrics={})
    assert "The pictures have no attributes" in text
    assert "Caveats and recommendations" not in headings(text)
    bare = sheet(samples=samples(group=None).drop(columns=["attr_site", "decision"]), findings={}, num_suspects=0)
    assert "The checks found no problem." in bare
    assert "groups" not in bare


def test_the_data_sheet_counts_feedback_by_split_and_says_what_it_is():
    rows = samples()
    added = rows.head(3).assign(sample_id=[f"feedback:{number:064x}.png" for number in range(3)])
    added["split"] = ["train", "train", "none"]
    text = sheet(samples=pd.concat([rows[rows["split"] != "none"], added], ignore_index=True))
    assert (
        "* 3 pictures from feedback (2 in train, 1 in no split): people correct what they look at, mostly mistakes, so "
        "these are no random sample" in text
    )
    assert "since they resemble pictures of two splits" not in text


def test_the_lengths_of_clips_and_volumes():
    films = samples(
        prop_num_frames=[16.0, 20.0, 21.0, 30.0],
        prop_duration=[1.0, 2.0, np.nan, 3.5],
        prop_fps=[10.0, 15.0, np.nan, 25],
    )
    media = yaml.safe_load((MEDIA / "clip.yaml").read_text()) | {"num_frames": 8}
    text = sheet(samples=films, packing={**CARD["packing"], "media": media})
    assert "* frames: 16 to 30, median 20.5\n" in text
    assert "* duration: 1 s to 3.5 s, median 2 s; unknown of 1\n" in text
    assert "* frames a second: 10 to 25, median 15; unknown of 1\n" in text
    assert ", 8 frames of each clip" in text
    assert "Attributes of the clips:" in text
    scans = samples(depth=[40, 60, 60, 80], prop_spacing_depth=[2.5] * 4)
    text = sheet(samples=scans, packing={"media": yaml.safe_load((MEDIA / "volume.yaml").read_text())})
    assert "* slices: 40 to 80, median 60\n" in text
    assert "* spacing along the slices: 2.5 mm to 2.5 mm, median 2.5 mm\n" in text
    assert "* spacing of rows: unknown\n" in text
