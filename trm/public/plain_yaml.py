"""Read plain values from untrusted yaml in bounded memory. Tags do not create objects, and merge keys are rejected."""

import codecs
import re
from pathlib import Path
from typing import Any

import yaml

from trm.errors import CheckpointError

MAX_YAML = (
    1 << 16
)  # bytes; a public configuration has about 2000, and parsing one byte can take a kilobyte of memory
MAX_BRACKETS = 1000  # parsing time grows with the square of the number of nested brackets
PLAIN = {
    "str",
    "unicode",
    "int",
    "long",
    "float",
    "bool",
    "none",
}  # types whose python/ tags are read as plain values


class Ignored:
    """Placeholder for an object that a yaml tag would create."""

    def __init__(self, tag: str):
        self.tag = tag

    def __repr__(self) -> str:
        return f"<{re.split('[:.!]', self.tag)[-1][:30]}>"


class _PlainLoader(yaml.SafeLoader):
    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(problem="merge keys are not read")

    def tagged(self, suffix: str, node: yaml.Node) -> Any:
        kind = suffix.removeprefix("python/")
        if suffix != kind and kind in ("tuple", "list") and isinstance(node, yaml.SequenceNode):
            return self.construct_sequence(node, deep=True)
        if suffix != kind and kind in PLAIN and isinstance(node, yaml.ScalarNode):
            plain = yaml.ScalarNode("tag:yaml.org,2002:" + {"unicode": "str", "long": "int", "none": "null"}.get(kind, kind),
                                    node.value)  # fmt: skip
            return self.construct_object(plain)
        if suffix != kind and kind.startswith("name:"):
            return kind.removeprefix("name:")
        return Ignored(node.tag)


_PlainLoader.add_multi_constructor("tag:yaml.org,2002:", _PlainLoader.tagged)
_PlainLoader.add_multi_constructor("!", lambda loader, suffix, node: Ignored(node.tag))
_PlainLoader.add_multi_constructor("", lambda loader, suffix, node: Ignored(node.tag))


def read_yaml(path: Path) -> Any:
    """Read the values in a yaml file. Raises CheckpointError if the file is too large, unreadable, or not plain yaml."""
    try:
        if path.stat().st_size > MAX_YAML:
            raise CheckpointError(
                f"{path} is larger than {MAX_YAML >> 10} KiB, too large for a configuration."
            )
        content = path.read_bytes()
        wide = content.startswith(
            (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        )  # PowerShell's `>` writes UTF-16
        text = content.decode("utf-16" if wide else "utf-8-sig")
        if text.count("[") + text.count("{") > MAX_BRACKETS:
            raise yaml.YAMLError("too deep or too long")
        return yaml.load(text, _PlainLoader)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CheckpointError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
    # The parsers raise various exceptions for invalid dates (2001-99-99) and numbers.
    except (yaml.YAMLError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError):
        raise CheckpointError(
            f"{path} is not plain yaml: it is damaged, too deeply nested, or uses merge keys. Save it again."
        ) from None
