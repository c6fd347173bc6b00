"""The web's side: Klein routes and websockets, one module per family of URLs."""
