"""What all kinds of model share: the embedding, the initial state, the heads, and the tiny net between them."""

from abc import ABC, abstractmethod
from math import sqrt

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from trm.config import HALT_OR_CONTINUE, KINDS, ModelConfig
from trm.coordinates import Coordinates
from trm.layers import Attention, Embedding, Linear, Net, PuzzleEmbedding, truncated_normal
from trm.recursion import Heads, State


class Model(nn.Module, ABC):
    """What all kinds share: x, the initial state, and what is read from y.

    Activations have the dtype `compute_dtype`; parameters stay as they were loaded. Built with zero weights: load a
    checkpoint, or call `initialise` to train.
    """

    tokens_without_logit = 0  # tokens, from 0, that the head has no logit of

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.compute_dtype = torch.float32
        self.add_parts(config)

    def add_parts(self, config: ModelConfig) -> None:
        """Make its nets, tables and heads."""
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
        """Names of the vectors that states start from, y's first."""
        return ("H_init", "L_init")

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.parameters()).device

    def embed(
        self,
        inputs: Int[Tensor, "batch cell"],
        puzzle_ids: Int[Tensor, "batch"],
        puzzle_vectors: Float[Tensor, "batch size"] | None = None,
    ) -> Float[Tensor, "batch position dim"]:
        """x: the puzzle prefix and the cells' tokens, scaled by sqrt(D). Vectors, if given, stand for the table's rows."""
        config, dtype = self.config, self.compute_dtype
        x = self.embed_tokens(inputs, dtype)
        if config.prefix_length:
            prefix = x.new_zeros(len(inputs), config.prefix_length * config.hidden_size)
            if config.puzzle_ids:
                vectors = self.puzzle_emb(puzzle_ids, dtype) if puzzle_vectors is None else puzzle_vectors
                prefix[:, : config.puzzle_embedding_size] = vectors.to(dtype)
            x = torch.cat((prefix.view(len(inputs), config.prefix_length, config.hidden_size), x), dim=1)
        if config.positions == "learned":
            # halves the variance of the sum of two embeddings of equal variance
            x = sqrt(0.5) * (x + self.embed_pos.embedding_weight.to(dtype))
        return sqrt(config.hidden_size) * x

    def initial_state(self, x: Float[Tensor, "batch position dim"]) -> State:
        """The same vector at every position, drawn before training and never learned."""
        return State(self.H_init.to(x.dtype).expand_as(x), self.L_init.to(x.dtype).expand_as(x))

    @abstractmethod
    def f_L(self, x: Float[Tensor, "batch position dim"], state: State, call: int) -> State:
        """Call number `call` (from 1) of a latent recursion: think."""

    @abstractmethod
    def f_H(self, x: Float[Tensor, "batch position dim"], state: State) -> State:
        """The call that ends a latent recursion: answer."""

    def latent(self, state: State, at: Coordinates) -> Float[Tensor, "batch position dim"]:
        """The z that the call rewrites; at an f_H call, which rewrites none, that of the f_L call before it."""
        return state.z

    def heads(self, y: Float[Tensor, "batch position dim"]) -> Heads:
        """Logits of the cells, and the halting logits read at the halting position, in float32.

        What the halting head does not have is as it is where nothing halts: q_halt minus infinity, q_continue 0.
        """
        outputs = self.config.halting_outputs
        q = (
            self.q_head(y[:, self.config.halting_position]).float()
            if outputs
            else y.new_full((len(y), 1), -torch.inf, dtype=torch.float32)
        )
        return Heads(self.decode(y), q[:, 0], q[:, 1] if outputs == 2 else torch.zeros_like(q[:, 0]))

    def decode(self, state: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch cell vocab"]:
        """Logits of the cells. The head is trained on y after a supervision step; of any other state this is a reading."""
        return self.cell_logits(state[:, self.config.prefix_length :])

    def cell_logits(self, cells: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch vocab"]:
        """What the head reads from each state of a cell: logits, in float32."""
        return self.lm_head(cells).float()

    def unembedding(self) -> Float[Tensor, "vocab dim"]:
        """The head's direction of each token."""
        return self.lm_head.weight

    def reverse_embed(self, state: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch cell vocab"]:
        """Of every cell the product of its state with the input embedding of every token: the largest is the token that
        the state would be read as on the way in (reverse embedding, arXiv 2510.04871, figure 6). No head and no
        position plays a part. Nothing is trained to make states look like inputs, so this is a reading too.
        """
        cells = state[:, self.config.prefix_length :].float()
        return cells @ self.token_embedding().float().T

    def token_embedding(self) -> Float[Tensor, "vocab dim"]:
        """What each token is embedded as, unscaled."""
        return self.embed_tokens.embedding_weight

    def halting_logit(self, heads: Heads) -> Float[Tensor, "batch"]:
        """Positive where the model would halt: q_halt, less q_continue where that was trained (values of Q-learning)."""
        return heads.q_halt - heads.q_continue if self.config.halting == HALT_OR_CONTINUE else heads.q_halt

    def halt_probability(self, heads: Heads) -> Float[Tensor, "batch"]:
        """Above one half where the model would halt."""
        return self.halting_logit(heads).sigmoid()

    def gradient_calls(self, n: int) -> int:
        """Training: how many of the last calls the gradient reaches. The whole last latent recursion; HRM: two calls."""
        return KINDS[self.config.kind].gradient_calls(n)

    def set_grid_side(self, side: int) -> None:
        """Read square grids of this side as the top left corner of the model's own grid.

        Every cell keeps the rotary position it has there. Without this, the row below would be `side` positions away,
        and what was learned about neighbours on one size would be wrong on every other.
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
        """Draw weights for training: LeCun normal, initial states of unit variance, a halting head that says no."""
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
