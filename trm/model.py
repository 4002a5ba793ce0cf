"""The base class of all models: the embedding, the initial state, the heads, and the tiny nets between them."""

from abc import ABC, abstractmethod
from math import sqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from trm.config import HALT_OR_CONTINUE, KINDS, ModelConfig
from trm.coordinates import Coordinates
from trm.engine import Engine
from trm.layers import Attention, Embedding, Linear, Net, PuzzleEmbedding, truncated_normal
from trm.recursion import Heads, State


class Model(nn.Module, ABC):
    """Base class of all kinds of model. It provides x, the initial state, and the heads that read y.

    Activations have the dtype `compute_dtype`; parameters keep the dtype they were loaded with. A new model has zero
    weights: load a checkpoint, or call `initialise` before training.
    """

    engine: Engine = "torch"  # what computes the nets without gradients (`trm.engine`)
    tokens_without_logit = 0  # number of tokens, starting at token 0, for which the LM head has no logit

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.compute_dtype = torch.float32
        self.add_parts(config)

    def add_parts(self, config: ModelConfig) -> None:
        """Create the nets, tables and heads."""
        D = config.hidden_size
        self.embed_tokens = Embedding(config.vocab_size, D)
        if config.positions == "learned":
            self.embed_pos = Embedding(config.length, D)
        if config.puzzle_ids:
            self.puzzle_emb = PuzzleEmbedding(config.puzzle_ids, config.puzzle_embedding_size)
        for name in self.initial_state_names():
            self.register_buffer(name, torch.zeros(D))
        self.L_level = Net(config, config.layers)
        if config.H_layers:
            self.H_level = Net(config, config.H_layers)
        self.lm_head = Linear(D, config.vocab_size)
        if config.halting_outputs:
            self.q_head = Linear(D, config.halting_outputs, bias=True)

    def initial_state_names(self) -> tuple[str, ...]:
        """Names of the buffers that hold the initial states, y first."""
        return ("H_init", "L_init")

    @property
    def device(self) -> torch.device:
        """Device on which the model runs."""
        return next(self.parameters()).device

    def embed(
        self,
        inputs: Int[Tensor, "batch cell"],
        puzzle_ids: Int[Tensor, "batch"],
        puzzle_vectors: Float[Tensor, "batch size"] | None = None,
    ) -> Float[Tensor, "batch position dim"]:
        """Compute x, the embedded input: the puzzle prefix and the tokens of the cells, scaled by sqrt(D).

        If `puzzle_vectors` is given, it replaces the rows of the puzzle table.
        """
        config, dtype = self.config, self.compute_dtype
        x = self.embed_tokens(inputs, dtype)
        if config.prefix_length:
            prefix = x.new_zeros(len(inputs), config.prefix_length * config.hidden_size)
            if config.puzzle_ids:
                vectors = self.puzzle_emb(puzzle_ids, dtype) if puzzle_vectors is None else puzzle_vectors
                prefix[:, : config.puzzle_embedding_size] = vectors.to(dtype)
            x = torch.cat((prefix.view(len(inputs), config.prefix_length, config.hidden_size), x), dim=1)
        if config.positions == "learned":
            # the sum of two embeddings with equal variance has twice the variance
            x = sqrt(0.5) * (x + self.embed_pos.embedding_weight.to(dtype))
        return sqrt(config.hidden_size) * x

    def initial_state(self, x: Float[Tensor, "batch position dim"]) -> State:
        """Return the initial y and z: two random vectors that are never trained, each repeated at every position."""
        return State(self.H_init.to(x.dtype).expand_as(x), self.L_init.to(x.dtype).expand_as(x))

    @abstractmethod
    def f_L(self, x: Float[Tensor, "batch position dim"], state: State, call: int) -> State:
        """Update z by one f_L call. `call` is the index of the call in its latent recursion, from 1."""

    @abstractmethod
    def f_H(self, x: Float[Tensor, "batch position dim"], state: State) -> State:
        """Update the answer y by one f_H call, at the end of a latent recursion."""

    def latent(self, state: State, at: Coordinates) -> Float[Tensor, "batch position dim"]:
        """Return the z that the call `at` updates, or, for an f_H call, the z that the preceding f_L call updates."""
        return state.z

    def heads(self, y: Float[Tensor, "batch position dim"]) -> Heads:
        """Compute the logits of the cells, and the halting logits at the halting position, in float32.

        Without a halting head, q_halt is minus infinity (the model never halts). A missing q_continue is 0.
        """
        outputs = self.config.halting_outputs
        q = (
            self.q_head(y[:, self.config.halting_position]).float()
            if outputs
            else y.new_full((len(y), 1), -torch.inf, dtype=torch.float32)
        )
        return Heads(self.decode(y), q[:, 0], q[:, 1] if outputs == 2 else torch.zeros_like(q[:, 0]))

    def decode(self, state: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch cell vocab"]:
        """Compute the logits of the cells from a state, with the LM head.

        The LM head was trained only on y after a supervision step. For any other state, the result is only an
        interpretation.
        """
        return self.cell_logits(state[:, self.config.prefix_length :])

    def cell_logits(self, cells: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch vocab"]:
        """Compute the logits of each cell from its state, in float32."""
        return self.lm_head(cells).float()

    def unembedding(self) -> Float[Tensor, "vocab dim"]:
        """Weight vector of each token in the LM head."""
        return self.lm_head.weight

    def reverse_embed(self, state: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch cell vocab"]:
        """Compute the dot product of each cell's state with the input embedding of each token.

        The state is most similar to the embedding of the token with the largest product (reverse embedding, arXiv
        2510.04871, figure 6). The LM head and the position are not used. Training does not make states resemble input
        embeddings, so the result is only an interpretation.
        """
        cells = state[:, self.config.prefix_length :].float()
        return cells @ self.token_embedding().float().T

    def token_embedding(self) -> Float[Tensor, "vocab dim"]:
        """Input embedding of each token, not scaled by sqrt(D)."""
        return self.embed_tokens.embedding_weight

    def halting_logit(self, heads: Heads) -> Float[Tensor, "batch"]:
        """Return the halting logit, which is positive where the model would halt.

        The logit is q_halt, or q_halt - q_continue if q_continue was trained (both outputs are then Q-values).
        """
        return heads.q_halt - heads.q_continue if self.config.halting == HALT_OR_CONTINUE else heads.q_halt

    def halt_probability(self, heads: Heads) -> Float[Tensor, "batch"]:
        """Return the halting probability, which is above 0.5 where the model would halt."""
        return self.halting_logit(heads).sigmoid()

    def gradient_calls(self, n: int) -> int:
        """Number of calls at the end of a supervision step that training backpropagates through: n + 1, in HRM 2."""
        return KINDS[self.config.kind].gradient_calls(n)

    def set_grid_side(self, side: int) -> None:
        """Treat square grids with this side length as the top left corner of the model's own grid.

        Each cell keeps its rotary position in the full grid. Otherwise, the distance to the cell below would be `side`
        positions, so what the model learns about neighbours at one grid size would be wrong at all other sizes.
        """
        rotary_positions = None
        if side != self.config.grid[1]:
            prefix, rows = torch.arange(self.config.prefix_length), torch.arange(side)
            cells = self.config.prefix_length + self.config.grid[1] * rows[:, None] + rows
            rotary_positions = torch.cat((prefix, cells.flatten())).float().to(self.device)
        for module in self.modules():
            if isinstance(module, Attention):
                module.rotary_positions = rotary_positions

    def initialise(self, seed: int) -> None:
        """Draw initial weights for training.

        Weights are LeCun normal, initial states have unit variance, and the halting head initially predicts no halt.
        """
        generator = torch.Generator().manual_seed(seed)
        for module in self.modules():
            if isinstance(module, Linear | Embedding):
                module.initialise(generator)
        for name in self.initial_state_names():
            truncated_normal(self.get_buffer(name), 1.0, generator)
        if self.config.halting_outputs:
            with torch.no_grad():
                self.q_head.weight.zero_()
                self.q_head.bias.fill_(-5.0)
