"""Whole calls between real peers."""
