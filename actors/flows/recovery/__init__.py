"""The flows of what was left undone: due work, a lost tail, media that timed out."""
