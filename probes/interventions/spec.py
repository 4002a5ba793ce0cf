"""Interventions on the states of a run, stored as data and written as text. `probes.interventions.hooks` applies them.

    zero y before 3.1.1                         sets y to 0 before the first call of step 3
    noise z after 1.1.6 size 1 seed 0           adds noise; size is relative to the norm of each position's vector
    set y before 5 to initial                   sets y to the initial state; `to` also accepts a number or D numbers
    freeze z at 4-                              holds z at its value from before step 4
    swap after 3.3.7                            exchanges y and z
    patch z after 3.3.6 from 2.3.6              copies z from after another call of the clean run
    patch z before 1.1.1 from 16.3.7 of 53..7   copies z from a clean run on another puzzle
    patch y after 3.3.7 in r1c1 from 3.3.7 by r2c2   copies y from another cell
    patch z after 3.3.7+ size 0.5 from same of 53..7    moves z halfway to that of the same call on another puzzle
    steer y after 3.3.7 in r5c5 along head:7 size 0.5   adds a direction to y
    steer z after 3.3.7 along recorded:solution:4:7     adds the direction of class 7 of a recorded probe of z
    answer before 5.1.1 is 534678912...         writes an answer into y, encoded as in the clean run
    skip 3.2.*                                  skips these calls
    depth from 5 n 2 T 1                        changes the depth from step 5 onwards; N_sup sets the number of steps

Write one intervention per line, or separate them by semicolons. `probes.interventions.sites` describes the sites.
Positions are written as in the trace store: all (the default), cells, prefix, or cells such as r1c1,r5c5. Spaces, % and
; in a value are percent-encoded (%20, %25, %3B).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import quote, unquote

from probes.interventions.sites import InterventionError, Site

MAX_SIZE = 1e6
MAX_INTERVENTIONS = 64  # interventions in one run
SAFE_CHARACTERS = ",:.*-+_#/|=@!()[]"  # not percent-encoded in values


@dataclass(frozen=True)
class Operation:
    """Description of an operation and of the fields that it uses."""

    description: str
    required: tuple[str, ...] = ()  # fields that must be given
    optional: tuple[str, ...] = ()  # fields that may be given
    has_state: bool = True  # acts on y, z or both, and the text must name the state
    before_or_after: bool = True  # acts before or after a call; if False, over all calls of the site


OPERATIONS = {
    "zero": Operation("set to 0", optional=("positions",)),
    "set": Operation("set to a given vector", required=("value",), optional=("positions",)),
    "noise": Operation(
        "add noise; `size` is relative to the state norm", optional=("positions", "size", "seed")
    ),
    "freeze": Operation("hold the previous value", optional=("positions",), before_or_after=False),
    "swap": Operation("exchange y and z", optional=("positions",), has_state=False),
    "patch": Operation(
        "copy the state from after another call; with `size`, go this share of the way to it",
        required=("source",),
        optional=("positions", "puzzle", "source_positions", "size"),
    ),
    "steer": Operation(
        "add a direction; `size` is relative to the state norm",
        required=("direction",),
        optional=("positions", "size"),
    ),
    "answer": Operation(
        "write an answer into y, in the run's own code", required=("answer",), optional=("positions",), has_state=False
    ),
    "skip": Operation("skip these calls", has_state=False, before_or_after=False),
    "depth": Operation(
        "change the depth from a step onwards", optional=("n", "T", "N_sup"), has_state=False, before_or_after=False
    ),
}  # fmt: skip

# Keyword before a value -> the field that it sets.
KEYWORDS = {
    "in": "positions", "along": "direction", "size": "size", "seed": "seed", "to": "value", "from": "source",
    "of": "puzzle", "by": "source_positions", "is": "answer", "n": "n", "T": "T", "N_sup": "N_sup",
}  # fmt: skip
KEYWORD_OF = {field: word for word, field in KEYWORDS.items()}


@dataclass(frozen=True)
class Intervention:
    """An operation on y, z or both at a site. `OPERATIONS` lists the fields that each operation uses.

    Raises InterventionError if a field is missing, invalid or not used by the operation.
    """

    operation: str
    site: Site
    state: str = ""  # y, z, or yz for both
    before: bool = False  # act on the state that the call reads; if False, on the state after the call
    positions: str = ""  # "" selects all positions; for an answer, all cells
    size: float = (
        1.0  # size of the change, relative to the norm of each position's vector; a patch: to its distance
    )
    seed: int = 0
    value: str = ""  # a number, D numbers separated by commas, or "initial"
    source: str = (
        ""  # the call after which the patched state is read; "same": the call at which it is patched
    )
    puzzle: str = ""  # the puzzle on which the source run is made; "": the puzzle of the run itself
    source_positions: str = ""  # the positions from which a patch is copied; "": the patched positions
    direction: str = ""  # as in `probes.interventions.steering`
    answer: str = ""
    n: int | None = None
    T: int | None = None
    N_sup: int | None = None

    def __post_init__(self) -> None:
        operation_type = OPERATIONS.get(self.operation)
        if operation_type is None:
            raise InterventionError(
                f"There is no operation {self.operation!r}. Choose one of: {', '.join(OPERATIONS)}."
            )
        if operation_type.has_state:
            _check_state(self.operation, self.state)
        for name in operation_type.required:
            if not getattr(self, name):
                raise InterventionError(f"{self.operation} needs {KEYWORD_OF[name]!r} and a value after it.")
        for field in fields(self):
            given = getattr(self, field.name) != field.default
            if (
                field.name in KEYWORD_OF
                and given
                and field.name not in operation_type.required + operation_type.optional
            ):
                raise InterventionError(f"{self.operation} does not accept {KEYWORD_OF[field.name]!r}.")
        if not -MAX_SIZE <= self.size <= MAX_SIZE:
            raise InterventionError(
                f"A size of {self.size:g} is too large or not a number. Choose one near 1."
            )
        if self.operation == "depth":
            self._check_depth()

    def _check_depth(self) -> None:
        given = [number for number in (self.n, self.T, self.N_sup) if number is not None]
        if not given or min(given) < 1 or max(given) > 1000:
            raise InterventionError(
                "depth needs n, T or N_sup, from 1 to 1000, such as: depth from 5 n 2 T 1."
            )
        if (self.site.cycles, self.site.calls) != ((1, None), (1, None)) or self.site.steps[1] is not None:
            raise InterventionError(
                "depth changes at the beginning of a step and stays, such as: depth from 5 n 2."
            )

    def __str__(self) -> str:
        operation_type = OPERATIONS[self.operation]
        words = [self.operation, *([self.state] if operation_type.has_state else [])]
        if self.operation == "depth":
            words += ["from", str(self.site.steps[0])]
        else:
            time_point = ("before" if self.before else "after") if operation_type.before_or_after else "at"
            words += [time_point, str(self.site)]
        for word, name in KEYWORDS.items():
            value = getattr(self, name)
            is_printed = name in operation_type.required or (
                name in operation_type.optional and value != _default(name)
            )
            if is_printed and value is not None:
                text = f"{value:g}" if isinstance(value, float) else str(value)
                words += [word, quote(text, safe=SAFE_CHARACTERS)]
        return " ".join(words)

    @classmethod
    def parse(cls, text: str) -> "Intervention":
        """Parse one intervention. Raises InterventionError with a message that names the invalid part."""
        words = text.split()
        if not words:
            raise InterventionError("The intervention is empty. Write one such as: zero y before 3.1.1.")
        operation, *rest = words
        operation_type = OPERATIONS.get(operation)
        values: dict[str, Any] = {"operation": operation}
        if operation_type is None:
            return cls(operation, Site())  # raises
        if operation_type.has_state:
            values["state"] = rest.pop(0) if rest else ""
            _check_state(operation, values["state"])
        prepositions = _prepositions(operation)
        in_words = " or ".join(map(repr, prepositions))
        if not rest:
            raise InterventionError(f"{text!r} has no site. Add {in_words} and a call such as 3.1.1.")
        has_preposition = rest[0] in prepositions
        if not has_preposition and (operation_type.before_or_after or rest[0].isalpha()):
            raise InterventionError(f"{text!r}: write {in_words} instead of {rest[0]!r}.")
        if has_preposition:
            values["before"] = rest.pop(0) == "before"
        if not rest:
            raise InterventionError(f"{text!r} has no site. Add a call such as 3.1.1.")
        values["site"] = _sites_from(rest.pop(0)) if operation == "depth" else Site.parse(rest.pop(0))
        return cls(**values | dict(_keyword_values(rest)))


def parse_all(text: str) -> tuple[Intervention, ...]:
    """Parse interventions separated by semicolons or newlines. An empty text gives (). Raises InterventionError."""
    lines = [line for line in re.split(r"[;\n]", text) if line.strip()]
    if len(lines) > MAX_INTERVENTIONS:
        raise InterventionError(f"{len(lines)} interventions are too many. The limit is {MAX_INTERVENTIONS}.")
    return tuple(Intervention.parse(line) for line in lines)


def as_text(interventions: Iterable[Intervention]) -> str:
    """Join interventions into one line of text that `parse_all` can parse."""
    return "; ".join(map(str, interventions))


def _keyword_values(words: list[str]) -> Iterable[tuple[str, Any]]:
    """Yield the field and the value of each keyword after the site. Raises InterventionError."""
    for position in range(0, len(words), 2):
        word = words[position]
        name = KEYWORDS.get(word)
        if name is None:
            raise InterventionError(
                f"{word!r} is not a keyword of an intervention. Choose one of: {', '.join(KEYWORDS)}."
            )
        if position + 1 == len(words):
            raise InterventionError(f"There is no value after {word!r}.")
        text = unquote(words[position + 1])
        kind = {"size": float, "seed": int, "n": int, "T": int, "N_sup": int}.get(name, str)
        try:
            yield name, kind(text)
        except ValueError:
            raise InterventionError(f"{word} must be a number, not {text[:40]!r}.") from None


def _check_state(operation: str, state: str) -> None:
    if state not in ("y", "z", "yz"):
        raise InterventionError(f"Name the state to {operation}: y, z, or yz for both.")


def _sites_from(text: str) -> Site:
    if not text.isdecimal() or not 1 <= int(text) <= 99999:
        raise InterventionError(
            f"{text[:40]!r} is not a supervision step. Write one such as: depth from 5 n 2."
        )
    return Site(steps=(int(text), None))


def _prepositions(operation: str) -> tuple[str, ...]:
    if operation == "depth":
        return ("from",)
    return ("before", "after") if OPERATIONS[operation].before_or_after else ("at",)


def _default(name: str) -> Any:
    return next(field.default for field in fields(Intervention) if field.name == name)
