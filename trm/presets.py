"""Training presets: everything `trm train --preset NAME` needs to know, as plain data."""

from dataclasses import dataclass

from trm.config import ModelConfig
from trm.errors import UserError
from trm.schedule import DepthPhase, Schedule


@dataclass(frozen=True)
class TrainingData:
    """Puzzles that the trainer generates: solvable by singles, each with one solution, none a twin of a test puzzle."""

    puzzles: int
    held_out: int  # more of the same kind, to watch progress on
    givens: tuple[int, int]  # fewest and most
    seed: int


@dataclass(frozen=True)
class Preset:
    """One way to train one model."""

    name: str
    model: ModelConfig
    data: TrainingData
    schedule: Schedule
    minutes: float
    seed: int = 0
    batch: int = 64
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0  # largest norm of the gradient
    ema: float = 0.999
    halt_weight: float = 0.5  # of the halting loss beside the cells' loss
    explore: float = 0.1  # share of puzzles that may halt only after a random number of supervision steps


# TRM with MLP mixing for 9x9 Sudoku, sized for two CPU cores.
SUDOKU_MODEL = ModelConfig(
    task="sudoku",
    vocab_size=11,
    sequence_length=81,
    hidden_size=128,
    layers=2,
    mlp_width=384,
    mixing="mlp",
    mixing_width=192,
    heads=0,
    positions="none",
    prefix_length=1,
    puzzle_ids=0,
    puzzle_embedding_size=0,
    n=6,
    T=3,
    N_sup=16,
)

SUDOKU_TRM = Preset(
    name="sudoku-trm",
    model=SUDOKU_MODEL,
    data=TrainingData(puzzles=12_000, held_out=256, givens=(24, 42), seed=1),
    # Shallow recursion first (CGAR), the model's own depth for the last part; nearly solved puzzles first.
    schedule=Schedule(
        depth=(
            DepthPhase(0.15, n=2, T=1),
            DepthPhase(0.45, n=2, T=2),
            DepthPhase(0.6, n=4, T=2),
            DepthPhase(1.0, n=6, T=3),
        ),
        reveal=0.8,
        reveal_until=0.4,
        learning_rate=2e-3,
        warm_up=200,
        decay_from=0.6,
        decay_to=0.05,
    ),
    minutes=97.0,
)

PRESETS = {preset.name: preset for preset in (SUDOKU_TRM,)}


def get_preset(name: str) -> Preset:
    """Raises UserError naming the presets there are."""
    if name not in PRESETS:
        raise UserError(f"There is no preset {name!r}. Choose one of: {', '.join(sorted(PRESETS))}.")
    return PRESETS[name]
