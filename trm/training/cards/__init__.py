"""The cards of the bundled models and the tables that compare them, from the files in the models' folders.

files     what is read; public: measures a model on public puzzles
card      the template of a card; recipe: a preset in words; tables: the tables of README.md and docs/models.md

`python -m trm.training.cards` writes all of them again, at any time and without running a model.
"""
