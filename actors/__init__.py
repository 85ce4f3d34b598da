"""Actors: the Pykka runtime on the event loop, call and engine actors, the directory of resident calls."""
