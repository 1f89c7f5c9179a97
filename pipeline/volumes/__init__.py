"""Bytes of a volume, or slices, to voxels in one orientation, in bounded memory and time."""
