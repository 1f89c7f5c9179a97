"""Clips that tests render: grey levels that number the frames, and moving textures."""

import io
from fractions import Fraction

import av
import numpy as np
from PIL import Image

from pipeline.clips.sampling import ClipReading

LIMITS = {"num_frames": 4, "sampling": "uniform", "stride": 2, "max_frames": 400, "max_seconds": 60}
STEP = 12  # grey levels from one numbered frame to the next


def reading(**choices):
    return ClipReading(**{**LIMITS, "time_limit": 20, "max_pixels": 1_000_000, **choices})


def numbered(num_frames=20, height=48, width=64):
    """(T, H, W, 3) frames of one grey level each: 0, 12, 24, ..."""
    levels = (STEP * np.arange(num_frames)).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (num_frames, height, width, 3))


def numbers(frames):
    """The numbers of frames that `numbered` made and a film changed a little."""
    return [round(float(frame.mean()) / STEP) for frame in frames]


def film(
    frames=None,
    container="mp4",
    codec="libx264",
    pixels="yuv420p",
    rate=10,
    times=None,
    sound=False,
    muxer=None,
    **options,
):
    """An encoded film.

    Args:
        frames: (T, H, W, 3) or (T, H, W) uint8; None: `numbered()`.
        container: As FFmpeg names it.
        codec: As FFmpeg names it.
        pixels: The pixel format.
        rate: Frames a second.
        times: When each frame is shown, in hundredths of a second; None: one after the other.
        sound: Whether a silent track of two seconds is there too.
        muxer: Options of the container.
        options: Of the encoder.
    """
    frames = numbered() if frames is None else frames
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container, options=muxer or {}) as file:
        track = file.add_stream(codec, rate=rate, options=options)
        track.height, track.width, track.pix_fmt = frames.shape[1], frames.shape[2], pixels
        if times is not None:
            track.codec_context.time_base = Fraction(1, 100)
        if sound:
            add_silence(file)
        for number, pixels_of_frame in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(pixels_of_frame), format="rgb24" if frames.ndim == 4 else "gray"
            )
            frame.pts = number if times is None else times[number]
            frame.time_base = Fraction(1, rate if times is None else 100)
            file.mux(track.encode(frame))
        file.mux(track.encode())
    return buffer.getvalue()


def add_silence(file):
    track = file.add_stream("aac", rate=8000, layout="mono")
    for start in range(0, 16_000, 1024):
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.rate, sound.pts = 8000, start
        file.mux(track.encode(sound))
    file.mux(track.encode())


def sound_alone():
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as file:
        add_silence(file)
    return buffer.getvalue()


def animation(kind, frames=None, durations=100):
    """An animated GIF or WebP."""
    frames = numbered() if frames is None else frames
    pictures = [Image.fromarray(np.ascontiguousarray(frame)) for frame in frames]
    buffer = io.BytesIO()
    pictures[0].save(buffer, kind, save_all=True, append_images=pictures[1:], duration=durations, lossless=True)
    return buffer.getvalue()


def cut(mp4, seconds):
    """The MP4 from so late on, copied without encoding: an edit list hides the frames before."""
    buffer = io.BytesIO()
    with av.open(io.BytesIO(mp4)) as whole, av.open(buffer, "w", format="mp4") as file:
        track = file.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.size:
                shift = int(seconds / packet.time_base)
                packet.stream, packet.pts, packet.dts = track, packet.pts - shift, packet.dts - shift
                file.mux(packet)
    return buffer.getvalue()


def late(milliseconds):
    """A Matroska file of one frame that begins so late."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska", options={"avoid_negative_ts": "disabled"}) as file:
        track = file.add_stream("mpeg4", rate=25)
        track.height, track.width, track.pix_fmt = 48, 64, "yuv420p"
        frame = av.VideoFrame.from_ndarray(numbered(1)[0].copy(), format="rgb24")
        for packet in [*track.encode(frame), *track.encode()]:
            packet.time_base = Fraction(1, 1000)
            packet.pts = packet.dts = milliseconds
            packet.duration = 40
            file.mux(packet)
    return buffer.getvalue()


def turned(mp4, quarters):
    """The MP4 with a matrix that turns it by quarters of a turn with the clock."""
    cosine, sine = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarters]
    data = bytearray(mp4)
    place = data.index(b"tkhd") + 44  # of the matrix, in version 0 of the box
    rows = [cosine << 16, sine << 16, 0, -sine << 16, cosine << 16, 0, 0, 0, 1 << 30]
    for number, value in enumerate(rows):
        data[place + 4 * number : place + 4 * number + 4] = value.to_bytes(4, "big", signed=True)
    return bytes(data)


def moving_texture(seed, num_frames=90, height=96, width=128):
    """(T, H, W, 3) a smooth texture of its own that moves along a curve, and brightens and darkens."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (14, 20, 3), dtype=np.uint8)
    canvas = np.asarray(Image.fromarray(coarse).resize((3 * width, 3 * height), Image.Resampling.BICUBIC))
    speed, phase = generator.uniform(0.5, 1.5, 2), generator.uniform(0, 6, 2)
    frames = []
    for number in range(num_frames):
        angle = 2 * np.pi * number / 60
        down = int(height * (1 + 0.8 * np.sin(speed[0] * angle + phase[0])))
        across = int(width * (1 + 0.8 * np.cos(speed[1] * angle + phase[1])))
        frames.append(canvas[down : down + height, across : across + width])
    return np.stack(frames)
