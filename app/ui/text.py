"""Text for pages: words of others as they are, and shares.

Streamlit reads most of what it is given as Markdown; what people, files and links say must not be.
"""

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^=&])")


def plain(text: str) -> str:
    """The text as Markdown that shows just that text; what stands between backticks as code, in which nothing is markup."""
    parts = text.split("`")
    if len(parts) % 2 == 0 or "" in parts[1::2]:  # not what a message of ours looks like
        return _escaped(text)
    return "".join(f"`{part}`" if number % 2 else _escaped(part) for number, part in enumerate(parts))


def percent(share: float | None) -> str:
    """A share with one decimal; "none" where it is not defined."""
    return "none" if share is None or share != share else f"{share:.1%}"


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)
