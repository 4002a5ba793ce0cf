"""Yaml of strangers: plain values, in bounded memory. Tags make nothing, merge keys are refused."""

import codecs
import re
from pathlib import Path
from typing import Any

import yaml

from trm.errors import CheckpointError

MAX_YAML = 1 << 16  # bytes; a public configuration has about two thousand, and each may cost a kilobyte
MAX_BRACKETS = 1000  # reading brackets within brackets takes time that grows with the square of their number
PLAIN = {"str", "unicode", "int", "long", "float", "bool", "none"}  # of python/..., as what they stand for


class Ignored:
    """What stands in the place of an object that a tag would make."""

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
    """The values in a yaml file. Raises CheckpointError when it is too large, cannot be read, or is not plain yaml."""
    try:
        if path.stat().st_size > MAX_YAML:
            raise CheckpointError(f"{path} is larger than {MAX_YAML >> 10} KiB, which no configuration is.")
        content = path.read_bytes()
        wide = content.startswith(
            (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        )  # as `>` of PowerShell writes it
        text = content.decode("utf-16" if wide else "utf-8-sig")
        if text.count("[") + text.count("{") > MAX_BRACKETS:
            raise yaml.YAMLError("too deep or too long")
        return yaml.load(text, _PlainLoader)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CheckpointError(f"{path} is not a text in UTF-8. Save it as UTF-8.") from None
    # Dates and numbers that are none (2001-99-99) reach us as whatever their parsers raise.
    except (yaml.YAMLError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError):
        raise CheckpointError(
            f"{path} is not plain yaml: it is damaged, too deep, or merges keys. Save it again."
        ) from None
