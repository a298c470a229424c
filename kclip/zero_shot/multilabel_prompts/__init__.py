"""Multi-label recognition by prompts alone: the four methods of MMM-CLIP."""

from kclip.zero_shot.multilabel_prompts.caption_file import CaptionFile
from kclip.zero_shot.multilabel_prompts.chat_captions import ChatCaptions
from kclip.zero_shot.multilabel_prompts.label_scores import LabelScores
from kclip.zero_shot.multilabel_prompts.list_all import ListAll
from kclip.zero_shot.multilabel_prompts.top_all import TopAll
from kclip.zero_shot.multilabel_prompts.yes_or_no import YesOrNo

__all__ = ["CaptionFile", "ChatCaptions", "LabelScores", "ListAll", "TopAll", "YesOrNo"]
