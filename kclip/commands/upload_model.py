"""The command that sends a model folder to a hub."""

from dataclasses import dataclass
from pathlib import Path

import tyro

import kclip
from kclip.config.checks import check_settings
from kclip.console.lines import LOGGER
from kclip.console.offline import is_offline
from kclip.errors import UserError


@dataclass(frozen=True)
class UploadModel:
    """Uploads a model folder to the Hugging Face hub or to Kaggle.

    Only the files of a model of kclip are sent, its card among them. From Hugging Face, kclip.load
    and the commands then take it by its name, owner/name.

      upload_model runs/mine/model hf://owner/name --private
      upload_model runs/mine/model kaggle://owner/model/keras/variation
    """

    model: tyro.conf.Positional[Path]
    """The model/ folder of a run."""
    target: tyro.conf.Positional[str]
    """hf://owner/name, or kaggle://owner/model/keras/variation."""
    private: bool = False
    """Let nobody else see it; on Kaggle a new model always begins so."""
    message: str = f"Uploaded by kclip {kclip.__version__}"
    """What has changed, for the hub's history."""
    dry_run: bool = False
    """List the files and their sizes, and send nothing."""

    def run(self) -> dict[str, int]:
        """Looks through the folder, and sends it.

        Returns:
            Name of each file that is sent -> bytes.
        """
        check_settings(self)
        from kclip.export.upload.content import read_content
        from kclip.export.upload.sending import send
        from kclip.export.upload.target import parse_target

        target = parse_target(self.target)
        content = read_content(self.model)
        for warning in content.warnings:
            LOGGER.warning(warning)
        if self.dry_run:
            for name, size in content.sizes.items():
                print(f"{size / 2**20:10.2f} MiB  {name}")
            print(f"{content.num_bytes / 2**20:10.2f} MiB  in all would go to {target}")
            return content.sizes
        if is_offline():
            raise UserError("--offline sends nothing; leave it, or look at the files by --dry-run")
        print(f"the model is at {send(content, target, self.private, self.message)}")
        return content.sizes
