"""Recall and precision on planted near-duplicates: Colibri, imagededup's hashes, cosine of Lite0 features.

    python -m benchmarks.near_duplicates FOLDER|elpv|digits [--planted 200] [--seeds 3] [--sheet F.png] [--only-ours]

Plants copies (halved, recompressed at quality 40, cropped by 4 % a side, mirrored, brightened by 30 %, as many of each)
among all pictures of a folder with one sub-folder per class, and pairs them as the stage `find_duplicates` does.
What has no limit by itself gets the one with the best F1 on seed 0; figures are those of the other seeds.

Pairs among the photographs themselves are neither right nor wrong: they are counted, and `--sheet` shows them. Any
other pair with a copy in it is wrong, unless its original is paired with the same picture.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import positive, run_main

DEFAULT_BITS = 10  # of imagededup's find_duplicates


@dataclass(frozen=True, eq=False)
class Trial:
    """Pictures with copies among them.

    Attributes:
        source: Opens pictures and copies.
        manifest: Of all pictures, the copies last.
        true: (T, 2) positions of each original and its copy.
        natural: Pairs of positions that are paired without any copies.
    """

    source: Any
    manifest: Any
    true: np.ndarray
    natural: set[tuple[int, int]]


@dataclass(frozen=True)
class Score:
    right: int
    wrong: int
    planted: int
    natural: int
    by_kind: dict[str, tuple[int, int]]

    def __add__(self, other: Score) -> Score:
        kinds = {
            kind: (self.by_kind[kind][0] + other.by_kind[kind][0], self.by_kind[kind][1] + other.by_kind[kind][1])
            for kind in self.by_kind
        }
        return Score(
            self.right + other.right,
            self.wrong + other.wrong,
            self.planted + other.planted,
            self.natural + other.natural,
            kinds,
        )

    @property
    def f1(self) -> float:
        return 2 * self.right / max(1, self.right + self.wrong + self.planted)

    def told(self) -> str:
        kinds = ", ".join(f"{kind} {right / number:.3f}" for kind, (right, number) in self.by_kind.items())
        recall, precision = share(self.right, self.planted), share(self.right, self.right + self.wrong)
        strict = self.right / max(1, self.right + self.wrong + self.natural)
        return (
            f"recall {recall}, precision {precision}; {self.natural} pairs among the others, precision "
            f"{strict:.3f} if they are wrong; recall by kind: {kinds}"
        )


def share(part: int, whole: int) -> str:
    """With Wilson's 95 % interval."""
    from scipy.stats import binomtest

    if not whole:
        return "none"
    low, high = binomtest(part, whole).proportion_ci(method="wilson")
    return f"{part / whole:.3f} ({low:.3f} to {high:.3f})"


def score(trial: Trial, pairs: np.ndarray) -> Score:
    """Of (P, 2) positions, the smaller first."""
    from benchmarks.copies import KINDS, kind_of

    found = set(map(tuple, pairs.tolist()))
    first_copy = int(trial.true[:, 1].min())
    original = dict(trial.true[:, ::-1].tolist())
    names = trial.manifest["path"].to_numpy()
    by_kind = dict.fromkeys(KINDS, (0, 0))
    for one in map(tuple, trial.true.tolist()):
        right, number = by_kind[kind_of(names[one[1]])]
        by_kind[kind_of(names[one[1]])] = right + (one in found), number + 1
    right = sum(number for number, _ in by_kind.values())
    among_others = sum(pair[1] < first_copy for pair in found)
    related = {tuple(sorted((original.get(a, a), original.get(b, b)))) for a, b in trial.natural}
    excused = 0
    for a, b in found:
        origins = tuple(sorted((original.get(a, a), original.get(b, b))))
        excused += b >= first_copy and origins[0] != origins[1] and origins in related
    return Score(right, len(found) - right - among_others - excused, len(trial.true), among_others + excused, by_kind)


def colibri(source: Any, manifest: Any) -> tuple[Any, np.ndarray]:
    """What the stage writes, and its pairs as positions."""
    import pandas as pd
    import yaml

    from benchmarks.copies import LIMITS
    from pipeline.datasets.near_duplicates.pairing import find_duplicates
    from pipeline.datasets.near_duplicates.photo_pairs import DuplicateSearch
    from pipeline.media.picture_codec import PictureCodec
    from pipeline.media.reader import SampleReader

    table = find_duplicates(
        SampleReader(source=source, codec=PictureCodec(decoding=LIMITS)),
        manifest,
        DuplicateSearch(**yaml.safe_load(Path("conf/config.yaml").read_text())["near_duplicates"]),
    )
    position = pd.Series(np.arange(len(manifest)), index=manifest["sample_id"])
    pairs = np.stack([position.loc[table[side]].to_numpy() for side in ("left", "right")], axis=1)
    return table, np.sort(pairs, axis=1)


