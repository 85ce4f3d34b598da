"""What makes packages of this program (docs/packages.md)."""
