"""Files made to harm: each is refused or seen, in bounded memory and time."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from pipeline.core.errors import ItemRejected
from pipeline.images import bounds, decoding
from pipeline.images.decoding import REJECTION_REASONS, Decoding, decode, image_size

ROOT = Path(__file__).parents[2]
LIMITS = Decoding(max_pixels=1_000_000)


def compress_zeros(megabytes):
    """As zlib.compress(bytes(megabytes * 1_000_000), 9), of one block again and again: compressing takes a second."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = deflate.compress(bytes(1_000_000)) + deflate.flush(zlib.Z_FULL_FLUSH)
    checksum = struct.pack(">HH", megabytes * 1_000_000 % 65_521, 1)  # Adler-32 of zeros
    return b"\x78\xda" + block * megabytes + deflate.flush() + checksum


ZEROS = compress_zeros(200)  # 200 kB that unpack to 200 MB
SMALL = Image.new("RGB", (8, 8), "red")


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, *extra, body):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def tiff(**tags):
    """A little-endian TIFF of 8 x 8 grey pixels, its tags (number: value) replaced by the given ones."""
    known = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 8, 279: 64}
    known.update({int(number[1:]): value for number, value in tags.items()})
    entries = b"".join(struct.pack("<HHII", number, 4, 1, value) for number, value in sorted(known.items()))
    return b"II*\0" + struct.pack("<I", 72) + bytes(64) + struct.pack("<H", len(known)) + entries + bytes(4)


