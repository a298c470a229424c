from types import SimpleNamespace

import pytest

from kclip.errors import UserError
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
