"""A NUS-WIDE of six images, four tags and three concepts in the official layout."""

from pathlib import Path

from PIL import Image

TAGS = ["nature", "sky", "blue", "red"]
CONCEPTS = ["fire", "sky", "water"]
SEEN = ["nature", "blue", "red"]
TRAIN = {
    "actor/0001_11.jpg": ("sky nature zebra", ["fire"]),
    "actor/0002_12.jpg": ("red blue", []),
    "water/0003_13.jpg": ("", ["sky", "water"]),
    "water/0004_14.jpg": ("blue\tna\u00efve nature", ["sky"]),
}
TEST = {"actor/0005_15.jpg": ("fire red", ["water"]), "zoo/0006_16.jpg": ("sky", [])}
LABELS = {
    "actor/0001_11.jpg": ("nature", "fire"),
    "actor/0002_12.jpg": ("blue", "red"),
    "water/0003_13.jpg": ("sky", "water"),
    "water/0004_14.jpg": ("nature", "blue", "sky"),
    "actor/0005_15.jpg": ("red", "water"),
    "zoo/0006_16.jpg": (),
}


def write_lines(path: Path, lines: list[str], encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding=encoding)


def write_nus_wide(root: Path, truth: str = "TrainTestLabels", flat: bool = False) -> Path:
    """Writes the layout with images of 8 x 8 pixels.

    Args:
        root: where.
        truth: folder of the concepts of each image.
        flat: leave the images' sub-folders out.
    """
    write_lines(root / "NUS_WID_Tags/TagList1k.txt", TAGS)
    write_lines(root / "ConceptsList/Concepts81.txt", CONCEPTS)
    images = TRAIN | TEST
    rows = [f"{name[-6:-4]}      {tags}" for name, (tags, _) in reversed(images.items())]
    write_lines(root / "NUS_WID_Tags/All_Tags.txt", rows, "latin-1")
    for split, own in (("Train", TRAIN), ("Test", TEST)):
        backslashes = [name.replace("/", "\\") for name in own]
        write_lines(root / f"ImageList/{split}Imagelist.txt", backslashes)
        for concept in CONCEPTS:
            values = [str(int(concept in concepts)) for _, concepts in own.values()]
            write_lines(root / truth / f"Labels_{concept}_{split}.txt", values)
    for name in images:
        path = root / "Flickr" / (Path(name).name if flat else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (50, 100, 150)).save(path)
    return root
