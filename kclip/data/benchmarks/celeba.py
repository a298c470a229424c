"""Recognising people of CelebA among 100, 1,000 or 2,000 identities."""

from pathlib import Path
from random import Random

from kclip.data.labelled.images import LabelledImages
from kclip.data.sources.layout import first_existing, image_record, read_rows
from kclip.errors import UserError
from kclip.files import path_inside

GUIDE = (
    "CelebA is on mmlab.ie.cuhk.edu.hk/projects/CelebA.html: lay it out so that --data-dir holds "
    "img_align_celeba/, list_eval_partition.txt and identity_CelebA.txt (sent on request)."
)
PARTITIONS = {"2": "test", "1": "validation", "0": "train"}


def read_celeba(data_dir: Path, num_identities: int, seed: int) -> LabelledImages:
    """Reads the images of some identities.

    The paper gives the number of identities and no more. Here they are sampled by seed among those
    of the test partition (1,000 people); where these are too few, validation and then train are
    added, which costs a zero-shot model nothing, as it has trained on none. All images of an
    identity in these partitions count. CelebA names no one: the only names are `celebrity 2880`,
    which no model can know, so a meaningful figure takes a file of names.

    Args:
        data_dir: holds the files named in `GUIDE`, at its top or in CelebA's own folders `Anno`,
            `Eval` and `Img`.
        num_identities: how many.
        seed: of the sample.

    Raises:
        UserError: the data set is missing, or has fewer identities.
    """
    found = {
        name: first_existing([data_dir / name, data_dir / folder / name], GUIDE)
        for folder, name in (
            ("Anno", "identity_CelebA.txt"),
            ("Eval", "list_eval_partition.txt"),
            ("Img", "img_align_celeba"),
        )
    }
    identities = dict(read_rows(found["identity_CelebA.txt"], num_columns=2))
    partitions = dict(read_rows(found["list_eval_partition.txt"], num_columns=2))
    if identities.keys() != partitions.keys():
        raise UserError(
            f"{found['identity_CelebA.txt']} and {found['list_eval_partition.txt']} list different "
            f"images ({len(identities)} and {len(partitions)}); take both from one release."
        )
    used = _partitions_with(num_identities, identities, partitions)
    images = {name: id_ for name, id_ in identities.items() if partitions[name] in used}
    chosen = Random(seed).sample(sorted(set(images.values())), num_identities)
    names = {identity: (f"celebrity {identity}",) for identity in sorted(chosen)}
    images_dir = found["img_align_celeba"]
    records = [
        image_record(
            name,
            path_inside(images_dir, name, follow_links=True),
            id_,
            PARTITIONS[partitions[name]],
        )
        for name, id_ in sorted(images.items())
        if id_ in names
    ]
    return LabelledImages(records, names)


def _partitions_with(
    num_identities: int, identities: dict[str, str], partitions: dict[str, str]
) -> list[str]:
    """The fewest partitions, test first, that hold so many identities."""
    used: list[str] = []
    people: set[str] = set()
    for partition in PARTITIONS:
        used.append(partition)
        people |= {id_ for name, id_ in identities.items() if partitions[name] == partition}
        if len(people) >= num_identities:
            return used
    raise UserError(
        f"--identities is {num_identities}, but the data set has {len(people)}; ask for fewer."
    )
