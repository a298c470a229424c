"""Reads COCO's JSON of captions, of instances, or both, into records."""

from dataclasses import replace
from pathlib import Path

from kclip.data.image_record import ImageRecord, Rejection, Source
from kclip.data.sources.assembling import check_some_exist, clean_captions, with_labels
from kclip.data.sources.coco_file import CocoFile, coco_id, read_coco_file
from kclip.data.sources.image_files import ImageFolder
from kclip.data.sources.reading_options import DEFAULTS, ReadingOptions
from kclip.errors import UserError


def read_coco_source(
    images_dir: Path,
    captions: Path | None,
    labels: Path | None,
    split: str = "train",
    options: ReadingOptions = DEFAULTS,
) -> Source:
    """Reads a captions JSON, an instances JSON, or both.

    An image that is listed under several ids is one record, under the first of them, with all that
    is said of it. Images that lie in both files are joined by their files, or, where one of them
    has other file names, are of unknown labels.

    Args:
        images_dir: folder of the images.
        captions: holds `images` (id, file_name) and `annotations` (image_id, caption). Where it is
            given, it says which images there are.
        labels: holds `categories` (id, name), too, and annotations with a category_id. A crowd
            (`iscrowd`) shows its category as any other object. Images of its list without an
            annotation show none of the classes.
        split: the split that the records go to.
        options: of images outside of the folder and of categories with one name.

    Returns:
        Records in the order of `images`, with the image's id as `id`.

    Raises:
        UserError: neither is given, a file is of another kind, or no named image exists.
    """
    if captions is None and labels is None:
        raise UserError("neither captions nor labels are given; give --captions or --labels.")
    folder = ImageFolder(images_dir, options.allow_outside)
    instances = None if labels is None else read_coco_file(labels, with_categories=True)
    of_image = {} if instances is None else _labels(instances)
    if instances is not None and options.similar_names != "merge":
        _check_categories(instances)
    if captions is None:
        assert instances is not None
        return _labelled_alone(folder, instances, of_image, split)
    content = read_coco_file(captions)
    texts = _captions(content)
    source, found = _records(folder, content, split)
    rejections = source.rejections + content.strangers("caption")
    records = []
    for record in source.records:
        own = [text for id_ in found[record.id] for text in texts.get(id_, ())]
        kept = clean_captions(record.file_name, own, rejections)
        if kept:
            records.append(replace(record, captions=kept))
    check_some_exist(records, images_dir, captions, rejections)
    files = [record.image for record in source.records]
    source = Source(records, rejections, source.notes)
    if instances is None:
        return source
    labelled = _labelled_alone(folder, instances, of_image, split)
    by_file = {record.image: record.labels for record in labelled.records}
    named = {record.image: record.file_name for record in labelled.records}
    joined = with_labels(source, by_file, named, files, instances.path)
    notes = dict.fromkeys(joined.notes + labelled.notes)
    return Source(joined.records, [*joined.rejections, *labelled.rejections], tuple(notes))


def _labelled_alone(
    folder: ImageFolder, content: CocoFile, of_image: dict[str, set[str]], split: str
) -> Source:
    source, found = _records(folder, content, split)
    records = []
    for record in source.records:
        shown = {category for id_ in found[record.id] for category in of_image.get(id_, ())}
        names = (name for category, name in content.categories.items() if category in shown)
        records.append(replace(record, labels=tuple(dict.fromkeys(names))))
    check_some_exist(records, folder.path, content.path, source.rejections)
    rejections = source.rejections + [
        replace(item, loses_image=False) for item in dict.fromkeys(content.strangers("labels"))
    ]
    return Source(records, rejections, source.notes)


def _records(
    folder: ImageFolder, content: CocoFile, split: str
) -> tuple[Source, dict[str, list[str]]]:
    """A record for each file, known by its first id, and all ids of each record."""
    files = folder.find_all(content.names.values())
    ids: dict[str, list[str]] = {}
    for id_, name in content.names.items():
        ids.setdefault(name, []).append(id_)
    records = [
        ImageRecord(ids[name][0], name, path, (), (), split) for name, path in files.paths.items()
    ]
    repeated = {name: own for name, own in ids.items() if len(own) > 1}
    notes = ()
    if repeated:
        name, own = next(iter(repeated.items()))
        notes = (
            f"images of {content.path.name} that are listed under several ids: {len(repeated)} "
            f"(such as {name}, {' and '.join(own[:3])}); each is one record with all that is said "
            "of it",
        )
    rejections: list[Rejection] = [*content.rejections, *files.rejections]
    return Source(records, rejections, notes), {own[0]: own for own in ids.values()}


def _check_categories(content: CocoFile) -> None:
    names = list(content.categories.values())
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        ids = [id_ for id_, name in content.categories.items() if name == twice]
        raise UserError(
            f"{content.path} has {len(ids)} categories called {twice!r} (ids {', '.join(ids)}); "
            "rename them, or give --similar-names merge to take them as one."
        )


def _captions(content: CocoFile) -> dict[str, list]:
    captions: dict[str, list] = {}
    for id_, annotation in content.annotations:
        if "caption" not in annotation:
            raise UserError(
                f"the annotations of {content.path} hold {', '.join(sorted(annotation))} but no "
                "caption; expected a captions file such as captions_train2017.json."
            )
        captions.setdefault(id_, []).append(annotation["caption"])
    return captions


def _labels(content: CocoFile) -> dict[str, set[str]]:
    """Image id -> the ids of its categories."""
    found: dict[str, set[str]] = {}
    for id_, annotation in content.annotations:
        category = coco_id(annotation.get("category_id"))
        if category not in content.categories:
            raise UserError(
                f"{content.path} has an annotation without a known category_id; "
                "expected an instances file such as instances_train2017.json."
            )
        found.setdefault(id_, set()).add(category)
    return found
