"""What-if: what calls have asked of their relays, asked of other relays, and in what these answer otherwise."""
