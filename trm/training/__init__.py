"""Training: what `trm train` does.

presets      what to train, as plain data; schedule: what changes while it goes on
data         puzzles, generated or official; carry: those in flight, each with its state
trainer      one update; losses, optimizers, parallel: its parts
folder       what survives a kill; run: the loop around it all
bundle       a finished run made a bundled model, with its card and figures; ablations: those of the TRM paper
"""
