"""Puzzle sets: readers for all common formats, writers for two formats, a generator, and the bundled sets."""

from trm.data.arc import ArcPair, ArcTask, arc_tasks, load_arc
from trm.data.bundled import bundled_sets, bundled_test_set, sets_for_task
from trm.data.files.entry import PuzzleEntry
from trm.data.generate import generate_dataset, number_range
from trm.data.identifiers import puzzle_id, read_identifiers
from trm.data.load import load_puzzles
from trm.data.presets import PuzzlePreset, load_presets, parsed_presets
from trm.data.puzzle_file import puzzle_entries
from trm.data.puzzle_set import PuzzleSet
from trm.data.write import write_csv, write_dataset, write_official

__all__ = [
    "ArcPair",
    "ArcTask",
    "PuzzleEntry",
    "PuzzlePreset",
    "PuzzleSet",
    "arc_tasks",
    "bundled_sets",
    "bundled_test_set",
    "generate_dataset",
    "load_arc",
    "load_presets",
    "load_puzzles",
    "number_range",
    "parsed_presets",
    "puzzle_entries",
    "puzzle_id",
    "read_identifiers",
    "sets_for_task",
    "write_csv",
    "write_dataset",
    "write_official",
]
