"""Wrong labels found: a tenth are planted; how many of the first suspects are these? cleanlab's Datalab beside.

    python -m benchmarks.label_noise                    # 5,000 digits
    python -m benchmarks.label_noise --folder FOLDER    # your pictures, one sub-folder per class

Labels are exchanged for another class, drawn evenly, in a tenth of the samples. As many suspects are looked at as
labels were exchanged: those that a tool calls wrong, worst first, and after them the next worst by its own score, so
that precision and recall are one figure. All tools get the same features (`--embed`, EfficientNet-Lite0 at 112 px):

* Colibri: `confident_learning.find_label_issues`, as the check `label_suspects` runs it.
* Datalab: the features alone; it makes its own predictions of them, by nearest neighbours.
* Datalab, logistic regression: out-of-fold probabilities of scikit-learn's defaults on standardised features.
* Datalab, Colibri's probe: the out-of-fold probabilities of Colibri's first round.

Datalab does not belong to Colibri's environment: the script makes a throw-away one with uv and runs it there, on
features, labels and probabilities handed over as .npy files.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

BESIDE = ("cleanlab[datalab]==2.9.0",)
NUM_FOLDS = 5
TOOLS = ("Colibri", "Datalab", "Datalab, logistic regression", "Datalab, Colibri's probe")


def first(flagged: np.ndarray, quality: np.ndarray, num: int) -> np.ndarray:
    """The rows to look at first: those called wrong, then the others, the lowest quality first."""
    return np.lexsort((quality, ~flagged))[:num]


def beside(folder: Path) -> list[dict[str, Any]]:
    """What Datalab finds in each of the rows of labels; runs in the environment made for it."""
    from cleanlab import Datalab
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, given = (np.load(folder / f"{name}.npy") for name in ("features", "given"))

    def found(labels: np.ndarray, **material: np.ndarray) -> np.ndarray:
        lab = Datalab(data={"label": labels}, label_name="label", verbosity=0)
        lab.find_issues(**material, issue_types={"label": {}})
        issues = lab.get_issues("label")
        return first(issues["is_label_issue"].to_numpy(), issues["label_score"].to_numpy(), len(labels))

    result = []
    for seed, labels in enumerate(given):
        plain = make_pipeline(StandardScaler(), LogisticRegression())
        probabilities = cross_val_predict(plain, features, labels, cv=NUM_FOLDS, method="predict_proba")
        ranked = {
            TOOLS[1]: found(labels, features=features),
            TOOLS[2]: found(labels, pred_probs=probabilities),
            TOOLS[3]: found(labels, pred_probs=np.load(folder / f"probe{seed}.npy")),
        }
        result.append({name: rows.tolist() for name, rows in ranked.items()})
    return result


def datalab(features: np.ndarray, given: np.ndarray, probes: list[np.ndarray]) -> list[dict[str, list[int]]]:
    """For each row of labels, each way of asking Datalab to all samples, the most suspicious first."""
    with tempfile.TemporaryDirectory() as name:
        folder, environment = Path(name), Path(name) / "environment"
        uv, python = [sys.executable, "-m", "uv"], environment / "bin/python"
        subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, *BESIDE], check=True)
        np.save(folder / "features.npy", features)
        np.save(folder / "given.npy", given)
        for seed, probe in enumerate(probes):
            np.save(folder / f"probe{seed}.npy", probe)
        done = subprocess.run([python, __file__, "--beside", folder], check=True, capture_output=True, text=True)
    answer: list[dict[str, list[int]]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def embedded(folder: Path | None, embed: str) -> tuple[np.ndarray, np.ndarray]:
    """(N, D) features and (N,) class numbers of the digits or of a folder."""
    import yaml

    from pipeline.core import config
    from pipeline.datasets.sources.folder import Folder
    from pipeline.features.extractor import FeatureExtractor, FeatureOptions
    from pipeline.images.decoding import Decoding, decode

    params = yaml.safe_load(config.compose(overrides=["source=digits", f"embed={embed}"]))
    told = {"name": "noise", "path": str(folder), "watch": str(folder)}
    source: Any = Folder(**told) if folder else config.build(params["source"], "source")
    rows = source.read()
    featuring: FeatureOptions = config.instantiate(FeatureOptions, params["embed"], "embed")
    featuriser, storage = FeatureExtractor(featuring), featuring.storage(3 if folder else 1)
    arrays = (decode(source.open(path), Decoding(max_pixels=params["ingest"]["max_pixels"])) for path in rows["path"])
    pictures = (storage.convert(one) for one in arrays)
    names = rows["labels"].str[0]
    return np.stack(list(featuriser.stream(pictures))), names.map(sorted(set(names)).index).to_numpy()


def exchanged(truth: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of which a share says another class, and the rows where they do."""
    generator = np.random.default_rng(seed)
    rows = generator.choice(len(truth), round(share * len(truth)), replace=False)
    num_classes = int(truth.max()) + 1
    given = truth.copy()
    given[rows] = (truth[rows] + generator.integers(1, num_classes, len(rows))) % num_classes
    return given, rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--embed", default="efficientnet_lite0", help="a file of conf/embed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[10, 11, 12, 13, 14], help="of the planted noise")
    parser.add_argument("--share", type=float, default=0.1, help="of the labels that are exchanged")
    parser.add_argument("--beside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.beside:
        print("\n" + json.dumps(beside(options.beside)))
        return
    from pipeline.checks.label_quality.confident_learning import find_label_issues
    from pipeline.features.linear_probe import (
        out_of_fold_probabilities,
        pca_directions,
        stratified_group_folds,
        temperature_scale,
    )

    features, truth = embedded(options.folder, options.embed)
    given, planted = zip(*(exchanged(truth, options.share, seed) for seed in options.seeds), strict=True)
    alone = np.arange(len(truth)).astype(str)
    shares: dict[str, list[float]] = {name: [] for name in TOOLS}
    probes, seconds = [], []
    for labels, rows in zip(given, planted, strict=True):
        started = time.perf_counter()
        found = find_label_issues(features, [[str(one)] for one in labels], alone, NUM_FOLDS, 0)
        seconds.append(time.perf_counter() - started)
        flagged = np.isin(np.arange(len(truth)), found.table["row"])
        shares[TOOLS[0]].append(float(np.isin(first(flagged, found.quality, len(rows)), rows).mean()))
        probes.append(
            temperature_scale(
                out_of_fold_probabilities(
                    pca_directions(features, 0), labels, stratified_group_folds(labels, alone, NUM_FOLDS, 0)
                ),
                labels,
            )
        )
    print(f"{len(truth)} samples, {truth.max() + 1} classes, {len(planted[0])} labels exchanged, {options.embed}")
    print(f"Colibri took {np.mean(seconds):.1f} s a run\n\n| tool | {' | '.join(map(str, options.seeds))} | mean |")
    print(f"|---|{'---|' * (len(options.seeds) + 1)}")
    show(TOOLS[0], shares[TOOLS[0]])
    for ranked, rows in zip(datalab(features, np.stack(given), probes), planted, strict=True):
        for name in TOOLS[1:]:
            shares[name].append(float(np.isin(ranked[name][: len(rows)], rows).mean()))
    for name in TOOLS[1:]:
        show(name, shares[name])


def show(name: str, shares: list[float]) -> None:
    """A row of the table: of each seed, and their mean."""
    print(f"| {name} | {' | '.join(f'{one:.3f}' for one in shares)} | {np.mean(shares):.3f} |", flush=True)


if __name__ == "__main__":
    main()
