"""Saved probes as a study without scores: enough to read puzzles with them, of their own model or of another checkpoint."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from probes.linear.apply import SavedProbe
from probes.linear.files import ProbeFileError
from probes.linear.target_groups import families_of
from trm.tasks.base import Task


def study_of(probes: Sequence[SavedProbe], task: Task) -> dict[str, Any]:
    """As `Study.summary` writes it, with no findings. A family has the members that every state has a probe of.

    Raises ProbeFileError where there are none, two are the same, they are of several models or moments, or of another task.
    """
    if not probes:
        raise ProbeFileError("No probe was given. Give files of `probes fit --save`.")
    first, seen = probes[0], set()
    for probe in probes:
        if probe.about.get("task") != task.name:
            raise ProbeFileError(
                f"The probe {probe.target} is one of {probe.about.get('task')}, this model solves {task.name}. "
                "Choose a model of that task."
            )
        if (probe.about.get("fingerprint"), probe.moments) != (first.about.get("fingerprint"), first.moments):
            raise ProbeFileError(
                f"The probes {first.target} and {probe.target} are of other weights or other moments. Open those of one study."
            )
        if (probe.target, probe.state) in seen:
            raise ProbeFileError(f"The probe {probe.target} of {probe.state} is there twice. Leave one out.")
        seen.add((probe.target, probe.state))
    states = [state for state in ("z", "y") if any(of == state for _, of in seen)]
    families = []
    for family in families_of(task):
        members = tuple(
            member for member in family.members if all((member.name, state) in seen for state in states)
        )
        if members:
            families.append(replace(family, members=members))
    if not families:
        raise ProbeFileError(
            "No target has a probe of every state that is there. Open both files of a target, or those of one state."
        )
    return {
        "about": {
            "model": first.about.get("model", "unknown"),
            "fingerprint": first.about.get("fingerprint", ""),
            "task": task.name,
            "grid": [task.rows, task.columns],
        },
        "settings": {"states": states},
        "moments": [asdict(at) for at in first.moments],
        "targets": [family.facts() for family in families],
        "findings": [],
    }