def webp(width, height):
    """An extended WebP that claims a canvas."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + size + b"VP8 " + struct.pack("<I", 4) + bytes(4)
    return b"RIFF" + struct.pack("<I", len(body)) + body


GREY_8 = zlib.compress(bytes(9 * 8))
TEXT = b"x\0\1\0\0\0"  # iTXt: keyword, compressed, no language
BOMBS = {
    "png of zeros beyond its size": (png(8, 8, body=ZEROS), "seen truncated"),
    "png of absurd size": (png(2**31 - 1, 2**31 - 1, body=ZEROS), "too_large truncated"),
    "png without height": (png(8, 0, body=GREY_8), "truncated not_a_picture"),
    "png with a text bomb": (png(8, 8, chunk(b"iTXt", TEXT + ZEROS), body=GREY_8), "seen truncated"),
    "png with a compressed text bomb": (png(8, 8, chunk(b"zTXt", b"x\0\0" + ZEROS), body=GREY_8), "seen truncated"),
    "png with a profile bomb": (png(8, 8, chunk(b"iCCP", b"x\0\0" + ZEROS), body=GREY_8), "seen truncated"),
    "png with garbled exif": (png(8, 8, chunk(b"eXIf", bytes(60_000)), body=GREY_8), "seen truncated"),
    "tiff": (tiff(), "seen"),
    "tiff of absurd size": (tiff(t256=2**31 - 1, t257=2**31 - 1), "too_large"),
    "tiff of absurd tiles": (tiff(t322=2**30, t323=2**30, t324=8, t325=64), "too_large"),
    "tiff of many tiny tiles": (tiff(t256=1000, t257=1000, t322=1, t323=1, t324=8, t325=1), "seen truncated"),
    "tiff of absurd strips": (tiff(t278=2**31 - 1, t279=2**31 - 1), "seen truncated"),
    "tiff of many channels": (tiff(t277=60_000), "truncated not_a_picture"),
    "deflated tiff of zeros": (tiff(t259=8) + ZEROS, "seen truncated"),
    "webp of absurd canvas": (webp(2**24, 255), "too_large truncated not_a_picture"),
    "webp of the largest canvas": (webp(2**24, 2**24), "too_large truncated not_a_picture"),
    "bmp of absurd size": (
        b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, 2**30, 2**30, 1, 24, *[0] * 6),
        "too_large",
    ),
    "gif of absurd canvas": (
        b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b",",
        "too_large truncated not_a_picture",
    ),
    "ppm of absurd size": (b"P6 99999999 99999999 255\n", "too_large"),
    "ppm without end": (b"P6 " + b"9" * 100_000, "truncated not_a_picture"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What becomes of every bomb in a process that may not take a gigabyte more than it starts with."""
    folder = tmp_path_factory.mktemp("bombs")
    for position, (data, _) in enumerate(BOMBS.values()):
        (folder / f"{position:03d}").write_bytes(data)
    code = """
import resource, sys
from pathlib import Path
from pipeline.core.errors import ItemRejected
from pipeline.images.decoding import Decoding
from pipeline.images.properties import decode_and_measure
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 2**30, taken + 2**30))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        decode_and_measure(path.read_bytes(), Decoding(max_pixels=1_000_000))
        print("seen")
    except ItemRejected as refused:
        print(refused.reason)
"""
    done = subprocess.run([sys.executable, "-c", code, folder], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(zip(BOMBS, done.stdout.split(), strict=True))


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and limits on address space")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_or_harmless(outcomes, name):
    assert outcomes[name] in BOMBS[name][1].split()
    assert outcomes[name] in {"seen", *REJECTION_REASONS}


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_many_frames_only_the_first_is_decoded(encode, monkeypatch, kind):
    frames = [Image.new("RGB", (8, 8), (number, 0, 0)) for number in range(200)]
    data = encode(SMALL, kind, save_all=True, append_images=frames)
    sought = []
    monkeypatch.setattr(Image.Image, "seek", lambda image, frame: sought.append(frame))
    assert decode(data, LIMITS)[0, 0, 0] >= 250
    assert set(sought) <= {0}


def with_scans(data, num_scans):
    """A progressive JPEG with its last scan repeated."""
    last = data.rfind(b"\xff\xda")
    return data[:last] + data[last:-2] * num_scans + data[-2:]


def test_a_progressive_jpeg_has_a_bounded_number_of_scans(encode, noise):
    data = encode(noise(height=64, width=64), "JPEG", progressive=True)
    usual = bounds.num_scans(data)
    assert usual == 10
    assert bounds.num_scans(with_scans(data, 5)) == usual + 4
    assert decode(with_scans(data, bounds.MAX_SCANS - usual + 1), LIMITS).shape == (64, 64, 3)
    with pytest.raises(ItemRejected, match=r"too_large: 109 progressive scans of 64 x 64 pixels, at most 100 allowed"):
        decode(with_scans(data, bounds.MAX_SCANS), LIMITS)


def test_scans_of_metadata_and_of_what_follows_do_not_count(encode, noise):
    thumbnail = b"Exif\0\0" + b"\xff\xda\0\x02" * 500
    exif = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    data = encode(noise(), "JPEG", progressive=True)
    assert bounds.num_scans(data[:2] + exif + data[2:] + b"\xff\xda\0\x02" * 500) == 10


@pytest.mark.parametrize("end", range(0, 400, 7))
def test_counting_scans_of_a_cut_file_ends(encode, noise, end):
    assert bounds.num_scans(encode(noise(), "JPEG", progressive=True)[:end]) <= 10


@pytest.mark.parametrize(("kind", "name"), [("PNG", "a.jpg"), ("JPEG", "a.png"), ("GIF", "a.txt")])
def test_the_name_does_not_tell_the_format(encode, tmp_path, kind, name):
    (tmp_path / name).write_bytes(encode(SMALL, kind))
    assert decode((tmp_path / name).read_bytes(), LIMITS).shape == (8, 8, 3)


@pytest.mark.parametrize(
    "data", [b"<html><body>404", b"plain text", b"PK\x03\x04", b"<?xml version='1.0'?><a/>", bytes(100)]
)
def test_what_is_no_picture(data):
    with pytest.raises(ItemRejected, match="not_a_picture: starts with"):
        decode(data, LIMITS)


def texts(*sizes, packed=True):
    found = PngImagePlugin.PngInfo()
    for number, length in enumerate(sizes):
        found.add_text(f"key{number}", "x" * length, zip=packed)
        found.add_itxt(f"other{number}", "x" * length, zip=packed)
    return found


@pytest.mark.parametrize("packed", [True, False])
def test_a_whole_png_with_much_metadata_is_read(encode, noise, packed):
    profile = noise(height=1000, width=1500, channels=1).tobytes()  # 1.5 MB, more than Pillow reads
    data = encode(SMALL, "PNG", icc_profile=profile, pnginfo=texts(1_500_000, 100, packed=packed))
    assert (decode(data, LIMITS) == (255, 0, 0)).all()
    assert image_size(data) == (8, 8)
    many = encode(SMALL, "PNG", pnginfo=texts(*[900_000] * 80, packed=True))  # 144 MB in all
    assert (decode(many, LIMITS) == (255, 0, 0)).all()


def test_metadata_are_not_unpacked_beyond_a_limit(monkeypatch):
    unpacked = []

    class Counted:
        def __init__(self, original=zlib.decompressobj):
            self.original = original()

        def decompress(self, data, most):
            unpacked.append(most)
            return self.original.decompress(data, most)

    data = png(8, 8, chunk(b"zTXt", b"x\0\0" + ZEROS), chunk(b"iTXt", TEXT + ZEROS), body=GREY_8)
    monkeypatch.setattr(bounds.zlib, "decompressobj", Counted)
    left = bounds.without_large_metadata(data)
    assert left == png(8, 8, body=GREY_8)
    assert unpacked == [2**20 + 1] * 2


def test_metadata_that_are_small_stay_as_they_are(encode):
    data = encode(SMALL, "PNG", pnginfo=texts(100, 2000))
    assert bounds.without_large_metadata(data) is data


@pytest.mark.parametrize("end", range(8, 3000, 97))
def test_a_cut_png_is_left_as_it_is(encode, end):
    data = encode(SMALL, "PNG", pnginfo=texts(100, 2000, packed=False))[:end]
    assert bounds.without_large_metadata(data) is data


def test_huge_metadata_of_other_formats(encode):
    for kind in ("JPEG", "WEBP", "TIFF"):
        assert decode(encode(SMALL, kind, icc_profile=bytes(1_000_000)), LIMITS).shape == (8, 8, 3)


def test_lack_of_memory_while_decoding_is_no_damage(encode, monkeypatch):
    def exhausted(image, grey_scale):
        raise MemoryError

    monkeypatch.setattr(decoding, "as_seen", exhausted)
    with pytest.raises(ItemRejected, match=r"too_large: there is not enough memory to decode it"):
        decode(encode(SMALL), LIMITS)


def test_max_pixels_decides_and_not_the_limit_of_pillow(monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda image: (_ for _ in ()).throw(ValueError("it came to decoding")))
    large = png(20_000, 20_000, body=GREY_8)  # Pillow alone refuses more than 179 million
    with pytest.raises(ItemRejected, match=r"truncated: it came to decoding"):
        decode(large, Decoding(max_pixels=400_000_000))
    for limit in (399_999_999, 150_000_000, 1):
        with pytest.raises(ItemRejected, match=r"too_large: .* pixels"):
            decode(large, Decoding(max_pixels=limit))
