"""Several worker processes as one service: `[service] workers`. A supervisor starts them and keeps them going."""
