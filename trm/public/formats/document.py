"""Generate docs/checkpoints.md, the list of supported checkpoints, from the formats."""

from trm.public.formats import FORMATS
from trm.public.formats.base import OFFICIAL

HEAD = """# Supported checkpoints

Files are recognised by their content, not by their names. Nothing in a file is executed, and objects beside the tensors are
ignored. This page is generated from `trm/public/formats/` by `python -m scripts.build_docs`.
"""
NOTES = """An averaged copy of the weights (EMA), if there is one, replaces the weights as trained; `trm inspect`, the page and exports say
which were used. Assumed values are listed as assumed and can be forced (`--n`, `--T`, `--N_sup`, `--heads`, `--positions`,
`--prefix`, `--cells`, `--task`). A setting that is not understood is named, and the model then opens only with
`--accept-unknown`.

- **nano-trm** numbers its tokens differently and places a Sudoku at the top left of a larger canvas. The model is converted to take
  the puzzle alone: rows of its tables are reordered, and the rest of the canvas becomes part of the prefix. Its token for "end" is
  not shown. `trm forward` keeps the tokens and canvas of the file.
- **EqR** starts from random states; here they are the same for every puzzle, so that runs are reproducible (`trm forward` takes
  `start_z_H` and `start_z_L`). The noise that its own code adds in every call is omitted. `trm forward` also writes the score by
  which EqR ranks initial states.
- **AIR**: all variants that add x (L, Lx, L2x with H, Hx, H2x), minus_x, had_prod, gx_linear and gx_non_linear. Variants with extra
  input tokens for f_L and f_H are refused.
- **URM** and **sotaku** have one state. The last call of a cycle is f_H here, so n is one less than in their code. sotaku has no
  halting head: it never halts.

Refused by name, with the reason: HRM-Text (a language model), RSM (no supervision steps), FPRM, lucidrains' packages, PPBench (its
tokens were never published), ports to Transformers, LoRA factors, TorchScript, distributed checkpoints, Git LFS pointers.
"""


def document() -> str:
    """The page as Markdown."""
    rows = [
        "| code | files | n, T and similar settings are read from | assumed if not stated |",
        "|---|---|---|---|",
    ]
    rows += [
        f"| {each.title} ({each.source}) | {each.files} | {each.settings_in} | {each.assumed} |"
        for each in (OFFICIAL, *FORMATS)
    ]
    return "\n".join([HEAD, *rows, "", NOTES])
