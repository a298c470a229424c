import html
import re

import pytest
from markdown_it import MarkdownIt

from kclip.reports.markdown import Markdown, code, code_list, escape, markdown_table

NAMES = [
    "a|b",
    "two\nlines\r\nand three",
    "`code` and ``more``",
    "*bold* **x** _y_ __z__ fire_truck",
    "[click](http://example.com/a_b) ![i](x.png)",
    "<b>bold</b> <script>alert(1)</script> <http://example.com>",
    "a &amp; b &lt; c & d",
    "C:\\images\\*.png \\| \\",
    "costs $5 and $6 ~~gone~~",
    "# no heading",
    "=cmd|' /C calc'!A0",
    "[x]: http://example.com",
]


def rendered(text):
    """By another's Markdown: the HTML of a report."""
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)


def in_one_line(name):
    return re.sub(r"[\r\n]+", " ", name)


def shown(markup):
    return html.unescape(re.sub(r"<[^>]*>", "", markup)).strip()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_table_shows_as_it_is(name):
    markup = rendered(markdown_table(("class", "images"), [(name, 3), ("dog", 4)]))
    cells = re.findall(r"<td>(.*?)</td>", markup, re.S)
    assert [shown(cell) for cell in cells] == [in_one_line(name), "3", "dog", "4"]
    assert set(re.findall(r"<(\w+)", markup)) == {"table", "thead", "tbody", "tr", "th", "td"}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_within_a_sentence_shows_as_it_is(name):
    markup = rendered(f"Found in {escape(name)}.")
    assert shown(markup) == f"Found in {in_one_line(name)}."
    assert set(re.findall(r"<(\w+)", markup)) == {"p"}


@pytest.mark.parametrize("text", ["a photo of a {}.", "a `b` ``c``", "`", "x|y", "two\nlines"])
def test_code_shows_as_it_is(text):
    markup = rendered(code(text))
    assert shown(markup) == in_one_line(text) and markup.count("<code>") == 1
    cell = rendered(markdown_table(("prompt",), [(code(text),)]))
    assert shown(re.findall(r"<td>(.*?)</td>", cell)[0]) == in_one_line(text)


def test_what_is_markdown_already_stays():
    assert escape(Markdown("**bold**")) == "**bold**"
    assert "| **bold** |" in markdown_table(("",), [(Markdown("**bold**"),)])
    assert code_list(["a {}", "b {}"]) == "`a {}`, `b {}`"


def test_ordinary_names_stay_readable_as_plain_text():
    for name in ("red circle", "fire_truck", "runs/demo/model", "3.5 % [1.0, 6.0]", "Q&A", "a-b"):
        assert escape(name) == name


def test_addresses_do_not_become_links():
    assert "http://" not in escape("see http://example.com") and "www." not in escape("www.x.org")
