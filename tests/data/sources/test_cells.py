import json

import numpy as np
import pytest

from kclip.data.sources.cells import is_missing, label_separator, listed_texts, split_labels
from kclip.errors import UserError

TEXTS = ["a cat", 'the "dog"', "it's", "a, b", "犬"]


@pytest.mark.parametrize(
    "write", [str, json.dumps, lambda x: str(tuple(x)), lambda x: str(np.array(x))]
)
def test_lists_as_libraries_print_them(write):
    assert listed_texts(write(TEXTS)) == TEXTS
    assert listed_texts(write(TEXTS[:1])) == TEXTS[:1]


@pytest.mark.parametrize(
    "cell", ["a cat", "[a cat]", "(on the left) a cat", "[1, 2", "['a' + 'b']"]
)
def test_other_texts_are_no_lists(cell):
    assert listed_texts(cell) is None


def test_missing_values():
    assert all(map(is_missing, ("", "nan", "NaN", "NULL", "None", "<NA>")))
    assert not any(map(is_missing, ("none", "a null sign", "Nan bread", "0")))


@pytest.mark.parametrize(
    ("cell", "separator", "labels"),
    [
        ("red ball; dog ;dog", ";", ("red ball", "dog")),
        ("ball  dog", " ", ("ball", "dog")),
        ("red ball", "", ("red ball",)),
        ("['cat', 'red ball']", ";", ("cat", "red ball")),
        ("[cat, dog]", ";", ("cat", "dog")),
        ("[]", ";", ()),
        ("", ",", ()),
    ],
)
def test_labels_of_a_cell(cell, separator, labels):
    assert split_labels(cell, separator) == labels


@pytest.mark.parametrize(
    ("cells", "column", "expected"),
    [
        (["cat;red ball", "dog"], "labels", ";"),
        (["cat, red ball", "dog"], "Labels", ","),
        (["cat|red ball"], "tags", "|"),
        (["cat dog"], "tags", " "),
        (["cat, red ball"], "tags", ","),
        (["red ball"], "labels", ""),
        (["['a, b; c']"], "labels", ""),  # lists need no separator
    ],
)
def test_what_joins_labels_shows_in_the_cells(cells, column, expected):
    assert label_separator(cells, column, None, "t.csv") == expected


@pytest.mark.parametrize(
    ("cells", "column"), [(["crane, bird; dog"], "labels"), (["crane, bird"], "label")]
)
def test_two_readings_are_refused_with_the_flag(cells, column):
    with pytest.raises(UserError, match=f"t.csv, such as {cells[0]!r}, .* --label-separator"):
        label_separator(cells, column, None, "t.csv")
    assert label_separator(cells, column, "semicolon", "t.csv") == ";"
    assert label_separator(cells, column, "none", "t.csv") == ""
    with pytest.raises(UserError, match="--label-separator is 'x'"):
        label_separator(cells, column, "x", "t.csv")
