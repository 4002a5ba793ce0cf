"""The page of findings: what the probes and the halting head of each model say, from recorded results."""

from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from probes.halting.runs import RECORDED as HALTING
from probes.halting.runs import load_runs
from probes.linear.experiment.files import recorded_experiment
from probes.linear.experiment.verdicts import sentences
from probes.reports.charts import halting_charts, probe_charts
from trm.export.pictures.charts import Chart, save_charts

TARGETS = ("solution", "answer_now", "naked_single_now", "on_path", "dead_end", "distance_to_goal")
"""Targets of the page; each task has some of them."""
INCHES = 3.6  # width of a picture


experiment_of = cache(recorded_experiment)  # takes a second


def finding_files(models: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield the page's pictures as (path, SVG)."""
    for model in models:
        for chart in _probe_charts(model):
            yield f"findings/{model}-{chart.title}.svg", _svg([chart], model)
        yield f"findings/{model}-halting.svg", _svg(_halting_charts(model), model)


def findings_content(models: tuple[str, ...]) -> str:
    """Return the content of the page."""
    return (
        "<p>A linear probe reads a property of each cell from y or z after a supervision step. If it finds more than it finds "
        "in the input, the state encodes the property; whether the model uses it is another question.</p>\n"
        + "\n".join(map(_section, models))
    )


def _section(model: str) -> str:
    experiment = experiment_of(model)
    last = [len(experiment.time_points) - 1]
    targets = [target for target in experiment.targets if target.name in TARGETS]
    pictures = "\n".join(
        f'<img src="findings/{model}-{target.name}.svg" alt="Scores of linear probes of {model} for {_words(target.name)}, by '
        'supervision step">'
        for target in targets
    )
    items = "\n".join(
        f"<li><b>{_words(target.name)}</b> ({escape(target.meaning.rstrip('.'))}): "
        f"{escape(sentences(experiment, target.name, last))}</li>"
        for target in targets
    )
    return f"""<section><h2>{model}</h2>
<div class="pictures">{pictures}
<img src="findings/{model}-halting.svg" alt="Halting probability of {model} by supervision step, for solved and unsolved puzzles">
</div>
<ul>
{items}
</ul>
</section>"""


def _words(name: str) -> str:
    return escape(name.replace("_", " "))


def _probe_charts(model: str) -> list[Chart]:
    return [chart for chart in probe_charts(experiment_of(model)) if chart.title in TARGETS]


def _halting_charts(model: str) -> list[Chart]:
    return halting_charts(load_runs(HALTING / f"{model}.safetensors"))


def _svg(charts: list[Chart], model: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "charts.svg"
        save_charts(path, charts, f"Model {model}.", inches=INCHES, format="svg")
        return path.read_bytes()
