"""Reject unsupported models by name, with the reason and the remedy."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from trm.errors import CheckpointError

PORT_KEYS = ("architectures", "auto_map", "model_type")  # keys in the config.json of a Transformers model
MAX_CONFIG = 1 << 20  # bytes

LORA = re.compile(r"(^|[._])lora_(A|B|a|b|down|up|embedding_A|embedding_B|magnitude_vector)([._]|$)")

# Pattern of a tensor name, and the message for the model that has such a tensor.
OTHER_MODELS: tuple[tuple[str, str], ...] = (
    (
        r"(model\.)?[HL]_module\.layers\..*|(model\.)?z_L_init",
        "This is HRM-Text, a language model: it has no grid to show. Open an HRM checkpoint of the public code.",
    ),
    (
        r"(.*\.)?input_token_[LH]",
        "This is AIR with extra input tokens for f_L and f_H (input_token_L/H), at every position or before the first, which "
        "is not supported. Its variants that add x (L<..>_H<..>) are.",
    ),
    (
        r"(.*\.)?lenet\..*\.(dwconv|board_conv)\..*",
        "This is a nano-trm with a convolution in its MLP (use_conv_swiglu or use_board_swiglu), which is not supported.",
    ),
    (
        r"(.*\.)?core\.layers\..*",
        "This is RSM: it makes one pass without supervision steps, so there is no deep supervision to step through.",
    ),
    (
        r"(.*\.)?(input_embed\.weight|output_init_embed|latent_init_embed|register_tokens|to_pred\.weight|network\.\d+\.[01]\.fn\..*)",
        "This is lucidrains' tiny-recursive-model: its nets differ from the paper's code, and its files do not store their "
        "sizes. Open a checkpoint of the public TRM or HRM code.",
    ),
    (
        r"(.*\.)?(to_input_embed|hidden_combiners|to_q_halt_continue)\..*",
        "This is lucidrains' hrm-pytorch: its nets differ from the paper's code. Open a checkpoint of the public HRM code.",
    ),
    (
        r"(.*\.)?(conv1d|conv2d|fixed_point|fp_block|spatial_conv)\..*",
        "This is probably FPRM (fixed-point reasoners), a convolutional net that runs to a fixed point: not supported.",
    ),
)


# Repositories of unsupported models that cannot be recognised by their tensor names.
OTHER_REPOSITORIES = {
    "fixed-point-reasoners/fprm": "is FPRM, a convolutional net that runs to a fixed point: not supported.",
    "pengxiang/InfiLoop-Sudoku": "is InfiLoop, whose state is an average of all earlier states and whose code is not public.",
    "MisakiTaro0414/looped-flows-sudoku": "is a looped flow, whose code is not public.",
    "MisakiTaro0414/looped-flows-maze": "is a looped flow, whose code is not public.",
    "sapientinc/HRM-Text-1B": "is HRM-Text, a language model: it has no grid to show.",
}
PPBENCH = "was trained on PPBench, whose token map was never published: its puzzles cannot be shown."


def refuse_repository(repo: str) -> None:
    """Raise CheckpointError for a hub repository that is known to contain an unsupported model."""
    for name, reason in OTHER_REPOSITORIES.items():
        if repo.lower() == name.lower():
            raise CheckpointError(f"hf://{name} {reason} Open a checkpoint of the public TRM or HRM code.")


def refuse_ppbench(path: Path, data: str) -> None:
    """Raise CheckpointError if the file name or `data`, the path of the training data, contains PPBench.

    The token map of PPBench is not public.
    """
    if "ppbench" in f"{path.name} {data}".lower().replace("-", "").replace("_", ""):
        raise CheckpointError(f"{path} {PPBENCH}")


def refuse_by_names(names: Iterable[str], path: Path) -> None:
    """Raise CheckpointError if a tensor name is that of a LoRA factor. LoRA factors are not complete weights."""
    for name in names:
        if LORA.search(name):
            raise CheckpointError(
                f"{path}: tensor {name[:100]} is a LoRA factor, and factors are not merged here. Merge them into the weights "
                "first (W + alpha / rank * B @ A; in peft merge_and_unload()) and save the result."
            )


def guess_model(name: str, path: Path) -> str:
    """A message that says which model most likely has a tensor of this name, and what to do."""
    for pattern, message in OTHER_MODELS:
        if re.fullmatch(pattern, name):
            return message
    architecture = transformers_architecture(path.parent / "config.json")
    if architecture:
        return (
            f"This is probably a port to Transformers (config.json says {architecture}), which renames the tensors: "
            "open the checkpoint it was converted from."
        )
    if re.search(r"[qkv]_proj|H_layers|L_layers|transformer\.|encoder\.|model\.layers\.", name):
        return "This is probably a port to Transformers or another model: open a checkpoint of the public TRM or HRM code."
    return "This is probably another model: open a checkpoint of the public TRM or HRM code."


def transformers_architecture(file: Path) -> str | None:
    """The architecture in the config.json of a Transformers model, as `key = value`; None for other files."""
    try:
        if not file.is_file() or file.stat().st_size > MAX_CONFIG:
            return None
        values = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    for key in PORT_KEYS:
        if values.get(key):
            return f"{key} = {json.dumps(values[key])[:60]}"
    return None
