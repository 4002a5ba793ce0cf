"""Data-parallel training with `torchrun`: each process has a copy of the model and an equal part of the batch.

All processes draw the same random numbers for the whole batch, and each process uses only its own rows. The puzzles
thus do not depend on the number of processes. Gradients are averaged over processes.
"""

import atexit
import os
from dataclasses import dataclass

import torch
import torch.distributed as distributed
from torch import Tensor, nn


@dataclass(frozen=True)
class Replica:
    """One of `size` data-parallel processes, with index `rank` from 0. Each process owns an equal part of a batch."""

    rank: int = 0
    size: int = 1

    @classmethod
    def of_this_process(cls, device: torch.device) -> "Replica":
        """Create the replica for this process from the environment that `torchrun` sets, and join the process group.

        The backend is NCCL on a GPU and gloo on a CPU.
        """
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
            atexit.register(_leave)
        return cls(distributed.get_rank(), size)

    @property
    def leads(self) -> bool:
        """Whether this process writes files and log messages."""
        return self.rank == 0

    def rows(self, count: int) -> slice:
        """Return the rows that this process owns in a batch of `count` rows."""
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def gathered(self, mine: Tensor) -> Tensor:
        """Concatenate the rows `mine` of all processes, in order of rank. All processes receive the result."""
        if self.size == 1:
            return mine
        parts = [torch.empty_like(mine) for _ in range(self.size)]
        distributed.all_gather(parts, mine.contiguous())
        return torch.cat(parts)

    def averaged(self, value: Tensor) -> Tensor:
        """Return the mean of a tensor over all processes."""
        if self.size == 1:
            return value
        total = value.detach().clone()
        distributed.all_reduce(total)
        return total / self.size

    def average_gradients(self, model: nn.Module) -> None:
        """Replace all gradients of the model with their means over processes, with a single all-reduce."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def wait(self) -> None:
        """Wait until all processes reach this call."""
        if self.size > 1:
            distributed.barrier()

    def agree(self, value: float) -> float:
        """Return the value of the lead process on all processes, so that all processes make the same decision."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        if distributed.get_backend() == "nccl":
            shared = shared.cuda()
        distributed.broadcast(shared, 0)
        return shared.item()


def _leave() -> None:
    """Leave the process group. A process that exits inside a group may abort when another one exits before it."""
    if distributed.is_initialized():
        distributed.destroy_process_group()
