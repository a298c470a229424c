import pytest

from kclip.data.sources.class_columns import read_class_columns
from kclip.errors import UserError


def read(tmp_path, text):
    path = tmp_path / "classes.csv"
    path.write_text(text)
    return read_class_columns(path)


def test_classes_with_a_1_in_the_order_of_the_columns(tmp_path):
    text = "image,sitar,fire truck,boat\nb.jpg,0,1,1\n./a.jpg, 1 ,0,0\nc.jpg,0,0,0\n,1,1,1\n"
    assert read(tmp_path, text) == {
        "b.jpg": ("fire truck", "boat"),
        "a.jpg": ("sitar",),
        "c.jpg": (),
    }


def test_rows_of_one_image_add_up(tmp_path):
    text = "filename,cat,dog\na.jpg,0,1\na.jpg,1,1\n"
    assert read(tmp_path, text) == {"a.jpg": ("dog", "cat")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,cat,dog\na.jpg,0,1\nb.jpg,0,2\n", "line 3 has '2' in the column 'dog'; expected 0"),
        ("image,cat,dog\na.jpg,0\n", "line 2 has '' in the column 'dog'"),
        ("image,class\na.jpg,cat\n", "line 2 has 'cat' in the column 'class'"),
        ("cat,image\n0,a.jpg\n", "the columns 'cat', 'image'; expected 'image', 'labels'"),
        ("image\na.jpg\n", "the columns 'image'; expected"),
        ("", "has the columns nothing; expected"),
        ("image,cat,cat\na.jpg,0,1\n", "has two columns 'cat'; expected one name"),
        ("image,cat,\na.jpg,0,1\n", "has a column without a name; expected one name"),
    ],
)
def test_mistakes_name_the_place(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read(tmp_path, text)
