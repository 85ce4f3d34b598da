"""What TLS presents and whom it trusts (RFC 3261 26.3.1)."""

from __future__ import annotations

import ssl

from gateways.sip.transport.settings import TransportSettings


def server_context(settings: TransportSettings) -> ssl.SSLContext:
    """Make the context for connections that others open.

    Raises OSError (which ssl.SSLError is) if a file cannot be used, ValueError if there is no certificate.
    """
    if settings.certificate is None:
        raise ValueError("TLS cannot listen without a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.certificate, settings.key)
    if settings.client_certificates:
        context.verify_mode = ssl.CERT_REQUIRED
        if settings.ca is None:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        else:
            context.load_verify_locations(settings.ca)
    return context


def client_context(settings: TransportSettings) -> ssl.SSLContext:
    """Make the context for connections that we open. Raises OSError if a file cannot be used."""
    context = ssl.create_default_context(cafile=settings.ca)
    if settings.certificate is not None:
        context.load_cert_chain(settings.certificate, settings.key)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def may_be_proved(name: str) -> bool:
    """Whether a certificate can have a name: asyncio loses the socket of a connection that asks for another."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return bool(name) and not name.startswith(".") and "\0" not in name
