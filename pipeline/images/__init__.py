"""Bytes to pixels to properties: decoding in bounded memory, grey scales, metadata, hashes."""
