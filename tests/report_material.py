"""A small synthetic material for the pages, and a parser that tells what a page holds."""

import re
import subprocess
from html.parser import HTMLParser

import numpy as np
import pandas as pd

from pipeline.core.decision_rule import Rule
from pipeline.core.estimate import Estimate
from pipeline.core.policy import Policy
from pipeline.core.results import StoredFinding
from pipeline.evaluation.counterfactual_results import CounterfactualResult, Counterfactuals, Example
from pipeline.evaluation.explanation_results import Example as ExplainedDecision
from pipeline.evaluation.explanation_results import Explanations
from pipeline.evaluation.policy_evaluation import evaluate_policy
from pipeline.evaluation.slices import COLUMNS
from pipeline.evaluation.suspicions import Suspicion
from pipeline.features.training_neighbours import Neighbour
from pipeline.report.mistakes import least_confident_hits
from pipeline.report.page import Material, worst_mistakes
from pipeline.report.pictures import encode_png, to_image
from pipeline.report.test_uses import UseNote
from pipeline.statistics.bootstrap import Bootstrap

NASTY = ["<script>alert(1)</script>", "\"quoted\" & 'single'", "{{ 7 * 7 }}", "\N{HATCHING CHICK} emoji", "a/b=c"]
NO_LABELLING = {  # `reports/labelling.json` where nobody decided anything
    "annotators": [],
    "num_conflicts": 0,
    "conflicts": [],
    "num_waits": 0,
    "renamed": [],
    "agreement": {"pooled": Estimate(value=None, low=None, high=None, n=0, groups=0).to_json(), "pairs": []},
    "models": [],
    "following": {"num_seen": 0, "num_blind": 0, "difference": None},
}
VOID = {"meta", "link", "br", "img", "input", "hr"}
HEADINGS = [f"h{level}" for level in range(1, 7)]


