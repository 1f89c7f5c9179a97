"""Pictures that show the same photograph, whatever was done to it, so that the split can keep them together."""

from __future__ import annotations

from pipeline.core import artifacts, config, stage_runner
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
    found = find_duplicates(make_reader(params, manifest), manifest, pairing)
    artifacts.write_table(artifacts.DUPLICATES, found)
    return [f"{count_of(len(found), 'pair')} of pictures show one photograph"]


if __name__ == "__main__":
    stage_runner.run("find_duplicates", main)
