"""From a source of pictures to a manifest, its splits and packed arrays."""
