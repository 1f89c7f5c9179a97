"""Bytes of a video, or frames, to the frames that count, in bounded memory and time."""
