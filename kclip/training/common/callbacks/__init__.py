from kclip.training.common.callbacks.best_weights import BestWeights
from kclip.training.common.callbacks.guards import (
    StopOnCollapse,
    StopOnNonFiniteLoss,
    StopWhenWorse,
    TrainingRefused,
)
from kclip.training.common.callbacks.retrieval_recall import RetrievalRecall
from kclip.training.common.callbacks.run_state import RunState
from kclip.training.common.callbacks.seen_precision import SeenPrecision
from kclip.training.common.callbacks.validation_embeddings import ValidationEmbeddings

__all__ = [
    "BestWeights",
    "RetrievalRecall",
    "RunState",
    "SeenPrecision",
    "StopOnCollapse",
    "StopOnNonFiniteLoss",
    "StopWhenWorse",
    "TrainingRefused",
    "ValidationEmbeddings",
]
