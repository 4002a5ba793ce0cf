"""What tests of checkpoints share."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from trm.checkpoint import load_model
from trm.errors import CheckpointError

CPU = torch.device("cpu")


def refusal(spec: object, words: str | None = None, **options: Any) -> str:
    """The one line with which a checkpoint is refused."""
    with pytest.raises(CheckpointError, match=words) as error:
        load_model(str(spec), device=CPU, **options)
    message = str(error.value)
    assert "\n" not in message and len(message) < 500
    return message


def same_numbers(tensors: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> bool:
    """Whether both have the same names, and the same numbers in whatever dtype."""
    return tensors.keys() == others.keys() and all(
        torch.equal(tensor.float(), others[name].float()) for name, tensor in tensors.items()
    )
