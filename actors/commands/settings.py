"""What is asked of a call about the settings of its relay."""

from __future__ import annotations

from collections.abc import Sequence

from actors.commands.command import CallCommand
from actors.results import Done
from events.values import value
from replay.settings_changes import SettingsChange


@value(kw_only=True)
class ChangeSettings(CallCommand[Done]):
    """Change settings, all or none of them. To engage a relay is refused for a call that is established."""

    changes: Sequence[SettingsChange]
