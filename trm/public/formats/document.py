"""Generate docs/checkpoints.md, the list of supported checkpoints, from the formats."""

from trm.public.formats import FORMATS
from trm.public.formats.base import OFFICIAL

HEAD = """# Supported checkpoints

The reader looks at the content of a file, not at its name. It never executes anything in a file and ignores objects beside the
tensors. `python -m scripts.build_docs` generates this page from `trm/public/formats/`.
"""
NOTES = """Where a file holds an averaged copy of the weights (EMA), that copy replaces the trained weights; `trm inspect`, the page and exports
say which weights were used. Every assumed value is listed and can be overridden (`--n`, `--T`, `--N_sup`, `--heads`, `--positions`,
`--prefix`, `--cells`, `--task`). A setting that the reader does not understand is reported, and the model opens only with
`--accept-unknown`.

- **nano-trm** numbers tokens differently and places a Sudoku at the top left of a larger canvas. The model is rewritten to read and
  answer the puzzle alone: rows of its tables are permuted, and the rest of the canvas becomes part of the prefix. Its "end" token is not
  shown. `trm forward` keeps the file's own tokens and canvas.
- **EqR** starts from random states. Here every puzzle starts from the same draw, so that runs are reproducible (`trm forward` takes
  `start_z_H` and `start_z_L`). The noise that its own code adds in every call is left out. `trm forward` also writes its score for ranking
  starts.
- **AIR**: all variants of where x is added (L, Lx, L2x with H, Hx, H2x), minus_x, had_prod, gx_linear and gx_non_linear. Variants with
  separate tokens for f_L and f_H are refused.
- **URM** and **sotaku** have a single state. The last call of a cycle is called f_H, so n is one less than in their code. sotaku has no
  halting head and never halts.

Refused by name, with the reason: HRM-Text (a language model), RSM (no supervision steps), FPRM, lucidrains' packages, PPBench (its
tokens were never published), ports to Transformers, LoRA factors, TorchScript, shards of torch.distributed, Git LFS pointers.
"""


def document() -> str:
    """The text of docs/checkpoints.md."""
    rows = [
        "| code | files | n, T and similar values come from | assumed where missing |",
        "|---|---|---|---|",
    ]
    rows += [
        f"| {each.title} ({each.source}) | {each.files} | {each.settings_in} | {each.assumed} |"
        for each in (OFFICIAL, *FORMATS)
    ]
    return "\n".join([HEAD, *rows, "", NOTES])
