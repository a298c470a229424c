"""Tokens that a fine-tuning added to a tokenizer, from the four files that may hold them."""

from kclip.errors import UserError
from kclip.models.pretrained.json_files import read_object_if_there

_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
_NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token")
_NAMED += ("mask_token", "additional_special_tokens", "extra_special_tokens")


def add_tokens(folder, definition):
    """Completes a `tokenizer.json` by the tokens that other files of its folder add.

    These are `tokenizer_config.json` (`added_tokens_decoder`), `added_tokens.json`, and
    `special_tokens_map.json`. As in transformers, an added token that is not special is matched
    after the text was normalised (CLIP's in lower case), a special one before.

    Args:
        folder: Path that holds the files.
        definition: dict, the content of a `tokenizer.json`; changed.

    Raises:
        UserError: a token has two ids, or an id that the vocabulary does not end before.
    """
    known = {token["content"]: token for token in definition.setdefault("added_tokens", [])}
    for token in listed_tokens(folder):
        content = token["content"]
        if content not in known:
            known[content] = token
        elif known[content]["id"] != token["id"]:
            raise UserError(
                f"the files in {str(folder)!r} give the token {content!r} the ids "
                f"{known[content]['id']} and {token['id']}; download them again"
            )
    ids = vocabulary_of(definition) | {content: token["id"] for content, token in known.items()}
    for content in _special_tokens(folder):
        if content not in known:
            # Without an id anywhere it gets the next one, as in transformers.
            number = ids.setdefault(content, max(ids.values()) + 1)
            known[content] = _token(content, number, special=True)
    _place(folder, definition, sorted(known.values(), key=lambda token: token["id"]))


def token_content(token):
    """What a config that names a token means: it writes a string, or a dict of its settings."""
    return token.get("content") if isinstance(token, dict) else token


def vocabulary_of(definition):
    """The tokens of a `tokenizer.json` without the added ones: dict of token to id."""
    words = definition["model"]["vocab"]
    if isinstance(words, dict):
        return words
    return {word: number for number, (word, _) in enumerate(words)}  # Unigram: with its score


def listed_tokens(folder):
    """The tokens that `tokenizer_config.json` and `added_tokens.json` add."""
    decoder = read_object_if_there(folder / "tokenizer_config.json").get("added_tokens_decoder")
    for number, token in (decoder or {}).items():
        flags = {flag: bool(token.get(flag)) for flag in _FLAGS}
        yield {"id": int(number), "content": token["content"], **flags}
    special = _special_tokens(folder)
    for content, number in read_object_if_there(folder / "added_tokens.json").items():
        yield _token(content, number, special=content in special)


def _special_tokens(folder):
    """The contents of the tokens that the configs name, in their order."""
    found = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        config = read_object_if_there(folder / name)
        for role in _NAMED:
            value = config.get(role) or []
            if isinstance(value, dict) and "content" not in value:
                value = list(value.values())  # extra_special_tokens by name
            for token in value if isinstance(value, list) else [value]:
                if isinstance(content := token_content(token), str):
                    found[content] = role
    return list(found)


def _token(content, number, special):
    flags = dict.fromkeys(_FLAGS, False) | {"normalized": not special, "special": special}
    return {"id": number, "content": content, **flags}


def _place(folder, definition, tokens):
    """Puts the tokens where `tokenizers` gives them the ids that the files say."""
    vocabulary = vocabulary_of(definition)
    owners = {number: word for word, number in vocabulary.items()}
    for token in tokens:
        content, number = token["content"], token["id"]
        if owners.setdefault(number, content) != content:
            raise UserError(
                f"the files in {str(folder)!r} give the id {number} to the tokens "
                f"{owners[number]!r} and {content!r}; download them again"
            )
        if vocabulary.get(content, number) != number:
            raise UserError(
                f"the files in {str(folder)!r} give the token {content!r} the ids "
                f"{vocabulary[content]} and {number}; download them again"
            )
        if isinstance(definition["model"]["vocab"], dict):
            # An added token takes the id that the vocabulary has for it, whatever came before.
            definition["model"]["vocab"][content] = number
        elif content not in vocabulary and number != len(vocabulary):
            raise UserError(
                f"the files in {str(folder)!r} give the token {content!r} the id {number}, but "
                f"the vocabulary ends before {len(vocabulary)}; download them again"
            )
        vocabulary[content] = number
    definition["added_tokens"] = tokens
