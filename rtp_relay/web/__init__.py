"""The operator's page: a process of its own, which reads the journal and asks the service for changes."""
