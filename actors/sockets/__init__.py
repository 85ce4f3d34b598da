"""Sockets read directly, rather than through an asyncio transport."""
