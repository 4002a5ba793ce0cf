"""Writes the cards of bundled models, and the tables of README.md and docs/models.md, from the files in the models' folders.

python -m trm.training.cards                # all cards, and the tables
python -m trm.training.cards sudoku-trm     # one card, and the tables
"""

import argparse
from pathlib import Path

from trm.terminal import exit_on_errors
from trm.training.cards.card import write_card
from trm.training.cards.files import bundled_names
from trm.training.cards.tables import write_tables

options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("names", nargs="*", help="names of bundled models (default: all)")
with exit_on_errors("trm.training.cards"):
    for name in options.parse_args().names or bundled_names():
        write_card(name)
    write_tables(Path())
