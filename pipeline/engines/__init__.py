"""Where one function is applied to many items: the processes of this machine, or a cluster."""
