"""docs/checkpoints.md: what opens, made from the formats."""

from trm.public.formats import FORMATS
from trm.public.formats.base import OFFICIAL

HEAD = """# Checkpoints that open

What is in a file decides, not its name. Nothing in a file is executed; objects beside the tensors are passed over. This page
is made from `trm/public/formats/` by `python -m scripts.build_docs`.
"""
NOTES = """An averaged copy of the weights (EMA) is laid over those as trained, and `trm inspect`, the page and exports say which was taken.
Whatever was assumed is listed as such and can be forced (`--n`, `--T`, `--N_sup`, `--heads`, `--positions`, `--prefix`,
`--cells`, `--task`). A setting that is not understood is named, and the model opens only with `--accept-unknown`.

- **nano-trm** numbers tokens otherwise and lays a Sudoku top left on a larger canvas. The model is rewritten to read and answer the
  puzzle alone: rows of its tables change places, and the rest of the canvas becomes part of the prefix. Its token for "end" is not
  shown. `trm forward` keeps the file's own tokens and canvas.
- **EqR** starts from random states: here from the same draw for every puzzle, so that runs repeat (`trm forward` takes `start_z_H` and
  `start_z_L`). The noise that its own code adds in every call is left out. `trm forward` also writes its score for ranking starts.
- **AIR**: all places where x is added (L, Lx, L2x with H, Hx, H2x), minus_x, had_prod, gx_linear and gx_non_linear. Those with tokens
  of their own for f_L and f_H are refused.
- **URM** and **sotaku** have one state; the last call of a cycle is called f_H, so n is one less than their code counts. sotaku has no
  halting head: it never halts.

Refused by name, with the reason: HRM-Text (a language model), RSM (no supervision steps), FPRM, lucidrains' packages, PPBench (its
tokens were never published), ports to Transformers, LoRA factors, TorchScript, pieces of torch.distributed, Git LFS pointers.
"""


def document() -> str:
    """The whole page."""
    rows = ["| code | files | n, T and the like stand in | assumed where nothing says |", "|---|---|---|---|"]
    rows += [
        f"| {each.title} ({each.source}) | {each.files} | {each.told} | {each.supposed} |"
        for each in (OFFICIAL, *FORMATS)
    ]
    return "\n".join([HEAD, *rows, "", NOTES])
