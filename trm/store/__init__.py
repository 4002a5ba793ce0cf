"""The trace store: states for many puzzles on disk, for probes and projections. Reading it does not need torch.

A store is a folder in zarr v3 format, which any zarr reader opens, with a manifest that says how it was made:

    manifest.json          model, data, settings, versions, date
    zarr.json              the group; each array has a folder with its own zarr.json
    y/, z/                 (puzzle, call, position, D): states after the selected calls
    logits/                (puzzle, call, cell, V): logits of the answer at f_H calls; or only the k largest,
    top_logits/, top_tokens/   (puzzle, call, cell, k), largest first
    q_halt/, q_continue/   (puzzle, supervision step): halting logits, float32
    inputs/, labels/       (puzzle, cell): tokens; puzzle_ids/ (puzzle, 1)
    facts/                 (puzzle, fact, cell): facts about each cell (`trm.store.layout.cell_facts`)
    shards/<number>/done.json

The puzzle axis of every array is divided into shards of equal size. A shard consists of whole chunk files, named
`c.<shard>.<...>`, and is valid only once its `done.json` exists, which is written after all chunks are on disk. So a
killed process loses at most the shard it was writing, and a reader never sees a partial shard.

Chunks are not compressed: zstd saves only 8% on the float16 states of the bundled Sudoku model. So the size is known in
advance, and a file with the wrong length is detected. Each chunk ends with a CRC32C, which zarr checks on reading.
"""

from trm.store.reader import LazyArray, TraceStore, open_store

__all__ = ["LazyArray", "TraceStore", "open_store"]
