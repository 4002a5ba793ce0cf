"""`trm forward`: write the raw outputs of a forward pass, for comparing implementations."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from trm.cli.options import add_command, forced_fields, model_options


def add(subparsers) -> None:
    command = add_command(
        subparsers,
        "forward",
        run,
        "write the raw outputs of a forward pass, for comparing implementations",
    )
    model_options(command)
    command.add_argument(
        "--inputs",
        required=True,
        type=Path,
        help=".npz with inputs [B, L], optional puzzle_identifiers [B], start_z_H and start_z_L [B, P, D]",
    )
    command.add_argument("--out", required=True, type=Path, help=".npz to write")


def run(options: Namespace) -> dict[str, Any]:
    from trm.checkpoint import load_model
    from trm.forward import forward_file

    model = load_model(
        options.model, force=forced_fields(options), accept_unknown=options.accept_unknown, native_tokens=True
    )
    return forward_file(model, options.inputs, options.out)
