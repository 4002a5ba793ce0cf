"""Interventions: what is done to the states of a run, as plain data. `probes.interventions.hooks` carries them out.

    zero y before 3.1.1                         what the first call of step 3 reads as y
    noise z after 1.1.6 size 1 seed 0           in units of the state's own norm, position by position
    set y before 5 to initial                   or to a number, or to D numbers with commas between
    freeze z at 4-                              keeps the value that it had before step 4
    swap after 3.3.7                            y becomes z and z becomes y
    patch z after 3.3.6 from 2.3.6              the state after another call of this run
    patch z before 1.1.1 from 16.3.7 of 53..7   or of a run on another puzzle
    patch y after 3.3.7 in r1c1 from 3.3.7 by r2c2   from another cell
    move y after 3.3.7 in r5c5 along head:7 size 0.5
    answer before 5.1.1 is 534678912...         y becomes this answer, in the run's own code
    skip 3.2.*                                  these calls are not made
    depth from 5 n 2 T 1                        from step 5 on; N_sup how many steps in all

One is a line of words; several stand with semicolons between. Where: `probes.interventions.sites`. Positions are written as the trace
store writes them: all (usual), cells, prefix, or cells such as r1c1,r5c5. Spaces, % and ; in a value are written as in an
address (%20, %25, %3B).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import quote, unquote

from probes.interventions.sites import InterventionError, Site

MAX_SIZE = 1e6
MAX_INTERVENTIONS = 64  # interventions in one run
SAFE_CHARACTERS = ",:.*-+_#/|=@!()[]"  # characters of values that stand as they are


@dataclass(frozen=True)
class Operation:
    """What an operation needs, and what it does in words."""

    does: str
    needs: tuple[str, ...] = ()  # fields that have to be given
    takes: tuple[str, ...] = ()  # and that may be
    states: bool = True  # acts on y or z, which has to be said
    time_point: bool = True  # before or after a call; else over a span of calls


OPERATIONS = {
    "zero": Operation("becomes 0", takes=("positions",)),
    "set": Operation("becomes a given vector", needs=("value",), takes=("positions",)),
    "noise": Operation(
        "gets noise as large as `size` times itself", takes=("positions", "size", "seed")
    ),
    "freeze": Operation("stays as it was before", takes=("positions",), time_point=False),
    "swap": Operation("y and z change places", takes=("positions",), states=False),
    "patch": Operation(
        "becomes the state after another call",
        needs=("source",),
        takes=("positions", "puzzle", "source_positions"),
    ),
    "move": Operation(
        "moves along a direction by `size` times its norm",
        needs=("direction",),
        takes=("positions", "size"),
    ),
    "answer": Operation(
        "y becomes an answer, in the run's own code", needs=("answer",), takes=("positions",), states=False
    ),
    "skip": Operation("these calls are not made", states=False, time_point=False),
    "depth": Operation(
        "another depth from a step on", takes=("n", "T", "N_sup"), states=False, time_point=False
    ),
}  # fmt: skip

# Words before a value, and the field that it is of.
KEYWORDS = {
    "in": "positions", "along": "direction", "size": "size", "seed": "seed", "to": "value", "from": "source",
    "of": "puzzle", "by": "source_positions", "is": "answer", "n": "n", "T": "T", "N_sup": "N_sup",
}  # fmt: skip
KEYWORD_OF = {field: word for word, field in KEYWORDS.items()}


@dataclass(frozen=True)
class Intervention:
    """One operation on one state at a place. Which fields mean something depends on the operation."""

    operation: str
    site: Site
    state: str = ""  # y, z, or yz for both
    before: bool = False  # what the call reads; else what it left
    positions: str = ""  # "": all of them; of an answer: the cells
    size: float = 1.0  # in units of the norm of each position's own vector
    seed: int = 0
    value: str = ""  # a number, D numbers with commas between, or "initial"
    source: str = ""  # the call that a patch is from
    puzzle: str = ""  # the puzzle of that run; "": the same
    source_positions: str = ""  # "": the same ones
    direction: str = ""  # head:7, embedding:7, probe:FILE:moment:class, or D numbers with commas between
    answer: str = ""
    n: int | None = None
    T: int | None = None
    N_sup: int | None = None

    def __post_init__(self) -> None:
        kind = OPERATIONS.get(self.operation)
        if kind is None:
            raise InterventionError(
                f"There is no operation {self.operation!r}. Choose one of: {', '.join(OPERATIONS)}."
            )
        if kind.states:
            _check_state(self.operation, self.state)
        for name in kind.needs:
            if not getattr(self, name):
                raise InterventionError(f"{self.operation} needs {KEYWORD_OF[name]!r} and a value after it.")
        for field in fields(self):
            given = getattr(self, field.name) != field.default
            if field.name in KEYWORD_OF and given and field.name not in kind.needs + kind.takes:
                raise InterventionError(f"{self.operation} takes no {KEYWORD_OF[field.name]!r}.")
        if not -MAX_SIZE <= self.size <= MAX_SIZE:
            raise InterventionError(f"A size of {self.size:g} is too large, or no number. Take one near 1.")
        if self.operation == "depth":
            self._check_depth()

    def _check_depth(self) -> None:
        given = [number for number in (self.n, self.T, self.N_sup) if number is not None]
        if not given or min(given) < 1 or max(given) > 1000:
            raise InterventionError(
                "depth needs n, T or N_sup, from 1 to 1000, such as: depth from 5 n 2 T 1."
            )
        if (self.site.cycles, self.site.calls) != ((1, None), (1, None)) or self.site.steps[1] is not None:
            raise InterventionError("depth changes at the beginning of a step and stays: depth from 5 n 2.")

    def __str__(self) -> str:
        kind = OPERATIONS[self.operation]
        words = [self.operation, *([self.state] if kind.states else [])]
        if self.operation == "depth":
            words += ["from", str(self.site.steps[0])]
        else:
            time_point = ("before" if self.before else "after") if kind.time_point else "at"
            words += [time_point, str(self.site)]
        for word, name in KEYWORDS.items():
            value = getattr(self, name)
            shown = name in kind.needs or (name in kind.takes and value != _default(name))
            if shown and value is not None:
                text = f"{value:g}" if isinstance(value, float) else str(value)
                words += [word, quote(text, safe=SAFE_CHARACTERS)]
        return " ".join(words)

    @classmethod
    def parse(cls, text: str) -> "Intervention":
        """Read one line of words. Raises InterventionError naming the first word that is wrong."""
        words = text.split()
        if not words:
            raise InterventionError("There is no intervention. Write one such as: zero y before 3.1.1.")
        operation, *rest = words
        kind = OPERATIONS.get(operation)
        found: dict[str, Any] = {"operation": operation}
        if kind is None:
            return cls(operation, Site())  # raises
        if kind.states:
            found["state"] = rest.pop(0) if rest else ""
            _check_state(operation, found["state"])
        if not rest:
            raise InterventionError(
                f"{text!r} does not say where. Add {_how(operation)} and a call such as 3.1.1."
            )
        said = rest[0] in ("before", "after", "at", "from")
        if (
            (kind.time_point == (rest[0] in ("at", "from")))
            if said
            else (kind.time_point or rest[0].isalpha())
        ):
            raise InterventionError(f"{text!r}: write {_how(operation)} where {rest[0]!r} stands.")
        if said:
            found["before"] = rest.pop(0) == "before"
        if not rest:
            raise InterventionError(f"{text!r} does not say where. Add a call such as 3.1.1.")
        found["site"] = _from(rest.pop(0)) if operation == "depth" else Site.parse(rest.pop(0))
        return cls(**found | dict(_values(rest)))


def parse_all(text: str) -> tuple[Intervention, ...]:
    """Read several, with semicolons or line ends between; none of an empty text. Raises InterventionError."""
    lines = [line for line in re.split(r"[;\n]", text) if line.strip()]
    if len(lines) > MAX_INTERVENTIONS:
        raise InterventionError(f"{len(lines)} interventions are too many. Give up to {MAX_INTERVENTIONS}.")
    return tuple(Intervention.parse(line) for line in lines)


def written(interventions: Iterable[Intervention]) -> str:
    """As `parse_all` reads them."""
    return "; ".join(map(str, interventions))


def _values(words: list[str]) -> Iterable[tuple[str, Any]]:
    """Fields and their values of what follows the place. Raises InterventionError."""
    for position in range(0, len(words), 2):
        word = words[position]
        name = KEYWORDS.get(word)
        if name is None:
            raise InterventionError(
                f"{word!r} is no word of an intervention. They are: {', '.join(KEYWORDS)}."
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
        raise InterventionError(f"Say what to {operation}: y, z, or yz for both.")


def _from(text: str) -> Site:
    if not text.isdecimal() or not 1 <= int(text) <= 99999:
        raise InterventionError(f"{text[:40]!r} is no supervision step. Write one such as: depth from 5 n 2.")
    return Site(steps=(int(text), None))


def _how(operation: str) -> str:
    if operation == "depth":
        return "'from'"
    return "'before' or 'after'" if OPERATIONS[operation].time_point else "'at'"


def _default(name: str) -> Any:
    return next(field.default for field in fields(Intervention) if field.name == name)
