"""Groups the pictures without labels, and says what the groups turn out to be.

Clusters are fitted to frozen features of the pictures of train and of those without a label; every picture is then
assigned to one. The page shows what goes with the clusters beyond chance (an attribute, a property, the label),
whether two halves of the pictures find the same ones, and pictures of each. The section clusters of params.yaml has
the choices.

Writes reports/clusters.html, clusters.json, clusters.csv (the cluster of each picture) and cluster_names.csv, in which
a person names clusters for colibri name-clusters; one that holds names is never replaced. Runs no stage, and changes
nothing else.

Examples:
  colibri clusters                          as params.yaml says; the number of clusters is chosen by stability
  colibri clusters --number 10              ten clusters
  colibri clusters --features encoder       by the encoder that the stage pretrain wrote, instead of that of embed
  colibri clusters clusters.algorithm=mixture clusters.covariance=diag    a Gaussian mixture
"""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import suppress
from typing import TYPE_CHECKING

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.terminal import count_of, say
from pipeline.media.choice import media_of_params

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from pipeline.core.open_types import Params
    from pipeline.evaluation.cluster_report import ClusterReport, Options

FEATURES = ("embed", "encoder", "model")
INPUTS = {  # of each kind of features, what the page is computed from
    "embed": (artifacts.EMBEDDINGS / "card.json", artifacts.MANIFEST, artifacts.SPLITS),
    "encoder": (artifacts.ENCODER, artifacts.PACKED / "card.json", artifacts.MANIFEST, artifacts.SPLITS),
    "model": (artifacts.PREDICTOR, artifacts.PACKED / "card.json", artifacts.PACKED / "index.parquet"),
}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="of the section clusters, for this time")
    parser.add_argument("--number", type=int, metavar="K", help="of clusters; clusters.num_clusters")
    parser.add_argument(
        "--features",
        choices=FEATURES,
        help="embed: those of data/embeddings/; encoder: of the encoder that training starts from; model: the clusters "
        "that task=clusters trained, as they are (default: model where that is the task, else embed)",
    )


def main(overrides: list[str], number: int | None = None, features: str | None = None) -> None:
    from pipeline.core.choices import is_supervised
    from pipeline.datasets.cluster_names import refuse_named

    refuse_named(artifacts.CLUSTER_NAMES)
    params = config.load_params()
    options = read_options(params, overrides, number)
    features = features or ("embed" if is_supervised(params) else "model")
    if features == "model":
        if overrides or number is not None:
            raise UserError(
                "the clusters of data/predictor are as they were trained; add --features embed to group anew, or "
                "change the section clusters and run colibri run"
            )
        report, table = describe_model(options)
    else:
        report, table = group_anew(params, options, features)
    write(params, report, table, INPUTS[features])
    say(*summarise(report), f"Page:   {artifacts.CLUSTERS_PAGE}", f"Names:  {artifacts.CLUSTER_NAMES}")


def describe_model(options: Options) -> tuple[ClusterReport, pd.DataFrame]:
    """The clusters of `data/predictor`, and the cluster of each packed sample."""
    from pipeline.datasets.packed import PackedDataset

    packed = PackedDataset.load()  # before torch, which takes seconds to import
    from pipeline.training.fitted_clusters import describe_fitted
    from pipeline.training.model_card import load_predictor

    predictor, card = load_predictor(artifacts.PREDICTOR)
    report, table, _ = describe_fitted(packed, predictor, card, options, ("val",))
    return report, table


def group_anew(params: Params, options: Options, features: str) -> tuple[ClusterReport, pd.DataFrame]:
    """Clusters fitted to features, and the cluster of each sample."""
    from pipeline.evaluation.cluster_report import group_pictures

    samples, vectors, described = (encode if features == "encoder" else read_embeddings)(params, read_samples())
    return group_pictures(samples, vectors, options, str(config.get_section(params, "source")["name"]), described)


def read_options(params: Params, overrides: list[str], number: int | None) -> Options:
    """The section `clusters`, changed by overrides such as `clusters.whiten=true`.

    Raises:
        UserError: An override is no key of the section, or a value is invalid.
    """
    from pipeline.evaluation.cluster_report import Options

    section = dict(config.get_section(params, "clusters"))
    for override in overrides:
        key, equals, value = override.partition("=")
        short = key.removeprefix("clusters.")
        if not equals or short not in section or short == key:
            raise UserError(
                f"{override!r} is no choice of the section clusters; expected clusters.KEY=VALUE with a KEY of "
                f"{', '.join(section)}"
            )
        section[short] = _read_value(override, value, section[short])
    if number is not None:
        section["num_clusters"] = number
    options: Options = config.instantiate(Options, section, "clusters")
    return options


def _read_value(override: str, text: str, present: object) -> object:
    """The value of an override; a number such as 1e-3, which YAML 1.1 takes for text, where the present one is one."""
    import yaml

    try:
        value: object = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"{override!r} has a value that YAML cannot read; quote it, or close its brackets") from None
    if isinstance(present, float) and isinstance(value, str):
        with suppress(ValueError):
            return float(value)
    return value


