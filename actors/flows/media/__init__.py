"""The flows of media commands: offer, answer, delete, pass-through, copies."""
