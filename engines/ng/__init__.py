"""The ng protocol's wire format, which doors and relay kinds share."""
