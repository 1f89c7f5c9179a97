"""What `colibri init` proposes for a data set, from its measurements: each setting with its reason.

The thresholds stand at the top; docs/evidence/defaults.md has the measurements behind them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from pipeline.core.sample_codec import noun_of
from pipeline.datasets.discovery import recipe_of_axes as axes

if TYPE_CHECKING:
    from pipeline.datasets.discovery.survey import HeaderSample, SourceSummary

SMALL_SIDE = 40  # pixels: up to here a network of three convolutions sees the picture in its own size
MANY_SMALL = 2000  # pictures to train on, from which that network, without pretrained weights, has enough of them
ENLARGED_SIDE = 64  # pixels: with fewer, small pictures are enlarged for a pretrained network
TEXT_SIDE = 64  # pixels: grey pictures up to here may be letters or digits, which a mirror image changes
MIN_SIDE = 16  # pixels: no network takes less
LARGE_SIDE = 224  # pixels: pictures of at least this size gain from it, where a GPU pays for it
MAX_CROPPED = 0.35  # of the longer side: where a square crop takes more away, the whole picture is kept
TRAIN_SHARE = 0.7  # of the pictures, where the data set gives no split; conf/split/
MIN_STEPS = 100  # of the optimiser; conf/train/finetune.yaml
FEW_PICTURES, FEW_OF_LABEL = 200, 7  # below both, val and test get larger shares, so that each has every label
FEW_TRAINING = 150  # pictures: below, LEARNER_OF_FEW is proposed
LEARNER_OF_FEW = "logistic"  # a file of conf/train/, of frozen features

AUGMENTATION = ["mirror", "shift", "exposure"]
AUGMENTATION_OF_TEXT = ["shift"]
IMAGE_SIZE, EPOCHS, BATCH_SIZE = 128, 5, 32  # as in conf/config.yaml, which stays as it is for other data sets
EPOCHS_OF_SMALL, LEARNING_RATE_OF_SMALL = 8, 0.005  # a network that starts without weights; those of digits
EPOCHS_OF_AXES = 12  # of clips and volumes, of which there are fewer

MULTI_LABEL, CLUSTERS = "/experiment/multi_label", "/experiment/clusters"


@final
@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What is known of a data set before a run.

    Attributes:
        num_pictures: Pictures that can be read, estimated from a sample.
        num_train: Pictures of them that the split gives to train, estimated where the data set has no split.
        fewest: Pictures of the rarest label.
        side: Median of the shorter sides, in pixels.
        smallest_side: Of all pictures looked at, in pixels.
        aspect: Median of the longer side divided by the shorter one, at least 1.
        is_grey: Whether the pictures are tiny and without colour.
        has_labels: Whether any picture has a label.
        has_several: Whether a picture may have several labels, or none of them.
        split: A file of conf/split/.
        split_reason: Why this one.
        has_gpu: Whether this machine has a GPU.
        media: A file of conf/media/.
    """

    num_pictures: int
    num_train: int
    fewest: int
    side: float
    smallest_side: int
    aspect: float
    is_grey: bool
    has_labels: bool
    has_several: bool
    split: str
    split_reason: str
    has_gpu: bool
    media: str = "image"


@final
@dataclass(frozen=True, kw_only=True)
class Setting:
    """One choice of a recipe.

    Attributes:
        key: With a slash, an option of a group (`/split`), or a whole file (`/experiment/multi_label`, value None);
            else a dotted parameter (`augment.fit`).
        value: The option, a list of options, or the parameter's value.
        reason: One line, for a comment.
    """

    key: str
    value: Any
    reason: str

    @property
    def text(self) -> str:
        """`key=value` as a person reads it."""
        name = self.key.strip("/")
        if self.value is None:
            return name.replace("/", "=")
        parts = self.value.values() if isinstance(self.value, dict) else self.value
        return f"{name}={', '.join(map(str, parts)) if isinstance(self.value, list | dict) else self.value}"


