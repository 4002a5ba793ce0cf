"""Data-parallel training with `torchrun`: each process holds the model and an equal part of the batch.

All processes draw the same random numbers for the whole batch and use their own rows, so that the puzzles do not depend
on the number of processes. Gradients, which are means over equal parts, are averaged.
"""

import os
from dataclasses import dataclass

import torch
import torch.distributed as distributed
from torch import Tensor, nn


@dataclass(frozen=True)
class Replica:
    """One of `size` data-parallel processes; it owns part number `rank` of the rows in a batch."""

    rank: int = 0
    size: int = 1

    @classmethod
    def of_this_process(cls, device: torch.device) -> "Replica":
        """Create the replica that `torchrun` assigned and join the process group (NCCL between GPUs, else gloo)."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(distributed.get_rank(), size)

    @property
    def leads(self) -> bool:
        """Whether this process writes files and log messages."""
        return self.rank == 0

    def rows(self, count: int) -> slice:
        """The rows that this process owns in a batch of `count`."""
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def gathered(self, mine: Tensor) -> Tensor:
        """Concatenate the rows of all processes, in order."""
        if self.size == 1:
            return mine
        parts = [torch.empty_like(mine) for _ in range(self.size)]
        distributed.all_gather(parts, mine.contiguous())
        return torch.cat(parts)

    def averaged(self, value: Tensor) -> Tensor:
        """The mean of a tensor over all processes."""
        if self.size == 1:
            return value
        total = value.detach().clone()
        distributed.all_reduce(total)
        return total / self.size

    def average_gradients(self, model: nn.Module) -> None:
        """Replace all gradients with their mean over processes, in a single all-reduce."""
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
        """The lead process's value, on all processes: clocks differ, but all processes must take the same decision."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        if distributed.get_backend() == "nccl":
            shared = shared.cuda()
        distributed.broadcast(shared, 0)
        return shared.item()
