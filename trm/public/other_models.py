"""Files of other models: refused by name, with the reason and what to do."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from trm.errors import CheckpointError

PORT_KEYS = ("architectures", "auto_map", "model_type")  # in the config.json of a Transformers model
MAX_CONFIG = 1 << 20  # bytes

LORA = re.compile(r"(^|[._])lora_(A|B|a|b|down|up|embedding_A|embedding_B|magnitude_vector)([._]|$)")

# A tensor's name, and which model has it.
OTHER_MODELS: tuple[tuple[str, str], ...] = (
    (
        r"(model\.)?[HL]_module\.layers\..*|(model\.)?z_L_init",
        "This is HRM-Text, a language model: it has no grid to show. Open an HRM of the public code.",
    ),
    (
        r"(.*\.)?input_token_[LH]",
        "This is AIR with tokens of its own for f_L and f_H (input_token_L/H) at every position or before the first: not "
        "supported. Its variants that add x (L<..>_H<..>) open.",
    ),
    (
        r"(.*\.)?lenet\..*\.(dwconv|board_conv)\..*",
        "This is a nano-trm whose MLP has a convolution (use_conv_swiglu or use_board_swiglu), which is not supported.",
    ),
    (
        r"(.*\.)?core\.layers\..*",
        "This is RSM: one pass without supervision steps, so there is no deep supervision to step through.",
    ),
    (
        r"(.*\.)?(input_embed\.weight|output_init_embed|latent_init_embed|register_tokens|to_pred\.weight|network\.\d+\.[01]\.fn\..*)",
        "This is lucidrains' tiny-recursive-model, whose nets differ from the paper's code and whose sizes no file keeps. "
        "Open a checkpoint of the public TRM or HRM code.",
    ),
    (
        r"(.*\.)?(to_input_embed|hidden_combiners|to_q_halt_continue)\..*",
        "This is lucidrains' hrm-pytorch, whose nets differ from the paper's code. Open a checkpoint of the public HRM code.",
    ),
    (
        r"(.*\.)?(conv1d|conv2d|fixed_point|fp_block|spatial_conv)\..*",
        "This is probably FPRM (fixed-point reasoners), a net of convolutions that runs until it rests: not supported.",
    ),
)


# Repositories whose models cannot be shown; their files have names of their own.
OTHER_PLACES = {
    "fixed-point-reasoners/fprm": "is FPRM, a net of convolutions that runs until it rests: not supported.",
    "pengxiang/InfiLoop-Sudoku": "is InfiLoop, whose state is an average of all earlier ones and whose code is not public.",
    "MisakiTaro0414/looped-flows-sudoku": "is a looped flow, whose code is not public.",
    "MisakiTaro0414/looped-flows-maze": "is a looped flow, whose code is not public.",
    "sapientinc/HRM-Text-1B": "is HRM-Text, a language model: it has no grid to show.",
}
PPBENCH = "was trained on PPBench, whose map of tokens nobody has published: its puzzles cannot be shown."


def refuse_repository(repo: str) -> None:
    """Raises CheckpointError for a repository of the hub that is known to hold another model, before it is fetched."""
    for place, words in OTHER_PLACES.items():
        if repo.lower() == place.lower():
            raise CheckpointError(f"hf://{place} {words} Open a checkpoint of the public TRM or HRM code.")


def refuse_ppbench(path: Path, data: str) -> None:
    """Raises CheckpointError for a model of puzzles that nobody can write down in its tokens."""
    if "ppbench" in f"{path.name} {data}".lower().replace("-", "").replace("_", ""):
        raise CheckpointError(f"{path} {PPBENCH}")


def refuse_by_names(names: Iterable[str], path: Path) -> None:
    """Raises CheckpointError for LoRA factors, which are no weights of their own."""
    for name in names:
        if LORA.search(name):
            raise CheckpointError(
                f"{path}: tensor {name[:100]} is a LoRA factor, which this app does not add up. Merge the factors into "
                "the weights first (W + alpha / rank * B @ A; in peft merge_and_unload()) and save those."
            )


def guess_model(name: str, path: Path) -> str:
    """What a file with such a tensor is likely to be, and what to do."""
    for pattern, words in OTHER_MODELS:
        if re.fullmatch(pattern, name):
            return words
    architecture = transformers_architecture(path.parent / "config.json")
    if architecture:
        return (
            f"This is probably a port to Transformers (config.json says {architecture}), which renames tensors: "
            "open the checkpoint it was made from."
        )
    if re.search(r"[qkv]_proj|H_layers|L_layers|transformer\.|encoder\.|model\.layers\.", name):
        return "This is probably a port to Transformers or another model: open a checkpoint of the public TRM or HRM code."
    return "This is probably another model: open a checkpoint of the public TRM or HRM code."


def transformers_architecture(file: Path) -> str | None:
    """What a config.json says of a Transformers model; None where there is none."""
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
