"""The address of a page holds the user's choices: a reload or a copied link shows the same."""

from collections.abc import Iterator
from functools import cache, partial

import pytest
from app_page import App

from app.screens.interventions.steering import SteeringSettings

BY_THE_PAGE = {
    *(
        "model",
        "model_path",
        "puzzle_preset",
        "puzzle_text",
        "supervision_steps",
        "force_n",
        "force_T",
        "snapshot_place",
        "seed",
    ),
    *(
        "force_heads",
        "compare_with",
        "experiment",
        "experiment_step",
        "custom_interventions",
        "lecture_model",
        "probes_puzzle",
    ),
    *(f"steer_{name}" for name in vars(SteeringSettings())),
}
"""Written by `app.state.links.write` under other names; tested in `tests/app/state/test_links.py` and in the tests of the pages."""
NOT_STORED = {"puzzle_file", "probes_files"}  # files are not stored
PLACES = [
    ("solve", {}),
    ("latents", {"latents_position": "Single cell", "latents_umap": "true"}),
    ("latents", {"latents_models": "Two models"}),
    *(("probes", {"probes_view": view} if view else {}) for view in ("", "All targets", "By cell")),
    *(
        ("probes", {"probes_view": view})
        for view in ("Confusion matrix", "On one puzzle", "Probe directions")
    ),
    ("probes", {"probes_view": "Causal test", "probes_target": "candidates"}),
    ("halting", {}),
    ("halting", {"halting_view": "Halting time"}),
    ("halting", {"halting_view": "Beyond trained depth"}),
    ("compare", {"compare-view": "Similarity (CKA)"}),
    *(
        ("interventions", {"interventions_figure": name})
        for name in ("Attribution", "Mixing weights", "Patching")
    ),
    *(("interventions", {"interventions_figure": name}) for name in ("Ablation", "Seeds", "Best of K")),
    ("interventions", {}),
    ("interventions", {"interventions_figure": "Voting", "experiment": "custom"}),
    ("interventions", {"interventions_figure": "Voting", "experiment": "steer"}),
    ("lecture", {}),
]
CHOSEN = [
    ("latents", "latents_axes", "3-D", 3),
    ("latents", "latents_view", "Show all", "Show all"),
    ("latents", "latents_colour", "supervision step", "step"),
    ("latents", "latents_method", "UMAP", "umap"),
    ("probes", "probes_view", "All targets", "All targets"),
    ("probes", "probes_target", "right now", "right_now"),
    ("halting", "halting_view", "Halting time", "timing"),
    ("compare", "compare-view", "Residuals", "Residuals"),
    ("interventions", "interventions_figure", "Seeds", "seeds"),
]


def opened(page: str, link: dict[str, str]) -> App:
    return App(link, page)


def widgets(app: App) -> Iterator:
    """All widgets with a value, by key; no buttons."""
    for element in app.test:
        proto = getattr(element, "proto", None)
        if getattr(element, "key", None) and hasattr(proto, "query_param_key"):
            yield element


@pytest.mark.parametrize("page, link", PLACES, ids=lambda part: part if isinstance(part, str) else str(part))
def test_every_control_of_a_page_is_in_its_address(page, link):
    app = opened(page, link)
    found = {element.key: element.proto.query_param_key for element in widgets(app)}
    assert found.keys() - NOT_STORED, "no control was found"
    lost = {key for key, name in found.items() if not name} - BY_THE_PAGE - NOT_STORED
    assert not lost
    assert link.keys() <= app.link.keys() | {"experiment"}


unchosen = cache(partial(opened, link={}))


@pytest.mark.parametrize("page, key, written, value", CHOSEN)
def test_a_copied_link_restores_the_choice(page, key, written, value):
    assert unchosen(page)[key] != value
    assert opened(page, {key: written})[key] == value
