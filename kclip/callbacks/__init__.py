from kclip.callbacks.best_weights import BestWeights
from kclip.callbacks.guards import StopOnCollapse, StopOnNonFiniteLoss
from kclip.callbacks.retrieval_recall import RetrievalRecall
from kclip.callbacks.run_state import RunState
from kclip.callbacks.seen_precision import SeenPrecision
from kclip.callbacks.validation_embeddings import ValidationEmbeddings

__all__ = [
    "BestWeights",
    "RetrievalRecall",
    "RunState",
    "SeenPrecision",
    "StopOnCollapse",
    "StopOnNonFiniteLoss",
    "ValidationEmbeddings",
]
