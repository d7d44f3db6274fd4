"""A statement as a reader of the page wants it: without what its docstring says to programmers, and
words in place of letters.
"""

from __future__ import annotations

import re

_RAISES = re.compile(r"\s*Raises\s+InputError\s+for\s+anything\s+that\s+is\s+not\s+[^.]*\.")
_CODES = re.compile(r"\s*\[([PDN](?:[,;][^\]]*)?)\]")
_DERIVED = "derived here"


def for_readers(text: str) -> str:
    """The statement without ``Raises …``, and with words for a specification's [P] (the paper's
    own), [D] (derived), [N].
    """
    return _CODES.sub(_spelled, _RAISES.sub("", text))


def _spelled(match: re.Match[str]) -> str:
    sentence = match.string[: match.start()].rpartition("Source:")[2]
    clause = sentence.rpartition(";")[2]
    codes = re.split(r"\s*[,;]\s*", match[1])
    words = [code for code in codes if code not in {"P", "D", "N"}]
    if "D" in codes and not re.search("derived|refuted", sentence):
        words.append(_DERIVED)
    if not words:
        return ""
    text = ", ".join(words)
    return f" ({text})" if "arXiv" in clause else f" {text}"
