"""One Apprise URL as a place to put a message; the only home of Apprise, whose import takes most of a second.

Called by ``console/notify.py``. A service has four seconds to answer unless its URL says otherwise (``rto``, ``cto``).
"""

from __future__ import annotations

from collections.abc import Callable

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType

FORMS = {"text": NotifyFormat.TEXT, "markdown": NotifyFormat.MARKDOWN, "html": NotifyFormat.HTML}
TYPES = {"info": NotifyType.INFO, "warning": NotifyType.WARNING}


class Postbox:
    """Asks for the URL before each message, so that a secret in a file may change; the URL itself is never said."""

    def __init__(self, url: Callable[[], str]) -> None:
        """Prepare; nothing is read yet."""
        self._url = url
        # Escapes and emoji words in a text stay what they are, and no picture of somebody else's server is named.
        self._asset = AppriseAsset(
            app_id="healstream", async_mode=False, interpret_escapes=False, interpret_emojis=False, image_url_mask="", image_url_logo=""
        )

    def put(self, title: str, body: str, form: str, severity: str) -> str:
        """Send one message and wait; return why the service did not take it, empty when it did."""
        try:
            url = self._url()
        except OSError as error:
            return f"its URL's file cannot be read: {error.strerror}"
        box = Apprise(asset=self._asset)
        if not box.add(url):
            return "Apprise knows no such URL"
        kind = TYPES.get(severity, NotifyType.FAILURE)
        return "" if box.notify(body=body, title=title, body_format=FORMS[form], notify_type=kind) else "the service did not take it"
