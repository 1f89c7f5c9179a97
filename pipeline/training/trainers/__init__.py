"""How an encoder and a head are fitted."""
