"""URM (github.com/UbiquantAI/URM): `step_<N>.pt`, with a single state and a convolution over positions in every MLP."""

import re

from trm.public.description import Description
from trm.public.formats.base import ASSUMED, BLOCK, COMMON, PUBLIC_CODE, TENSORS, Fields, Format
from trm.public.shapes import Shapes

TRAINING_ONLY = frozenset({
    "loop_deltas", "profile", "grad_accum_steps", "target_q_update_every", "load_optimizer_state", "load_strict",
})  # fmt: skip


def fields(shapes: Shapes, notes: Description) -> Fields:
    """n and URM's defaults. The last pass in a cycle counts as f_H, so n is one less than URM's `L_cycles`."""
    passes = notes.arch.get("L_cycles")
    n = (
        (5, f"{ASSUMED}URM default")
        if passes is None
        else (passes - 1, f"{notes.file}: the last of {passes} passes is f_H")
    )
    own: Fields = {"n": n, "latents": (0, PUBLIC_CODE), "mlp_kernel": (shapes.mlp_kernel, TENSORS)}
    if "H_cycles" not in notes.arch:
        own["T"] = (2, f"{ASSUMED}URM default")
    if "pos_encodings" not in notes.arch:
        own["positions"] = ("rope", PUBLIC_CODE)
    if shapes.puzzle_ids:
        own["prefix_length"] = (shapes.prefix_rows, TENSORS)
    return own


FORMAT = Format(
    "URM",
    "UbiquantAI/URM",
    "`step_<N>.pt`",
    "`all_config.yaml`",
    "without the yaml: 6 passes (n 5), T 2, heads, cells",
    re.compile(rf"{COMMON}|init_hidden|layers\.\d{{1,9}}\.({BLOCK}|mlp\.dwconv\.(weight|bias))"),
    kind="urm",
    mark=re.compile(r"init_hidden|layers\.\d{1,9}\.mlp\.dwconv\.weight"),
    module=re.compile(r"(.*\.)?urm"),
    renamed={"layers.": "L_level.layers.", "init_hidden": "L_init"},
    synonyms={"loops": "halt_max_steps", "num_layers": "L_layers"},
    harmless=TRAINING_ONLY,
    fields=fields,
)
