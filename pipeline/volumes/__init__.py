"""Volumes: files of several formats to voxels in one orientation, and what is measured on them."""
