"""The models: an embedding, one or two tiny nets that serve as f_L and f_H, and two heads.

All kinds run through the same recursion. They differ in a few one-line methods:

                    f_L                         f_H                 halts when            gradient
    TRM             z <- net(x + y + z)         y <- net(y + z)     q_halt > 0 (*)        last latent recursion
    TRMTwoNets      z <- L(x + y + z)           y <- H(y + z)       q_halt > 0 (*)        last latent recursion
    TRMMultiZ       z_k <- net(x + y + sum z)   y <- net(y + sum z) q_halt > 0 (*)        last latent recursion
    TRMSingleZ      z <- net(x + z)             y, z <- net(z)      q_halt > 0 (*)        last latent recursion
    HRM             z <- L(x + y + z)           y <- H(y + z)       q_halt > q_continue   last two calls

Later models from other code bases are in `trm.successors`.

(*) q_halt > q_continue, as in HRM, if q_continue was trained (`no_ACT_continue: false` in the public code). In the same
way an HRM that was trained without q_continue halts when q_halt > 0.

Parameters have the names of the public code bases (H_init is the initial y, L_init the initial z).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trm.config import ModelConfig
from trm.coordinates import F_L, Coordinates
from trm.model import Model
from trm.recursion import State
from trm.successors import AIR, URM, EqR, Sotaku


class TRM(Model):
    """Tiny Recursive Model (Jolicoeur-Martineau 2025, arXiv 2510.04871): one net is both f_L and f_H."""

    def f_L(self, x: Float[Tensor, "batch position dim"], state: State, call: int) -> State:
        return State(state.y, self.L_level(state.z + (state.y + x)))

    def f_H(self, x: Float[Tensor, "batch position dim"], state: State) -> State:
        return State(self.L_level(state.y + state.z), state.z)


class TRMTwoNets(TRM):
    """The paper's ablation with separate nets for f_L and f_H (table 1, "separate f_H and f_L")."""

    def f_H(self, x: Float[Tensor, "batch position dim"], state: State) -> State:
        return State(self.H_level(state.y + state.z), state.z)


class HRM(TRMTwoNets):
    """Hierarchical Reasoning Model (Wang et al. 2025, arXiv 2506.21734). In the paper, y is z_H and z is z_L."""


class TRMSingleZ(Model):
    """The paper's ablation without y (section 4.2): the answer is decoded from z, so y and z are the same tensor."""

    def initial_state_names(self) -> tuple[str, ...]:
        return ("L_init",)

    def initial_state(self, x: Float[Tensor, "batch position dim"]) -> State:
        z = self.L_init.to(x.dtype).expand_as(x)
        return State(z, z)

    def f_L(self, x: Float[Tensor, "batch position dim"], state: State, call: int) -> State:
        return State(state.y, self.L_level(state.z + x))

    def f_H(self, x: Float[Tensor, "batch position dim"], state: State) -> State:
        z = self.L_level(state.z)
        return State(z, z)


class TRMMultiZ(TRM):
    """The paper's ablation with one z per f_L call (section 4.2): call k reads the sum of all z and updates z_k."""

    def initial_state_names(self) -> tuple[str, ...]:
        return ("H_init", *(f"L{k}_init" for k in range(1, self.config.latents + 1)))

    def initial_state(self, x: Float[Tensor, "batch position dim"]) -> State:
        y, *latents = (self.get_buffer(name).to(x.dtype).expand_as(x) for name in self.initial_state_names())
        return State(y, torch.stack(latents, dim=1))  # z: (B, K, P, D)

    def f_L(self, x: Float[Tensor, "batch position dim"], state: State, call: int) -> State:
        k = (call - 1) % self.config.latents
        z_k = self.L_level(state.z.sum(1) + (state.y + x))
        return State(state.y, torch.cat((state.z[:, :k], z_k[:, None], state.z[:, k + 1 :]), dim=1))

    def f_H(self, x: Float[Tensor, "batch position dim"], state: State) -> State:
        return State(self.L_level(state.y + state.z.sum(1)), state.z)

    def latent(self, state: State, at: Coordinates) -> Float[Tensor, "batch position dim"]:
        call = at.call if at.kind == F_L else at.call - 1
        return state.z[:, (call - 1) % self.config.latents]


CLASSES = {
    "trm": TRM,
    "trm-two-nets": TRMTwoNets,
    "trm-single-z": TRMSingleZ,
    "trm-multi-z": TRMMultiZ,
    "hrm": HRM,
    "eqr": EqR,
    "air": AIR,
    "urm": URM,
    "sotaku": Sotaku,
}


def new_model(config: ModelConfig) -> Model:
    """Create a model of the configuration's kind, with zero weights."""
    return CLASSES[config.kind](config)


def parameter_count(model: nn.Module) -> int:
    """Number of parameters in the model's checkpoint, including the fixed initial states and the puzzle table."""
    return sum(tensor.numel() for tensor in model.state_dict().values())
