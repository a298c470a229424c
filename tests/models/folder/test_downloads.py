import pytest

from kclip.errors import UserError
from kclip.models.folder.downloads import in_one_sentence


def test_any_error_becomes_one_sentence_with_advice():
    with pytest.raises(UserError) as error, in_one_sentence("the weights", "give a file"):
        raise ConnectionError("no route\n  to host")
    sentence = "the weights cannot be loaded (ConnectionError: no route to host); give a file"
    assert str(error.value) == sentence


def test_a_users_mistake_stays_what_it_is():
    with pytest.raises(UserError, match="^no such size$"), in_one_sentence("it", "do that"):
        raise UserError("no such size")
