"""`python -m probes figure`: draw saved or recorded results as PDF, without computing them again."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from probes.cli.figures import PaperFigure
from probes.cli.halting import output_path
from probes.cli.shared import names_to_record
from probes.halting.runs import RECORDED as HALTING
from probes.halting.runs import load_runs, load_table
from probes.latents.files import load_projection
from probes.latents.settings import RECORDED as LATENTS
from probes.latents.settings import SETS
from probes.linear.experiment.files import load_experiment, recorded_path
from probes.reports.charts import halting_charts, probe_charts, projection_charts
from trm.cli.options import ModelName
from trm.errors import UserError
from trm.provenance import Provenance
from trm.registry import model_names

if TYPE_CHECKING:
    from trm.export.pictures.charts import Chart


def run(
    *,
    of: Literal["projection", "halting", "probes"],
    model: ModelName | None = None,
    results: Path | None = None,
    figure: PaperFigure = PaperFigure(),
) -> dict[str, Any]:
    """Draw results, and return the path of the figure. Raises UserError if there are none.

    Args:
        of: the projection of z, the halting probability by step, or the scores of linear probes by step
        model: a bundled model, to draw the results that come with it
        results: instead of --model, a file that `probes fit --out` (.json), `halting --out` or `project --out` (.safetensors) wrote
    """
    figure.check()
    if not figure.pdf:
        raise UserError("--pdf is missing. Give the file to write.")
    if bool(model) == bool(results):
        raise UserError("Give either --model, a bundled model, or --results, a file.")
    if model:
        names_to_record(model, SETS if of == "projection" else model_names())
    figure.save(*_drawn(of, model, results))
    return {"pdf": str(figure.pdf)}


def _drawn(of: str, model: str | None, results: Path | None) -> "tuple[list[Chart], Provenance, int | None]":
    """Load a file of results, or the recorded results of a model. Returns the charts, what made them, and the seed."""
    if of == "halting":
        runs = (
            load_table(output_path(results, ".parquet"))
            if results
            else load_runs(HALTING / f"{model}.safetensors")
        )
        return halting_charts(runs), runs.provenance, None
    if of == "projection":
        projection = load_projection(results or LATENTS / f"{model}.safetensors")
        seed = next((each.settings.seed for each in projection.embeddings if each.settings), None)
        return projection_charts(projection), projection.provenance, seed
    path = results or recorded_path(model or "")
    if model and not path.is_file():
        raise UserError(
            f"No probing experiment of {model} is recorded. Run `probes fit --model {model} --pdf FILE`."
        )
    experiment = load_experiment(path)
    return probe_charts(experiment), experiment.provenance, experiment.settings.probe.seed
