"""From events to state: the fold, and all that reads histories."""
