"""`python -m probes project`: project the states of many puzzles to two or three dimensions (PCA, UMAP).

Runs a model over a puzzle set, or reads a trace store, and writes what the Latents page draws: a projection (.safetensors), or a table
of all points with their coordinates (.parquet). `--compare-with` adds a second model: its states of the same puzzles are aligned to the
first model's and projected together. `--record` records the projections that come with the app.
"""

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.cli.shared import model_with_puzzles, names_to_record
from probes.latents.procrustes import ALIGNED_CALLS
from probes.latents.settings import PAIRS, RECORDED, SETS, ProjectionRequest, joint_name, projection_of
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
        help="project the states of many puzzles (PCA, UMAP)",
        description=__doc__.partition("\n")[2],
    )
    command.add_argument("--model", help=MODEL_HELP)
    command.add_argument("--data", help=DATA_HELP)
    command.add_argument("--limit", type=int, help="use this many puzzles, evenly spread over the set")
    command.add_argument(
        "--store", type=Path, help="a store made by `trm trace`, instead of --model and --data"
    )
    command.add_argument(
        "--compare-with",
        help="a second model for a joint projection; its states are aligned to the first's (Procrustes)",
    )
    command.add_argument("--state", default="z", choices=("z", "y"), help="state to project (default: z)")
    command.add_argument(
        "--calls",
        help="calls to record, as for `trm trace` (default: f_H, every answer; two models: last, at which they are aligned)",
    )
    command.add_argument(
        "--position", default="mean", help="mean over all cells (default), or a cell such as r5c5"
    )
    command.add_argument(
        "--out", type=Path, help="output file: .parquet (points) or .safetensors (projection)"
    )
    command.add_argument(
        "--record",
        action="store_true",
        help=f"record the projections that come with the app: all, or that of --model ({', '.join(SETS)}), with --compare-with the joint one",
    )
    command.add_argument(
        "--findings", type=Path, help="write the section on the recorded projections into this document"
    )
    default = UMAPSettings()
    umap = command.add_argument_group("UMAP", "in addition to PCA")
    umap.add_argument("--umap", action="store_true", help="also fit a UMAP")
    umap.add_argument("--axes", type=int, default=default.dimensions, help="dimensions, 2 (default) or 3")
    umap.add_argument(
        "--neighbours", type=int, default=default.neighbours, help="neighbours per point (default: 15)"
    )
    umap.add_argument(
        "--min-dist",
        type=float,
        default=default.min_dist,
        help="minimum distance between points, 0 to 1 (default: 0.1)",
    )
    umap.add_argument("--seed", type=int, default=default.seed, help="random seed (default: 0)")
    accept_option(command)
    command.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    """Run the command. Returns what is printed. Raises UserError."""
    if options.findings:
        from probes.reports.latents import write_findings

        return write_findings(options.findings, RECORDED)
    if options.record:
        return _recorded(options.model, options.compare_with)
    if options.out is None or options.out.suffix not in ENDINGS:
        raise UserError("--out must be a file that ends in .parquet (points) or .safetensors (projection).")
    missing = [f"--{name}" for name in ("model", "data") if not getattr(options, name)]
    if bool(options.store) != (len(missing) == 2) or len(missing) == 1:
        raise UserError("Give either --model and --data, or --store alone.")
    if options.compare_with and (options.store or options.calls not in (None, ALIGNED_CALLS)):
        raise UserError(
            f"Two models are aligned at the last call of each supervision step. Give --model and --data, and leave out --calls or set it "
            f"to {ALIGNED_CALLS}."
        )
    request = ProjectionRequest(
        options.model or "",  # not needed for a store
        options.data or "",
        options.limit,
        options.state,
        options.calls or (ALIGNED_CALLS if options.compare_with else "f_H"),
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
            read_trajectories(open_store(options.store), position=request.position), request, options.out
        )
    trajectories = trajectories_of(request, accept_unknown=options.accept_unknown)
    return _written(trajectories, request, options.out, accept_unknown=options.accept_unknown)


def _recorded(model: str | None, compare_with: str | None) -> dict[str, Any]:
    """Record all projections, or those of the named models. Raises UserError for other models."""
    if compare_with is None:
        recorded = {name: record(name) for name in names_to_record(model, SETS)}
        return recorded | ({} if model else {joint_name(*pair): record(*pair) for pair in PAIRS})
    if (model, compare_with) not in PAIRS:
        pairs = ", ".join(f"--model {one} --compare-with {other}" for one, other in PAIRS)
        names = " and ".join(name for name in (model, compare_with) if name)
        raise UserError(f"There is no joint projection of {names} to record. Choose one of: {pairs}.")
    return {joint_name(model, compare_with): record(model, compare_with)}


def record(name: str, compare_with: str = "") -> dict[str, Any]:
    """Record the projection of a bundled model, or the joint projection of two."""
    request = ProjectionRequest(name, SETS[name], umap=UMAPSettings(), compare_with=compare_with)
    if compare_with:
        request = replace(request, calls=ALIGNED_CALLS)
    out = RECORDED / f"{joint_name(name, compare_with) if compare_with else name}.safetensors"
    return _written(trajectories_of(request), request, out)


def trajectories_of(request: ProjectionRequest, *, accept_unknown: bool = False) -> "Trajectories":
    """Record the trajectories of `request.model`. Raises UserError."""
    from probes.latents.trajectories import record_trajectories

    model, _, puzzles = model_with_puzzles(
        request.model, request.data, spread=request.limit, accept_unknown=accept_unknown
    )
    with ProgressLine("puzzles run") as running:
        return record_trajectories(
            model,
            puzzles,
            limit=request.limit,
            calls=request.calls,
            position=request.position,
            progress=running.count,
        )


def _written(
    trajectories: "Trajectories", request: ProjectionRequest, out: Path, *, accept_unknown: bool = False
) -> dict[str, Any]:
    from probes.latents.files import save_projection, summary, write_parquet

    other = replace(request, model=request.compare_with, compare_with="")
    second = trajectories_of(other, accept_unknown=accept_unknown) if request.compare_with else None
    with ProgressLine("% projected", 100) as projecting:
        projection = projection_of(
            trajectories, request, lambda share, words: projecting.count(round(100 * share)), second=second
        )
    (write_parquet if out.suffix == ".parquet" else save_projection)(out, projection)
    log(f"{projection.puzzle_count} puzzles at {len(projection.calls)} calls: {out}")
    return {"out": str(out), "bytes": out.stat().st_size} | summary(projection)
