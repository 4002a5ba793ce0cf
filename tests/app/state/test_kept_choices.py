"""What a person chose on a page stands in its address: a reload and a copied link show the same."""

from collections.abc import Iterator

import pytest
from app_page import App

BY_THE_PAGE = {
    *("model", "model_path", "puzzle_preset", "puzzle_text", "supervision_steps", "force_n", "force_T"),
    *(
        "force_heads",
        "against",
        "experiment",
        "experiment_step",
        "custom_interventions",
        "lecture_model",
        "probes_puzzle",
    ),
}
"""Kept by `app.state.links.write`, under names of their own. `tests/app/state/test_links.py` and the pages' tests follow them."""
NOT_KEPT = {"puzzle_file", "probes_files"}  # files are read and kept nowhere
PLACES = [
    ("solve", {}),
    ("latents", {"latents_where": "one cell", "latents_umap": "true"}),
    ("latents", {"latents_maps": "one joint map"}),
    *(("probes", {"probes_view": view} if view else {}) for view in ("", "All targets", "Cell by cell")),
    *(("probes", {"probes_view": view}) for view in ("Mistaken for", "In a puzzle", "Directions")),
    ("probes", {"probes_view": "Is it used?", "probes_target": "candidates"}),
    ("halting", {}),
    ("halting", {"halting_view": "Halting time"}),
    ("halting", {"halting_view": "Beyond training"}),
    ("compare", {"compare-view": "Similarity (CKA)"}),
    *(
        ("interventions", {"interventions_figure": name})
        for name in ("Attribution", "Mixing weights", "Patching")
    ),
    *(("interventions", {"interventions_figure": name}) for name in ("Ablation", "Seeds", "Best of K")),
    ("interventions", {}),
    ("interventions", {"interventions_figure": "Majority vote", "experiment": "custom"}),
    ("lecture", {}),
]
CHOSEN = [
    ("latents", "latents_axes", "3-D", 3),
    ("latents", "latents_view", "all at once", "all at once"),
    ("latents", "latents_colour", "supervision step", "step"),
    ("latents", "latents_method", "UMAP", "umap"),
    ("probes", "probes_view", "All targets", "All targets"),
    ("probes", "probes_target", "right now", "right_now"),
    ("halting", "halting_view", "Halting time", "timing"),
    ("compare", "compare-view", "Movement", "Movement"),
    ("interventions", "interventions_figure", "Seeds", "seeds"),
]


def opened(page: str, link: dict[str, str]) -> App:
    return App(link, page)


def widgets(app: App) -> Iterator:
    """All that a person can set, by key: not what they press."""
    for element in app.test:
        proto = getattr(element, "proto", None)
        if getattr(element, "key", None) and hasattr(proto, "query_param_key"):
            yield element


@pytest.mark.parametrize("page, link", PLACES, ids=lambda part: part if isinstance(part, str) else str(part))
def test_every_control_of_a_page_is_in_its_address(page, link):
    app = opened(page, link)
    found = {element.key: element.proto.query_param_key for element in widgets(app)}
    assert found.keys() - NOT_KEPT, "no control was found"
    lost = {key for key, name in found.items() if not name} - BY_THE_PAGE - NOT_KEPT
    assert not lost
    assert link.keys() <= app.link.keys() | {"experiment"}


@pytest.mark.parametrize("page, key, written, value", CHOSEN)
def test_a_copied_link_shows_what_was_chosen(page, key, written, value):
    assert opened(page, {})[key] != value
    assert opened(page, {key: written})[key] == value
