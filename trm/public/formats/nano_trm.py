"""nano-trm (github.com/olivkoch/nano-trm): a Lightning .ckpt that contains all hyperparameters.

Sudoku models use the tokens 0 pad, 1 end, 2 blank, and digits from 3. The Sudoku is at the top left of a canvas with
`seq_len` cells. Maze and ARC models use the official tokens. The halting head has a single logit.
"""

import re

from trm.public.description import Description
from trm.public.formats.base import BLOCK, TENSORS, Fields, Format
from trm.public.shapes import Shapes

SIDES = (4, 6, 9)  # cells per side of a Sudoku
FIRST_DIGIT = 3  # token of the digit 1
ARC_CELLS = 900

TRAINING_ONLY = frozenset({
    "max_grid_size", "ffn_expansion", "learning_rate_emb", "warmup_steps", "use_muon", "pad_value", "_recursive_",
    "steps_per_epoch", "label_smoothing", "ema_decay", "name", "max_epochs", "use_constant_lr",
})  # fmt: skip
"""Settings of the training run, and settings that the tensors determine."""


def fields(shapes: Shapes, notes: Description) -> Fields:
    """The tokens, task, and canvas of a Sudoku model; empty for other tasks.

    9x9 Sudoku and ARC have equal vocabulary sizes, so the number of cells distinguishes them.
    """
    side, cells = shapes.vocab_size - FIRST_DIGIT, shapes.length or notes.arch.get("seq_len") or 0
    if side not in SIDES or cells >= ARC_CELLS:
        return {}
    own: Fields = {"tokens": ("nano-trm", TENSORS), "task": ("sudoku", TENSORS)}
    if "seq_len" not in notes.arch and not shapes.length:
        own["sequence_length"] = ((side + 2) ** 2, "assumed: canvas of generated puzzles")
    return own


def positions(value: object) -> str:
    """The official name of a position encoding."""
    return {"1d": "rope", "2d": "rope2d"}.get(str(value), "none")


FORMAT = Format(
    "nano-trm",
    "olivkoch/nano-trm",
    "`last.ckpt` and other Lightning checkpoints",
    "the file",
    "nothing; without `seq_len`, a canvas two cells wider than the puzzle",
    re.compile(
        rf"input_embedding\.embedding_weight|lenet\.layers\.\d{{1,9}}\.{BLOCK}|lm_head\.weight"
        r"|q_head\.(weight|bias)|z_[HL]_init|puzzle_emb\.weights"
    ),
    kind="trm",
    mark=re.compile(r"lenet\.layers\.\d{1,9}\..*|input_embedding\.embedding_weight"),
    renamed={
        "lenet.": "L_level.",
        "input_embedding.": "embed_tokens.",
        "z_H_init": "H_init",
        "z_L_init": "L_init",
    },
    synonyms={
        "N_supervision_val": "halt_max_steps",  # evaluation may run more steps than training
        "N_supervision": "halt_max_steps",
        "num_layers": "L_layers",
        "use_mlp_t": "mlp_t",
        "use_mlp": "mlp_t",
        "pos_emb_type": "pos_encodings",
        "puzzle_emb_dim": "puzzle_emb_ndim",
        "num_puzzles": "num_puzzle_identifiers",
    },
    values={"pos_emb_type": positions},
    off={"use_conv_swiglu": False, "use_board_swiglu": False, "use_sigreg": False},
    harmless=TRAINING_ONLY,
    fields=fields,
)
