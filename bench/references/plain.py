"""Training as in the paper's pseudo-code, in plain PyTorch: the reference for the time of our trainer.

The code follows figure 3 of the TRM paper (arXiv 2510.04871), with the sizes of our preset and no optimisations: it uses
float32, one batch for all supervision steps, and simple modules.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trm.config import ModelConfig


def rms_norm(x: Tensor) -> Tensor:
    return F.rms_norm(x, x.shape[-1:], eps=1e-5)


class PlainSwiGLU(nn.Module):
    def __init__(self, dim: int, width: int):
        super().__init__()
        self.gate, self.up = nn.Linear(dim, width, bias=False), nn.Linear(dim, width, bias=False)
        self.down = nn.Linear(width, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


class MixerBlock(nn.Module):
    def __init__(self, config: ModelConfig):
        super().__init__()
        self.mix = PlainSwiGLU(config.length, config.mixing_width)
        self.mlp = PlainSwiGLU(config.hidden_size, config.mlp_width)

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        x = rms_norm(x + self.mix(x)).transpose(1, 2)
        return rms_norm(x + self.mlp(x))


class PlainTRM(nn.Module):
    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        D = config.hidden_size
        self.input_embedding = nn.Embedding(config.vocab_size, D)
        self.net = nn.Sequential(*(MixerBlock(config) for _ in range(config.layers)))
        self.output_head = nn.Linear(D, config.vocab_size, bias=False)
        self.Q_head = nn.Linear(D, 1)
        self.y_init, self.z_init = (nn.Buffer(torch.randn(D)) for _ in range(2))

    def embed(self, inputs: Tensor) -> Tensor:
        x = self.input_embedding(inputs) * self.config.hidden_size**0.5
        return F.pad(x, (0, 0, self.config.prefix_length, 0))

    def latent_recursion(self, x: Tensor, y: Tensor, z: Tensor, n: int) -> tuple[Tensor, Tensor]:
        for _ in range(n):
            z = self.net(x + y + z)
        return self.net(y + z), z

    def deep_recursion(self, x: Tensor, y: Tensor, z: Tensor, n: int, T: int):
        with torch.no_grad():
            for _ in range(T - 1):
                y, z = self.latent_recursion(x, y, z, n)
        y, z = self.latent_recursion(x, y, z, n)
        cells = y[:, self.config.prefix_length :]
        return (y.detach(), z.detach()), self.output_head(cells), self.Q_head(y[:, 0])


class PlainTraining:
    """Training on one batch. `one_update` runs one supervision step and updates the weights and their average."""

    def __init__(self, config: ModelConfig, inputs: Tensor, labels: Tensor, learning_rate: float):
        self.config, self.inputs, self.labels = config, inputs, labels
        self.model = PlainTRM(config)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), learning_rate)
        self.average = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        shape = (len(inputs), config.length, config.hidden_size)
        self.y, self.z = self.model.y_init.expand(shape), self.model.z_init.expand(shape)

    def one_update(self) -> float:
        config = self.config
        x = self.model.embed(self.inputs)
        (self.y, self.z), y_hat, q_hat = self.model.deep_recursion(x, self.y, self.z, config.n, config.T)
        correct = (y_hat.argmax(-1) == self.labels).all(-1).float()
        loss = F.cross_entropy(y_hat.flatten(0, 1), self.labels.flatten())
        loss = loss + F.binary_cross_entropy_with_logits(q_hat.squeeze(-1), correct)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        for name, tensor in self.model.state_dict().items():
            self.average[name].lerp_(tensor, 0.001)
        return loss.item()
