"""The relay side of calls: what the proxy tells the call actors of, and what they give for it."""
