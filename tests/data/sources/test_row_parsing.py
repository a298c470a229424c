import csv
import io
import random

import pytest

from kclip.data.sources.row_parsing import BadRow, Row, parse_rows


def cells(text, separator=",", width=2):
    return [row.cells for row in parse_rows(text, separator, width) if isinstance(row, Row)]


def bad(text, width=2):
    return {r.line: r.reason for r in parse_rows(text, ",", width) if isinstance(r, BadRow)}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_reads_what_the_csv_module_writes(separator, quoting):
    pieces = ["a", " ", '"', separator, "\n", "é", "'"]
    chance = random.Random(7)
    # A quote without quotes around it is the one thing that csv writes and we read otherwise.
    rows = [
        ("x.jpg", "".join(chance.choices(pieces, k=chance.randrange(1, 9))).strip() or "-")
        for _ in range(300)
    ]
    text = io.StringIO()
    csv.writer(text, delimiter=separator, quoting=quoting).writerows(rows)
    assert cells(text.getvalue(), separator) == rows


def test_a_quote_that_is_never_closed_costs_its_own_line_alone():
    text = (
        'image,caption\n0.jpg,a ball\n1.jpg,"stop" says the sign\n2.jpg,"a man waves\n3.jpg,a cat\n'
        '4.jpg,a dog in the "snow"\n5.jpg,a bird\n'
    )
    assert [row[0] for row in cells(text)] == ["image", "0.jpg", "1.jpg", "3.jpg", "4.jpg", "5.jpg"]
    assert ("1.jpg", '"stop" says the sign') in cells(text)
    assert ("4.jpg", 'a dog in the "snow"') in cells(text)
    assert bad(text) == {4: 'a quote that is never closed: 2.jpg,"a man waves'}


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ('0.jpg,"open\n1.jpg,"whole"\n2.jpg,b', 1),  # the next quote does not close it
        ('0.jpg,"open\n1.jpg,ends so"\n2.jpg,b', 1),  # it does, but the line is a row
        ('0.jpg,"open', 1),
        ('12,"open\n13,a cat\n14,ends so"\n', 1),  # names without a suffix
        ('7,0.jpg,"open\n8,1.jpg,ends so"', 1),  # row numbers first
        ('"open,0.jpg\na cat,1.jpg\nends so",2.jpg', 1),  # names last
        ('0.jpg,"open\nand on\n1.jpg,"whole"', 1),
    ],
)
def test_rows_after_an_open_quote_are_read(text, lost):
    width = 3 if text.startswith("7") else 2
    assert list(bad(text, width)) == [lost]
    last = {cell.strip(' "') for cell in text.strip().splitlines()[-1].split(",")}
    read = [{cell.strip(' "') for cell in row} for row in cells(text, width=width)]
    assert last in read or len(text.splitlines()) == lost


def test_a_quote_that_is_closed_far_below_is_an_open_one():
    text = '0,"open\n' + "\n".join(["words"] * 30) + '\nlast"\n1,b'
    assert bad(text)[1].startswith("a quote that is never closed")
    assert ("1", "b") in cells(text)


def test_several_lines_in_quotes_are_one_cell():
    assert cells('0.jpg,"one,\ntwo, and\nthree"\n1.jpg,b') == [
        ("0.jpg", "one,\ntwo, and\nthree"),
        ("1.jpg", "b"),
    ]
    assert cells('"one\ntwo",0.jpg') == [("one\ntwo", "0.jpg")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (r'0.jpg,"a \"red\" ball, x"', ("0.jpg", 'a "red" ball, x')),
        (r'0.jpg,"he said \", ok"', ("0.jpg", 'he said ", ok')),
        (r"0.jpg,the dog\'s ball", ("0.jpg", "the dog's ball")),
        (r'0.jpg,"the dog\'s ball, red"', ("0.jpg", "the dog's ball, red")),
        (r'0.jpg,"folder\"', ("0.jpg", "folder\\")),
        (r"0.jpg,a red\, blue ball", ("0.jpg", "a red, blue ball")),
        (r"images\0.jpg,a ball", (r"images\0.jpg", "a ball")),
        ('0.jpg, "a ball, red" ', ("0.jpg", "a ball, red")),
        ('0.jpg,"""quoted"" & more"', ("0.jpg", '"quoted" & more')),
        ('0.jpg,""', ("0.jpg", "")),
    ],
)
def test_escapes_and_spaces(line, expected):
    assert cells(line) == [expected]


@pytest.mark.parametrize("cell", ['"a "red" ball"', '"a ""red"" ball" and more'])
def test_quotes_that_mean_two_things_are_no_row(cell):
    assert "two ways" in bad(f"0.jpg,{cell}")[1]


def test_lines_are_counted_with_blank_ones_and_all_line_breaks():
    rows = list(parse_rows("a,b\r\r\n\n1,2\r\n", ","))
    assert [row.line for row in rows] == [1, 4]
