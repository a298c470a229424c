"""Every public name of kclip; what is not here may change without notice."""

# What the commands do. A command is a class: its fields are the flags, `run()` does the work and
# returns the results.
from .commands.ablate_clip_decoder import AblateClipDecoder as AblateClipDecoder
from .commands.build_tfrecords import BuildTFRecords as BuildTFRecords
from .commands.check_consistency import CheckConsistency as CheckConsistency
from .commands.check_data import CheckData as CheckData
from .commands.choose_template import ChooseTemplate as ChooseTemplate
from .commands.compare_classifiers import CompareClassifiers as CompareClassifiers
from .commands.evaluate_multilabel import EvaluateMultilabel as EvaluateMultilabel
from .commands.evaluate_retrieval import EvaluateRetrieval as EvaluateRetrieval
from .commands.evaluate_zero_shot import EvaluateZeroShot as EvaluateZeroShot
from .commands.export_model import ExportModel as ExportModel
from .commands.run_multilabel_benchmark import RunMultilabelBenchmark as RunMultilabelBenchmark
from .commands.search_images import SearchImages as SearchImages
from .commands.train_classifier import TrainClassifier as TrainClassifier
from .commands.train_clip_decoder import TrainClipDecoder as TrainClipDecoder
from .commands.train_dual_encoder import TrainDualEncoder as TrainDualEncoder

# The settings of trainings, and named sets of them.
from .config.classifier import ClassifierSettings as ClassifierSettings
from .config.clip_decoder import DecoderHead as DecoderHead
from .config.clip_decoder import DecoderOptimization as DecoderOptimization
from .config.clip_decoder import JointObjective as JointObjective
from .config.dual_encoder import Objective as Objective
from .config.dual_encoder import Optimization as Optimization
from .config.presets import CLASSIFIER_PRESETS as CLASSIFIER_PRESETS
from .config.presets import CLIP_DECODER_PRESETS as CLIP_DECODER_PRESETS
from .config.presets import PRESETS as PRESETS
from .config.towers import DecoderImageTower as DecoderImageTower
from .config.towers import ImageTower as ImageTower
from .config.towers import TextTower as TextTower
from .errors import KclipError as KclipError
from .errors import UserError as UserError

# Models, and what is done with a trained one.
from .inference.embedder import Embedder as Embedder
from .inference.loading import load as load
from .losses import ContrastiveLoss as ContrastiveLoss
from .losses import SigmoidLoss as SigmoidLoss
from .models import CLIP as CLIP
from .models import DualEncoder as DualEncoder
from .models import DualEncoderPreprocessor as DualEncoderPreprocessor
from .models import ImageEncoder as ImageEncoder
from .models import MultiLabelClassifier as MultiLabelClassifier
from .models import TextEncoder as TextEncoder
from .multilabel.recognition.recognizer import MultiLabelRecognizer as MultiLabelRecognizer
from .zero_shot.classifier import ZeroShotClassifier as ZeroShotClassifier

__version__: str