class Page(HTMLParser):
    """Tags with attributes, text, and whether all that opens closes."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.texts))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def entry(value, low=None, high=None, n=40, groups=40, caveat=""):
    return Estimate(value=value, low=low, high=high, n=n, groups=groups, caveat=caveat)


def build(
    classes=("cat", "dog"),
    wrong=6,
    epochs=3,
    slices=True,
    several=False,
    refused=(),
    channels=1,
    tried=(),
    pretrained=False,
    labelling=None,
):
    """A small material: 40 test pictures in eight groups, the first `wrong` of them decided wrongly."""
    generator = np.random.default_rng(0)
    num = max(40, 2 * len(classes))
    labels = [[classes[row % len(classes)]] for row in range(num)]
    decided = [[classes[(row + 1) % len(classes)]] if row < wrong else labels[row] for row in range(num)]
    if several:
        labels = [sorted({*names, classes[0]}) if row % 3 else [] for row, names in enumerate(labels)]
        decided = [[] if row < wrong else list(names) for row, names in enumerate(labels)]
    scores = generator.dirichlet(np.ones(len(classes)), num).astype(np.float32)
    names = [f"images/{row:03d}.png" for row in range(num)]
    predictions = pd.DataFrame(
        {
            "sample_id": names,
            "split": "test",
            "labels": labels,
            "group": [f"group{row % 8}" for row in range(num)],
            "attr_site": [classes[0] if row % 2 else None for row in range(num)],
            "attr_year": 2020.0,
            "scores": list(scores),
            "decided": decided,
        }
    )
    everyone = [f"{split}/{row}" for split in ("train", "val") for row in range(num)] + names
    manifest = pd.DataFrame(
        {"sample_id": everyone, "labels": labels * 3, "width": 32, "height": 24, "channels": channels}
    )
    splits = pd.DataFrame({"sample_id": everyone, "split": np.repeat(["train", "val", "test"], num), "group": everyone})
    mistakes = worst_mistakes(predictions, list(classes), 12)
    picture = generator.integers(0, 256, (20, 24, channels), dtype=np.uint8)
    metrics = {
        "accuracy": entry(0.8049, 0.6149, 0.9249, num),
        "f1_macro": entry(0.7190, 0.4712, 0.8739, num),
        "auroc_macro": entry(None, n=num),
        **{f"f1/{name}": entry(0.5, 0.25, 0.75, 20) for name in classes},
        **{f"recall/{name}": entry(None, n=0) for name in classes},
    }
    part = {
        "attribute": "site",
        "n": 20,
        "groups": 8,
        "metric": "accuracy",
        "caveat": "",
        "rest": 0.85,
        "p": 0.5,
        "found_from": 0.6,
        "verdict": "not shown",
    }
    rows = [
        {**part, "slice": classes[0], "value": 0.25, "low": 0.1, "high": 0.4, "p": 0.002, "verdict": "weaker"},
        {**part, "slice": "fine", "value": 0.9, "low": 0.7, "high": 1.0},
        {**part, "slice": "NA", "n": 3, "value": None, "low": None, "high": None, "verdict": ""},
    ]
    check = {"unit": "classes too rare", "advice": "Collect more.", "passed": True, "on_fail": "warn"}
    return Material(
        params={
            "check": {"rare_class": {"_target_": "pipeline.checks.rare_class.RareClass"}},
            "evaluate": {"num_resamples": 2000, "half_width": 0.2, "min_slice": 20},
            "train": {"epochs": epochs, "views": ["identity"], "note": classes[0]},
        },
        card={
            "source": classes[0],
            "classes": list(classes),
            "encoder": {"architecture": "tf_efficientnet_lite0"},
            "num_parameters": 3373570,
            "data_hash": "14facdae",
            "training_key": "35bc3944",
            **({"pretraining": pretraining_of(classes[0])} if pretrained else {}),
        },
        manifest=manifest,
        quarantine=pd.DataFrame(refused, columns=["path", "labels", "reason", "detail"]),
        splits=splits,
        labelling=labelling or NO_LABELLING,
        validation={
            "passed": True,
            "expectations": [
                {
                    "expectation": "expect_column_values_to_be_in_set",
                    "column": "label",
                    "expected": {"value_set": list(classes)},
                    "passed": True,
                    "observed": "0 of 40 values break it",
                    "offenders": [],
                }
            ],
        },
        checks=stored(
            {
                "rare_class": {
                    "question": "Does every split have enough?",
                    "value": 0.0,
                    "limit": 0.0,
                    "worst": {},
                    **check,
                },
                "shortcut": {
                    **check,
                    "value": 0.75,
                    "limit": 0.7,
                    "worst": {f"x for {classes[0]}": 0.75},
                    "passed": False,
                },
                "leak": {**check, "value": 2.0, "limit": 0.0, "worst": {}, "passed": False, "on_fail": "error"},
            }
        ),
        curation=stored(
            {
                "outliers": {
                    **check,
                    "question": "Which pictures resemble none of their class?",
                    "sentence": f"2 pictures resemble no other {classes[0]}.",
                    "value": 0.05,
                    "limit": 0.01,
                    "worst": {names[0]: f"6.0 deviations from {classes[0]}"},
                    "pictures": {f"Furthest from {classes[0]}": [names[0], f"{classes[-1]}.png"]},
                    "table": [{"sample": names[0], "class": classes[0], "deviations": 6.0}],
                    "passed": False,
                },
                "label_suspects": {**check, "value": 0.01, "limit": 0.05, "worst": {}},
            }
        ),
        pretraining=pretraining_curves(8 if pretrained else 0),
        curves=pd.DataFrame(
            {
                "epoch": range(1, epochs + 1),
                "train_loss": np.linspace(0.9, 0.1, epochs),
                "val_loss": [0.7, 0.5, 0.6, 0.65, 0.7][:epochs],
                "val_accuracy": np.linspace(0.5, 0.8, epochs),
                "val_f1_macro": np.linspace(0.4, 0.7, epochs),
                "learning_rate": np.linspace(1e-3, 0, epochs),
            }
        ),
        imbalance=choices(tried),
        metrics=metrics,
        lower_is_better=frozenset({"hamming_loss"}),
        slices=pd.DataFrame(rows if slices else [], columns=COLUMNS),
        robustness=corrupted(),
        robustness_metrics={
            "clean": entry(0.8, 0.6, 0.9),
            "all": entry(-0.25, -0.4, -0.1, caveat="it rests on 8 independent groups only"),
            "blur": entry(-0.1, -0.3, 0.05),
            "colour_cast": entry(-0.4, -0.6, -0.2),
        },
        decisions=measure_decisions(predictions, list(classes), several),
        counterfactuals=counterfactuals(classes[0]),
        predictions=predictions,
        explanations=explained(classes[0]),
        mistakes=mistakes,
        hits=least_confident_hits(predictions, list(classes), 6, exclusive=not several),
        neighbours={
            name: [Neighbour(sample_id=f"train/{row}", labels=labels[row], similarity=0.9) for row in range(3)]
            for name in mistakes["sample_id"]
        },
        images=dict.fromkeys([*mistakes["sample_id"], "train/0"], picture),
        links={name: f"../data/{row}.png" for row, name in enumerate(mistakes["sample_id"])},
        num_suspects=7,
        model_bytes=13_700_000,
        preview=encode_png(to_image(picture)),
        readings=UseNote(
            finding="3 results were read from these test pictures until this evaluation; choosing by them"
        ),
    )


def pretraining_of(view):
    """What the card of a predictor says of a pretraining with one view of this name."""
    return {
        "objective": {"_target_": "pipeline.training.objectives.simclr.SimClr", "positives": "view"},
        "views": {view: {"_target_": "pipeline.training.augmentations.resized_crop.ResizedCrop", "min_area": 0.3}},
        "pretrain": {"epochs": 8},
        "num_samples": {"train": 40, "val": 0, "test": 0, "pool": 1200},
        "epoch": 8,
        "loss": 1.5,
    }


def pretraining_curves(epochs):
    """`reports/pretrain.csv`; without rows where the encoder was not pretrained."""
    if not epochs:
        return pd.DataFrame({"epoch": [], "loss": []})
    return pd.DataFrame(
        {
            "epoch": range(1, epochs + 1),
            "loss": np.geomspace(5, 1.5, epochs),
            "effective_rank": np.linspace(1.2, 20, epochs),
            "neighbour_accuracy": np.linspace(0.3, 0.8, epochs),
            "learning_rate": np.linspace(1e-3, 0, epochs),
        }
    )


def corrupted():
    """`reports/robustness.csv` of two corruptions."""
    values = {"clean": [0.8], "blur": [0.8, 0.75, 0.7, 0.7, 0.65], "colour_cast": [0.7, 0.6, 0.5, 0.4, 0.2]}
    rows = [
        {"corruption": name, "severity": severity, "n": 40, "groups": 8, "value": value}
        | {"low": value - 0.1, "high": value + 0.1, "change": value - 0.8, "change_low": None, "change_high": None}
        for name, figures in values.items()
        for severity, value in enumerate(figures, start=name != "clean")
    ]
    return pd.DataFrame(rows)


def measure_decisions(test, classes, several=False, **changes):
    """`reports/policy_figures.json` of a policy with a threshold, sets and abstention; val has the same samples."""
    choices = {
        "training_key": "key",
        "exclusive": not several,
        "temperatures": (1.5,) * len(classes),
        "rule": Rule(thresholds=(0.4, *[None] * (len(classes) - 1)), note=""),
        "abstention": "confidence",
        "min_confidence": 0.6,
        "coverage": 0.9,
        "set_thresholds": (0.3,) * len(classes),
        "notes": (f"Calibration of {classes[0]} cannot be judged.",),
        "num_samples": len(test),
        "num_groups": 8,
    }
    policy = Policy(**{**choices, **changes})
    raw = np.stack(test["scores"])
    sets = raw >= 0.3 if policy.set_thresholds is not None else None
    test = test.assign(raw_scores=list(raw), abstains=raw.max(axis=1) < 0.6)
    if sets is not None:
        test["prediction_set"] = [[name for name, held in zip(classes, row, strict=True) if held] for row in sets]
    val = test.assign(split="val", group=[f"val {name}" for name in test["group"]])
    return evaluate_policy(policy, pd.concat([val, test]), classes, None, Bootstrap(num_resamples=100, seed=0))


def counterfactuals(label):
    """A property that the model follows, one that it does not, and one that nothing can change."""
    names = (
        "flip_rate",
        "control_flip_rate",
        "difference",
        "crossed_accuracy",
        "typical_accuracy",
        "nuisance_accuracy",
    )
    figures = {name: entry(0.4, 0.25, 0.55) for name in names}
    pictures = np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), dtype=np.uint8)
    example = Example(sample_id=f"{label}.png", has=True, after=False, control=True, pictures=pictures)
    suspicions = [Suspicion(name=name, label=label, accuracy=0.9) for name in ("sharpness", "brightness", "num_bytes")]
    shared = {"figures": figures, "reach": 1.0}
    return Counterfactuals(
        note="The check shortcut suspects 3 properties.",
        results=[
            CounterfactualResult(
                suspicion=suspicions[0], intervention="detail", state="not_shown", sentence="It is not.", **shared
            ),
            CounterfactualResult(
                suspicion=suspicions[1],
                intervention="exposure",
                state="follows",
                sentence=f"The model follows {label}.",
                examples=[example],
                **shared,
            ),
            CounterfactualResult.without(suspicions[2], "no intervention in params.yaml changes it"),
        ],
    )


def explained(label, state="depend"):
    """`reports/explanations.json` of a wrong and a right decision for one class."""
    generator = np.random.default_rng(0)
    figures = {
        "randomised_correlation": entry(0.3, 0.2, 0.4),
        "other_correlation": entry(0.25, 0.2, 0.3),
        "reproduced_share": entry(0.07, -0.1, 0.2),
        "border_share": entry(0.5, 0.45, 0.55),
        f"border_share/{label}": entry(0.5, 0.45, 0.55),
    }
    return Explanations(
        note="2 decisions on test are explained.",
        method="occlusion",
        state=state,
        reason="too few" if state == "cannot_be_judged" else "",
        border_area=0.36,
        figures=figures,
        examples=[
            ExplainedDecision(
                sample_id=f"{label}{kind}.png",
                label=label,
                kind=kind,
                labels=[label] if kind == "right" else [],
                score=0.9,
                correlation=None if kind == "wrong" else 0.31,
                picture=generator.integers(0, 256, (20, 24, 3), dtype=np.uint8),
                maps=generator.uniform(-1, 1, (2, 20, 24)).astype(np.float16),
            )
            for kind in ("wrong", "right")
        ],
    )


def stored(entries):
    return {name: StoredFinding.from_json(one) for name, one in entries.items()}


def choices(tried):
    """`reports/imbalance.csv` of options and their figures; the last is the best and is taken."""
    rows = [
        {"option": name, "metric": "balanced_accuracy", "value": value, "low": value - 0.1, "high": value + 0.1}
        | {"behind_best": tried[-1][1] - value, "behind_low": 0.01, "behind_high": 0.2, "groups": 30.0, "epochs": 3.0}
        | {"chosen": (name, value) == tried[-1]}
        for name, value in tried
    ]
    return pd.DataFrame(rows)


CASES = {
    "two classes": {},
    "ten classes": {"classes": [f"class {number}" for number in range(10)]},
    "a hundred classes": {"classes": [f"class {number:03d}" for number in range(100)], "wrong": 90},
    "no mistakes": {"wrong": 0},
    "no slices": {"slices": False},
    "nasty names": {
        "classes": NASTY,
        "refused": [[f"{NASTY[0]}.png", [], "truncated", NASTY[1]]],
        "pretrained": True,
    },
    "one epoch": {"epochs": 1},
    "several labels": {"several": True, "classes": ["cat", "dog", "fox"]},
    "colour": {"channels": 3},
    "options tried": {"tried": [("none", 0.6), ("class_balanced", 0.75)]},
}


def read_dom(path, folder):
    """The page as it stands in a browser after its scripts; the profile of the browser is put into the folder."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    command = ["chromium", *options, path.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
