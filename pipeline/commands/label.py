"""Opens a page on which people label samples, correct labels and make classes; every click is a line of a file.

Decisions go to data/label_decisions/NAME.csv and classes to data/classes/NAME.csv (NAME is that of the data set), both
kept by git; colibri run applies them. The page needs the features of the last run. It answers on this machine only,
unless --host says otherwise; then each browser must know the token in the environment variable COLIBRI_API_KEY (or
--token). Several people may use one server. Ctrl-C stops it; nothing that was answered is lost.

Examples:
  colibri label                     the queue of colibri query where there is one, else all samples
  colibri label --suspects          labels that the stage curate suspects, the most suspect first
  colibri label --classes           make, rename, merge, split and retire classes
  COLIBRI_API_KEY=... colibri label --host 0.0.0.0 --who Ada
"""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import TYPE_CHECKING

from pipeline.core import artifacts, config
from pipeline.core.errors import UserError
from pipeline.core.ports import HOST, check_port
from pipeline.core.terminal import say

if TYPE_CHECKING:
    from pipeline.core.open_types import Params
    from pipeline.labelling.web.server import Labelling

PORT = 5002  # colibri serve takes 5001
VIEWS = {
    "queue": "samples that colibri query chose, in its order",
    "suspects": "samples whose label the stage curate suspects",
    "clusters": "samples by the clusters of colibri clusters",
    "duplicates": "samples that look alike or are of one group",
    "all": "all samples",
    "classes": "the list of classes",
}


def arguments(parser: ArgumentParser) -> None:
    first = parser.add_mutually_exclusive_group()
    for name, text in VIEWS.items():
        first.add_argument(f"--{name}", dest="view", action="store_const", const=name, help=text)
    parser.add_argument("--who", default="", help="the name that the page proposes to whoever opens it")
    parser.add_argument("--port", type=int, default=PORT, help=f"(default: {PORT})")
    parser.add_argument("--host", default=HOST, help=f"address to listen on (default: {HOST})")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="a name by which the server may be called"
    )
    parser.add_argument("--token", default="", help="that each browser must know (default: COLIBRI_API_KEY)")


def main(view: str | None, who: str, port: int, host: str, allow_host: list[str], token: str) -> None:
    from pipeline.commands.serve import KEY, check_key
    from pipeline.labelling.web.bodies import check_person
    from pipeline.serving.gate import LOOPBACK, Access

    check_port(port, "--port", host)
    try:
        who = check_person(who) if who else ""
    except ValueError as error:
        raise UserError(f"--who: {error}") from None
    key = check_key(token or os.environ.get(KEY, ""), host, is_open=host not in LOOPBACK)
    hosts = LOOPBACK | {name.lower() for name in allow_host} if host in LOOPBACK or allow_host else frozenset()
    labelling = open_labelling(config.load_params(), view, who)
    serve(labelling, host, port, Access(key=key, hosts=hosts))


def open_labelling(params: Params, view: str | None, who: str) -> Labelling:
    """The samples of the last run, with what people decided since.

    Raises:
        UserError: A stage did not run, or a file cannot be read.
    """
    from pipeline.core.choices import is_exclusive
    from pipeline.core.parallel import num_workers
    from pipeline.labelling.pool import read_pool
    from pipeline.labelling.queries.label_queue import QUEUE
    from pipeline.labelling.web.pictures import PictureStore
    from pipeline.labelling.web.server import LIMITS, Labelling
    from pipeline.labelling.web.session import Session
    from pipeline.labelling.web.suggestions import read_predictions, read_suspects
    from pipeline.labelling.web.views import Views, find_queued
    from pipeline.media.reader import make_reader

    pool = read_pool(params)
    manifest = artifacts.read_table(artifacts.MANIFEST).assign(split=pool.samples["split"])
    row_of = {name: row for row, name in enumerate(manifest["sample_id"])}
    session = Session(
        source=pool.source,
        manifest=manifest,
        decisions=artifacts.decisions_file(pool.source),
        classes=artifacts.classes_file(pool.source),
        exclusive=is_exclusive(params),
        batches=find_queued(row_of)[1],
    )
    session.suggest(read_predictions(row_of) | read_suspects(row_of)[1])
    reader = make_reader(params, manifest)
    items = list(manifest[["path", "content_hash"]].itertuples(index=False, name=None))
    pictures = PictureStore(reader, items, LIMITS.decoding_threads(num_workers(), reader.codec.media))
    first_view = view or ("queue" if QUEUE.exists() else "all")
    views = Views(pool.samples, pool.features, row_of)
    return Labelling(
        session=session,
        views=views,
        pictures=pictures,
        who=who,
        first_view=first_view,
        params=config.load_params,
    )


def serve(labelling: Labelling, host: str, port: int, access: object) -> None:
    """Serves until a signal."""
    from pipeline.labelling.web.probe_thread import ProbeThread
    from pipeline.labelling.web.server import LIMITS, create_application
    from pipeline.serving.gate import Access
    from pipeline.serving.server import run_server

    assert isinstance(access, Access)
    shown = HOST if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104 - compared only
    session = labelling.session
    say(
        f"{session.source}: {len(session.manifest):,} samples, {len(session.classes):,} classes",
        f"Open http://{shown}:{port}/" + (" and give it the token once" if access.key else ""),
        f"Decisions: {session.file.path}",
        "",
    )
    probe = ProbeThread(session, labelling.views.features)
    probe.start()
    try:
        run_server(create_application(labelling, access), LIMITS, host, port)
    finally:
        probe.stop()
    say("stopped; every decision that was answered is in the file")
