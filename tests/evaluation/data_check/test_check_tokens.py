from kclip.evaluation.data_check.tokens import (
    TextReader,
    check_tokens,
    least_tokens,
    same_tokens,
)


def first_letters(texts):
    """As tokens the first letters of words, between a start and an end."""
    return [(0, *(ord(word[0].lower()) for word in text.split()), 1) for text in texts]


READER = TextReader(first_letters, 5, "a toy")


def test_names_of_equal_tokens():
    assert same_tokens(["red cat", "cow"], first_letters(["red cat", "cow"])) == []
    (finding,) = check_tokens(["red cat", "Rich cow", "cow"], [], READER)
    assert (finding.kind, finding.level) == ("equal tokens", "serious")
    assert finding.examples == ("red cat / Rich cow",)


def test_names_that_differ_only_in_what_is_cut_off():
    (finding,) = check_tokens(["a b c d x", "a b c d y"], [], READER)
    assert finding.kind == "equal tokens"


def test_captions_that_are_cut_off():
    (finding,) = check_tokens([], ["a b c", "a b c d"], READER)
    assert finding.message == "1 caption of 2 with more than the 5 tokens that a toy reads."
    assert (finding.level, finding.examples) == ("warning", ("6 tokens: a b c d",))


def test_without_a_model_what_is_too_long_for_any():
    assert least_tokens("it's 3 o'clock!") == 10  # it ' s 3 o ' clock ! and two ends
    captions = ["word " * 30, "word " * 31, "word " * 76] + ["short"] * 97
    findings = check_tokens([], [text.strip() for text in captions], None)
    assert [finding.message for finding in findings] == [
        "2 captions of 100 with more than the 32 tokens that a model of kclip by default reads.",
        "1 caption of 100 with more than the 77 tokens that CLIP reads.",
    ]
