"""Training, as `trm train` runs it.

presets      what to train, as plain data; schedule: what changes during training
data         puzzles, generated or official; carry: puzzles between supervision steps, each with its state
trainer      one update; losses, optimizers, parallel: its parts
folder       the files of a run, which survive a kill; run: the training loop
bundle       turns a finished run into a bundled model with card and figures; ablations: the TRM paper's
"""
