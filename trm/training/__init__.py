"""Training, as `trm train` runs it.

presets      models and training settings, as plain data; schedule: settings that change during training
data         training puzzles, generated or official; carry: the batch of puzzles and their states between updates
trainer      a single update; losses, optimizers and parallel contain its parts
folder       the files of a run, which remain valid if the process is killed; log: its metrics; run: the training loop
bundle       turns a finished run into a bundled model with its card, or into a further seed of one (seeds); ablations: trains
             and compares ablations
cards        the cards of bundled models, and their accuracy on public puzzles
"""
