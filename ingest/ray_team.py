"""An ingest on a cluster of Ray: this process hands the sources out, the largest first, counts, and shows how far all are."""

from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from tubelet.ingest.crew import Member
from tubelet.ingest.pipeline.progress import ignore_progress
from tubelet.ingest.ray_place import RayPlace, find_everywhere
from tubelet.ingest.team import Team
from tubelet.ingest.team_member import Hello
from tubelet.store.jobs.state import JobProgress


class RayTeam(Team):
    """One ingest on the machines of a cluster; `stop` may be called from a signal handler."""

    def __init__(
        self,
        arguments: Mapping[str, object],
        store: str,
        report: Callable[[JobProgress], None] = ignore_progress,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Raises UsageError as a job does, and where there is no cluster."""
        cluster = RayPlace(str(arguments["ray"]), str(arguments.get("device", "auto")))
        shared = {**arguments, "device": "cpu"}
        if weights := arguments.get("weights"):
            shared["weights"] = Path(find_everywhere(str(weights)))
        super().__init__(shared, find_everywhere(store), report, options, cluster)
        sizes = [source.estimate_bytes() for source in self._work.sources]
        self._queue = deque(sorted(self._queue, key=lambda number: -sizes[number]))

    def _note(self, member: Member, message: object) -> None:
        if isinstance(message, Hello) and self._summary:
            self._require_same(self._summary.encoder_id, message.summary.encoder_id)
        super()._note(member, message)
