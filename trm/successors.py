"""Later models from other code bases, run through the same recursion.

                    f_L                              f_H                              halts when            start
    EqR             z <- (1 - d) z + d net(x + y + z)  y <- (1 - d) y + d net(y + z)  q_halt > 0            random
    AIR             z <- net(z + y + a x)            y <- net(y + z + b x)            q_halt > q_continue   fixed
    URM             h <- net(h + x)                  h <- net(h + x)                  q_halt > 0            fixed
    sotaku          h <- layer_k(h); layer_1 reads h + the fed-back answer            never                 x

URM and sotaku have a single state h that is both y and z, and every call could produce an answer. Here, the last call
of each cycle in their code is f_H, so n is one less than the number of calls. EqR: github.com/locuslab/EqR, AIR:
github.com/juchengshen/air, URM: github.com/UbiquantAI/URM, sotaku: github.com/chenglou/sotaku.
"""

import re

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from trm.config import ConfigError, ModelConfig
from trm.layers import Linear, Net, PreNormBlock, truncated_normal
from trm.model import Model
from trm.recursion import State


class EqR(Model):
    """A damped TRM with a random initial state. `damping` d is the fraction of the state that a call's output replaces.

    The initial state is drawn from `START_SEED` and is the same for every puzzle, so that runs are reproducible. The
    noise that the public code adds in every call is omitted.
    """

    START_SEED = 0

    def initial_state_names(self) -> tuple[str, ...]:
        return ()

    def initial_state(self, x: Float[Tensor, "batch position dim"]) -> State:
        """Draw truncated normal noise, independent at every position and channel."""
        generator = torch.Generator().manual_seed(self.START_SEED)
        deviations = (self.config.y_deviation, self.config.z_deviation)
        drawn = [torch.zeros(x.shape[1:]) for _ in deviations]
        for start, deviation in zip(drawn, deviations, strict=True):
            truncated_normal(start, deviation, generator)
        return State(*(start.to(x).expand_as(x) for start in drawn))

    def f_L(self, x: Float[Tensor, "batch position dim"], state: State, call: int) -> State:
        return State(state.y, self._damped(state.z, state.y + x))

    def f_H(self, x: Float[Tensor, "batch position dim"], state: State) -> State:
        return State(self._damped(state.y, state.z), state.z)

    def _damped(self, old: Tensor, injected: Tensor) -> Tensor:
        damping = self.config.damping
        return (1 - damping) * old + damping * self.L_level(old + injected)


class AIR(Model):
    """A TRM with another injection of x. `injection` L<a>_H<b> adds x a times in f_L and b times in f_H ("", x or 2x).

    The other values of `injection` change only f_L: minus_x subtracts x, had_prod replaces y + x by (z + y) * x, and
    gx_linear and gx_non_linear add G x and tanh(G x) with a learned matrix G.
    """

    OF_F_L = ("minus_x", "had_prod", "gx_linear", "gx_non_linear")

    def add_parts(self, config: ModelConfig) -> None:
        super().add_parts(config)
        counts = re.fullmatch(r"L(|x|2x)_H(|x|2x)", config.injection)
        if not counts and config.injection not in self.OF_F_L:
            raise ConfigError(
                f"unknown AIR injection {config.injection!r}; choose L, Lx or L2x with _H, _Hx or _H2x, "
                f"or {', '.join(self.OF_F_L)}"
            )
        times = {"": 0, "x": 1, "2x": 2}
        self.into_z, self.into_y = (times[count] for count in counts.groups()) if counts else (1, 0)
        if config.injection.startswith("gx_"):
            self.g_input = Linear(config.hidden_size, config.hidden_size)

    def f_L(self, x: Float[Tensor, "batch position dim"], state: State, call: int) -> State:
        read, injection = state.z + state.y, self.config.injection
        if injection == "minus_x":
            return State(state.y, self.L_level(read - x))
        if injection == "had_prod":
            return State(state.y, self.L_level(read * x + state.z))
        if injection.startswith("gx_"):
            x = self.g_input(x)
            x = x.tanh() if injection == "gx_non_linear" else x
        return State(state.y, self.L_level(read + self.into_z * x))

    def f_H(self, x: Float[Tensor, "batch position dim"], state: State) -> State:
        return State(self.L_level(state.y + state.z + self.into_y * x), state.z)


class URM(Model):
    """Universal Reasoning Model: a single state, x added before every call, and a convolution in the SwiGLU."""

    def initial_state_names(self) -> tuple[str, ...]:
        return ("L_init",)

    def initial_state(self, x: Float[Tensor, "batch position dim"]) -> State:
        h = self.L_init.to(x.dtype).expand_as(x)
        return State(h, h)

    def f_L(self, x: Float[Tensor, "batch position dim"], state: State, call: int) -> State:
        return State(state.y, self.L_level(state.z + x))

    def f_H(self, x: Float[Tensor, "batch position dim"], state: State) -> State:
        h = self.L_level(state.z + x)
        return State(h, h)


class Sotaku(Model):
    """A pre-norm transformer that starts from x and feeds its answer back. Each layer is recorded as one call.

    The LM head outputs only digits, so the logits of all other tokens are minus infinity. The authors' code calls a
    supervision step an iteration. Before the first answer, y is 0 and nothing is fed back.
    """

    def add_parts(self, config: ModelConfig) -> None:
        self.tokens_without_logit = 2 if config.tokens == "official" else 1
        D, answers = config.hidden_size, config.vocab_size - self.tokens_without_logit
        self.initial_encoder = Linear(config.vocab_size, D, bias=True)
        self.pred_proj = Linear(answers, D, bias=True)
        for number in range(1, config.layers + 1):
            self.add_module(f"layer{number}", Net(config, 1, PreNormBlock))
        self.output_head = Linear(D, answers, bias=True)

    def initial_state_names(self) -> tuple[str, ...]:
        return ()

    def token_embedding(self) -> Float[Tensor, "vocab dim"]:
        return self.initial_encoder.weight.T + self.initial_encoder.bias

    def embed(
        self,
        inputs: Int[Tensor, "batch cell"],
        puzzle_ids: Int[Tensor, "batch"],
        puzzle_vectors: Float[Tensor, "batch size"] | None = None,
    ) -> Float[Tensor, "batch position dim"]:
        return self.initial_encoder(F.one_hot(inputs, self.config.vocab_size).to(self.compute_dtype))

    def initial_state(self, x: Float[Tensor, "batch position dim"]) -> State:
        return State(torch.zeros_like(x), x)

    def f_L(self, x: Float[Tensor, "batch position dim"], state: State, call: int) -> State:
        return State(state.y, self._layer(state, call))

    def f_H(self, x: Float[Tensor, "batch position dim"], state: State) -> State:
        h = self._layer(state, self.config.layers)
        return State(h, h)

    def _layer(self, state: State, call: int) -> Tensor:
        h = state.z
        if call == 1:
            answered = state.y.any(-1, keepdim=True)
            h = h + self.pred_proj(self.output_head(state.y).softmax(-1) * answered)
        return self.get_submodule(f"layer{call}")(h)

    def cell_logits(self, cells: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch vocab"]:
        return F.pad(self.output_head(cells).float(), (self.tokens_without_logit, 0), value=-torch.inf)

    def unembedding(self) -> Float[Tensor, "vocab dim"]:
        return F.pad(self.output_head.weight, (0, 0, self.tokens_without_logit, 0))
