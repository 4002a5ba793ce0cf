"""`python -m probes project`: project the trajectories of the states of many puzzles to two or three dimensions.

Runs a model over a puzzle set (or reads a trace store) and writes the projection of the Latents page (.safetensors), or every
point with its coordinates (.parquet). `--compare-with` projects a second model's states of the same puzzles too, aligned to
the first model's by Procrustes. `--record` makes the page's own recordings.
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
    from probes.latents.trajectories import Trajectories

ENDINGS = (".safetensors", ".parquet")


def add(adder: Any) -> None:
    """Add the command."""
    command = adder.add_parser(
        "project",
        help="project the states of many puzzles to 2 or 3 dimensions (PCA, UMAP)",
        description=__doc__.partition("\n")[2],
    )
    command.add_argument("--model", help=MODEL_HELP)
    command.add_argument("--data", help=DATA_HELP)
    command.add_argument("--limit", type=int, help="number of puzzles, evenly spread over the set")
    command.add_argument(
        "--store", type=Path, help="instead of --model and --data: a store written by `trm trace`"
    )
    command.add_argument(
        "--compare-with",
        help="a second model, projected together with the first after Procrustes alignment",
    )
    command.add_argument("--state", default="z", choices=("z", "y"), help="state to project (default: z)")
    command.add_argument(
        "--calls",
        help="calls after which states are recorded, as for `trm trace` (default: f_H; with --compare-with: last)",
    )
    command.add_argument(
        "--position", default="mean", help="mean over all cells (default), or one cell such as r5c5"
    )
    command.add_argument(
        "--out", type=Path, help="file to write: .parquet (points) or .safetensors (projection)"
    )
    command.add_argument(
        "--record",
        action="store_true",
        help=f"instead: record the projections that the Latents page opens with, for {' and '.join(SETS)}, or for --model (and --compare-with)",
    )
    command.add_argument(
        "--findings",
        type=Path,
        help="instead: write the recorded results into this document, between its marks",
    )
    usual = UMAPSettings()
    umap = command.add_argument_group("UMAP", "in addition to PCA, which is always computed")
    umap.add_argument("--umap", action="store_true", help="also compute UMAP")
    umap.add_argument("--axes", type=int, default=usual.dimensions, help="dimensions: 2 (default) or 3")
    umap.add_argument(
        "--neighbours",
        type=int,
        default=usual.neighbours,
        help="number of neighbours, n_neighbors (default: 15)",
    )
    umap.add_argument(
        "--min-dist", type=float, default=usual.min_dist, help="min_dist, 0 to 1 (default: 0.1)"
    )
    umap.add_argument("--seed", type=int, default=usual.seed, help="seed of UMAP")
    accept_option(command)
    command.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    """Run the command; returns what is printed. Raises UserError."""
    if options.findings:
        from probes.reports.latents import write_findings

        return write_findings(options.findings, RECORDED)
    if options.record:
        return _recorded(options.model, options.compare_with)
    if options.out is None or options.out.suffix not in ENDINGS:
        raise UserError("Give --out a file that ends in .parquet (points) or .safetensors (projection).")
    given = [f"--{name}" for name in ("model", "data") if not getattr(options, name)]
    if bool(options.store) != (len(given) == 2) or len(given) == 1:
        raise UserError("Give --model and --data, or --store alone.")
    if options.compare_with and (options.store or options.calls not in (None, CALLS)):
        raise UserError(
            f"Two models are compared at the last call of each supervision step. Give --model and --data, and no --calls other than {CALLS}."
        )
    settings = Projecting(
        options.model or "",  # neither is needed with --store
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
            read_trajectories(open_store(options.store), position=settings.position), settings, options.out
        )
    trajectories = trajectories_of(settings, accept_unknown=options.accept_unknown)
    return _written(trajectories, settings, options.out, accept_unknown=options.accept_unknown)


def _recorded(model: str | None, compare_with: str | None) -> dict[str, Any]:
    """Record all projections, or the one of these models. Raises UserError if there is no such recording."""
    if compare_with is None:
        recorded = {name: record(name) for name in names_to_record(model, SETS)}
        return recorded | ({} if model else {joint_name(*pair): record(*pair) for pair in PAIRS})
    if (model, compare_with) not in PAIRS:
        pairs = ", ".join(f"--model {one} --compare-with {other}" for one, other in PAIRS)
        pair = " and ".join(name for name in (model, compare_with) if name)
        raise UserError(f"There is no joint recording of {pair}. Choose from: {pairs}.")
    return {joint_name(model, compare_with): record(model, compare_with)}


def record(name: str, compare_with: str = "") -> dict[str, Any]:
    """Record the projection that the page opens with, of a bundled model or of two models together."""
    settings = Projecting(name, SETS[name], umap=UMAPSettings(), compare_with=compare_with)
    if compare_with:
        settings = replace(settings, calls=CALLS)
    out = RECORDED / f"{joint_name(name, compare_with) if compare_with else name}.safetensors"
    return _written(trajectories_of(settings), settings, out)


def trajectories_of(settings: Projecting, *, accept_unknown: bool = False) -> "Trajectories":
    """Run the first model over the puzzles. Raises UserError."""
    from probes.latents.trajectories import record_trajectories

    model, _, puzzles = model_with_puzzles(
        settings.model, settings.data, spread=settings.limit, accept_unknown=accept_unknown
    )
    with ProgressLine("puzzles run") as running:
        return record_trajectories(
            model,
            puzzles,
            limit=settings.limit,
            calls=settings.calls,
            position=settings.position,
            progress=running.count,
        )


def _written(
    trajectories: "Trajectories", settings: Projecting, out: Path, *, accept_unknown: bool = False
) -> dict[str, Any]:
    from probes.latents.files import save_scene, summary, write_parquet

    other = replace(settings, model=settings.compare_with, compare_with="")
    second = trajectories_of(other, accept_unknown=accept_unknown) if settings.compare_with else None
    with ProgressLine("% projected", 100) as projecting:
        scene = scene_of(
            trajectories, settings, lambda share, words: projecting.count(round(100 * share)), second=second
        )
    (write_parquet if out.suffix == ".parquet" else save_scene)(out, scene)
    log(f"{scene.puzzle_count} puzzles at {len(scene.calls)} calls: {out}")
    return {"out": str(out), "bytes": out.stat().st_size} | summary(scene)
