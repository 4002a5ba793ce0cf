"""The files that puzzles come in: what unpacks them, what reads their text, tables, JSON and arrays, and the list of all."""
