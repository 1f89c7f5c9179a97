"""A trained model that takes encoded pictures: decoding, resizing and decisions are those of training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from pipeline.core import artifacts
from pipeline.core.contracts import Predictor
from pipeline.core.feature_reference import FeatureReference, predict_with_distances, read_reference
from pipeline.core.labels import to_lists
from pipeline.core.policy import Policy
from pipeline.core.sample_codec import FileSet, SampleCodec, StorageFormat
from pipeline.media.choice import codec_of_card, storage_of_card

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.core.open_types import JsonObject
    from pipeline.prediction.onnx_network import OnnxNetwork


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """What a classifier says of N pictures.

    Attributes:
        labels: The decided labels of each.
        scores: (N, K) in [0, 1], calibrated where there is a policy.
        abstains: (N,) bool: a person should look at the picture; None without a policy.
        sets: The labels that are possible at the coverage of the policy, of each; None where there are no sets.
        out_of_distribution: (N,) float32, as in `Decisions`; None where the policy measures no distance.
        reasons: (N,) of strings, why the policy abstains where that is not the scores; None without a policy.
    """

    labels: list[list[str]]
    scores: np.ndarray
    abstains: np.ndarray | None
    sets: list[list[str]] | None
    out_of_distribution: np.ndarray | None = None
    reasons: np.ndarray | None = None


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class PictureClassifier:
    """The predictor of a folder such as `data/predictor/`, with its card.

    Attributes:
        predictor: Of stored pictures.
        card: As `docs/artifacts.md` describes it.
        policy: What it decides with its scores; None for a model that was registered before there were policies, whose
            task decides.
        reference: To which the policy measures the distance of a picture; None where it measures none.
        digest: 32 hex digits over card, weights, policy and reference; empty where nobody wanted it.
        network: That computes the scores instead of `predictor`, where the card records ONNX Runtime.
    """

    predictor: Predictor
    card: JsonObject
    policy: Policy | None = None
    reference: FeatureReference | None = None
    digest: str = ""
    network: OnnxNetwork | None = None

    @classmethod
    def load(cls, folder: Path, has_digest: bool = False) -> PictureClassifier:
        """The classifier of a folder with a card and weights; its policy is in the card, or next to `data/predictor`.

        Args:
            folder: With a card and weights.
            has_digest: Whether `digest` is computed, which reads the weights once more.

        Raises:
            UserError: The folder is missing, or its card, weights and policy do not fit.
        """
        from pipeline.evaluation.policy_evaluation import read_policy
        from pipeline.prediction.runtime_record import load_recorded
        from pipeline.training.model_card import CARD, load_predictor, predictor_digest

        predictor, card = load_predictor(folder)
        policy, reference, policy_file = None, None, folder.with_name(artifacts.POLICY.name)
        if "policy" in card:
            policy = Policy.from_json(card["policy"], list(card["classes"]), str(folder / CARD))
            reference = read_reference(policy, folder / artifacts.REFERENCE.name)
        elif folder.name == artifacts.PREDICTOR.name and policy_file.is_file():
            policy = read_policy(card, policy_file)
            reference = read_reference(policy, folder.with_name(artifacts.REFERENCE.name))
        digest = ""
        if has_digest:
            rules = [policy.to_json() if policy else None, reference.digest if reference else None]
            digest = artifacts.content_digest(predictor_digest(folder).encode(), json.dumps(rules).encode())
        network = load_recorded(folder, card)
        return cls(predictor=predictor, card=card, policy=policy, reference=reference, digest=digest, network=network)

    @property
    def classes(self) -> list[str]:
        """The K names, in the order of the scores."""
        return list(self.card["classes"])

    @property
    def runtime(self) -> str:
        """What computes the scores, for a person."""
        return "torch" if self.network is None else "ONNX Runtime"

    @property
    def exclusive(self) -> bool:
        """Whether each picture gets exactly one class."""
        return bool(self.predictor.task.exclusive)

    @property
    def storage(self) -> StorageFormat:
        """The form of the samples that the predictor takes."""
        return storage_of_card(self.card["packing"])

    @property
    def codec(self) -> SampleCodec:
        """How samples are read."""
        return codec_of_card(self.card["packing"])

    @property
    def read(self) -> Callable[[bytes | np.ndarray | FileSet], np.ndarray]:
        """From an encoded sample to `storage`; picklable, raises `ItemRejected` for what cannot be read."""
        return partial(read_sample, self.codec, self.storage)

    def classify(self, pictures: Sequence[np.ndarray]) -> Answers:
        """What is decided on N pictures, as `read` returns them.

        Raises:
            UserError: The model does not look at pictures (`train=property_forest`).
        """
        stacked = np.stack(pictures) if len(pictures) else np.zeros((0, *self.storage.shape), dtype=np.uint8)
        if self.network is not None:
            return self.decide(*self.network.predict(stacked))
        return self.decide(*predict_with_distances(self.predictor, stacked, self.reference))

    def decide(self, scores: np.ndarray, distances: np.ndarray | None = None) -> Answers:
        """What is decided with (N, K) scores of the predictor: by the policy, or by the task where there is none.

        Args:
            scores: Before calibration.
            distances: (N,) from train, where there is a `reference`.
        """
        if self.policy is None:
            labels = to_lists(self.predictor.task.decide(scores), self.classes)
            return Answers(labels=labels, scores=scores, abstains=None, sets=None)
        found = self.policy.decide(scores, self.predictor.task, distances)
        return Answers(
            labels=to_lists(found.decided, self.classes),
            scores=found.scores,
            abstains=found.abstains,
            sets=None if found.sets is None else to_lists(found.sets, self.classes),
            out_of_distribution=found.out_of_distribution,
            reasons=found.reasons,
        )


def read_sample(codec: SampleCodec, storage: StorageFormat, data: bytes | np.ndarray | FileSet) -> np.ndarray:
    """(*spatial, C) uint8 of an encoded sample.

    Raises:
        ItemRejected: It cannot be decoded.
    """
    return storage.convert(codec.decode(data))
