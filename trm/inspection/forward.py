"""Write the raw outputs of a forward pass, for comparing implementations (`trm forward`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from threadpoolctl import threadpool_limits
from torch import Tensor

from trm.coordinates import F_H, Coordinates
from trm.data.files.npz import Header, read_npz
from trm.errors import DataError
from trm.files import atomic_file, reading
from trm.layers import Linear, numpy_product
from trm.model import Model
from trm.recursion import State, deep_supervision

STARTS = ("start_z_H", "start_z_L")  # names of y and z in the public code
MAX_INPUT = 256 << 20  # maximum bytes per array
MAX_OUTPUT = 4 << 30  # maximum bytes of outputs: enough for a hundred ARC puzzles or a thousand Sudokus


def forward_file(model: Model, inputs: Path, out: Path) -> dict[str, list[int]]:
    """Run the puzzles in an .npz file through all supervision steps and write the outputs to another .npz file.

    The input file has the tokens `inputs` (B, L). It may have `puzzle_identifiers` (B,), and the initial y and z as
    `start_z_H` and `start_z_L` (B, P, D).

    The output file has `logits` (N_sup, B, L, V); `q_halt_logits` and `q_continue_logits` (N_sup, B) if the halting
    head has these outputs; `step1_call_output` (calls, B, P, D), the state that each call of supervision step 1
    updates; and, for models with a random initial state, `convergence_last3` (B,) (see `convergence`).

    Load the model with `native_tokens`, so that tokens and cells follow the checkpoint. In float32 on a CPU, NumPy
    computes the matrix products (see `trm.layers.numpy_product`). Returns the shapes of the outputs. Raises DataError
    if the input file is invalid.
    """
    tokens, puzzle_ids, start = _read(inputs, model)
    calls: list[Tensor] = []

    def collect_first_step(at: Coordinates, state: State) -> State:
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
                after_call=collect_first_step,
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
    """Measure how much the logits still change over the last `last` supervision steps; 0 if there is only one step.

    The measure is the L2 norm of the step-to-step change in a cell's logits, averaged over cells and over these steps.
    EqR ranks runs from different initial states by this value, smallest first.
    """
    moves = logits.diff(dim=0)[-last:].norm(dim=-1)  # (changes, B, L)
    return moves.mean((0, 2)) if len(moves) else logits.new_zeros(logits.shape[1])


@contextmanager
def numpy_sums(model: Model) -> Iterator[None]:
    """Context manager in which NumPy computes the matrix products of a float32 model on a CPU.

    BLAS is limited to one thread, because several threads would wait for each other on a busy machine. This does not
    change the results.
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
    """Read tokens (B, L), puzzle ids (B,) and the optional initial state, and check that they fit the model."""
    config = model.config

    def wanted(name: str, header: Header) -> bool:
        if name not in ("inputs", "puzzle_identifiers", *STARTS):
            return False
        if header.nbytes > MAX_INPUT:
            raise DataError(f"{path}: {name} is larger than {MAX_INPUT >> 20} MiB. Use fewer puzzles.")
        return True

    with reading(path, DataError, "NumPy archive (.npz) of plain arrays", "Save it with numpy.savez."):
        arrays = read_npz(path, wanted)
    if "inputs" not in arrays:
        raise DataError(f"{path} has no array named inputs. Save one of shape [B, {config.sequence_length}].")
    inputs, given = arrays["inputs"], [arrays[name] for name in STARTS if name in arrays]
    ids = arrays.get("puzzle_identifiers", np.zeros(inputs.shape[:1], np.int64))
    # An assumed length is not enforced: rotary attention works at any length.
    cells = (
        inputs.shape[-1] if "sequence_length" in config.assumed and inputs.ndim else config.sequence_length
    )
    if inputs.shape[1:] != (cells,) or inputs.dtype.kind not in "iu" or not inputs.size:
        raise DataError(
            f"{path}: inputs is {inputs.dtype} of shape {inputs.shape}, but must be integers of shape [B, {cells}]."
        )
    size = len(inputs) * _bytes_of_a_puzzle(model, cells)
    if size > MAX_OUTPUT:
        raise DataError(
            f"{path}: the outputs for {len(inputs):,} puzzles take {size / 2**30:,.0f} GiB, more than {MAX_OUTPUT >> 30}. "
            "Use fewer puzzles."
        )
    if inputs.min() < 0 or inputs.max() >= config.vocab_size:
        raise DataError(f"{path}: inputs contains tokens outside 0 to {config.vocab_size - 1}.")
    if ids.shape != (len(inputs),) or ids.dtype.kind not in "iu" or ids.min() < 0:
        raise DataError(f"{path}: puzzle_identifiers must be [{len(inputs)}] integers from 0.")
    if config.puzzle_ids and ids.max() >= config.puzzle_ids:
        raise DataError(
            f"{path}: puzzle_identifiers must be below {config.puzzle_ids}, the size of the model's puzzle table."
        )
    device = model.device
    tokens, puzzle_ids = (torch.from_numpy(array.astype(np.int64)).to(device) for array in (inputs, ids))
    if not given:
        return tokens, puzzle_ids, None
    usual = model.initial_state(model.embed(tokens, puzzle_ids))
    for name, array, state in zip(STARTS, given, usual, strict=False):
        if len(given) < len(STARTS) or array.shape != state.shape or array.dtype.kind != "f":
            raise DataError(
                f"{path}: {' and '.join(STARTS)} must both be floats of shape {list(state.shape)}; "
                f"{name} is {array.dtype} of shape {array.shape}."
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
    """Bytes of output for one puzzle: the logits, and the states after the calls of the first supervision step."""
    config = model.config
    calls = config.depth.calls_per_step * (config.prefix_length + cells) * config.hidden_size
    return 4 * (config.N_sup * cells * config.vocab_size + calls)
