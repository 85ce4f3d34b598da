"""The doors: what SIP servers, operators and monitors speak to."""
