"""Raw numbers of a forward pass, to compare implementations: what `trm forward` writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from threadpoolctl import threadpool_limits
from torch import Tensor

from trm.arrays import Header, read_npz
from trm.coordinates import F_H, Coordinates
from trm.errors import DataError
from trm.files import atomic_file, reading
from trm.layers import Linear, numpy_product
from trm.model import Model
from trm.recursion import State, deep_supervision

STARTS = ("start_z_H", "start_z_L")  # names of y and z in the public code
MAX_INPUT = 256 << 20  # bytes of an array
MAX_OUTPUT = 4 << 30  # bytes of all numbers: a hundred ARC puzzles, a thousand Sudokus


def forward_file(model: Model, inputs: Path, out: Path) -> dict[str, list[int]]:
    """Run the puzzles in an .npz through all supervision steps and write every number to another.

    In: `inputs` (B, L) tokens, optional `puzzle_identifiers` (B,), optional `start_z_H` and `start_z_L` (B, P, D), y and z
    to start from. Out: `logits` (N_sup, B, L, V), `q_halt_logits` and `q_continue_logits` (N_sup, B) where the halting head
    has them, `step1_call_output` (calls, B, P, D): what each call of supervision step 1 rewrote, and for models that start
    at random `convergence_last3` (B,), see `convergence`. Tokens and cells are the file's own: open the model so. Returns the shapes. In float32 on a CPU the sums are NumPy's (see `trm.layers.numpy_product`). Raises DataError.
    """
    tokens, puzzle_ids, start = _read(inputs, model)
    calls: list[Tensor] = []

    def keep_first_step(at: Coordinates, state: State) -> State:
        if at.supervision_step == 1:
            calls.append(state.y if at.kind == F_H else model.latent(state, at))
        return state

    with numpy_sums(model):
        steps = list(
            deep_supervision(
                model,
                tokens,
                puzzle_ids,
                depth=model.config.depth,
                after_call=keep_first_step,
                start=start and (lambda _: start),
            )
        )
    logits = torch.stack([step.heads.logits for step in steps])[..., model.tokens_without_logit :]
    q = {
        name: torch.stack([getattr(step.heads, name) for step in steps]) for name in ("q_halt", "q_continue")
    }
    arrays = {
        "logits": logits,
        **{f"{name}_logits": q[name] for name in list(q)[: model.config.halting_outputs]},
        "step1_call_output": torch.stack(calls),
    }
    if model.config.y_deviation or model.config.z_deviation:
        arrays["convergence_last3"] = convergence(logits)
    with atomic_file(out) as temporary, temporary.open("wb") as file:
        np.savez(file, **{name: array.float().cpu().numpy() for name, array in arrays.items()})
    return {name: list(array.shape) for name, array in arrays.items()}


def convergence(logits: Float[Tensor, "steps batch cell vocab"], last: int = 3) -> Float[Tensor, "batch"]:
    """How much the answer still moves: the mean, over cells and over the last changes from step to step, of the 2-norm of
    the change of a cell's logits. EqR ranks runs from different starts by it, the smallest first. 0 with one step.
    """
    moves = logits.diff(dim=0)[-last:].norm(dim=-1)  # (changes, B, L)
    return moves.mean((0, 2)) if len(moves) else logits.new_zeros(logits.shape[1])


@contextmanager
def numpy_sums(model: Model) -> Iterator[None]:
    """Within, a float32 model on a CPU takes its matrix products from NumPy, summed in the order of the public outputs.

    With one BLAS thread: on a busy machine several wait for each other, and the numbers are the same.
    """
    chosen = model.compute_dtype == torch.float32 and model.device.type == "cpu"
    linears = [module for module in model.modules() if isinstance(module, Linear)] if chosen else []
    usual = [module.product for module in linears]
    try:
        for module in linears:
            module.product = numpy_product
        with threadpool_limits(1):
            yield
    finally:
        for module, product in zip(linears, usual, strict=True):
            module.product = product


def _read(path: Path, model: Model) -> tuple[Tensor, Tensor, State | None]:
    """Tokens (B, L), puzzle ids (B,) and the state to start from, if any, checked against the model."""
    config = model.config

    def wanted(name: str, header: Header) -> bool:
        if name not in ("inputs", "puzzle_identifiers", *STARTS):
            return False
        if header.nbytes > MAX_INPUT:
            raise DataError(f"{path}: {name} has over {MAX_INPUT >> 20} MiB. Give fewer puzzles.")
        return True

    with reading(path, DataError, ".npz of plain arrays", "Save it with numpy.savez."):
        arrays = read_npz(path, wanted)
    if "inputs" not in arrays:
        raise DataError(
            f"{path} has no array called inputs. Save one of shape [B, {config.sequence_length}]."
        )
    inputs, given = arrays["inputs"], [arrays[name] for name in STARTS if name in arrays]
    ids = arrays.get("puzzle_identifiers", np.zeros(inputs.shape[:1], np.int64))
    # A length that was only assumed binds nobody: rotary attention takes any.
    cells = (
        inputs.shape[-1] if "sequence_length" in config.assumed and inputs.ndim else config.sequence_length
    )
    if inputs.shape[1:] != (cells,) or inputs.dtype.kind not in "iu" or not inputs.size:
        raise DataError(
            f"{path}: inputs has shape {inputs.shape} of {inputs.dtype}, but must be whole numbers [B, {cells}]."
        )
    size = len(inputs) * _bytes_of_a_puzzle(model, cells)
    if size > MAX_OUTPUT:
        raise DataError(
            f"{path}: the numbers of {len(inputs):,} puzzles take {size / 2**30:,.0f} GB, more than {MAX_OUTPUT >> 30}. "
            "Give fewer puzzles."
        )
    if inputs.min() < 0 or inputs.max() >= config.vocab_size:
        raise DataError(f"{path}: inputs holds tokens outside 0 to {config.vocab_size - 1}.")
    if ids.shape != (len(inputs),) or ids.dtype.kind not in "iu" or ids.min() < 0:
        raise DataError(f"{path}: puzzle_identifiers must be [{len(inputs)}] whole numbers from 0.")
    if config.puzzle_ids and ids.max() >= config.puzzle_ids:
        raise DataError(f"{path}: puzzle_identifiers must be below {config.puzzle_ids}, the model's table.")
    device = model.device
    tokens, puzzle_ids = (torch.from_numpy(array.astype(np.int64)).to(device) for array in (inputs, ids))
    if not given:
        return tokens, puzzle_ids, None
    usual = model.initial_state(model.embed(tokens, puzzle_ids))
    for name, array, state in zip(STARTS, given, usual, strict=False):
        if len(given) < len(STARTS) or array.shape != state.shape or array.dtype.kind != "f":
            raise DataError(
                f"{path}: {' and '.join(STARTS)} must both be numbers {list(state.shape)}; {name} is {array.shape} of {array.dtype}."
            )
    return (
        tokens,
        puzzle_ids,
        State(
            *(
                torch.from_numpy(array.astype(np.float32)).to(state)
                for array, state in zip(given, usual, strict=True)
            )
        ),
    )


def _bytes_of_a_puzzle(model: Model, cells: int) -> int:
    """What its logits and the calls of its first supervision step take."""
    config = model.config
    calls = config.depth.calls_per_step * (config.prefix_length + cells) * config.hidden_size
    return 4 * (config.N_sup * cells * config.vocab_size + calls)
