import pytest

from kclip.data.image_record import Rejection
from kclip.data.sources.reading_options import ReadingOptions
from kclip.data.sources.tables import IMAGE_NAMES, read_table
from kclip.errors import UserError


def table(tmp_path, text, **options):
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path, ReadingOptions(**options))


def rows(tmp_path, text, **options):
    return [cells for _, cells in table(tmp_path, text, **options).rows]


ROWS = [("0.jpg", "a dog, running"), ("1.jpg", "café")]


@pytest.mark.parametrize(
    "text",
    [
        "image,caption\n0.jpg,a dog, running\n1.jpg,café\n",
        'image;caption\n0.jpg;"a dog, running"\n1.jpg;café',
        "image\tcaption\n0.jpg\ta dog, running\n1.jpg\tcafé\n",
        "image| caption\n0.jpg| a dog, running\n1.jpg| café\n",
        "image,caption\r0.jpg,a dog, running\r1.jpg,café",
        "sep=;\nimage;caption\n0.jpg;a dog, running\n1.jpg;café",
        "\ufeffimage,caption\r\n\r\n0.jpg,a dog, running\r\n,\r\n1.jpg,café,,\r\n",
        "image,caption\n0.jpg,a dog, running\n1.jpg,café\n".encode("utf-16"),
        'image;"caption, in English"\n0.jpg;a dog, running\n1.jpg;café\n',
    ],
)
def test_forms_in_which_people_have_tables(tmp_path, text):
    assert rows(tmp_path, text) == ROWS


def test_separator_and_encoding_can_be_given(tmp_path):
    text = "a;b,c\n1;2,3\n"
    assert rows(tmp_path, text, separator="semicolon") == [("1", "2,3")]
    assert rows(tmp_path, text, separator=",") == [("1;2", "3")]
    assert rows(tmp_path, "a\tb\n1\t2", separator="\\t") == [("1", "2")]
    assert rows(tmp_path, b"image,caption\n0.jpg,caf\xe9", encoding="latin-1")[0][1] == "café"
    with pytest.raises(UserError, match=r"can be split at ',' or ';'; .* by --separator"):
        table(tmp_path, text)
    with pytest.raises(UserError, match="--separator is 'x'; expected one of comma, semicolon"):
        table(tmp_path, text, separator="x")
    with pytest.raises(UserError, match="holds NUL characters; give its encoding"):
        table(tmp_path, "image,caption\n0,a".encode("utf-16-le"))


def test_rows_that_do_not_fit_are_named_by_line(tmp_path):
    text = 'id,image,caption\n1,0.jpg,a\n2,0.jpg,b, c\n3,0.jpg\n4,0.jpg,"b, c"\n5,1.jpg,x\0y\n'
    found = table(tmp_path, text)
    assert [line for line, _ in found.rows] == [2, 5]
    assert list(found.rejections) == [
        Rejection("t.csv line 3", "too many cells: 4, expected 3"),
        Rejection("t.csv line 4", "too few cells: 2, expected 3"),
        Rejection("t.csv line 6", "a NUL character"),
    ]


def test_of_two_columns_the_second_takes_the_rest_unless_someone_quoted(tmp_path):
    text = 'image,caption\n0.jpg,"a ball", red\n1.jpg,a "ball", red\n2.jpg,"a", "b"\n'
    found = table(tmp_path, text)
    assert [cells for _, cells in found.rows] == [("1.jpg", 'a "ball", red')]
    assert [item.file_name for item in found.rejections] == ["t.csv line 2", "t.csv line 4"]


def test_json_and_long_headers_are_told_in_short(tmp_path):
    with pytest.raises(UserError, match="is JSON, not a CSV file; give --source coco or"):
        table(tmp_path, '{"images": [{"filename": "0.jpg"}]}')
    with pytest.raises(UserError, match="write a CSV with the header image,caption"):
        table(tmp_path, '{"image": "0.jpg"}\n{"image": "1.jpg"}\n')
    found = table(tmp_path, ",".join(f"{n}" * 60 for n in range(100, 200)) + "\n")
    with pytest.raises(UserError) as caught:
        found.find(IMAGE_NAMES, "x", "--image-column")
    assert len(str(caught.value)) < 1200 and "80 more" in str(caught.value)


def test_token_files_of_flickr8k_and_flickr30k_have_no_header(tmp_path):
    text = '0.jpg#0\tA "red, round ball .\n0.jpg#1\tA ball .\n\n1.jpg\tno number\n'
    found = table(tmp_path, text)
    assert found.columns == ("image", "caption")
    assert found.rows == ((1, ("0.jpg", 'A "red, round ball .')), (2, ("0.jpg", "A ball .")))
    (rejection,) = found.rejections
    assert rejection.file_name == "t.csv line 4" and "expected IMAGE#NUMBER" in rejection.reason


def test_images_in_the_second_column_take_no_rest(tmp_path):
    found = table(tmp_path, 'caption,image\nred, blue,0.jpg\n"red, blue",1.jpg\n')
    assert [cells for _, cells in found.rows] == [("red, blue", "1.jpg")]
    assert found.rejections == (Rejection("t.csv line 2", "too many cells: 3, expected 2"),)


def test_columns_without_a_name_may_be_short(tmp_path):
    assert rows(tmp_path, "image,caption,\n0.jpg,a\n1.jpg,b,\n") == [
        ("0.jpg", "a", ""),
        ("1.jpg", "b", ""),
    ]


def test_columns_are_found_in_any_case(tmp_path):
    found = table(tmp_path, "Image,Caption\n0.jpg,a")
    assert found.find(IMAGE_NAMES, None, "--image-column") == 0
    assert found.find(IMAGE_NAMES, "CAPTION", "--image-column") == 1
    assert found.find(("labels",), None, "--labels-column") is None
    with pytest.raises(UserError, match=r"no column 'x' \(--image-column\); it has 'Image'"):
        found.find(IMAGE_NAMES, "x", "--image-column")
    both = table(tmp_path, "image,filename\n0.jpg,1.jpg")
    with pytest.raises(UserError, match="the columns 'image', 'filename'; say which one by --im"):
        both.find(IMAGE_NAMES, None, "--image-column")
    assert both.find(IMAGE_NAMES, "filename", "--image-column") == 1
    with pytest.raises(UserError, match="two columns 'caption'"):
        table(tmp_path, "image,caption,caption\n0.jpg,a,b")
