"""The trace store: states for many puzzles on disk, for probes and projections. Reading it does not need torch.

A store is a folder of plain NumPy files, with a manifest that says how it was made:

    manifest.json          model, data, settings, versions, date
    shards/000000/         the first `shard` puzzles; the next ones are in 000001, and so on
        y.npy, z.npy       (call, puzzle, position, D): states after the selected calls
        logits.npy         (call, puzzle, cell, V): logits of the answer at f_H calls; or only the k largest,
        top_logits.npy, top_tokens.npy   (call, puzzle, cell, k), largest first
        q_halt.npy, q_continue.npy       (puzzle, supervision step): halting logits, float32
        inputs.npy, labels.npy           (puzzle, cell): tokens; puzzle_ids.npy (puzzle)
        facts.npy          (puzzle, fact, cell): facts about each cell (`trm.store.layout.cell_facts`)
        checksums.json     CRC-32 of each call, or of the whole array if it has no call axis
    locks/                 lock files of the shards that are being written

bfloat16 is stored as its 16 bits (uint16), because NumPy has no such type. A folder of a shard appears once the shard is
complete, so a killed process loses at most the shard that it was writing, and a reader never sees a partial shard.
Checksums are compared when a call is first read.
"""

from trm.store.reader import TraceStore, open_store

__all__ = ["TraceStore", "open_store"]
