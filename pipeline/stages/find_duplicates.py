"""Pictures that show the same photograph, whatever was done to it, so that the split can keep them together."""

from __future__ import annotations

from pipeline.core import artifacts, config, stage_runner
from pipeline.core.sample_codec import noun_of
from pipeline.core.terminal import count_of
from pipeline.datasets.near_duplicates.pairing import find_duplicates
from pipeline.datasets.near_duplicates.photo_pairs import DuplicateSearch
from pipeline.media.reader import make_reader


def main() -> list[str]:
    params = config.load_params()
    pairing: DuplicateSearch = config.instantiate(
        DuplicateSearch, config.get_section(params, "near_duplicates"), "near_duplicates"
    )
    manifest = artifacts.read_table(artifacts.MANIFEST)
    reader = make_reader(params, manifest)
    found = find_duplicates(reader, manifest, pairing)
    artifacts.write_table(artifacts.DUPLICATES, found)
    media = reader.codec.media
    shown = "show one photograph" if media == "image" else "are of one recording"
    return [f"{count_of(len(found), 'pair')} of {noun_of(media)}s {shown}"]


if __name__ == "__main__":
    stage_runner.run("find_duplicates", main)
