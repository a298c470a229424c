import numpy as np
import pytest

from kclip.data.label_matrix import label_matrix
from kclip.errors import UserError


def test_it_equals_asking_for_each_image_and_class():
    labels = [["sky", "car"], [], ["road"], ["car", "unlisted"]]
    classes = ["road", "car", "tree", "sky"]
    asked = [[name in of_image for name in classes] for of_image in labels]
    np.testing.assert_array_equal(label_matrix(labels, classes), asked)


def test_a_class_listed_twice_is_named():
    with pytest.raises(UserError, match="'car' is listed twice"):
        label_matrix([["car"]], ["car", "sky", "car"])


def test_labels_of_other_classes_alone_are_refused():
    with pytest.raises(UserError, match="none of the 2 images has a label among the 1 classes"):
        label_matrix([["Car"], []], ["car"])
