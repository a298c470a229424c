from types import SimpleNamespace

import keras
import pytest
from tiny_models import tiny_dual_encoder

from kclip.errors import UserError
from kclip.losses import ContrastiveLoss
from kclip.models.replicas import refuse_replicas


class MirroredStrategy:
    def __init__(self, replicas):
        self.num_replicas_in_sync = replicas


def test_a_strategy_of_several_replicas_is_refused_by_name():
    model = SimpleNamespace(distribute_strategy=MirroredStrategy(2))
    with pytest.raises(UserError, match="MirroredStrategy of 2 replicas.*train without a strategy"):
        refuse_replicas(model)


def test_one_replica_sees_the_whole_batch():
    refuse_replicas(SimpleNamespace(distribute_strategy=MirroredStrategy(1)))
    refuse_replicas(SimpleNamespace())  # another backend


def test_compiling_refuses_it(monkeypatch):
    model = tiny_dual_encoder()
    monkeypatch.setattr(type(model), "distribute_strategy", MirroredStrategy(2), raising=False)
    with pytest.raises(UserError, match="MirroredStrategy"):
        model.compile(keras.optimizers.SGD(0.1), ContrastiveLoss())
