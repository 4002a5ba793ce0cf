"""The section "Where do solved and unsolved puzzles end?" of a document, from the recorded scenes: every number is generated."""

from pathlib import Path
from typing import Any

from probes.latents.files import load_scene
from probes.latents.projection import Scene
from probes.latents.quality import NEIGHBOURS
from probes.reports.markdown import write_section
from trm.errors import UserError

SECTION = "latents"  # name of its marks


def write_findings(document: Path, folder: Path) -> dict[str, Any]:
    """Write the section into a document. Raises UserError where nothing is recorded, or the document has lost a mark."""
    scenes = {path.stem: load_scene(path) for path in sorted(folder.glob("*.safetensors"))}
    if not scenes:
        raise UserError(f"Nothing is recorded in {folder}. Run `python -m probes project --record` first.")
    write_section(document, SECTION, section(scenes))
    return {"models": list(scenes), "written": str(document)}


def section(scenes: dict[str, Scene]) -> str:
    """The section as Markdown: for each model, or two on one map, the sentences of its page, then what the maps are worth."""
    lines = [
        "## Where do solved and unsolved puzzles end?",
        "",
        "Made by `python -m probes project --record`, then `python -m probes project --findings docs/findings.md`; the page "
        "Latents draws the same. Bands: 95 % of a bootstrap over puzzles.",
    ]
    for name, scene in scenes.items():
        about, models = scene.about, f"**{name}** ({scene.about.fingerprint})"
        if scene.partner:
            other = scene.partner.about
            models = (
                f"**{about.model} and {other.model} on one map** ({about.fingerprint}, {other.fingerprint})"
            )
        lines += [
            "",
            f"{models}, state {about.state}, {scene.puzzle_count} puzzles of `{about.data}` at "
            f"{len(scene.calls)} calls. " + " ".join(scene.finding),
        ]
    return "\n".join([*lines, "", *_table(scenes)])


def _table(scenes: dict[str, Scene]) -> list[str]:
    lines = [
        "Trustworthiness and neighbours kept are judged by one point a run, its last: the points of a run lie together on any "
        "map, which says nothing of the map.",
        "",
        f"| model | map | variance | trustworthiness | kept of {NEIGHBOURS} neighbours (by chance) |",
        "|---|---|---|---|---|",
    ]
    for name, scene in scenes.items():
        name = f"{scene.about.model} and {scene.partner.about.model}" if scene.partner else name
        for found in scene.maps:
            for axes, quality in found.quality.items():
                variance = f"{quality.explained_variance:.1%}" if found.method == "pca" else "-"
                lines.append(
                    f"| {name} | {found.method.upper()}, {axes}-D | {variance} | {quality.trustworthiness:.3f} | "
                    f"{quality.neighbours_kept:.0%} ({quality.neighbours_by_chance:.1%}) |"
                )
    return lines
