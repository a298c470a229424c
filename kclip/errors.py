"""What kclip raises when a command cannot go on; the command line turns it into one sentence."""


class KclipError(Exception):
    """A run that ended without its result, although the request made sense (exit code 1)."""

    exit_code = 1


class UserError(KclipError, ValueError):
    """A request that cannot be met as given (exit code 2).

    The message says what arrived, what was expected and what to do.
    """

    exit_code = 2
