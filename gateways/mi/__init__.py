"""The management interface: JSON-RPC as OpenSIPS' MI speaks it, over HTTP and datagrams."""
