"""The further seeds of a bundled model: which runs may be added as one, and the section of its card that compares them.

A single run says nothing about the spread between runs. A bundled model may therefore be trained again from its preset with
other seeds. `trm.training.bundle` writes each such run to `seeds/<seed>/` in the model's folder.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from trm import registry
from trm.errors import UserError
from trm.evaluate import mean_interval
from trm.export.markdown import markdown_table
from trm.provenance import Training
from trm.training.log import read_log

FRACTIONS = ("halting AUROC", "z by token")  # columns that are not percentages
MEANING = (
    "After 1, 4 and more supervision steps: puzzles of {count:,} in `{data}` that are solved exactly. Halting AUROC: over all "
    "steps. z by token: fraction of the variance of z that the input token explains. z constant: puzzles solved with z replaced "
    "by one constant per token, of at most 16 in the self-check. ±: 95% confidence interval over seeds (Student's t)."
)


def check_seed(name: str, run: Path) -> Training:
    """Check that the run in a folder is a further seed of a bundled model, and return how it was trained.

    Raises `UserError` if the run is not finished, or differs from the model in more than its seed or not in its seed.
    """
    if name not in registry.model_names():
        raise UserError(f"There is no bundled model {name}. Bundle a first run without --as-seed.")
    config, training, own = registry.own_config(run), registry.own_training(run), _training(name)
    if config is None or training is None:
        raise UserError(f"{run} contains no model of `trm train`. Give the --out folder of a training run.")
    if not any("finished" in line for line in read_log(run)[-1:]):
        raise UserError(f"The run in {run} is not finished. Resume it with --resume.")
    if training.preset != own.preset:
        raise UserError(
            f"{run} was trained from the preset {training.preset}, but {name} from {own.preset}. Give a run of {own.preset}."
        )
    values, own_values = asdict(config), asdict(registry.model_config(name))
    if differing := [field for field in values if values[field] != own_values[field]]:
        listed = ", ".join(f"{field} ({values[field]}, not {own_values[field]})" for field in differing)
        raise UserError(f"{run} differs from {name} in {listed}. Bundle it without --as-seed.")
    if training.seed == own.seed:
        raise UserError(
            f"{run} was trained with seed {own.seed}, as {name} was. Train it with another --seed."
        )
    return training


def seeds_section(name: str) -> str:
    """Return what a card says about the seeds of a bundled model, as Markdown.

    If there are several, it has a row for each, from its scores.json and states.json, and a row with means and confidence intervals.
    """
    seeds = registry.model_seeds(name)
    if len(seeds) < 2:
        return f"All figures are of one training run, with seed {_training(name).seed}."
    measured = registry.model_card(name)
    steps = [step for step in (1, 4, measured["N_sup"]) if step <= measured["N_sup"]]
    columns = [*(f"after {step}" for step in steps), "halting AUROC", "z by token", "z constant"]
    rows = [_figures(each, steps) for each in seeds.values()]
    cells = [
        [str(seed), f"{_training(each).update:,}", *map(_cell, columns, row)]
        for (seed, each), row in zip(seeds.items(), rows, strict=True)
    ]
    means = ["mean", "", *map(_mean_cell, columns, zip(*rows, strict=True))]
    head = ["seed", "updates", *columns]
    others = ", ".join(f"`{each}`" for each in seeds.values() if each != name)
    return (
        f"The model was trained {len(seeds)} times from the same preset, each time with other random numbers. Its own "
        f"seed is {_training(name).seed}; the others open as {others}, in float16.\n\n{markdown_table(head, [*cells, means])}\n\n"
        f"{MEANING.format(**measured['accuracy'])}"
    )


def _training(name: str) -> Training:
    training = registry.own_training(registry.models_folder() / name)
    if training is None:
        raise UserError(
            f"The bundled model {name} does not say how it was trained. Train it with `trm train`."
        )
    return training


def _figures(name: str, steps: Sequence[int]) -> list[float | None]:
    """Return the figures of a seed, one for each column of the table."""
    scores, z = registry.model_card(name)["accuracy"], registry.measured_states(name).get("z", {})
    solved = [scores["exact_by_step"][step - 1] for step in steps]
    return [*solved, scores["halt_auc"], z.get("variance_by_token"), z.get("exact_with_constant")]


def _cell(column: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if column in FRACTIONS else f"{value:.1%}"


def _mean_cell(column: str, values: Sequence[float | None]) -> str:
    if None in values:
        return "-"
    mean, half = mean_interval(values)
    return f"{_cell(column, mean)} ± {_cell(column, half).removesuffix('%')}"
