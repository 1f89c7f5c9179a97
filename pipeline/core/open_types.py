"""The two shapes of which nobody knows more than that they have keys; all others are records."""

from __future__ import annotations

from typing import Any

Params = dict[str, Any]  # of params.yaml, or a part of it: choices by name, nested as conf/ has them
JsonObject = dict[str, Any]  # from a JSON file or for one: what the file of a program or of a person may hold
