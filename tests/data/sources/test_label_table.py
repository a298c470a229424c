import pytest

from kclip.data.image_record import Rejection
from kclip.data.sources.label_table import read_label_table
from kclip.data.sources.reading_options import ReadingOptions
from kclip.errors import UserError


def table(tmp_path, text, **options):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return read_label_table(path, ReadingOptions(**options))


def read(tmp_path, text, **options):
    return table(tmp_path, text, **options).labels


@pytest.mark.parametrize(
    "text",
    [
        "image,labels\na.jpg,red ball; dog\nb.jpg,\n",
        'image,labels\na.jpg,"red ball, dog"\nb.jpg,""\n',
        "image,labels\na.jpg,red ball, dog\nb.jpg,\n",  # nobody quoted
        "image,tags\na.jpg,red ball|dog\nb.jpg,\n",
        "Image;Labels\na.jpg;red ball, dog\nb.jpg;\n",
        """image,labels\na.jpg,"['red ball', 'dog']"\nb.jpg,[]\n""",
        'image,labels\na.jpg,"[""red ball"", ""dog""]"\nb.jpg,[]\n',
        "filename,red ball,dog\na.jpg,1,1\nb.jpg,0,0\n",
        "image,red ball,dog\na.jpg,1.0,1.0\nb.jpg,0.0,0.0\n",
        "image,red ball,dog\na.jpg,True,TRUE\nb.jpg,False,false\n",
        ",image,red ball,dog\n0,a.jpg,1,1\n1,b.jpg,0,0\n",  # the row numbers of pandas
        "image,label\na.jpg,red ball\na.jpg,dog\nb.jpg,\n",  # one label a row
    ],
)
def test_forms_in_which_people_have_labels(tmp_path, text):
    assert read(tmp_path, text) == {"a.jpg": ("red ball", "dog"), "b.jpg": ()}


def test_tags_are_words_and_rows_of_one_image_add_up(tmp_path):
    text = "image,tags\n./a.jpg,ball  dog\na.jpg,cat dog\n,lost\n"
    found = table(tmp_path, text)
    assert found.labels == {"a.jpg": ("ball", "dog", "cat")}
    assert found.rejections == (Rejection("labels.csv line 4", "no file name"),)
    assert read(tmp_path, "filename,cat,dog\na.jpg,0,1\na.jpg,1,1\n") == {"a.jpg": ("dog", "cat")}


def test_columns_can_be_named(tmp_path):
    text = "key,class,source\na.jpg,cat,web\n"
    options = {"image_column": "key", "labels_column": "class"}
    found = table(tmp_path, text, **options)
    assert found.labels == {"a.jpg": ("cat",)}
    assert found.notes == ("labels.csv: columns left aside: 'source'",)


def test_a_value_that_is_missing_is_no_class(tmp_path):
    found = table(tmp_path, "image,labels\na.jpg,nan\nb.jpg,cat\nc.jpg,none\n")
    assert found.labels == {"b.jpg": ("cat",), "c.jpg": ("none",)}
    assert [item.reason for item in found.rejections] == ["no labels: the cell says 'nan'"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,cat,dog\na.jpg,0,1\nb.jpg,0,2\n", "line 3 has '2' in the column 'dog'; expected 0"),
        ("image,cat,dog\na.jpg,0,\n", "line 2 has '' in the column 'dog'"),
        ("image,class\na.jpg,cat\n", "has 'cat' in the column 'class'; .* --labels-column"),
        ("cat,image\n0,a.jpg\n", "the columns 'cat', 'image'; expected 'image', 'labels'"),
        ("image\na.jpg\n", "the columns 'image'; expected"),
        ("picture,class\na.jpg,dog\n", "'picture', 'class'; expected 'image', 'labels'"),
        ("picture,labels\na.jpg,dog\n", "'picture', 'labels'; expected 'image', .* --image-column"),
        ("", "has the columns nothing; expected"),
        ("image,cat,cat\na.jpg,0,1\n", "has two columns 'cat'; expected one name"),
        ("image,cat,\na.jpg,0,1\n", "has a column without a name; expected one name"),
        ("image,labels\na.jpg,*\n", "line 2 has the label '\\*'"),
        (
            "image,label\na.jpg,1\nb.jpg,0\n",
            "'label' of .* holds '0', '1' alone; give --lab",
        ),
        ('image,labels\na.jpg,"crane, bird; dog"\n', "by --label-separator"),
    ],
)
def test_mistakes_name_the_place_and_the_flag(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read(tmp_path, text)
