import signal
from collections.abc import Iterator
from contextlib import contextmanager


class StopRequest:
    """Whether the process was asked to end, and by which signal."""

    def __init__(self):
        self.signal: signal.Signals | None = None

    def __call__(self) -> bool:
        return self.signal is not None


@contextmanager
def stop_signals() -> Iterator[StopRequest]:
    """Turns the first Ctrl-C or SIGTERM into a request that the work looks at; a second one kills.

    Example:
    >>> with stop_signals() as stop:
    ...     while not stop():
    ...         stop.signal = signal.SIGTERM  # stands for the next step of the work
    """
    request = StopRequest()

    def note(number, frame):
        request.signal = signal.Signals(number)
        signal.signal(number, before[request.signal])

    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, note) for number in signals}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