def together(trial: Trial, table: Any, pairs: np.ndarray) -> int:
    """How many planted pairs the grouped split keeps together; each that was found must be."""
    from pipeline.datasets.near_duplicates.groups import add_duplicate_group
    from pipeline.datasets.splits.grouped import Grouped

    split = Grouped(
        fractions={"train": 0.7, "val": 0.15, "test": 0.15}, max_attribute_values=10, near_duplicate_bits=2, seed=0
    )
    part = split(add_duplicate_group(trial.manifest, table), None)["split"].to_numpy()
    assert (part[pairs[:, 0]] == part[pairs[:, 1]]).all(), "the split tears a found pair apart"
    return int((part[trial.true[:, 0]] == part[trial.true[:, 1]]).sum())


def features(sources: list[Any], manifests: list[Any]) -> list[np.ndarray]:
    """(N, D) of length 1 for each manifest: frozen features as conf/embed/efficientnet_lite0 makes them."""
    import yaml

    from benchmarks.copies import LIMITS
    from pipeline.core import config
    from pipeline.features.extractor import FeatureExtractor, FeatureOptions
    from pipeline.media.picture_codec import PictureCodec
    from pipeline.media.reader import SampleReader
    from pipeline.statistics.nearest_neighbors import l2_normalise

    featuring = FeatureOptions(**yaml.safe_load(config.compose(overrides=["embed=efficientnet_lite0"]))["embed"])
    featuriser = FeatureExtractor(featuring)
    found = []
    for source, manifest in zip(sources, manifests, strict=True):
        items = zip(manifest["path"], manifest["content_hash"], strict=True)
        reader = SampleReader(source=source, codec=PictureCodec(decoding=LIMITS))
        images = (reader.load_stored(item, featuring.storage(3)) for item in items)
        found.append(l2_normalise(np.stack(list(featuriser.stream(images)))))
    return found


def encoded(source: Any, path: str) -> bytes:
    import io

    from PIL import Image

    data = source.open(path)
    if isinstance(data, bytes):
        return data
    buffer = io.BytesIO()
    Image.fromarray(data).save(buffer, "PNG")
    return buffer.getvalue()


def upper(distance: np.ndarray, limit: float) -> np.ndarray:
    """(P, 2) positions of pairs at most so far apart."""
    return np.argwhere(np.triu(distance <= limit, 1))


def rivals(trials: list[Trial], distances: list[np.ndarray], limits: np.ndarray, name: str) -> None:
    """By the limit that is best on seed 0."""
    best = max(limits, key=lambda limit: score(trials[0], upper(distances[0], limit)).f1)
    report(f"{name}, best limit {best:.4g}", trials, lambda number: upper(distances[number], best))


def report(name: str, trials: list[Trial], pairs: Callable[[int], np.ndarray]) -> None:
    """Seed 0 only sets limits, unless it is the only one."""
    scores = [score(trial, pairs(number)) for number, trial in enumerate(trials)]
    judged = scores[1:] or scores
    total = judged[0]
    for one in judged[1:]:
        total = total + one
    print(f"{name}\n    {total.told()}", flush=True)


def prepared(source: Any, manifest: Any, natural: np.ndarray, planted: int, seed: int) -> Trial:
    import pandas as pd

    from benchmarks.copies import LIMITS, plant
    from pipeline.datasets.ingestion import ingest
    from pipeline.media.picture_codec import PictureCodec
    from pipeline.media.reader import SampleReader

    made = plant(source, manifest, planted, seed)
    copies, _ = ingest(SampleReader(source=made, codec=PictureCodec(decoding=LIMITS)))
    table = pd.concat([manifest, copies], ignore_index=True)
    position = pd.Series(np.arange(len(table)), index=table["path"])
    true = np.array([(position[origin], position[copy]) for copy, origin in made.origin.items()])
    return Trial(made, table, true, set(map(tuple, natural.tolist())))


