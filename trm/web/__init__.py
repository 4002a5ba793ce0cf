"""The model in a browser: its files, and the JavaScript that runs the recursion on them with ONNX Runtime Web.

`recursion.js` is the recursion of `trm.recursion`, and `worker.js` the program of a page's worker.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
