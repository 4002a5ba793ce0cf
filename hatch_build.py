"""The dependencies of the package are those of requirements.txt, with a range for torch.

requirements.txt pins torch for checkouts and hosted platforms; tests run with that version. A package must fit beside
others. 2.7 is the first version with a setting that training uses, `torch._dynamo.config.recompile_limit`.
"""

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

TORCH = "torch>=2.7,<3"


class Dependencies(MetadataHookInterface):
    def update(self, metadata: dict[str, Any]) -> None:
        lines = Path(self.root, "requirements.txt").read_text("utf-8").splitlines()
        required = filter(None, (line.partition("#")[0].strip() for line in lines))
        metadata["dependencies"] = [TORCH if line.startswith("torch==") else line for line in required]
