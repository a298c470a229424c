import pytest

from kclip.errors import UserError
from kclip.zero_shot.prompts import TEMPLATES_DIR, fill, resolve_templates, template_sets


def test_templates_sets_and_files_can_be_mixed(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("# mine\n\na sketch of a {}.\na {}.\n")
    templates = resolve_templates(["a {}.", str(file), "animals"])
    assert templates[:2] == ["a {}.", "a sketch of a {}."]
    assert "a photo of a {} in the wild." in templates
    assert len(set(templates)) == len(templates)


@pytest.mark.parametrize("name", template_sets())
def test_every_set_that_comes_along_is_sound(name):
    templates = resolve_templates([name])
    assert len(templates) >= 4
    assert all(template.count("{}") == 1 for template in templates)
    assert TEMPLATES_DIR.joinpath(f"{name}.txt").read_text().startswith("# ")


def test_a_value_without_braces_is_refused():
    with pytest.raises(UserError, match="'a photo of a dog' has no {} for the class name"):
        resolve_templates(["a photo of a dog"])


def test_a_line_without_braces_is_refused(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("a {}.\na photo\n")
    with pytest.raises(UserError, match="mine.txt: the line 'a photo' has no {}"):
        resolve_templates([str(file)])


def test_no_template_is_refused(tmp_path):
    (tmp_path / "empty.txt").write_text("# nothing\n")
    with pytest.raises(UserError, match="no template"):
        resolve_templates([str(tmp_path / "empty.txt")])


def test_names_of_folders_become_words():
    assert fill("a {}, no other {}.", "polar__bear_") == "a polar bear, no other polar bear."
    assert fill("a {}.", "a{b}") == "a a{b}."
