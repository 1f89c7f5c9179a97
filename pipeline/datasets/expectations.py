"""A Great Expectations suite on the manifest, and its page."""

from __future__ import annotations

import html
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core.errors import UserError
from pipeline.core.manifest_schema import PROPERTY, property_column
from pipeline.core.ranges import PositiveInt
from pipeline.core.terminal import count_of

DATA_DOCS = Path("reports/data_docs")
UNIT_PROPERTIES = ("brightness", "contrast", "saturation", "sharpness", "border_brightness")
BOUNDS_OF_AXES: dict[
    str, tuple[int, int | None]
] = {  # of what samples of more axes than pictures have; missing values count as right
    "depth": (1, None),
    property_column("num_frames"): (1, None),
    property_column("repeated_frames"): (0, None),
    property_column("motion_energy"): (0, 1),
    property_column("duration"): (0, None),
    property_column("bit_rate"): (0, None),
}
SIGNED_PROPERTIES = ("red_green", "blue_yellow", "border_red_green", "border_blue_yellow")
NUM_OFFENDERS = 5


@dataclass(frozen=True, kw_only=True)
class ManifestExpectations:
    """The limits that a manifest must keep.

    Args:
        min_samples: Fewest rows, at least 1.
        min_side: Smallest height and width in pixels.
        max_side: Largest height and width in pixels.
        channels: Accepted numbers of channels.
        classes: Labels that may occur; None accepts any.
    """

    min_samples: PositiveInt
    min_side: PositiveInt
    max_side: int
    channels: list[int]
    classes: list[str] | None

    def __post_init__(self) -> None:
        if self.min_side > self.max_side:
            raise ValueError(f"min_side must be at most max_side, got {self.min_side} and {self.max_side}")


def describe(result: dict[str, Any]) -> str:
    offenders = ", ".join(f"{one['sample_id']} ({one['value']!r})" for one in result["offenders"])
    return (
        f"{result['expectation']} on {result['column'] or 'the table'} {result['expected']}, {result['observed']}"
        + (f", first {offenders}" if offenders else "")
    )


def suites(promises: ManifestExpectations, needs_classes: bool) -> dict[str, list[Any]]:
    """The expectations on the manifest, and on its labels with one row per label; texts are escaped (`escape`)."""
    import great_expectations.expectations as gxe

    manifest = [
        gxe.ExpectTableRowCountToBeBetween(min_value=promises.min_samples),
        gxe.ExpectColumnValuesToNotBeNull(column="sample_id"),
        gxe.ExpectColumnValuesToBeUnique(column="sample_id"),
        gxe.ExpectColumnValuesToMatchRegex(column="content_hash", regex="^[0-9a-f]{32}$"),
        gxe.ExpectColumnValuesToMatchRegex(column="perceptual_hash", regex="^[0-9a-f]{16}$"),
        *(
            gxe.ExpectColumnValuesToBeBetween(column=side, min_value=promises.min_side, max_value=promises.max_side)
            for side in ("height", "width")
        ),
        gxe.ExpectColumnValuesToBeInSet(column="channels", value_set=promises.channels),
        *(
            gxe.ExpectColumnValuesToBeBetween(column=property_column(name), min_value=0, max_value=1)
            for name in UNIT_PROPERTIES
        ),
        *(
            gxe.ExpectColumnValuesToBeBetween(column=property_column(name), min_value=-1, max_value=1)
            for name in SIGNED_PROPERTIES
        ),
        gxe.ExpectColumnValuesToBeBetween(  # missing where it is no JPEG
            column=property_column("jpeg_quality"), min_value=1, max_value=100
        ),
        gxe.ExpectColumnValuesToBeBetween(column=property_column("entropy"), min_value=0, max_value=8),
        gxe.ExpectColumnValuesToBeBetween(column=property_column("num_bytes"), min_value=1),
    ]
    labels = [gxe.ExpectColumnValuesToMatchRegex(column="label", regex=r"\S")]
    if needs_classes:
        labels.append(gxe.ExpectColumnUniqueValueCountToBeBetween(column="label", min_value=2))
    if promises.classes is not None:
        labels.append(
            gxe.ExpectColumnValuesToBeInSet(column="label", value_set=[escape(one) for one in promises.classes])
        )
    return {"manifest": manifest, "labels": labels}


def of_axes(expectations: list[Any], manifest: pd.DataFrame) -> list[Any]:
    """The expectations of a manifest of clips or volumes; of pictures the same.

    What is measured on pictures alone is left out where no sample has it, and further columns have bounds.
    """
    import great_expectations.expectations as gxe

    if "media" not in manifest or (manifest["media"] == "image").all():
        return expectations
    own = [
        gxe.ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high)
        for column, (low, high) in BOUNDS_OF_AXES.items()
        if column in manifest
    ]
    absent = {column for one in expectations if (column := str(getattr(one, "column", ""))).startswith(PROPERTY)} - set(
        manifest
    )
    return [one for one in expectations if getattr(one, "column", None) not in absent] + own


