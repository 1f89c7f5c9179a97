"""New samples, copied below the folder that the source reads."""
