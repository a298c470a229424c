import hashlib
import importlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kclip.console.command_line import install_command
from kclip.console.progress import ProgressBar
from kclip.errors import KclipError, UserError
from kclip.files import replaced_when_done
from kclip.multilabel.prompting.combinations import list_names

PROMPT = "Please caption an image that contains {}."


class ChatCaptions:
    """Captions of combinations of classes from a language model, for `TopAll`.

    MMM-CLIP, "Multi-method to Prompt CLIP" (4): the model reads names and writes a sentence; it
    sees no image. It may be any that is served by OpenAI's protocol, such as Qwen by vLLM or
    Ollama. Each caption is kept in a file of its own as soon as it is there, so that none is asked
    twice, in this run or in another; a combination is asked for in alphabetical order, since every
    order of its names would be a question of its own.

    Args:
        base_url: of the server, such as "http://localhost:8000/v1".
        model: the server's name of the model.
        cache: folder of the captions, made where it is missing.
        timeout: seconds to wait for one answer.
        retries: how often to ask again, with growing pauses, where the server doesn't answer, is
            overloaded or fails.
        workers: requests under way at once.

    The key of servers that want one is read from the environment variable OPENAI_API_KEY.

    Raises:
        UserError: the package openai is not installed.

    Example:
    >>> captions = ChatCaptions("http://localhost:8000/v1", "Qwen/Qwen-14B-Chat", "runs/captions")
    >>> captions.model
    'Qwen/Qwen-14B-Chat'

    `TopAll(embedder, class_names, write_prompts=captions)` then asks the server.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        cache: str | Path,
        timeout: float = 60.0,
        retries: int = 3,
        workers: int = 4,
    ):
        self.base_url, self.model, self.cache, self.workers = base_url, model, Path(cache), workers
        self._openai = _import_openai()
        self._client = self._openai.OpenAI(
            base_url=base_url,
            api_key=os.environ.get("OPENAI_API_KEY") or "none",
            timeout=timeout,
            max_retries=retries,
        )

    def __call__(self, combinations: Sequence[Sequence[str]]) -> list[str]:
        """Returns the captions, those that were asked before from the cache.

        Raises:
            KclipError: the server can't be reached, refuses, or answers without a text. What was
                answered until then stays in the cache.
            UserError: a file of the cache is damaged.
        """
        prompts = [PROMPT.format(names) for names in list_names(map(sorted, combinations))]
        wanted = [p for p in dict.fromkeys(prompts) if not self._file(p).exists()]
        with ThreadPoolExecutor(self.workers) as pool:
            answers = pool.map(self._ask, wanted)
            try:
                for _ in ProgressBar(
                    answers, "Asking for captions", len(wanted), disable=not wanted
                ):
                    pass
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return [self._cached(prompt) for prompt in prompts]

    def _ask(self, prompt: str) -> None:
        messages = [{"role": "user", "content": prompt}]
        try:
            # The likeliest words, so that the same captions come back from another machine.
            answer = self._client.chat.completions.create(
                model=self.model, messages=messages, temperature=0
            )
        except self._openai.APIConnectionError as error:
            raise KclipError(
                f"no answer from {self.base_url} ({error}); start the server there, or give "
                "another address or a longer timeout"
            ) from None
        except self._openai.APIError as error:
            raise KclipError(
                f"{self.base_url} refused to caption with {self.model!r}: {error}"
            ) from None
        caption = (answer.choices[0].message.content or "").strip() if answer.choices else ""
        if not caption:
            raise KclipError(f"{self.model!r} at {self.base_url} answered {prompt!r} with no text")
        with replaced_when_done(self._file(prompt)) as file:
            record = {"model": self.model, "prompt": prompt, "caption": caption}
            file.write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")

    def _file(self, prompt: str) -> Path:
        key = json.dumps([self.model, prompt]).encode()
        return self.cache / f"{hashlib.sha256(key).hexdigest()}.json"

    def _cached(self, prompt: str) -> str:
        try:
            return json.loads(self._file(prompt).read_text(encoding="utf-8"))["caption"]
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{self._file(prompt)} is damaged; delete it to ask again") from None


def _import_openai() -> Any:
    try:
        return importlib.import_module("openai")
    except ImportError:
        raise UserError(
            "captions from a server take the package openai, which this Python does not have; "
            f"run: {install_command('llm')}, or give a JSON file of captions"
        ) from None
