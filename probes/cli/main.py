"""The command line `python -m probes COMMAND`: the analyses of the app's pages, without a browser.

Results go to stdout, with --json as one JSON object; progress goes to stderr. A user error prints one line that says
what is wrong and what to do, and exits with code 2. A command is a function whose parameters are its options; it is
imported when it is called.
"""

from trm import __version__
from trm.cli.main import add_commands, new_app, run_command

app = new_app(
    "probes",
    "Analyse what the states of a recursive model encode, and how the model uses them.",
    version=__version__,
)
add_commands(
    app,
    {
        "probes.cli.attribute:run": "attribute: attribute a logit to the cells of the puzzle",
        "probes.cli.compare:similarity": "similarity: linear CKA between y and z after every f_H call, within and between two models",
        "probes.cli.compare:compare": "compare: all measurements of the Compare page for two models on the same puzzles",
        "probes.cli.figure:run": "figure: draw the recorded results of a bundled model as PDF, for a paper",
        "probes.cli.fit:fit": "fit: fit linear probes on the states of a model and score them",
        "probes.cli.fit:apply": "apply: apply saved probes to one puzzle, cell by cell and step by step",
        "probes.cli.halting:run": "halting: analyse when a model halts and whether that is right",
        "probes.cli.intervene:run": "intervene: change states of a run, or of the runs of a set, and measure the effect",
        "probes.cli.map:run": "map: compute the map of states of one run, for the player and `trm export --map`",
        "probes.cli.project:run": "project: project the states of many puzzles (PCA, UMAP)",
        "probes.cli.states:run": "states: test whether a model uses y and z, and how robust probes of them are to noise",
        "probes.cli.sweep:run": "sweep: run one intervention with many sizes, sites or seeds over a set",
        "probes.cli.training:run": "training: measure every snapshot of a training run, and name the best",
        "probes.cli.use:run": "use: causal test: steer a state along a probe's direction, or project it out, and measure the effect",
    },
)


def main(arguments: list[str] | None = None) -> None:
    """Run the command in `arguments`, by default the process's arguments. Exits with code 2 after a user error."""
    run_command(app, arguments)
