"""Agreement with the public forward pass, written out once more, in every variant and depth."""

import numpy as np
import pytest
import torch
from agreement import PREFIXES, assert_agreement, largest_differences, sums_as_recorded
from transcription import transcription


@pytest.mark.parametrize(
    "sizes",
    [
        {"pos_encodings": "rope"},
        {"pos_encodings": "none"},
        {"pos_encodings": "learned"},
        {"mlp_t": True, "pos_encodings": "none"},
        {"mlp_t": True, "pos_encodings": "learned"},
        {"D": 24, "heads": 3, "layers": 1, "cells": 25, "H_cycles": 3, "L_cycles": 1, "halt_max_steps": 2},
        {"puzzle_ids": 7, "puzzle_emb_ndim": 40, "puzzle_emb_len": 0},
        {"puzzle_ids": 7, "puzzle_emb_ndim": 10, "puzzle_emb_len": 5, "mlp_t": True, "pos_encodings": "none"},
        {"puzzle_emb_ndim": 0, "puzzle_emb_len": 0},
        {"kind": "hrm", "H_layers": 3, "layers": 1},
        {"kind": "hrm", "mlp_t": True, "pos_encodings": "none"},
        {"kind": "hrm", "pos_encodings": "learned", "L_cycles": 8, "puzzle_ids": 7},
        {"kind": "hrm", "puzzle_emb_ndim": 0},
        {"kind": "trm-two-nets", "H_layers": 2, "H_cycles": 3, "L_cycles": 4},
        {"kind": "trm-two-nets", "mlp_t": True, "pos_encodings": "none"},
        {"kind": "trm-single-z", "H_cycles": 3, "L_cycles": 4, "vocab": 6, "cells": 100, "D": 96, "heads": 4},
        {"kind": "trm-single-z", "mlp_t": True, "pos_encodings": "none"},
        {"kind": "trm-multi-z", "latents": 3, "L_cycles": 3},
        {
            "kind": "trm-multi-z",
            "latents": 2,
            "pos_encodings": "learned",
            "puzzle_emb_ndim": 0,
            "puzzle_emb_len": 0,
        },
        {"vocab": 6, "cells": 100, "D": 128, "heads": 8, "H_cycles": 3, "L_cycles": 4, "puzzle_ids": 7},
    ],
    ids=lambda sizes: "-".join(f"{key}={value}" for key, value in sizes.items()),
)
def test_transcription(sizes, public_checkpoint, tmp_path):
    made = public_checkpoint(**sizes, seed=5)
    generator = torch.Generator().manual_seed(6)
    inputs = torch.randint(0, sizes.get("vocab", 11), (3, made.cells), generator=generator)
    ids = torch.randint(0, sizes.get("puzzle_ids", 1), (3,), generator=generator)
    expected = transcription(made, inputs, ids)
    assert np.abs(np.diff(expected["logits"], axis=0)).max() > 1e-2  # the steps differ, so depth is tested
    assert_agreement(largest_differences(made.save(tmp_path), expected, tmp_path), same=sums_as_recorded())


@pytest.mark.parametrize("prefix", PREFIXES)
def test_transcription_under_every_prefix(prefix, public_checkpoint, tmp_path):
    made = public_checkpoint(seed=7)
    inputs = torch.arange(32).view(2, 16) % 11
    expected = transcription(made, inputs, torch.zeros(2, dtype=torch.long))
    path = made.save(tmp_path, prefix=prefix, nest=("ema",) if prefix == "module." else ())
    assert_agreement(largest_differences(path, expected, tmp_path), same=sums_as_recorded())
