import numpy as np
import pytest

from kclip.data.image_record import UNKNOWN
from kclip.data.labelled.label_matrix import label_matrix, valid_mask_matrix
from kclip.errors import UserError
from kclip.metrics.multilabel import average_precision, f1_at_k


def test_it_equals_asking_for_each_image_and_class():
    labels = [["sky", "car"], [], ["road"], ["car", "unlisted"]]
    classes = ["road", "car", "tree", "sky"]
    asked = [[name in of_image for name in classes] for of_image in labels]
    np.testing.assert_array_equal(label_matrix(labels, classes), asked)


def test_ignored_answers_do_not_count():
    ignored = [["car", "unlisted"], [], ["sky", "road"]]
    classes = ["road", "car", "sky"]
    valid_mask = valid_mask_matrix(ignored, classes)
    asked = [[name not in of_image for name in classes] for of_image in ignored]
    np.testing.assert_array_equal(valid_mask, asked)
    assert valid_mask.dtype == bool
    assert valid_mask_matrix([[UNKNOWN], []], classes).tolist() == [[False] * 3, [True] * 3]
    assert valid_mask_matrix([[], []], classes).all()  # none are ignored in most data sets


def test_ignored_answers_change_the_precision_as_worked_out_by_hand():
    labels = label_matrix([["dog"], [], ["dog"]], ["cat", "dog"])
    scores = np.array([[0.1, 0.5], [0.2, 0.9], [0.3, 0.7]])
    valid_mask = valid_mask_matrix([[], ["dog"], []], ["cat", "dog"])
    everything = average_precision(labels, scores)[1]
    assert everything == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert average_precision(labels, scores, valid_mask=valid_mask)[1] == 1.0


def test_an_image_of_unknown_labels_changes_no_figure():
    labels = label_matrix([["dog"], ["cat"], ["dog"], []], ["cat", "dog"])
    scores = np.array([[0.1, 0.5], [0.2, 0.9], [0.3, 0.7], [0.9, 0.95]])
    valid_mask = valid_mask_matrix([[], [], [], [UNKNOWN]], ["cat", "dog"])
    for measure in (average_precision, lambda *a, valid_mask=None: f1_at_k(*a, 1, valid_mask)):
        with_unknown = measure(labels, scores, valid_mask=valid_mask)
        np.testing.assert_array_equal(with_unknown, measure(labels[:3], scores[:3]))


def test_a_class_listed_twice_is_named():
    with pytest.raises(UserError, match="'car' is listed twice"):
        label_matrix([["car"]], ["car", "sky", "car"])


def test_labels_of_other_classes_alone_are_refused():
    with pytest.raises(UserError, match="none of the 2 images has a label among the 1 classes"):
        label_matrix([["Car"], []], ["car"])
