"""The Tiny Recursive Model: one net that serves as f_L and as f_H, an embedding, and two heads.

Its parameters carry the names of the public code base (H_init is the initial y, L_init the initial z).
"""

from math import sqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from trm.config import ModelConfig
from trm.layers import Embedding, Linear, Net, PuzzleEmbedding, truncated_normal
from trm.recursion import Heads, State


class TRM(nn.Module):
    """Tiny Recursive Model (Jolicoeur-Martineau 2025, arXiv 2510.04871).

    f_L: z <- net(x + y + z). f_H: y <- net(y + z). Activations have the dtype `compute_dtype`; parameters stay as
    they were loaded. Built with zero weights: load a checkpoint, or call `initialise` to train.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.compute_dtype = torch.float32
        D = config.hidden_size
        self.embed_tokens = Embedding(config.vocab_size, D)
        if config.positions == "learned":
            self.embed_pos = Embedding(config.length, D)
        if config.puzzle_ids:
            self.puzzle_emb = PuzzleEmbedding(config.puzzle_ids, config.puzzle_embedding_size)
        self.register_buffer("H_init", torch.zeros(D))
        self.register_buffer("L_init", torch.zeros(D))
        self.L_level = Net(config)
        self.lm_head = Linear(D, config.vocab_size)
        self.q_head = Linear(D, 2, bias=True)

    def embed(
        self, inputs: Int[Tensor, "batch cell"], puzzle_ids: Int[Tensor, "batch"]
    ) -> Float[Tensor, "batch position dim"]:
        """x: the puzzle prefix and the cells' tokens, scaled by sqrt(D)."""
        config, dtype = self.config, self.compute_dtype
        x = self.embed_tokens(inputs, dtype)
        if config.prefix_length:
            prefix = x.new_zeros(len(inputs), config.prefix_length * config.hidden_size)
            if config.puzzle_ids:
                prefix[:, : config.puzzle_embedding_size] = self.puzzle_emb(puzzle_ids, dtype)
            x = torch.cat((prefix.view(len(inputs), config.prefix_length, config.hidden_size), x), dim=1)
        if config.positions == "learned":
            # halves the variance of the sum of two embeddings of equal variance
            x = sqrt(0.5) * (x + self.embed_pos.embedding_weight.to(dtype))
        return sqrt(config.hidden_size) * x

    def initial_state(self, x: Float[Tensor, "batch position dim"]) -> State:
        """The learned-from-nothing start: the same vector at every position."""
        return State(self.H_init.to(x.dtype).expand_as(x), self.L_init.to(x.dtype).expand_as(x))

    def f_L(self, x: Float[Tensor, "batch position dim"], state: State, call: int) -> State:
        return State(state.y, self.L_level(state.z + (state.y + x)))

    def f_H(self, state: State) -> State:
        return State(self.L_level(state.y + state.z), state.z)

    def heads(self, y: Float[Tensor, "batch position dim"]) -> Heads:
        """Logits of the cells, and the halting logits read at position 0, in float32."""
        q_halt, q_continue = self.q_head(y[:, 0]).float().unbind(-1)
        return Heads(self.decode(y), q_halt, q_continue)

    def decode(self, state: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch cell vocab"]:
        """Logits of the cells. The head is trained on y after a supervision step; of any other state this is a reading."""
        return self.lm_head(state[:, self.config.prefix_length :]).float()

    def halt_probability(self, heads: Heads) -> Float[Tensor, "batch"]:
        """The rule is q_halt > 0, so the probability is its sigmoid. The continue logit is not trained."""
        return heads.q_halt.sigmoid()

    def gradient_calls(self, n: int) -> int:
        """Training: the gradient reaches the whole last latent recursion."""
        return n + 1

    def initialise(self, seed: int) -> None:
        """Draw weights for training: LeCun normal, initial states of unit variance, a halting head that says no."""
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, Linear | Embedding):
                module.initialise(generator)
        truncated_normal(self.H_init, 1.0, generator)
        truncated_normal(self.L_init, 1.0, generator)
        with torch.no_grad():
            self.q_head.weight.zero_()
            self.q_head.bias.fill_(-5.0)


def parameter_count(model: nn.Module) -> int:
    """Numbers that a checkpoint of the model holds, the fixed initial states and the puzzle table included."""
    return sum(tensor.numel() for tensor in model.state_dict().values())
