"""Training presets: all settings for `trm train --preset NAME`, as plain data.

There are three groups. The presets for bundled models take one or two hours on two CPU cores, or a few minutes on a
large GPU. Each `ablation-` preset changes one setting of `sudoku-trm`, as in table 1 of the TRM paper. The `paper-`
presets use the hyperparameters of the TRM paper and require a GPU and an official dataset folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from trm.config import HALT_ALONE, HALT_OR_CONTINUE, ModelConfig
from trm.errors import UserError
from trm.training.schedule import DepthPhase, GivenPhase, GridPhase, Schedule, StepsPhase

Optimizer = Literal["adamw", "adam-atan2"]
CellLoss = Literal["softmax", "stablemax"]


@dataclass(frozen=True)
class PuzzleSpec:
    """Training puzzles to generate: their number, difficulty, and generator options."""

    puzzles: int
    difficulty: str
    options: Mapping[str, Any] = field(default_factory=dict)  # passed to the task's generator


@dataclass(frozen=True)
class TrainingPreset:
    """A model and all settings of its training. Raises `ValueError` if the settings contradict each other."""

    name: str
    model: ModelConfig
    schedule: Schedule
    minutes: float  # training time
    data: tuple[PuzzleSpec, ...] = ()  # puzzles to generate; if empty, an official dataset folder is required
    updates: int | None = None  # length of the run in updates; None: the run takes `minutes`
    held_out: int = 256  # number of held-out puzzles for evaluation, from the same distribution
    data_seed: int = 1  # seed of the generated puzzles
    seed: int = 0  # seed of the initial weights and of all random choices in training
    batch: int = 64  # puzzles per update, over all processes
    optimizer: Optimizer = "adamw"
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float | None = 1.0  # maximum norm of the gradient
    ema: float | None = 0.999  # decay of the averaged weights; None: no averaging
    cell_loss: CellLoss = "softmax"
    halt_weight: float = 0.5  # weight of the halting loss relative to the cell loss
    continue_loss: bool = False  # also train q_continue, which needs a second forward pass
    gradient_calls: int | None = (
        None  # number of last calls in a supervision step with gradients; None: the model's default
    )
    explore: float = 0.1  # fraction of puzzles that must run a random number of steps before halting
    table_rate: float = 0.0  # learning rate of the puzzle embedding (sign-SGD)
    table_decay: float = 0.0  # weight decay of the puzzle embedding
    snapshots: tuple[float, ...] = ()  # progress values (0 to 1) at which the averaged weights are saved

    def __post_init__(self):
        if self.continue_loss != (self.model.halting == HALT_OR_CONTINUE):
            raise ValueError(f"the halting rule {HALT_OR_CONTINUE} requires continue_loss, and vice versa")
        if self.gradient_calls is not None and self.gradient_calls < 1:
            raise ValueError("at least one call must have a gradient")
        if self.schedule.smaller_grids and (self.model.mixing, self.model.positions) != ("attention", "rope"):
            raise ValueError("only attention with rotary positions supports grids of several sizes")


# 9x9 Sudokus with a unique solution that can be solved by singles. Both models train on the same puzzles, and their
# parameter counts differ by at most a factor of 1.5.

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
SINGLES = (PuzzleSpec(12_000, "easy", {"givens": (24, 42)}),)

SUDOKU_TRM = TrainingPreset(
    name="sudoku-trm",
    model=SUDOKU_MODEL,
    data=SINGLES,
    # Curriculum: recursion is shallow at first (CGAR) and has the model's own depth in the last phase. The first
    # puzzles are nearly solved.
    schedule=Schedule(
        depth=(
            DepthPhase(0.15, n=2, T=1),
            DepthPhase(0.45, n=2, T=2),
            DepthPhase(0.6, n=4, T=2),
            DepthPhase(1.0, n=6, T=3),
        ),
        learning_rate=2e-3,
        warm_up=200,
        decay_from=0.6,
        decay_to=0.05,
        reveal=0.8,
        reveal_until=0.4,
    ),
    minutes=97.0,
    snapshots=(0.1, 0.2, 0.35, 0.55, 0.75),
)

# A single cycle, and at first few supervision steps per puzzle: where f_H is called often, it solves the puzzles alone,
# and z becomes a copy of the input (docs/training.md). It halts by q_halt alone, as TRM does: q_continue would need a
# second forward pass in every update.
SUDOKU_HRM = replace(
    SUDOKU_TRM,
    name="sudoku-hrm",
    model=replace(
        SUDOKU_MODEL,
        kind="hrm",
        H_layers=2,
        hidden_size=112,
        mlp_width=320,
        mixing_width=144,
        n=6,
        T=1,
        halting=HALT_ALONE,
    ),
    schedule=replace(
        SUDOKU_TRM.schedule,
        depth=(DepthPhase(1.0, n=6, T=1),),
        reveal_until=0.25,
        fewer_steps=(StepsPhase(0.5, 4),),
    ),
    updates=5_000,
    snapshots=(),
)


# 15x15 mazes with a single path. Training starts with smaller mazes: models learn to avoid dead ends in five minutes on
# 9x9 mazes, but not in an hour on 15x15 mazes. Most cells are walls, which an answer only copies, so given cells have
# weight 0 in the loss at first and a small weight later.

MAZE_MODEL = replace(
    SUDOKU_MODEL,
    task="maze",
    vocab_size=6,
    sequence_length=225,
    mixing="attention",
    mixing_width=0,
    heads=4,
    positions="rope",
    n=2,
    T=2,
)
MAZES = tuple(PuzzleSpec(10_000, level, {"style": "depth-first"}) for level in ("easy", "medium", "hard"))

MAZE_TRM = TrainingPreset(
    name="maze-trm",
    model=MAZE_MODEL,
    data=MAZES,
    schedule=Schedule(
        depth=(DepthPhase(1.0, n=2, T=2),),
        learning_rate=7e-4,
        warm_up=200,
        decay_from=0.06,
        decay_to=0.05,
        decay="exponential",
        givens=(GivenPhase(0.12, 0.0), GivenPhase(0.45, 0.1), GivenPhase(0.75, 0.5)),
        smaller_grids=(GridPhase(0.06, 81), GridPhase(0.16, 121)),
    ),
    minutes=90.0,
    ema=0.995,  # with 0.999, the last 1,000 of the 3,000 updates would have a weight of only two thirds
)

MAZE_HRM = replace(
    MAZE_TRM,
    name="maze-hrm",
    model=replace(
        MAZE_MODEL, kind="hrm", H_layers=2, hidden_size=112, mlp_width=256, halting=HALT_OR_CONTINUE
    ),
    continue_loss=True,
)


# Sudokus that need search and 30x30 mazes with long paths, for about eight minutes on one large GPU. Models cannot
# learn these puzzles on two cores in two hours. The batch is large enough to use the whole GPU.

SUDOKU_TRM_LARGE = replace(
    SUDOKU_TRM,
    name="sudoku-trm-large",
    model=replace(SUDOKU_MODEL, hidden_size=256, mlp_width=768, mixing_width=256),
    data=(
        PuzzleSpec(3_000, "hard", {"givens": (22, 28)}),
        PuzzleSpec(1_000, "medium", {"givens": (24, 32)}),
        PuzzleSpec(3_000, "easy", {"givens": (24, 42)}),
    ),
    schedule=replace(
        SUDOKU_TRM.schedule,
        depth=(
            DepthPhase(0.1, n=2, T=1),
            DepthPhase(0.25, n=2, T=2),
            DepthPhase(0.4, n=4, T=2),
            DepthPhase(1.0, n=6, T=3),
        ),
        learning_rate=1.5e-3,
        reveal_until=0.3,
    ),
    minutes=8.0,
    batch=512,
    snapshots=(),
)

MAZE30_TRM = replace(
    MAZE_TRM,
    name="maze30-trm",
    model=replace(MAZE_MODEL, sequence_length=900),
    data=(
        PuzzleSpec(6_000, "easy", {"style": "depth-first"}),
        PuzzleSpec(6_000, "medium", {"style": "depth-first"}),
        PuzzleSpec(12_000, "hard", {"style": "depth-first"}),  # on a 30x30 grid: paths of 90 steps or more
    ),
    schedule=replace(
        MAZE_TRM.schedule,
        decay_from=0.25,
        givens=(GivenPhase(0.06, 0.0), GivenPhase(0.45, 0.1), GivenPhase(0.75, 0.5)),
        smaller_grids=(GridPhase(0.04, 81), GridPhase(0.2, 225), GridPhase(0.45, 441)),
    ),
    minutes=8.0,
    batch=128,
    ema=0.998,
)


ABLATION_MINUTES = 8.0  # per run: about 1,000 updates on one core, 10,000 on a large GPU shared by all nine


def ablation(name: str, *, model: Mapping[str, Any] | None = None, **changes: Any) -> TrainingPreset:
    """Return `sudoku-trm` with changed settings and a short training time.

    `model` contains the changed fields of the model, and `changes` those of the preset. If n or T changes, the whole
    run uses the new recursion depth, without a depth curriculum.
    """
    changed = replace(SUDOKU_MODEL, **(model or {}))
    if model and {"n", "T"} & model.keys():
        changes["schedule"] = replace(SUDOKU_TRM.schedule, depth=(DepthPhase(1.0, n=changed.n, T=changed.T),))
    return replace(
        SUDOKU_TRM, name=f"ablation-{name}", model=changed, minutes=ABLATION_MINUTES, snapshots=(), **changes
    )


ATTENTION = {"mixing": "attention", "mixing_width": 0, "heads": 4, "positions": "rope"}
ABLATIONS = (
    ablation("none"),
    ablation("attention", model=ATTENTION),
    ablation("two-nets", model={"kind": "trm-two-nets", "H_layers": 2}),
    ablation("single-z", model={"kind": "trm-single-z", "latents": 0}),
    ablation("multi-z", model={"kind": "trm-multi-z", "latents": 6}),
    ablation("no-ema", ema=None),
    ablation("one-cycle", model={"T": 1}),
    ablation("one-step-gradient", gradient_calls=2),
    ablation("continue-loss", model={"halting": HALT_OR_CONTINUE}, continue_loss=True),
)

# The hyperparameters of the TRM paper, for a GPU. The puzzle embedding gets one row per puzzle id in the dataset.

PAPER_MODEL = replace(
    SUDOKU_MODEL,
    hidden_size=512,
    mlp_width=1536,
    mixing_width=512,
    prefix_length=16,
    puzzle_ids=1,
    puzzle_embedding_size=512,
)
PAPER_ATTENTION = replace(PAPER_MODEL, mixing="attention", mixing_width=0, heads=8, positions="rope")
PAPER = TrainingPreset(
    name="paper-sudoku-mlp",
    model=PAPER_MODEL,
    schedule=Schedule(depth=(DepthPhase(1.0, n=6, T=3),), learning_rate=1e-4, warm_up=2000),
    minutes=36 * 60.0,
    batch=768,
    optimizer="adam-atan2",
    weight_decay=1.0,
    clip=None,
    cell_loss="stablemax",
    table_rate=1e-4,
    table_decay=1.0,
)
PAPERS = (
    PAPER,
    replace(PAPER, name="paper-sudoku-attention", model=PAPER_ATTENTION),
    replace(
        PAPER,
        name="paper-maze",
        model=replace(PAPER_ATTENTION, task="maze", vocab_size=6, sequence_length=900, n=4),
        schedule=replace(PAPER.schedule, depth=(DepthPhase(1.0, n=4, T=3),)),
    ),
    replace(
        PAPER,
        name="paper-arc",
        model=replace(PAPER_ATTENTION, task="arc", vocab_size=12, sequence_length=900, n=4),
        schedule=replace(PAPER.schedule, depth=(DepthPhase(1.0, n=4, T=3),)),
        weight_decay=0.1,
        table_rate=1e-2,
        table_decay=0.1,
    ),
)

PRESETS = {
    preset.name: preset
    for preset in (
        SUDOKU_TRM,
        SUDOKU_HRM,
        MAZE_TRM,
        MAZE_HRM,
        SUDOKU_TRM_LARGE,
        MAZE30_TRM,
        *ABLATIONS,
        *PAPERS,
    )
}


def get_preset(name: str) -> TrainingPreset:
    """Return the preset called `name`. Raises `UserError`, which lists all presets, if there is no such preset."""
    if name not in PRESETS:
        raise UserError(f"Unknown preset {name!r}. Choose one of: {', '.join(PRESETS)}.")
    return PRESETS[name]
