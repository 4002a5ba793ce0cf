"""`python -m probes project`: project the states of many puzzles to two or three dimensions (PCA, UMAP).

Runs a model over a puzzle set, or reads a trace store, and writes a projection as on the Latents page (.safetensors),
or a table of all points with their coordinates (.parquet). With a second model, its states on the same puzzles are
aligned to those of the first model, and both are projected together.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from probes.cli.figures import PaperFigure
from probes.cli.shared import model_with_puzzles, names_to_record
from probes.latents.files import columns_of, summary
from probes.latents.procrustes import ALIGNED_CALLS
from probes.latents.settings import LIMIT, PAIRS, RECORDED, SETS, ProjectionRequest, joint_name, projection_of
from probes.latents.trajectories import Trajectories, read_trajectories, record_trajectories
from probes.latents.umap import UMAPSettings
from probes.reports.charts import projection_charts
from probes.reports.latents import write_findings
from trm.cli.options import DATA, FLAT, ModelName
from trm.errors import UserError
from trm.progress import ProgressLine
from trm.results import save, write_parquet
from trm.store import open_store
from trm.terminal import log

ENDINGS = (".safetensors", ".parquet")


@FLAT
@dataclass(frozen=True, kw_only=True)
class States:
    """The states to project."""

    model: ModelName | None = None
    data: Annotated[
        str | None, Parameter(help=DATA + " (default: the bundled test set of the model's task)")
    ] = None
    limit: int | None = None
    """use this many puzzles, evenly spread over the set"""
    store: Path | None = None
    """a store made by `trm trace`, instead of --model and --data"""
    compare_with: str | None = None
    """a second model for a joint projection; its states are aligned to the first's (Procrustes)"""
    state: Literal["z", "y"] = "z"
    """state to project"""
    calls: str | None = None
    """calls to record, as for `trm trace` (default: f_H, every answer; two models: last, where they are aligned)"""
    position: str = "mean"
    """mean over all cells, or a cell such as r5c5"""
    accept_unknown: bool = False
    """open a checkpoint even if some of its settings are not understood (`trm inspect` lists them)"""

    def request(self, umap: UMAPSettings | None) -> ProjectionRequest:
        """Return the request. Raises UserError if options are missing or contradict each other."""
        if bool(self.store) == bool(self.model) or (self.store and self.data):
            raise UserError("Give either --model and --data, or --store alone.")
        if self.compare_with and (self.store or self.calls not in (None, ALIGNED_CALLS)):
            raise UserError(
                f"Two models are aligned at the last call of each supervision step. Give --model and --data, and leave out "
                f"--calls or set it to {ALIGNED_CALLS}."
            )
        return ProjectionRequest(
            self.model or "",
            self.data or "",
            self.store,
            self.limit,
            self.state,
            self.calls or (ALIGNED_CALLS if self.compare_with else "f_H"),
            self.position,
            umap,
            self.compare_with or "",
        )


def run(
    *,
    states: States = States(),
    umap: bool = False,
    of_umap: Annotated[UMAPSettings, Parameter(name="*", group=Group("UMAP"))] = UMAPSettings(),
    out: Path | None = None,
    figure: PaperFigure = PaperFigure(),
    record: bool = False,
    findings: Path | None = None,
) -> dict[str, Any]:
    """Write a projection, and return its summary. Raises UserError if an option is missing or not valid.

    Args:
        umap: also fit a UMAP, in addition to PCA
        out: output file: .parquet (points) or .safetensors (projection)
        record: record the projections that come with the app: all, or that of --model, with --compare-with the joint one
        findings: write the section on the recorded projections into this document
    """
    figure.check()
    if findings:
        return write_findings(findings, RECORDED)
    if record:
        return _recorded(states.model, states.compare_with)
    if out is None or out.suffix not in ENDINGS:
        raise UserError("--out must be a file that ends in .parquet (points) or .safetensors (projection).")
    request = states.request(of_umap if umap else None)
    if states.store:
        store = open_store(states.store)
        trajectories = read_trajectories(store, position=request.position, limit=request.limit)
        request = replace(request, calls=store.layout.settings.calls)
    else:
        trajectories = trajectories_of(request, accept_unknown=states.accept_unknown)
        request = replace(request, data=request.data or trajectories.provenance.data)
    return _written(trajectories, request, out, figure, accept_unknown=states.accept_unknown)


def _recorded(model: str | None, compare_with: str | None) -> dict[str, Any]:
    """Record all projections, or the projection of the named models. Raises UserError if it is not a bundled one."""
    if compare_with is None:
        recorded = {name: record_projection(name) for name in names_to_record(model, SETS)}
        return recorded | ({} if model else {joint_name(*pair): record_projection(*pair) for pair in PAIRS})
    if (model, compare_with) not in PAIRS:
        pairs = ", ".join(f"--model {one} --compare-with {other}" for one, other in PAIRS)
        names = " and ".join(name for name in (model, compare_with) if name)
        raise UserError(f"There is no joint projection of {names} to record. Choose one of: {pairs}.")
    return {joint_name(model, compare_with): record_projection(model, compare_with)}


def record_projection(name: str, compare_with: str = "") -> dict[str, Any]:
    """Record the projection of a bundled model, or the joint projection of two bundled models."""
    request = ProjectionRequest(name, SETS[name], limit=LIMIT, umap=UMAPSettings(), compare_with=compare_with)
    if compare_with:
        request = replace(request, calls=ALIGNED_CALLS)
    out = RECORDED / f"{joint_name(name, compare_with) if compare_with else name}.safetensors"
    return _written(trajectories_of(request), request, out)


def trajectories_of(request: ProjectionRequest, *, accept_unknown: bool = False) -> Trajectories:
    """Record the trajectories of `request.model` on its puzzles. Raises UserError if they cannot be loaded."""
    model, _, puzzles = model_with_puzzles(
        request.model, request.data, spread=request.limit, accept_unknown=accept_unknown
    )
    with ProgressLine() as progress:
        return record_trajectories(
            model,
            puzzles,
            limit=request.limit,
            calls=request.calls,
            position=request.position,
            progress=progress,
        )


def _written(
    trajectories: Trajectories,
    request: ProjectionRequest,
    out: Path,
    figure: PaperFigure = PaperFigure(),
    *,
    accept_unknown: bool = False,
) -> dict[str, Any]:
    other = replace(request, model=request.compare_with, compare_with="")
    second = trajectories_of(other, accept_unknown=accept_unknown) if request.compare_with else None
    with ProgressLine() as progress:
        projection = projection_of(trajectories, request, progress, second=second)
    if out.suffix == ".parquet":
        write_parquet(out, columns_of(projection), summary(projection))
    else:
        save(out, projection)
    if figure.pdf:
        figure.save(projection_charts(projection), projection.provenance, request.umap and request.umap.seed)
    log(f"{projection.puzzle_count} puzzles at {len(projection.calls)} calls: {out}")
    return {"out": str(out), "bytes": out.stat().st_size} | summary(projection)