def beside(trials: list[Trial], num_photographs: int) -> None:
    """The same trials by imagededup's hashes and by features of the pretrained network."""
    from benchmarks.imagededup_hashes import hashes

    photographs = trials[0].manifest["path"][:num_photographs]
    pictures = [encoded(trials[0].source, path) for path in photographs]
    pictures += [file for trial in trials for file in trial.source.files.values()]
    for name, bits in hashes(pictures).items():
        signs = 1 - 2 * bits.astype(np.float32)
        both = [
            np.concatenate([signs[:num_photographs], one]) for one in np.split(signs[num_photographs:], len(trials))
        ]
        distances = [(64 - one @ one.T) / 2 for one in both]
        report(
            f"imagededup's {name}, its default of {DEFAULT_BITS} bits",
            trials,
            lambda number, distances=distances: upper(distances[number], DEFAULT_BITS),
        )
        rivals(trials, distances, np.arange(0, 21), f"imagededup's {name}")
    copies = [trial.manifest[num_photographs:] for trial in trials]
    sources = [trial.source for trial in trials]
    own, *planted = features([sources[0], *sources], [trials[0].manifest[:num_photographs], *copies])
    both = [np.concatenate([own, one]) for one in planted]
    cosines = [1 - one @ one.T for one in both]
    rivals(trials, cosines, np.linspace(0.005, 0.3, 60), "1 - cosine of Lite0 features")


def sheet(file: Path, source: Any, manifest: Any, table: Any) -> None:
    """Pairs among the photographs themselves, side by side, at most 48 of them spread over all."""
    from PIL import Image, ImageDraw

    from benchmarks.copies import LIMITS
    from pipeline.images.decoding import decode
    from pipeline.images.storage import SquareFormat

    side, across = 128, 6
    storage = SquareFormat(size=side, fit="stretch", channels=3)
    path = manifest.set_index("sample_id")["path"]
    rows = table.iloc[np.unique(np.linspace(0, len(table) - 1, min(48, len(table))).astype(int))]
    page = Image.new("RGB", (across * (2 * side + 8), -(-len(rows) // across) * (side + 16)), "white")
    for number, row in enumerate(rows.itertuples()):
        left, top = number % across * (2 * side + 8), number // across * (side + 16)
        for place, name in enumerate((row.left, row.right)):
            small = Image.fromarray(storage.convert(decode(source.open(path[name]), LIMITS)))
            page.paste(small, (left + place * side, top + 14))
        told = f"{row.similarity:.4f} {row.distinctiveness:.2f} {'mirrored' if row.mirrored else ''}"
        ImageDraw.Draw(page).text((left, top), told, fill="black")
    page.save(file)


def source_of(name: str) -> Any:
    from pipeline.datasets.sources.digits import Digits
    from pipeline.datasets.sources.elpv import Elpv
    from pipeline.datasets.sources.folder import Folder

    if name == "elpv":
        return Elpv(name="elpv", labels="defect", block_size=20, watch="")
    if name == "digits":
        return Digits(name="digits", num_per_class=500, watch="")
    return Folder(name="duplicates", path=str(Path(name).resolve()), watch="")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--planted", type=positive, default=200)
    parser.add_argument("--seeds", type=positive, default=3)
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--only-ours", action="store_true")
    arguments = parser.parse_args()
    if arguments.folder is None:
        parser.error("name a folder of pictures with one sub-folder per class, or elpv, or digits")
    from benchmarks.copies import LIMITS
    from pipeline.datasets.ingestion import ingest
    from pipeline.media.picture_codec import PictureCodec
    from pipeline.media.reader import SampleReader

    source = source_of(arguments.folder)
    manifest, _ = ingest(SampleReader(source=source, codec=PictureCodec(decoding=LIMITS)))
    own, natural = colibri(source, manifest)
    print(f"{len(manifest):,} pictures, {len(own)} pairs among them; {arguments.planted} copies planted")
    if arguments.sheet and len(own):
        sheet(arguments.sheet, source, manifest, own)
    trials = [prepared(source, manifest, natural, arguments.planted, seed) for seed in range(arguments.seeds)]
    found = [colibri(trial.source, trial.manifest) for trial in trials]
    kept = [together(trial, *one) for trial, one in zip(trials, found, strict=True)]
    report("Colibri", trials, lambda number: found[number][1])
    print("    the grouped split keeps", *kept, f"of {arguments.planted} planted pairs together", flush=True)
    if not arguments.only_ours:
        beside(trials, len(manifest))


if __name__ == "__main__":
    run_main(main)
