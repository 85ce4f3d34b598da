"""Looking whether all is true: the journal in itself, and the journal beside what relays hold."""
