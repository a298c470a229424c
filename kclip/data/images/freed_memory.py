"""Memory of images that are done with, kept for the next ones."""

_LARGEST_BUFFER = 16 * 2**20  # bytes


def keep_freed_memory() -> None:
    """Lets this process reuse the buffers of images instead of asking the system each time.

    glibc keeps freed memory at hand only up to the largest block freed so far; in a fresh process
    each image's buffers would go back to the system, and the next one would pay for page faults.
    """
    bytearray(_LARGEST_BUFFER)
