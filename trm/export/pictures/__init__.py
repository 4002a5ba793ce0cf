"""Pictures and films of a run: a moment laid out as primitives, drawn as SVG or as pixels."""
