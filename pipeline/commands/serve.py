"""Serves a model over HTTP: pictures in, classes and scores out, and feedback about them.

Takes the champion of the project's source, or another model (--model), and takes over a new champion while it runs.
POST /predict classifies, POST /feedback says what was right, GET / is a page to drop a picture on, /openapi.json lists
all calls. The server answers on this machine only, unless --host says otherwise; then each call must carry the key in
the environment variable COLIBRI_API_KEY. Answers are stored in .cache/serving/answers.db (--store). Ctrl-C stops it.
MLflow's own server works too: mlflow models serve -m models:/NAME@champion (docs/prediction.md).

Examples:
  colibri serve
  colibri serve --port 8080 --model 3
  COLIBRI_API_KEY=... colibri serve --host 0.0.0.0 --allow-host pictures.example.org
  colibri serve --audit-share 0.02       one answer in 50 waits for a person: colibri monitor --served
  colibri serve --store postgresql+psycopg://colibri@db/colibri --keep-pictures
"""

from __future__ import annotations

import dataclasses
import os
from argparse import ArgumentParser
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError
from pipeline.core.ports import HOST, check_port
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import say

if TYPE_CHECKING:
    from pipeline.serving.gate import Access
    from pipeline.serving.limits import Limits

PORT = 5001  # colibri ui takes MLflow's 5000
KEY = "COLIBRI_API_KEY"
SHORTEST_KEY = 16  # characters
EXAMPLES = {"image": "PICTURE.jpg", "clip": "CLIP.mp4", "volume": "VOLUME.nii.gz"}
POLL_SECONDS = 10.0
LONGEST_SECONDS = 86_400  # a day


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        help="NAME@champion, NAME/3, 3 or @challenger of this project, a models:/ URI, or a folder such as "
        "data/predictor (default: the champion)",
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"(default: {PORT})")
    parser.add_argument("--host", default=HOST, help=f"address to listen on (default: {HOST})")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="a name by which the server may be called"
    )
    parser.add_argument("--store", metavar="URL", help="where answers and feedback go (default: an SQLite file)")
    parser.add_argument("--keep-pictures", action="store_true", help="store the pictures, for retraining from feedback")
    parser.add_argument(
        "--audit-share",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of the answers that wait for a person, picked at random and stored with their pictures: what people say "
        "of them gives the accuracy in production (default: 0)",
    )
    parser.add_argument(
        "--no-properties", action="store_false", dest="measures", help="do not measure pictures: no drift of them later"
    )
    parser.add_argument(
        "--poll",
        type=float,
        default=POLL_SECONDS,
        metavar="SECONDS",
        help=f"between two looks for a new champion, 0 for none (default: {POLL_SECONDS:g})",
    )
    parser.add_argument(
        "--max-megabytes", type=int, help="of a request (default: 32; 256 to a model of clips or volumes)"
    )
    parser.add_argument("--max-pictures", type=int, default=32, help="of a request (default: 32)")
    parser.add_argument("--max-requests", type=int, default=256, help="answered at one time (default: 256)")
    parser.add_argument("--max-seconds", type=float, default=30.0, help="for a request (default: 30)")


def main(
    model: str | None,
    port: int,
    host: str,
    allow_host: list[str],
    store: str | None,
    keep_pictures: bool,
    measures: bool,
    poll: float,
    max_megabytes: int | None,
    max_pictures: int,
    max_requests: int,
    max_seconds: float,
    audit_share: float = 0.0,
) -> None:
    from pipeline.serving.gate import LOOPBACK, Access
    from pipeline.serving.limits import MEBIBYTE, Limits

    check_port(port, "--port", host)
    limits = {"--max-megabytes": max_megabytes, "--max-pictures": max_pictures, "--max-requests": max_requests}
    for option, value in limits.items():
        if value is not None and value <= 0:
            raise UserError(f"{option} must be above 0, got {value:g}")
    if not 0 < max_seconds <= LONGEST_SECONDS:
        raise UserError(f"--max-seconds must be above 0 and at most {LONGEST_SECONDS}, got {max_seconds:g}")
    if not 0 <= poll <= LONGEST_SECONDS:
        raise UserError(f"--poll must be from 0 to {LONGEST_SECONDS}, got {poll:g}")
    if not 0 <= audit_share <= 1:
        raise UserError(f"--audit-share must be from 0 to 1, got {audit_share:g}")
    key = check_key(os.environ.get(KEY, ""), host, is_open=host not in LOOPBACK)
    hosts = LOOPBACK | {name.lower() for name in allow_host} if host in LOOPBACK or allow_host else frozenset()
    access = Access(key=key, hosts=hosts)
    usual = Limits()
    body_bytes = usual.body_bytes if max_megabytes is None else max_megabytes * MEBIBYTE
    chosen = dataclasses.replace(
        usual,
        body_bytes=body_bytes,
        large_body_bytes=usual.large_body_bytes if max_megabytes is None else body_bytes,
        bytes_in_flight=max(8 * body_bytes, usual.bytes_in_flight),
        pictures=max_pictures,
        requests=max_requests,
        seconds=max_seconds,
    )
    serve(model, host, port, access, chosen, store, keep_pictures, measures, poll, audit_share)


def serve(
    model: str | None,
    host: str,
    port: int,
    access: Access,
    limits: Limits,
    store: str | None,
    keep_pictures: bool,
    measures: bool,
    poll: float,
    audit_share: float = 0.0,
) -> None:
    """Serves until a signal; what was answered is then stored."""
    from pipeline.prediction.shared_cores import share_cores

    share_cores()
    from pipeline.serving.application import create_application
    from pipeline.serving.server import run_server
    from pipeline.serving.service import Service

    service = Service(model, limits, store, keep_pictures, measures, poll, say, audit_share)
    try:
        say(f"model: {service.watch.current.title}", *usage(host, port, bool(access.key), service.media), "")
        run_server(create_application(service, access), limits, host, port)
    finally:
        service.close()
    say("stopped; every answer that was sent is stored")


def check_key(key: str, host: str, is_open: bool) -> str:
    """The key of the environment.

    Raises:
        UserError: It is too short, or there is none where other machines can call.
    """
    if is_open and not key:
        raise UserError(
            f"--host {host} lets other machines call; set {KEY} to a secret that each call must carry, such as "
            '"$(openssl rand -hex 32)", or leave --host out'
        )
    if key and (len(key) < SHORTEST_KEY or not key.isascii() or not key.isprintable()):
        raise UserError(f"{KEY} must have at least {SHORTEST_KEY} printable ASCII characters, got {len(key)}")
    return key


def usage(host: str, port: int, has_key: bool = False, media: str = "image") -> list[str]:
    """How to send a sample of a media, and what the answer looks like."""
    shown = HOST if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104 - compared only
    header = f' -H "Authorization: Bearer ${KEY}"' if has_key else ""
    return [
        f"Once the server is running, send a {noun_of(media)}, or open http://{shown}:{port}/",
        f"  curl -s http://{shown}:{port}/predict{header} -F files=@{EXAMPLES[media]}",
        'Answer: {"model": "...", "version": "3", "predictions": [{"id": "...", "class": "...", "scores": {...}}]}',
    ]
