import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Wall time of a run's stages, and the most memory that it held.

    Example:
    >>> watch = Stopwatch()
    >>> with watch.stage("training"):
    ...     pass
    >>> watch.seconds
    {'training': 0.0}
    """

    def __init__(self):
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times the block under a name."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 1)

    @property
    def peak_memory_gib(self) -> float:
        """Largest resident memory of this process so far, in GiB."""
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
