"""rtpproxy: its control protocol, and how the ng protocol's offers and answers are said in it."""
