"""Multi-label recognition by prompts alone: the four methods of MMM-CLIP."""

from kclip.multilabel.prompting.caption_file import CaptionFile
from kclip.multilabel.prompting.chat_captions import ChatCaptions
from kclip.multilabel.prompting.label_scores import LabelScores
from kclip.multilabel.prompting.list_all import ListAll
from kclip.multilabel.prompting.top_all import TopAll
from kclip.multilabel.prompting.yes_or_no import YesOrNo

__all__ = ["CaptionFile", "ChatCaptions", "LabelScores", "ListAll", "TopAll", "YesOrNo"]
