"""The section "Where do solved and unsolved puzzles end?" of a document, from the recorded projections: every number is generated."""

from pathlib import Path
from typing import Any

from probes.latents.files import load_projection
from probes.latents.projection import Projection
from probes.latents.quality import NEIGHBOURS
from probes.reports.markdown import write_section
from trm.errors import UserError

SECTION = "latents"  # name of its marks


def write_findings(document: Path, folder: Path) -> dict[str, Any]:
    """Write the section into a document. Raises UserError where nothing is recorded, or the document has lost a mark."""
    projections = {path.stem: load_projection(path) for path in sorted(folder.glob("*.safetensors"))}
    if not projections:
        raise UserError(f"Nothing is recorded in {folder}. Run `python -m probes project --record` first.")
    write_section(document, SECTION, section(projections))
    return {"models": list(projections), "written": str(document)}


def section(projections: dict[str, Projection]) -> str:
    """The section as Markdown: for each model, or two on one map, the sentences of its page, then what the maps are worth."""
    lines = [
        "## Where do solved and unsolved puzzles end?",
        "",
        "Made by `python -m probes project --record`, then `python -m probes project --findings docs/findings.md`; the page "
        "Latents draws the same. Bands: 95 % of a bootstrap over puzzles.",
    ]
    for name, projection in projections.items():
        metadata, models = projection.metadata, f"**{name}** ({projection.metadata.fingerprint})"
        if projection.second_model:
            other = projection.second_model.metadata
            models = f"**{metadata.model} and {other.model} on one map** ({metadata.fingerprint}, {other.fingerprint})"
        lines += [
            "",
            f"{models}, state {metadata.state}, {projection.puzzle_count} puzzles of `{metadata.data}` at "
            f"{len(projection.calls)} calls. " + " ".join(projection.sentences),
        ]
    return "\n".join([*lines, "", *_table(projections)])


def _table(projections: dict[str, Projection]) -> list[str]:
    lines = [
        "Trustworthiness and neighbours kept are judged by one point a run, its last: the points of a run lie together on any "
        "map, which says nothing of the map.",
        "",
        f"| model | map | variance | trustworthiness | kept of {NEIGHBOURS} neighbours (by chance) |",
        "|---|---|---|---|---|",
    ]
    for name, projection in projections.items():
        name = (
            f"{projection.metadata.model} and {projection.second_model.metadata.model}"
            if projection.second_model
            else name
        )
        for found in projection.embeddings:
            for axes, quality in found.quality.items():
                variance = f"{quality.explained_variance:.1%}" if found.method == "pca" else "-"
                lines.append(
                    f"| {name} | {found.method.upper()}, {axes}-D | {variance} | {quality.trustworthiness:.3f} | "
                    f"{quality.neighbours_kept:.0%} ({quality.neighbours_by_chance:.1%}) |"
                )
    return lines
