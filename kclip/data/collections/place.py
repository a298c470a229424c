"""Where the bytes of an image lie: in a file of its own, or inside of an archive."""

import os
from dataclasses import dataclass
from pathlib import Path

from kclip.data.images.opening import ImageError, read_image_bytes

OWN_FILE = -1


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """An image of a folder, a tar or a file of TFRecords.

    Attributes:
        container: absolute path of the folder, tar or file of records.
        name: of the image in it.
        size: bytes of the encoded image.
        mtime_ns: when the file, or the archive that holds it, was changed last.
        offset: where the image begins in the archive; `OWN_FILE` where it is a file of its own.

    Example:
        >>> place = ImagePlace(os.path.abspath("photos"), "1.jpg", 100, 0)
        >>> Path(place.path).is_file(), place.shown
        (True, 'photos/1.jpg')
    """

    container: str
    name: str
    size: int
    mtime_ns: int
    offset: int = OWN_FILE

    @property
    def path(self) -> str:
        """Absolute path of the file; in an archive the image's name follows that of the archive."""
        return os.path.join(self.container, self.name)

    @property
    def shown(self) -> str:
        """The path as people read it: from the working directory where the image lies below it."""
        inside = self.path.startswith(os.getcwd() + os.sep)
        return os.path.relpath(self.path) if inside else self.path

    @property
    def source(self) -> Path | bytes:
        """The file, or the bytes where it has none of its own; raises `ImageError`."""
        return Path(self.path) if self.offset == OWN_FILE else self.read()

    def read(self) -> bytes:
        """Reads the encoded image.

        Raises:
            ImageError: the file is missing, empty or unreadable, or the archive was changed since.
        """
        if self.offset == OWN_FILE:
            return read_image_bytes(Path(self.path))
        try:
            with open(self.container, "rb") as file:
                if os.fstat(file.fileno()).st_mtime_ns != self.mtime_ns:
                    raise ImageError("its archive has changed; bring the index up to date")
                file.seek(self.offset)
                return read_image_bytes(file.read(self.size))
        except OSError as error:
            raise ImageError(f"unreadable: {error.strerror}") from None
