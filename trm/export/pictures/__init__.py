"""Pictures and films of a run: a call is laid out as shapes, which are drawn as SVG or pixels."""
