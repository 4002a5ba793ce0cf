"""The program `recursion-lens`, and the place of the folders `app` and `assets`.

An installation holds both folders in this package, so that no package at the top of site-packages has such a general name.
In a checkout they are beside it. Importing this package imports nothing heavy.
"""

from importlib.resources import files
from pathlib import Path

PACKAGE = Path(str(files(__name__)))
ROOT = PACKAGE if (PACKAGE / "app").is_dir() else PACKAGE.parent
APP = ROOT / "app"
ASSETS = ROOT / "assets"
