"""`python -m probes project`: where the states of many puzzles go, on a map of two or three axes.

Runs a model over a puzzle set (or reads a trace store) and writes what the Latents page draws: a scene (.safetensors), or every
point with its coordinates (.parquet). `--record` does so for the page's own recordings.
"""

import shlex
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.command_parts import model_with_puzzles, names_to_record
from probes.projection import UMAPSettings
from trm.cli import DATA_HELP, MODEL_HELP
from trm.errors import UserError
from trm.registry import ASSETS
from trm.terminal import Progress, tell

if TYPE_CHECKING:
    from probes.walks import Walks

RECORDED = ASSETS / "recorded" / "latents"
SETS = {"sudoku-trm": "sudoku/test", "maze-trm": "maze/test"}
"""What the page opens with: bundled model -> its puzzles."""
LIMIT = 64  # puzzles recorded
ENDINGS = (".safetensors", ".parquet")


@dataclass(frozen=True)
class Projecting:
    """What is projected and how; the same on the command line and on the page."""

    model: str
    data: str
    limit: int | None = LIMIT
    state: str = "z"
    calls: str = "f_H"
    position: str = "mean"
    umap: UMAPSettings | None = None

    @property
    def command(self) -> str:
        """That makes it again."""
        words = ["--model", self.model, "--data", self.data]
        words += [] if self.limit is None else ["--limit", str(self.limit)]
        words += ["--state", self.state, "--calls", self.calls, "--position", self.position]
        if self.umap is not None:
            words += [
                "--umap",
                "--axes",
                str(self.umap.dimensions),
                "--neighbours",
                str(self.umap.neighbours),
            ]
            words += ["--min-dist", f"{self.umap.min_dist:g}", "--seed", str(self.umap.seed)]
        return f"python -m probes project {shlex.join(words)} --out points.parquet"


def add(adder: Any) -> None:
    command = adder.add_parser(
        "project",
        help="put the states of many puzzles on a map (PCA, UMAP)",
        description=__doc__.partition("\n")[2],
    )
    command.add_argument("--model", help=MODEL_HELP)
    command.add_argument("--data", help=DATA_HELP)
    command.add_argument("--limit", type=int, help="take this many puzzles, evenly spread over the set")
    command.add_argument("--store", type=Path, help="instead of both: a store made by `trm trace`")
    command.add_argument("--state", default="z", choices=("z", "y"), help="which state (usual: z)")
    command.add_argument(
        "--calls", default="f_H", help="after which calls, as for `trm trace` (usual: f_H, each answer)"
    )
    command.add_argument(
        "--position", default="mean", help="mean over all cells (usual), or one cell such as r5c5"
    )
    command.add_argument(
        "--out", type=Path, help="file to write: .parquet (points) or .safetensors (a scene)"
    )
    command.add_argument(
        "--record",
        action="store_true",
        help=f"instead: record what the Latents page opens with, of {' and '.join(SETS)} or the one of --model",
    )
    command.add_argument(
        "--findings", type=Path, help="instead: write what is recorded into this document, between its marks"
    )
    usual = UMAPSettings()
    umap = command.add_argument_group("UMAP", "beside PCA, which is always there")
    umap.add_argument("--umap", action="store_true", help="also fit a UMAP")
    umap.add_argument("--axes", type=int, default=usual.dimensions, help="2 (usual) or 3")
    umap.add_argument("--neighbours", type=int, default=usual.neighbours, help="of a point (usual: 15)")
    umap.add_argument("--min-dist", type=float, default=usual.min_dist, help="0 to 1 (usual: 0.1)")
    umap.add_argument("--seed", type=int, default=usual.seed)
    command.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    """What was asked for; returns what is printed. Raises UserError."""
    if options.findings:
        from probes.scene_findings import write_findings

        return write_findings(options.findings, RECORDED)
    if options.record:
        return {name: record(name) for name in names_to_record(options.model, SETS)}
    if options.out is None or options.out.suffix not in ENDINGS:
        raise UserError("Give --out a file that ends in .parquet (points) or .safetensors (a scene).")
    wanted = [f"--{name}" for name in ("model", "data") if not getattr(options, name)]
    if bool(options.store) != (len(wanted) == 2) or len(wanted) == 1:
        raise UserError("Give --model and --data, or --store alone.")
    asked = Projecting(
        options.model or "",  # of a store neither is asked for
        options.data or "",
        options.limit,
        options.state,
        options.calls,
        options.position,
        UMAPSettings(options.axes, options.neighbours, options.min_dist, seed=options.seed)
        if options.umap
        else None,
    )
    if options.store:
        from probes.walks import read_walks
        from trm.store import open_store

        return _written(read_walks(open_store(options.store), position=asked.position), asked, options.out)
    return _written(walks_of(asked), asked, options.out)


def record(name: str) -> dict[str, Any]:
    """Make what the page opens with of a bundled model."""
    return _written(
        walks_of(asked := Projecting(name, SETS[name], umap=UMAPSettings())),
        asked,
        RECORDED / f"{name}.safetensors",
    )


def walks_of(asked: Projecting) -> "Walks":
    """Run the model over its puzzles. Raises UserError."""
    from probes.walks import record_walks

    model, _, puzzles = model_with_puzzles(asked.model, asked.data)
    with Progress("puzzles run") as running:
        return record_walks(
            model,
            puzzles,
            limit=asked.limit,
            calls=asked.calls,
            position=asked.position,
            progress=running.count,
        )


def _written(walks: "Walks", asked: Projecting, out: Path) -> dict[str, Any]:
    from probes.scene_files import save_scene, summary, write_parquet
    from probes.scene_making import make_scene

    command = (
        asked.command if asked.model else f"python -m probes project --store STORE --state {asked.state}"
    )
    with Progress("% projected", 100) as projecting:
        scene, _ = make_scene(
            walks,
            state=asked.state,
            calls=asked.calls,
            command=command,
            umap=asked.umap,
            tell=lambda share, words: projecting.count(round(100 * share)),
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    (write_parquet if out.suffix == ".parquet" else save_scene)(out, scene)
    tell(f"{len(scene)} puzzles at {len(scene.calls)} calls: {out}")
    return {"out": str(out), "bytes": out.stat().st_size} | summary(scene)
