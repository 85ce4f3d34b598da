"""What operators see of the parties' numbers."""
