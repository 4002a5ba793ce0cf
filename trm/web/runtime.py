"""Fetch ONNX Runtime Web, which computes the nets in the browser, from the npm registry: `python -m trm.web.runtime`.

Its licence is MIT.
"""

import base64
import hashlib
import io
import sys
import tarfile
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from trm.errors import UserError
from trm.files import atomic_file, make_folder

VERSION = "1.30.0"  # the first with RMSNormalization and Swish that was tried; a newer one needs a new HASH
ADDRESS = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"  # 33 MB
HASH = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="  # SHA-512
FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
TIMEOUT = 60  # seconds


def runtime_folder() -> Path:
    """Return the folder of the runtime in this Python environment."""
    return Path(sys.prefix) / "onnxruntime-web"


def fetch_runtime(folder: Path) -> None:
    """Fetch the files of the runtime into a folder, unless they are there. Raises UserError if that fails."""
    if all((folder / name).is_file() for name in FILES):
        return
    try:
        with urlopen(ADDRESS, timeout=TIMEOUT) as answer:
            package = answer.read()
    except (URLError, OSError) as error:
        raise UserError(
            f"ONNX Runtime Web could not be fetched from {ADDRESS}: {error}. Connect to the network and try again."
        ) from None
    if base64.b64encode(hashlib.sha512(package).digest()).decode() != HASH:
        raise UserError(f"{ADDRESS} is not the package that this version expects. Nothing was written.")
    make_folder(folder)
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        for name in FILES:
            with atomic_file(folder / name) as temporary:
                temporary.write_bytes(archive.extractfile(f"package/dist/{name}").read())


if __name__ == "__main__":
    try:
        fetch_runtime(runtime_folder())
    except UserError as error:
        sys.exit(str(error))
