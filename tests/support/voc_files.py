"""A VOC of a few images in its own layout."""

from pathlib import Path

from PIL import Image

# image -> its objects: class, and whether it is difficult
TRAINVAL = {
    "000005": [("chair", False), ("chair", True), ("dog", True)],
    "000007": [("car", False), ("dog", False), ("chair", False)],
    "000009": [],
}
TEST = {"000001": [("dog", False)], "000002": [("car", True), ("car", True)]}
CLASSES = ("car", "chair", "dog")
LABELS = {
    "000005.jpg": ["chair"],
    "000007.jpg": ["car", "chair", "dog"],
    "000009.jpg": [],
    "000001.jpg": ["dog"],
    "000002.jpg": [],
}
IGNORED = {"000005.jpg": ["dog"], "000002.jpg": ["car"]}
# What VOC's own lists say of `TRAINVAL`, written out by hand.
CLASS_LISTS = {
    "car": "000005 -1\n000007  1\n000009 -1\n",
    "chair": "000005  1\n000007  1\n000009 -1\n",
    "dog": "000005  0\n000007  1\n000009 -1\n",
}
TEST_CLASS_LISTS = {
    "car": "000001 -1\n000002  0\n",
    "chair": "000001 -1\n000002 -1\n",
    "dog": "000001  1\n000002 -1\n",
}


def write_voc(root: Path, class_lists: bool = True, annotations: bool = True) -> Path:
    """Writes `root/VOC2007` with images of 8 x 8 pixels, and returns `root`.

    Args:
        root: the folder VOCdevkit.
        class_lists: write `ImageSets/Main/<class>_<list>.txt`.
        annotations: write `Annotations`.
    """
    folder = root / "VOC2007"
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    lists = {"trainval": [*TRAINVAL], "test": [*TEST], "train": ["000005", "000009"]}
    for name, ids in (lists | {"val": ["000007"]}).items():
        (folder / f"ImageSets/Main/{name}.txt").write_text("".join(f"{id_}\n" for id_ in ids))
    for name in CLASSES if class_lists else ():
        main = folder / "ImageSets/Main"
        lines = CLASS_LISTS[name].splitlines(keepends=True)
        (main / f"{name}_trainval.txt").write_text("".join(lines))
        (main / f"{name}_train.txt").write_text(lines[0] + lines[2])
        (main / f"{name}_val.txt").write_text(lines[1])
        (main / f"{name}_test.txt").write_text(TEST_CLASS_LISTS[name])
    for id_, objects in (TRAINVAL | TEST).items():
        Image.new("RGB", (8, 8), (50, 100, 150)).save(folder / f"JPEGImages/{id_}.jpg")
        if annotations:
            (folder / f"Annotations/{id_}.xml").write_text(_annotation(objects))
    return root


def _annotation(objects: list[tuple[str, bool]]) -> str:
    parts = (
        f"<object><name>{name}</name><difficult>{int(is_difficult)}</difficult></object>"
        for name, is_difficult in objects
    )
    return f"<annotation>{''.join(parts)}</annotation>"