def has_gpu() -> bool:
    """Whether the machine has an NVIDIA GPU; looks for its device file, since importing torch takes seconds."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def measure(counted: SourceSummary, looked: HeaderSample, split: str | None) -> Measurements:
    """What the recipe depends on; counts of pictures are estimated from the sample.

    Args:
        counted: All rows of the source.
        looked: The pictures of which the headers were read, at least one of them readable.
        split: The choice of a person; None: as the source suggests.
    """
    usable = counted.num_pictures - len(looked.refused)
    given = counted.splits.get("train", 0) if (split or counted.split) == "given" else 0
    reasons = {
        "given": f"the split that came with the {looked.noun}s; grouped makes a new one",
        "grouped": "near-duplicates and groups stay together",
        "random": f"each {looked.noun} on its own; grouped keeps near-duplicates and groups together",
    }
    chosen = split or counted.split
    return Measurements(
        num_pictures=usable,
        num_train=given or round(TRAIN_SHARE * (usable - counted.num_unlabelled * bool(counted.labels))),
        fewest=min(counted.labels.values(), default=0),
        side=looked.shorter_side or 0,
        smallest_side=min(min(one) for one in looked.sizes),
        aspect=looked.aspect,
        is_grey=looked.is_grey,
        has_labels=bool(counted.labels),
        has_several=counted.task == "multi_label",
        split=chosen,
        split_reason=reasons[chosen],
        has_gpu=has_gpu(),
        media=looked.media,
    )


def propose(found: Measurements, min_samples: int, min_side: int) -> list[Setting]:
    """The settings that differ from conf/config.yaml, or that a person is likely to change.

    Args:
        found: Of the data set.
        min_samples: The limit of `validate` in conf/config.yaml.
        min_side: The limit of `validate` in conf/config.yaml, in pixels.
    """
    if found.media != "image":
        return [*_of_axes(found), *_limits(found, min_samples, min_side)]
    if not found.has_labels:
        parts = (_labels_and_split, _size, _whole_picture)
        limits = _limits(found, min_samples, min_side)
        return [*(setting for part in parts for setting in part(found)), *limits]
    return [
        *_labels_and_split(found),
        *_learner(found),
        *_augmentation(found),
        *_size(found),
        *_epochs(found),
        *_whole_picture(found),
        *_limits(found, min_samples, min_side),
    ]


def _of_axes(found: Measurements) -> Iterator[Setting]:
    """The settings for clips and volumes."""
    is_frozen = not found.has_labels or found.num_train < FEW_TRAINING
    yield from _labels_and_split(found)
    chosen = axes.propose_components(found.media, is_frozen, found.has_labels)
    yield from (Setting(key=key, value=value, reason=reason) for key, value, reason in chosen)
    if found.has_labels and is_frozen:
        blind = "; blind to the order of frames" if found.media == "clip" else ""
        reason = f"on frozen features: too few {found.media}s for a network without weights{blind}"
        yield Setting(key="/train", value=LEARNER_OF_FEW, reason=reason)
    sizes = axes.propose_sizes(found.media, found.side, found.has_gpu, found.split)
    yield from (Setting(key=key, value=value, reason=reason) for key, value, reason in sizes)
    if found.has_labels and not is_frozen:
        yield from _epochs(found)
    yield from _whole_picture(found)


def _is_small(found: Measurements) -> bool:
    """Whether the pictures are tiny, and many enough for a network that starts without weights."""
    return found.has_labels and found.side <= SMALL_SIDE and found.num_train >= MANY_SMALL


def _has_frozen_features(found: Measurements) -> bool:
    return found.side > SMALL_SIDE and found.num_train < FEW_TRAINING


def _labels_and_split(found: Measurements) -> Iterator[Setting]:
    if not found.has_labels:
        reason = f"no label: the {noun_of(found.media)}s are grouped, in as many clusters as halves of them agree on"
        yield Setting(key=CLUSTERS, value=None, reason=reason)
    if found.has_several:
        reason = f"several labels on a {noun_of(found.media)}, or none: task, checks, metrics; no crop"
        yield Setting(key=MULTI_LABEL, value=None, reason=reason)
    yield Setting(key="/split", value=found.split, reason=found.split_reason)
    if found.num_pictures < FEW_PICTURES and 3 <= found.fewest < FEW_OF_LABEL and found.split != "given":
        part = round(1 / found.fewest, 2)
        fractions = {"train": round(1 - 2 * part, 2), "val": part, "test": part}
        reason = f"one of the {found.fewest} {noun_of(found.media)}s of a label for val, one for test"
        yield Setting(key="split.fractions", value=fractions, reason=reason)


def _learner(found: Measurements) -> Iterator[Setting]:
    if _is_small(found):
        reason = f"three convolutions, enough for pictures of {found.side:.0f} pixels"
        yield Setting(key="/encoder", value="small", reason=reason)
    elif _has_frozen_features(found):
        reason = f"on frozen features: better than fine-tuning below {FEW_TRAINING} pictures, and in seconds"
        yield Setting(key="/train", value=LEARNER_OF_FEW, reason=reason)


def _augmentation(found: Measurements) -> Iterator[Setting]:
    if found.is_grey and found.side <= TEXT_SIDE:
        reason = "no mirror: small grey pictures may be letters or digits"
        yield Setting(key="/augmentation", value=AUGMENTATION_OF_TEXT, reason=reason)
    else:
        reason = "safe for photographs; no mirror for text, flips where nothing is up"
        yield Setting(key="/augmentation", value=AUGMENTATION, reason=reason)


def _size(found: Measurements) -> Iterator[Setting]:
    if _is_small(found):
        reason = "their own size"
        yield Setting(key="image_size", value=max(int(found.side), MIN_SIDE), reason=reason)
    elif found.side <= SMALL_SIDE:
        reason = f"pixels, enlarged from {found.side:.0f}: a pretrained network needs fewer pictures"
        yield Setting(key="image_size", value=ENLARGED_SIDE, reason=reason)
    elif found.has_gpu and found.side >= LARGE_SIDE:
        reason = f"pixels; the pictures have {found.side:.0f}, and this machine has a GPU"
        yield Setting(key="image_size", value=LARGE_SIDE, reason=reason)
    else:
        larger = f"; {LARGE_SIDE} shows more, in 3 times the time" if found.side >= LARGE_SIDE else ""
        reason = f"pixels; the pictures have {found.side:.0f}{larger}"
        yield Setting(key="image_size", value=IMAGE_SIZE, reason=reason)


def _epochs(found: Measurements) -> Iterator[Setting]:
    if _has_frozen_features(found):
        return
    has_no_weights = _is_small(found) or found.media != "image"
    epochs = EPOCHS_OF_AXES if found.media != "image" else EPOCHS_OF_SMALL if has_no_weights else EPOCHS
    least = -(-MIN_STEPS // max(1, found.num_train // BATCH_SIZE))
    more = f"; so few that training makes {least} of it" if least > epochs else ""
    noun = noun_of(found.media)
    yield Setting(key="epochs", value=epochs, reason=f"passes over about {found.num_train:,} {noun}s{more}")
    if has_no_weights:
        reason = "larger steps for a network that starts without weights"
        yield Setting(key="learning_rate", value=LEARNING_RATE_OF_SMALL, reason=reason)


def _whole_picture(found: Measurements) -> Iterator[Setting]:
    lost = 1 - 1 / found.aspect
    if lost > MAX_CROPPED and not found.has_several:
        reason = f"long {noun_of(found.media)}s: a square crop would take {100 * lost:.0f} % of the longer side away"
        yield Setting(key="augment.fit", value="pad", reason=reason)
        yield Setting(key="augment.margin", value=0, reason="all of it is seen")
        yield Setting(key="embed.fit", value="pad", reason="by the checks too")


def _limits(found: Measurements, min_samples: int, min_side: int) -> Iterator[Setting]:
    if found.num_pictures < min_samples:
        reason = f"all there are; the default stops below {min_samples}"
        yield Setting(key="validate.min_samples", value=found.num_pictures, reason=reason)
    if found.smallest_side < min_side:
        reason = f"pixels, of the smallest {noun_of(found.media)}; the default stops below {min_side}"
        yield Setting(key="validate.min_side", value=found.smallest_side, reason=reason)
