"""What the client of a request has been told."""

from __future__ import annotations

import structlog
from sipmessage import Response

from gateways.sip.messages.values import tag_of
from gateways.sip.transactions.users import ServerTransaction

log = structlog.get_logger(bounded=True)


class Upstream:
    """The way back to the client of a request, and what went there.

    status: of the final response that was sent first, 0 before that.
    """

    def __init__(self, transaction: ServerTransaction) -> None:
        self.status = 0
        self._transaction = transaction
        self._dialogs: dict[str, bool] = {}

    def progress(self, response: Response) -> None:
        """Send a provisional response, if there was no final one."""
        if not self.status:
            self._transaction.respond(response)

    def finish(self, response: Response) -> None:
        """Send a final response. A 408 goes only to who sent an INVITE; to others it came too late (RFC 4320 4.2)."""
        if response.code != 408 or self._transaction.request.method == "INVITE":
            self._transaction.respond(response)
        if response.code < 300:
            self._dialogs[_tag(response)] = True
        self.status = self.status or response.code

    def end(self, response: Response) -> None:
        """Send a final response of ours, if there was none yet. Whether or not it can be sent, that is the end."""
        if self.status:
            return
        self.status = response.code
        try:
            self._transaction.respond(response)
        except Exception:
            log.exception("sip response failed", call_id=self._transaction.request.call_id)

    def was_told(self, response: Response) -> bool:
        """Whether the client knows the dialog of a 2xx already."""
        return self._dialogs.get(_tag(response), False)

    def was_abandoned(self, response: Response) -> bool:
        """Whether the dialog of a 2xx is one that the client is not to hear of."""
        return not self._dialogs.get(_tag(response), True)

    def abandon(self, response: Response) -> None:
        """Withhold the dialog of a 2xx from the client."""
        self._dialogs[_tag(response)] = False


def _tag(response: Response) -> str:
    return tag_of(response.headers.get("To") or "")
