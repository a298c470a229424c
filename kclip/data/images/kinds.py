"""Which kinds of image files can be read here, and what to do about the others."""

from functools import cache
from pathlib import Path

from PIL import Image

from kclip.reading import read_file

try:  # the extra [heif]
    import pillow_heif
except ImportError:
    pass
else:
    pillow_heif.register_heif_opener()

# Pillow's names of formats for images; what else it opens (fonts, films, icons, plots) is none.
_FORMATS = tuple(
    "AVIF BMP DIB GIF HEIF JPEG JPEG2000 MPO PCX PNG PPM QOI SGI TGA TIFF WEBP".split()
)
_HEIF = "needs pillow-heif; run: pip install pillow-heif"
_RAW = "is a camera's raw file; export it as .jpg"
_OTHER = "is of a kind that can't be read here; convert it to .jpg or .png"
_UNREADABLE = (
    dict.fromkeys(".heic .heics .heif .heifs .hif".split(), _HEIF)
    | dict.fromkeys(".arw .cr2 .cr3 .dng .nef .nrw .orf .pef .raf .raw .rw2 .srw".split(), _RAW)
    | dict.fromkeys(".avif .exr .hdr .ico .jp2 .jxl .jxr .psd .svg .webp .wdp .xcf".split(), _OTHER)
)
# What lies beside images and is not looked into.
_NO_IMAGES = frozenset(
    ".aae .arrow .avi .bin .bz2 .cfg .csv .db .doc .docx .gz .h5 .htm .html .ini .ipynb .json "
    ".jsonl .log .m4v .mat .md .mov .mp3 .mp4 .mpg .npy .npz .parquet .pdf .pickle .pkl .pt "
    ".pth .py .rar .rst .safetensors .sh .tar .tfrecord .tgz .toml .tsv .txt .wav .webm .xlsx "
    ".xml .xmp .yaml .yml .zip".split()
)
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"qoif")
_JPEG2000 = b"\0\0\0\x0cjP  "
_BOX, _BRANDS = b"ftyp", slice(8, 12)  # of ISO's base media files
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


@cache
def readable_formats() -> tuple[str, ...]:
    """Pillow's names of the formats of images that it reads on this machine."""
    Image.init()
    return tuple(kind for kind in _FORMATS if kind in Image.OPEN)


@cache
def readable_suffixes() -> frozenset[str]:
    """The suffixes of files that Pillow reads on this machine, in small letters with their dot."""
    formats = readable_formats()
    known = Image.registered_extensions()
    return frozenset(suffix for suffix, kind in known.items() if kind in formats)


@cache
def image_suffixes() -> frozenset[str]:
    """The suffixes of all files that are images, whether they can be read here or not."""
    return readable_suffixes() | _UNREADABLE.keys()


def kind_fault(path: Path) -> str | None:
    """Says why a file that looks like an image can't be read here.

    Args:
        path: a file; it is looked into where its suffix says nothing.

    Returns:
        "" where it looks like an image that can be read, a reason where it looks like one that
        can't, None where it is no image.

    Example:
        >>> kind_fault(Path("IMG_0001.CR2"))
        "unreadable kind: .cr2 is a camera's raw file; export it as .jpg"
        >>> kind_fault(Path("captions.csv")) is None, kind_fault(Path("cat.JPG"))
        (True, '')
    """
    suffix = path.suffix.lower()
    if suffix in readable_suffixes():
        return ""
    if suffix in _UNREADABLE:
        return f"unreadable kind: {suffix} {_UNREADABLE[suffix]}"
    return None if suffix in _NO_IMAGES else _fault_of_content(path)


def is_heif(data: bytes) -> bool:
    """Whether a file that starts with these bytes is a HEIC or HEIF image."""
    return data[4:8] == _BOX and data[_BRANDS] in _HEIF_BRANDS


def heif_fault(data: bytes) -> str | None:
    """What to do about a HEIC that Pillow did not open; None for any other file."""
    if not is_heif(data):
        return None
    if ".heic" in readable_suffixes():
        return "truncated: no whole header"
    return f"unreadable kind: HEIC {_HEIF}"


def _fault_of_content(path: Path) -> str | None:
    try:
        start = read_file(path, first=16)
    except OSError:
        return None
    if start.startswith(_STARTS) or (start[:4] == b"RIFF" and start[_BRANDS] == b"WEBP"):
        return ""
    if start.startswith(_JPEG2000):
        return "" if ".jp2" in readable_suffixes() else f"unreadable kind: JPEG 2000 {_OTHER}"
    if start[4:8] == _BOX and start[_BRANDS] in (b"avif", b"avis"):
        return "" if ".avif" in readable_suffixes() else f"unreadable kind: AVIF {_OTHER}"
    if is_heif(start):
        return "" if ".heic" in readable_suffixes() else f"unreadable kind: HEIC {_HEIF}"
    return None
