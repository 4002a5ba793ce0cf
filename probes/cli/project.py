"""`python -m probes project`: where the states of many puzzles go, on a map of two or three axes.

Runs a model over a puzzle set (or reads a trace store) and writes what the Latents page draws: a scene (.safetensors), or every
point with its coordinates (.parquet). `--compare-with` puts a second model's states of the same puzzles on the same map, turned onto
the first's. `--record` does so for the page's own recordings.
"""

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.cli.shared import model_with_puzzles, names_to_record
from probes.latents.procrustes import CALLS
from probes.latents.settings import PAIRS, RECORDED, SETS, Projecting, joint_name, scene_of
from probes.latents.umap import UMAPSettings
from trm.cli.options import DATA_HELP, MODEL_HELP, accept_option
from trm.errors import UserError
from trm.progress import ProgressLine
from trm.terminal import log

if TYPE_CHECKING:
    pass

ENDINGS = (".safetensors", ".parquet")


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
    command.add_argument(
        "--compare-with",
        help="a second model: both on one map, its states turned onto the first's (Procrustes)",
    )
    command.add_argument("--state", default="z", choices=("z", "y"), help="which state (usual: z)")
    command.add_argument(
        "--calls",
        help="after which calls, as for `trm trace` (usual: f_H, each answer; of two models last, which is matched)",
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
        help=f"instead: record what the Latents page opens with, of {' and '.join(SETS)} or the one of --model (and --compare-with)",
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
    accept_option(command)
    command.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    """What was asked for; returns what is printed. Raises UserError."""
    if options.findings:
        from probes.reports.latents import write_findings

        return write_findings(options.findings, RECORDED)
    if options.record:
        return _recorded(options.model, options.compare_with)
    if options.out is None or options.out.suffix not in ENDINGS:
        raise UserError("Give --out a file that ends in .parquet (points) or .safetensors (a scene).")
    wanted = [f"--{name}" for name in ("model", "data") if not getattr(options, name)]
    if bool(options.store) != (len(wanted) == 2) or len(wanted) == 1:
        raise UserError("Give --model and --data, or --store alone.")
    if options.compare_with and (options.store or options.calls not in (None, CALLS)):
        raise UserError(
            f"Two models are matched by the last call of each supervision step. Give --model and --data, and no --calls but {CALLS}."
        )
    asked = Projecting(
        options.model or "",  # of a store neither is asked for
        options.data or "",
        options.limit,
        options.state,
        options.calls or (CALLS if options.compare_with else "f_H"),
        options.position,
        UMAPSettings(options.axes, options.neighbours, options.min_dist, seed=options.seed)
        if options.umap
        else None,
        options.compare_with or "",
    )
    if options.store:
        from probes.latents.trajectories import read_trajectories
        from trm.store import open_store

        return _written(
            read_trajectories(open_store(options.store), position=asked.position), asked, options.out
        )
    trajectories = trajectories_of(asked, accept_unknown=options.accept_unknown)
    return _written(trajectories, asked, options.out, accept_unknown=options.accept_unknown)


def _recorded(model: str | None, compare_with: str | None) -> dict[str, Any]:
    """Record all, or what is named. Raises UserError where that is not one of them."""
    if compare_with is None:
        found = {name: record(name) for name in names_to_record(model, SETS)}
        return found | ({} if model else {joint_name(*pair): record(*pair) for pair in PAIRS})
    if (model, compare_with) not in PAIRS:
        known = ", ".join(f"--model {one} --compare-with {other}" for one, other in PAIRS)
        of = " against ".join(name for name in (model, compare_with) if name)
        raise UserError(f"Nothing is recorded of {of}. Of two on one map recorded are: {known}.")
    return {joint_name(model, compare_with): record(model, compare_with)}


def record(name: str, compare_with: str = "") -> dict[str, Any]:
    """Make what the page opens with of a bundled model, or of two on one map."""
    asked = Projecting(name, SETS[name], umap=UMAPSettings(), compare_with=compare_with)
    if compare_with:
        asked = replace(asked, calls=CALLS)
    out = RECORDED / f"{joint_name(name, compare_with) if compare_with else name}.safetensors"
    return _written(trajectories_of(asked), asked, out)


def trajectories_of(asked: Projecting, *, accept_unknown: bool = False) -> "Trajectories":
    """Run the (first) model over its puzzles. Raises UserError."""
    from probes.latents.trajectories import record_trajectories

    model, _, puzzles = model_with_puzzles(
        asked.model, asked.data, spread=asked.limit, accept_unknown=accept_unknown
    )
    with ProgressLine("puzzles run") as running:
        return record_trajectories(
            model,
            puzzles,
            limit=asked.limit,
            calls=asked.calls,
            position=asked.position,
            progress=running.count,
        )


def _written(
    trajectories: "Trajectories", asked: Projecting, out: Path, *, accept_unknown: bool = False
) -> dict[str, Any]:
    from probes.latents.files import save_scene, summary, write_parquet

    other = replace(asked, model=asked.compare_with, compare_with="")
    second = trajectories_of(other, accept_unknown=accept_unknown) if asked.compare_with else None
    with ProgressLine("% projected", 100) as projecting:
        scene = scene_of(
            trajectories, asked, lambda share, words: projecting.count(round(100 * share)), second=second
        )
    (write_parquet if out.suffix == ".parquet" else save_scene)(out, scene)
    log(f"{scene.puzzle_count} puzzles at {len(scene.calls)} calls: {out}")
    return {"out": str(out), "bytes": out.stat().st_size} | summary(scene)
