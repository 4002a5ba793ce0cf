"""The trace store: states of many puzzles on disk, for probes and projections. Reading it needs no torch.

A store is a folder in zarr v3 format, so that any zarr reader opens it, with a manifest that says what made it:

    manifest.json          model, data, settings, versions, date
    zarr.json              the group; each array has a folder with its own zarr.json
    y/, z/                 (puzzle, call, position, D): states after the chosen calls
    logits/                (puzzle, call, cell, V): the answer y through the head at f_H calls; or, of the k largest,
    top_logits/, top_tokens/   (puzzle, call, cell, k), the largest first
    q_halt/, q_continue/   (puzzle, supervision step): halting logits, float32
    inputs/, labels/       (puzzle, cell): tokens; puzzle_ids/ (puzzle, 1)
    facts/                 (puzzle, fact, cell): what the task's logic says of each cell (`trm.store.layout.cell_facts`)
    shards/<number>/done.json

The puzzle axis of every array is cut into shards of the same number of puzzles; a shard is whole chunk files, named
`c.<shard>.<...>`, and counts only once its `done.json` is there, which is written after all of them lie on the disk. A
process killed at any moment therefore loses at most the shard it was writing, and a reader never sees half of one.

Chunks are not compressed: zstd takes 8 % off the float16 states of the bundled Sudoku model. So the size is known before
the start, and a file of the wrong length is noticed; each chunk ends with a CRC32C, which zarr checks when it is read.
"""

from trm.store.reader import LazyArray, TraceStore, open_store

__all__ = ["LazyArray", "TraceStore", "open_store"]
