import signal
from collections.abc import Iterator
from contextlib import contextmanager

from kclip.errors import KclipError


class StopRequest:
    """Whether the process was asked to end, and by which signal."""

    def __init__(self):
        self.signal: signal.Signals | None = None

    def __call__(self) -> bool:
        return self.signal is not None


@contextmanager
def stop_signals() -> Iterator[StopRequest]:
    """Turns the first Ctrl-C or SIGTERM into a request that the work looks at; a second one kills.

    The second ends the process at once, whatever it does; files appear whole or not at all.

    Example:
    >>> with stop_signals() as stop:
    ...     while not stop():
    ...         stop.signal = signal.SIGTERM  # stands for the next step of the work
    """
    request = StopRequest()

    def note(number, frame):
        request.signal = signal.Signals(number)
        # Python's own handler would wait until compiled code returns.
        signal.signal(number, signal.SIG_DFL)

    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, note) for number in signals}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Stopped(KclipError):
    """Work was asked to end, and has saved where it is.

    Args:
        go_on: what a user types to go on with it.
        request: the request.
        where: how far it came, for the message; "" where that is plain.
    """

    def __init__(self, go_on: str, request: StopRequest, where: str = ""):
        assert request.signal is not None  # else nothing would have ended the run
        at = f" {where}" if where else ""
        super().__init__(f"stopped by {request.signal.name}{at}; all is saved. Go on with: {go_on}")
        self.exit_code = 128 + request.signal
