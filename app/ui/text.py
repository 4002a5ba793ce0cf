"""Formats text for pages: escapes Markdown, and formats percentages and times.

Streamlit renders most strings as Markdown. Text from users, files and links must be escaped first.
"""

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^=&])")


def plain(text: str) -> str:
    """Escape a text so that Markdown shows it literally. Parts between pairs of backticks remain code."""
    parts = text.split("`")
    if len(parts) % 2 == 0 or "" in parts[1::2]:  # unbalanced or empty backticks: not from the app's messages
        return _escaped(text)
    return "".join(f"`{part}`" if number % 2 else _escaped(part) for number, part in enumerate(parts))


def percent(share: float | None) -> str:
    """Format a fraction as a percentage with one decimal; "none" if it is None or NaN."""
    return "none" if share is None or share != share else f"{share:.1%}"


def ago(seconds: float) -> str:
    """Say how long ago something was, in whole minutes, hours or days."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if (count := int(seconds // length)) > 0:
            return f"{count:,} {unit}{'' if count == 1 else 's'} ago"
    return "less than a minute ago"


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)