def read_samples() -> pd.DataFrame:
    """The manifest with `split` and the joined `group`."""
    manifest = artifacts.read_table(artifacts.MANIFEST).drop(columns="group")
    return manifest.merge(artifacts.read_table(artifacts.SPLITS), on="sample_id")


def read_embeddings(params: Params, samples: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, str]:
    """The samples, their features from `data/embeddings/`, and what these are."""
    from pipeline.features.store import Embeddings

    found = Embeddings.load()
    missing = samples["sample_id"][~samples["sample_id"].isin(found.index["sample_id"])]
    if len(missing):
        raise UserError(
            f"{artifacts.EMBEDDINGS}/ has no features of {count_of(len(missing), 'picture')}, as {missing.iloc[0]!r}; "
            "run dvc repro embed"
        )
    node = config.get_section(params, "embed")["encoder"]
    words = node.get("architecture") or str(node["_target_"]).rpartition(".")[2]
    return samples, found.of(samples["sample_id"]), f"features of {words}, which was not trained on them"


def encode(params: Params, samples: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, str]:
    """The packed samples, their features by the encoder that training starts from, and what these are."""
    import numpy as np

    from pipeline.core import progress
    from pipeline.datasets.packed import PackedDataset

    packed = PackedDataset.load()  # before torch, which takes seconds to import
    rows = np.flatnonzero((packed.index["origin"] == packed.index["sample_id"]).to_numpy())  # no extra copies
    gone = set(packed.index["sample_id"].iloc[rows]) - set(samples["sample_id"])
    if gone:
        raise UserError(
            f"{artifacts.PACKED}/ has {count_of(len(gone), 'picture')} that {artifacts.MANIFEST} or {artifacts.SPLITS} "
            f"lacks, as {min(gone)!r}; run dvc repro augment"
        )
    from pipeline.features.extractor import FrozenEncoder
    from pipeline.training.pretrained_encoder import (
        build_encoder,
        load_pretrained,
        name_encoder,
        read_pretraining,
        refuse_stale,
    )

    refuse_stale(params)
    encoder = build_encoder(params, config.get_section(params, "clusters")["seed"])
    load_pretrained(encoder, params["encoder"])
    frozen = FrozenEncoder(encoder, config.build(params["transform"], "transform"), 64)
    pictures = (packed.images[row] for row in rows)
    tracked = progress.track(frozen.stream(pictures), len(rows), "clusters: features")
    vectors = np.stack([np.zeros(frozen.feature_dim, np.float32), *tracked])[1:]
    order = samples.set_index("sample_id", drop=False).loc[packed.index["sample_id"].iloc[rows]].reset_index(drop=True)
    how = "not pretrained on them"
    if pretraining := read_pretraining():
        by_class = pretraining["objective"].get("positives") == "class"
        how = "pretrained with the labels of train" if by_class else "pretrained without labels on train and the pool"
    return order, vectors, f"features of {name_encoder(params['encoder'])}, {how}"


def write(params: Params, report: ClusterReport, table: pd.DataFrame, inputs: Iterable[Path]) -> None:
    import pandas as pd

    from pipeline.core.page_inputs import digest_inputs
    from pipeline.report.clusters import clusters_page, describe_findings, show_pictures
    from pipeline.report.command_pages import ANSWER, MADE_OF, write_commands_page

    images, links = show_pictures(params, report, artifacts.read_table(artifacts.MANIFEST))
    found = {ANSWER: [describe_findings(report)], MADE_OF: digest_inputs(inputs), **report.to_json()}
    artifacts.write_json(artifacts.CLUSTERS, found)
    artifacts.remove(artifacts.CLUSTER_NAMES)  # it is of the clusters of the former table
    artifacts.write_csv(artifacts.CLUSTERS_TABLE, table)
    names = pd.DataFrame(
        {"cluster": [one.name for one in report.clusters], "pictures": [one.size for one in report.clusters]}
    )
    artifacts.write_csv(artifacts.CLUSTER_NAMES, names.assign(name=""))
    artifacts.write_text(artifacts.CLUSTERS_PAGE, clusters_page(report, images, links, media_of_params(params)))
    write_commands_page(report.source)


def summarise(report: ClusterReport) -> list[str]:
    """What was grouped, what it found, and the figures against labels."""
    from pipeline.report.clusters import describe_findings, describe_stability

    sizes = ", ".join(f"{one.size:,}" for one in report.clusters)
    lines = [
        f"{count_of(report.num_assigned, 'picture')} in {count_of(len(report.clusters), 'cluster')}: {sizes}",
        describe_stability(report),
        describe_findings(report),
    ]
    for part, figures in report.figures.items():
        numbers = [
            f"{name.replace('_', ' ')} {one.value:.3f}" for name, one in figures.items() if one.value is not None
        ]
        lines.append(f"against labels ({'val' if part == 'val' else 'grouped'}): {', '.join(numbers)}")
    return lines
