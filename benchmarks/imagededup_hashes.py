"""imagededup's hashes of pictures.

It does not belong to Colibri's environment, so this file makes a throw-away one with uv and runs itself there:
pictures on stdin, hashes on stdout.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import numpy as np

BESIDE = (
    "numpy==2.4.6",
    "pillow==12.3.0",
    "PyWavelets==1.8.0",
    "scipy==1.17.1",
    "scikit-learn==1.8.0",
    "tqdm==4.70.1",
    "matplotlib==3.11.2",
)
HASHER = "imagededup==0.3.3"
HASHES = ("PHash", "DHash")


def hashes(pictures: list[bytes]) -> dict[str, np.ndarray]:
    """(N, 64) bits of each of imagededup's hashes, computed in an environment made for it."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin/python"
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        install = [*uv, "pip", "install", "--quiet", "--python", str(python)]
        subprocess.run([*install, *BESIDE], check=True)
        subprocess.run([*install, "--no-deps", HASHER], check=True)  # its network would bring torch along
        told = json.dumps([base64.b64encode(one).decode() for one in pictures])
        answer = subprocess.run([python, __file__], input=told, text=True, check=True, capture_output=True)
    return {
        name: np.unpackbits(np.array([list(bytes.fromhex(one)) for one in found], dtype=np.uint8), axis=1)
        for name, found in json.loads(answer.stdout.splitlines()[-1]).items()
    }


def main() -> None:
    """In that environment: pictures on stdin, hashes on stdout."""
    import io

    for name, wanted in (("methods.cnn", "CNN"), ("utils.models", "CustomModel")):  # they would fetch weights
        module = types.ModuleType(f"imagededup.{name}")
        setattr(module, wanted, None)
        sys.modules[module.__name__] = module
    from imagededup import methods
    from PIL import Image

    hashers = {name: getattr(methods, name)(verbose=False) for name in HASHES}
    found: dict[str, list[str]] = {name: [] for name in HASHES}
    for one in json.load(sys.stdin):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB"))
        for name, hasher in hashers.items():
            found[name].append(hasher.encode_image(image_array=pixels))
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
