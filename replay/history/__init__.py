"""What people read of a call's history."""
