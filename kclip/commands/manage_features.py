"""The command that lists and deletes what frozen towers' outputs have been kept."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from kclip.config.checks import check_settings
from kclip.console.lines import LOGGER
from kclip.errors import UserError


@dataclass(frozen=True)
class ManageFeatures:
    """Lists or deletes the outputs of frozen towers that trainings have kept.

    They are computed once for each tower and split, and again when they are deleted and needed.

      manage_features list
      manage_features delete 3f2a9c1b7d5e8f60
      manage_features delete all
    """

    action: tyro.conf.Positional[Literal["list", "delete"]]
    """What to do."""
    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """What to delete: names of the list, or all."""
    features_dir: Path | None = None
    """Their folder; by default that of the environment variable KCLIP_FEATURES_DIR, or the user's
    cache."""

    def run(self) -> dict[str, int]:
        """Prints a line for each, or deletes some.

        Returns:
            Name -> bytes of what was listed or deleted.
        """
        check_settings(self)
        from kclip.features.store import FeatureStore

        store = FeatureStore.at(self.features_dir)
        entries = {entry.name: entry for entry in store.entries()}
        if self.action == "list":
            if self.names:
                raise UserError(f"list takes no names, but {self.names[0]!r} was given")
            for entry in entries.values():
                about = entry.about
                of = f"{about.get('features', 'not whole')}, {about.get('data', '')}"
                print(f"{entry.name}  {entry.num_bytes / 2**20:8.1f} MiB  {of}")
            LOGGER.info("%s folders in %s", len(entries), store.folder)
            return {name: entry.num_bytes for name, entry in entries.items()}
        names = tuple(entries) if self.names == ("all",) else self.names
        unknown = [name for name in names if name not in entries]
        if unknown or not self.names:
            asked = f"there are no features {unknown[0]!r}" if unknown else "delete needs names"
            raise UserError(f"{asked} in {store.folder}; give names of the list, or all")
        for name in names:
            store.delete(name)
        deleted = {name: entries[name].num_bytes for name in names}
        size = sum(deleted.values()) / 2**20
        LOGGER.info("deleted %s folders, %.1f MiB", len(names), size)
        return deleted
