"""What the system says of files and disks, as a sentence that says what to do."""

import errno

from kclip.console.lines import one_line

_ADVICE = {
    errno.ENOSPC: "free some room on that disk, or give another folder, and run it again",
    errno.EDQUOT: "free some room of your quota, or give another folder, and run it again",
    errno.EFBIG: "give a folder on a disk that takes files of this size",
    errno.EROFS: "give a folder on a disk that can be written",
    errno.EACCES: "give yourself the right to it, or give another one",
    errno.EPERM: "give yourself the right to it, or give another one",
    errno.EEXIST: "give another name, or move it away",
    errno.ENOTDIR: "a part of that path is a file; give another folder, or move it away",
    errno.EISDIR: "that is a folder; give a file",
    errno.ENOENT: "check the path",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.EIO: "the disk may be damaged; give a folder on another one",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}


def disk_error(error: OSError) -> str:
    """One sentence for an error of the system.

    Example:
        >>> disk_error(OSError(errno.ENOSPC, "No space left on device", "runs/a/state.npz"))
        'runs/a/state.npz: no space left on device; free some room on that disk, or give another \
folder, and run it again'
    """
    text = str(error.strerror or error)
    # HDF5 and NumPy say in words alone what the system said.
    full = error.errno is None and (f"errno = {errno.ENOSPC}" in text or "written" in text)
    number = errno.ENOSPC if full else error.errno
    reason = "no space left on device" if full else f"{text[:1].lower()}{text[1:]}"
    where = f"{error.filename}: " if error.filename else ""
    advice = _ADVICE.get(number or 0, "check the path and the disk")
    return one_line(f"{where}{reason}; {advice}")
