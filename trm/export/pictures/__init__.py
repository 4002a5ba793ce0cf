"""Draw pictures and films of a run, and charts for papers, with matplotlib.

Pictures are drawn with the classes of matplotlib, without pyplot, which keeps state between threads.
"""

import logging
import warnings

# These would reach the terminal: a cache folder that is not writable, and letters that no installed font contains, which
# are drawn as boxes.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", r"Glyph \d+ ")
