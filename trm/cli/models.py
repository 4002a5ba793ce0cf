"""`trm models`: list the bundled models."""

from trm.cli.printing import Output, table
from trm.registry import model_card, model_names


def run() -> Output:
    """Return the cards of the bundled models, and a table of them."""
    cards = [model_card(name) for name in model_names()]
    rows = [
        (
            card["name"],
            card["task"],
            card["kind"],
            card["parameters"],
            "/".join(str(card[name]) for name in ("n", "T", "N_sup")),
            ", ".join(map(str, card["seeds"])),
            "" if card["accuracy"] is None else f"{card['accuracy']['exact']:.1%}",
        )
        for card in cards
    ]
    return Output(cards, table(("name", "task", "kind", "parameters", "n/T/N_sup", "seeds", "exact"), rows))
