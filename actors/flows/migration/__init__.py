"""The flows of a call's move to another session: prepared on its node, told to its parties, settled or taken back."""
