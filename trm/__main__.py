"""python -m trm"""

from trm.cli.main import main

main()
