import json

import pytest

from kclip.data.image_record import ImageRecord
from kclip.data.sources.labels import add_labels, read_coco_labels, read_labels_csv
from kclip.errors import UserError


def test_labels_are_joined_by_semicolons_and_tags_by_spaces(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("image,labels\na.jpg,red ball; dog\nb.jpg,\n")
    assert read_labels_csv(path) == {"a.jpg": ("red ball", "dog"), "b.jpg": ()}
    path.write_text("image,tags\na.jpg,ball  dog\na.jpg,cat\n")
    assert read_labels_csv(path) == {"a.jpg": ("ball", "dog", "cat")}
    path.write_text("picture,class\na.jpg,dog\n")
    with pytest.raises(UserError, match="'picture', 'class'; expected 'image', 'labels'"):
        read_labels_csv(path)


def test_a_header_without_labels_and_tags_names_classes(tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text("filename,cat,fire truck\na.jpg,0,1\nb.jpg,0,0\n")
    assert read_labels_csv(path) == {"a.jpg": ("fire truck",), "b.jpg": ()}


def test_coco_labels_follow_the_category_list(tmp_path):
    content = {
        "categories": [{"id": 5, "name": "dog"}, {"id": 2, "name": "cat"}],
        "annotations": [
            {"image_id": 1, "category_id": 2},
            {"image_id": 1, "category_id": 5},
            {"image_id": 1, "category_id": 2},
        ],
    }
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(content))
    assert read_coco_labels(path) == {"1": ("dog", "cat")}
    content["annotations"].append({"image_id": 1, "caption": "no category"})
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="expected an instances file"):
        read_coco_labels(path)


def test_labels_go_to_the_records_of_their_ids(tmp_path):
    records = [ImageRecord(name, name, b"") for name in "ab"]
    labelled = add_labels(records, {"b": ("dog",), "z": ("cat",)}, tmp_path)
    assert [record.labels for record in labelled] == [(), ("dog",)]
    with pytest.raises(UserError, match="none of the 2 images"):
        add_labels(records, {"z": ("cat",)}, tmp_path)
