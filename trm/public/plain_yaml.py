"""Yaml that strangers wrote: plain values only, in bounded memory.

Anchors may be repeated (`yaml.dump` writes them where a list occurs twice), which costs nothing as all repetitions
are one object. Merging (`<<`) copies instead, so a few lines of it can grow without end; no public code writes it.
"""

from pathlib import Path
from typing import Any

import yaml

from trm.errors import CheckpointError

LARGEST_YAML = 1 << 16  # bytes; a public configuration has about two thousand, and each may cost a kilobyte
MOST_BRACKETS = 1000  # reading brackets within brackets takes time that grows with the square of their number


class _PlainLoader(yaml.SafeLoader):
    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(problem="merge keys are not read")


def read_yaml(path: Path) -> Any:
    """The values in a yaml file. Raises CheckpointError when it is too large, cannot be read, or is not plain yaml."""
    try:
        if path.stat().st_size > LARGEST_YAML:
            raise CheckpointError(
                f"{path} is larger than {LARGEST_YAML >> 10} KiB, which no configuration is."
            )
        text = path.read_text("utf-8")
        if text.count("[") + text.count("{") > MOST_BRACKETS:
            raise yaml.YAMLError("too deep or too long")
        return yaml.load(text, _PlainLoader)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    # Dates and numbers that are none (2001-99-99) reach us as whatever their parsers raise.
    except (yaml.YAMLError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError):
        raise CheckpointError(
            f"{path} is not plain yaml (tags that make objects and merge keys are refused)."
        ) from None