def refuse_few_classes(manifest: pd.DataFrame) -> None:
    """Refuses pictures from which no classifier can learn.

    Raises:
        UserError: They have fewer than two different labels.
    """
    classes = sorted({label for labels in manifest["labels"] for label in labels})
    if not classes and "negative" not in manifest:
        raise UserError(
            f"none of {count_of(len(manifest), 'picture')} has a label, from which a classifier learns; label some, or "
            "group them without labels: colibri run experiment=clusters"
        )
    if len(classes) < 2:
        own = "source.empty=own_label makes a class of the pictures that show none"
        raise UserError(
            f"a classifier needs at least two classes with readable pictures; the source has only {classes}"
            + (f"; {own}" if "negative" in manifest else "")
        )


def unused_labels(manifest: pd.DataFrame) -> list[str]:
    """What to do with labels of several classes that people gave, in a run that looks at none."""
    if "decision" not in manifest:
        return []
    labelled = [labels for labels in manifest.loc[manifest["decision"].notna(), "labels"] if len(labels)]
    if len({label for labels in labelled for label in labels}) < 2:
        return []
    found = f"{count_of(len(labelled), 'picture')} with a label by decision, at which task=clusters does not look"
    return [f"{found}; for a model of labels: colibri init PATH --name NAME --format unlabelled --force"]


def validate(
    manifest: pd.DataFrame, promises: ManifestExpectations, data_docs: Path, needs_classes: bool = True
) -> list[dict[str, Any]]:
    """Runs both suites and writes Data Docs; where no classes are needed, labels may be few or none.

    Great Expectations writes values into its pages without escaping them, also `<script>`. So it gets escaped text of
    the columns that an expectation reads, and its results are unescaped.

    Returns:
        One entry per expectation: `expectation`, `column`, `expected`, `passed`, `observed`, `offenders`; free of the
        clock and random ids that Great Expectations puts into its own result.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    import great_expectations as gx

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    _add_data_docs(context, data_docs)
    labels = manifest[["sample_id", "labels"]].explode("labels").dropna().rename(columns={"labels": "label"})
    source = context.data_sources.add_pandas("colibri")
    checkpoint_parts, frames = [], {"manifest": manifest, "labels": labels}
    for name, expectations in suites(promises, needs_classes).items():
        expectations = of_axes(expectations, manifest) if name == "manifest" else expectations
        frames[name] = _escape_columns(frames[name], expectations)
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
        suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
        definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
        checkpoint_parts.append((name, definition))
    results = []
    for name, definition in checkpoint_parts:
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(
                name=name,
                validation_definitions=[definition],
                actions=[gx.checkpoint.UpdateDataDocsAction(name="pages", site_names=["local"])],
                result_format={
                    "result_format": "SUMMARY",
                    "unexpected_index_column_names": ["sample_id"],
                    "partial_unexpected_count": NUM_OFFENDERS,
                },
            )
        )
        outcome = checkpoint.run(batch_parameters={"dataframe": frames[name]})
        for validation in outcome.run_results.values():
            results += [_normalise(one) for one in validation.results]
    return results


def escape(value: Any) -> Any:
    """Text escaped for HTML; `unescape` restores it exactly."""
    return html.escape(value) if isinstance(value, str) else value


def unescape(value: Any) -> Any:
    if isinstance(value, list):
        return [unescape(one) for one in value]
    return html.unescape(value) if isinstance(value, str) else value


def _escape_columns(table: pd.DataFrame, expectations: list[Any]) -> pd.DataFrame:
    """The columns that Great Expectations reads, with escaped text."""
    used = {"sample_id", *(getattr(one, "column", None) for one in expectations)}
    columns = {name: table[name] for name in table.columns if name in used}
    return pd.DataFrame(
        {
            name: column if pd.api.types.is_numeric_dtype(column) else column.map(escape)
            for name, column in columns.items()
        }
    )


def _add_data_docs(context: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    context.add_data_docs_site(
        site_name="local",
        site_config={
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.resolve())},
        },
    )


def _plain(value: Any) -> Any:
    """The value as a plain Python one; NumPy scalars are converted."""
    return value.item() if hasattr(value, "item") else value


def _normalise(one: Any) -> dict[str, Any]:
    arguments = dict(one.expectation_config.kwargs)
    column = arguments.pop("column", None)
    arguments.pop("batch_id", None)
    result = one.result or {}
    if one.exception_info and any(
        isinstance(info, dict) and info.get("raised_exception")
        for info in [one.exception_info, *one.exception_info.values()]
    ):
        observed = "the expectation could not be evaluated (is the column there?)"
    elif "observed_value" in result:
        observed = f"found {result['observed_value']}"
    else:
        observed = f"{result.get('unexpected_count', 0)} of {result.get('element_count', 0)} values break it"
    offenders = [
        {"sample_id": unescape(entry.get("sample_id")), "value": unescape(_plain(entry.get(column)))}
        for entry in result.get("partial_unexpected_index_list") or []
    ]
    return {
        "expectation": one.expectation_config.type,
        "column": column,
        "expected": {key: unescape(value) for key, value in arguments.items() if value is not None},
        "passed": bool(one.success),
        "observed": observed,
        "offenders": offenders[:NUM_OFFENDERS],
    }
