"""What a build gave, and its summary for the user."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kclip.console.command_line import command_line
from kclip.data.records.shards import ShardResult


@dataclass(frozen=True)
class BuildResult:
    """All shards of a build in order, and what this run had to do.

    Attributes:
        shards: in the order of the records.
        num_written: shards that were not there yet.
        images_per_second: rate at which these were written; 0 when there were none.
    """

    shards: list[ShardResult]
    num_written: int
    images_per_second: float

    @property
    def num_records(self) -> dict[str, int]:
        """Split -> how many images it has."""
        counts: Counter[str] = Counter()
        for shard in self.shards:
            counts[shard.split] += shard.num_records
        return dict(counts)

    def summary(
        self,
        output: Path,
        num_rejected: int,
        copies: str,
        seconds: float,
        next_command: str,
        notes: Sequence[str] = (),
    ) -> str:
        """A few lines on what lies in `output`, and the command to run next.

        Args:
            output: the folder of the shards.
            num_rejected: entries of the report.
            copies: what is said of images that are copies of each other.
            seconds: that the command took.
            next_command: what trains on the build.
            notes: sentences on what the source was taken for.
        """
        counts = ", ".join(f"{split} {count:,}" for split, count in self.num_records.items())
        size = sum(shard.num_bytes for shard in self.shards) / 2**20
        kept = len(self.shards) - self.num_written
        resumed = f", {kept} of them from an earlier run" if kept else ""
        rate = f", {self.images_per_second:,.0f} images/s while writing" if self.num_written else ""
        return (
            f"{output}\n"
            f"  records   {counts}\n"
            f"  rejected  {num_rejected:,} (rejected.csv says what and why)\n"
            f"  copies    {copies}\n"
            f"  size      {size:,.1f} MiB in {len(self.shards)} shards{resumed}\n"
            f"  time      {seconds:.1f} s{rate}\n"
            f"{''.join(f'  note      {note}{chr(10)}' for note in notes)}"
            f"next: {command_line(next_command)} --data {output}"
        )
