"""`python -m probes figure`: draw recorded results of a bundled model as PDF, without running the model."""

from typing import Any, Literal

from probes.cli.figures import PaperFigure, halting_charts, probe_charts, projection_charts
from probes.cli.shared import names_to_record
from probes.halting.runs import RECORDED as HALTING
from probes.halting.runs import load_runs
from probes.latents.files import load_projection
from probes.latents.settings import RECORDED as LATENTS
from probes.latents.settings import SETS
from probes.linear.experiment.files import recorded_experiment
from trm.cli.options import ModelName
from trm.errors import UserError
from trm.registry import model_names


def run(
    *, of: Literal["projection", "halting", "probes"], model: ModelName, figure: PaperFigure = PaperFigure()
) -> dict[str, Any]:
    """Draw recorded results, and return the path of the figure. Raises UserError if there are none.

    Args:
        of: the projection of z, the halting probability by step, or the scores of linear probes by step
    """
    figure.check()
    if not figure.pdf:
        raise UserError("--pdf is missing. Give the file to write.")
    names_to_record(model, SETS if of == "projection" else model_names())
    if of == "halting":
        runs = load_runs(HALTING / f"{model}.safetensors")
        charts, about, seed = halting_charts(runs), runs.provenance, None
    elif of == "projection":
        projection = load_projection(LATENTS / f"{model}.safetensors")
        charts, about = projection_charts(projection), projection.provenance
        seed = next((each.settings.seed for each in projection.embeddings if each.settings), None)
    else:
        experiment = recorded_experiment(model)
        if experiment is None:
            raise UserError(
                f"No probing experiment of {model} is recorded. Run `probes fit --model {model} --pdf FILE`."
            )
        charts, about, seed = probe_charts(experiment), experiment.provenance, experiment.settings.probe.seed
    figure.save(charts, about, seed)
    return {"pdf": str(figure.pdf)}
