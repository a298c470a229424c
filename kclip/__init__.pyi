"""Every public name of kclip; what is not here may change without notice."""

# What the commands do. A command is a class: its fields are the flags, and `run()` does the work
# and returns the results.
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
from .commands.find_duplicates import FindDuplicates as FindDuplicates
from .commands.index_images import IndexImages as IndexImages
from .commands.manage_features import ManageFeatures as ManageFeatures
from .commands.run_multilabel_benchmark import RunMultilabelBenchmark as RunMultilabelBenchmark
from .commands.search_images import SearchImages as SearchImages
from .commands.train_classifier import TrainClassifier as TrainClassifier
from .commands.train_clip_decoder import TrainClipDecoder as TrainClipDecoder
from .commands.train_dual_encoder import TrainDualEncoder as TrainDualEncoder
from .commands.upload_model import UploadModel as UploadModel
from .commands.verify_folder import VerifyFolder as VerifyFolder

# The settings of trainings, and named sets of them.
from .config.classifier import ClassifierSettings as ClassifierSettings
from .config.clip_decoder import DecoderHead as DecoderHead
from .config.clip_decoder import DecoderOptimization as DecoderOptimization
from .config.clip_decoder import DecoderTraining as DecoderTraining
from .config.clip_decoder import JointObjective as JointObjective
from .config.dual_encoder import Objective as Objective
from .config.dual_encoder import Optimization as Optimization
from .config.presets import CLASSIFIER_PRESETS as CLASSIFIER_PRESETS
from .config.presets import CLIP_DECODER_PRESETS as CLIP_DECODER_PRESETS
from .config.presets import PRESETS as PRESETS
from .config.towers import ImageTower as ImageTower
from .config.towers import TextTower as TextTower

# What goes wrong.
from .errors import KclipError as KclipError
from .errors import UserError as UserError

# Models, and what is done with a trained one.
from .inference.embedder import Embedder as Embedder
from .inference.loading import load as load
from .inference.onnx_embedder import OnnxEmbedder as OnnxEmbedder
from .inference.trained_classifier import TrainedClassifier as TrainedClassifier
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
from .zero_shot.prompts import resolve_templates as resolve_templates

# Images with labels, and generated scenes to try things on.
from .data.images.opening import load_image as load_image
from .data.labelled.class_folders import read_labelled_folder as read_labelled_folder
from .data.labelled.class_names import read_class_names as read_class_names
from .data.labelled.multilabel_reading import read_labelled_split as read_labelled_split
from .data.labelled.stratified import sample_fraction as sample_fraction
from .data.sources.synthetic.generation import generate_scenes as generate_scenes

# Searching.
from .retrieval.index import ImageIndex as ImageIndex
from .retrieval.searcher import search as search

# Measuring: figures and their intervals, methods side by side, methods on frozen features.
from .evaluation.benchmark.cells import plan_cells as plan_cells
from .evaluation.benchmark.cells import summarize_cells as summarize_cells
from .evaluation.benchmark.measures import constant_predictor as constant_predictor
from .evaluation.benchmark.measures import measure_outputs as measure_outputs
from .evaluation.benchmark.outputs import decide_labels as decide_labels
from .evaluation.benchmark.task import open_multilabel_task as open_multilabel_task
from .evaluation.benchmark.zero_shot_methods import list_all_labels as list_all_labels
from .evaluation.benchmark.zero_shot_methods import zero_shot_methods as zero_shot_methods
from .evaluation.comparison.methods import classifier_method as classifier_method
from .evaluation.comparison.methods import few_shot_curve as few_shot_curve
from .evaluation.comparison.methods import probe_method as probe_method
from .evaluation.comparison.methods import zero_shot_method as zero_shot_method
from .evaluation.comparison.panel import short_names as short_names
from .evaluation.comparison.results import compare_methods as compare_methods
from .evaluation.zero_shot import zero_shot_results as zero_shot_results
from .inference.embedded_images import embed_labelled_images as embed_labelled_images
from .metrics.bootstrap import bootstrap_metrics as bootstrap_metrics
from .metrics.bootstrap import percentile_interval as percentile_interval
from .metrics.abstention import threshold_for_accuracy as threshold_for_accuracy
from .metrics.multilabel import average_precision as average_precision
from .metrics.multilabel import mean_average_precision as mean_average_precision

# Results as tables and figures.
from .reading import read_history as read_history
from .features.store import FeatureStore as FeatureStore
from .reports.benchmark import BASELINES as BASELINES
from .reports.benchmark import data_table as data_table
from .reports.comparison import differences_table as differences_table
from .reports.comparison import few_shot_table as few_shot_table
from .reports.comparison import methods_table as methods_table
from .reports.comparison import published_table as published_table
from .reports.figures.attention import draw_attention as draw_attention
from .reports.figures.calibration import draw_coverage as draw_coverage
from .reports.figures.calibration import draw_reliability as draw_reliability
from .reports.figures.classifier_curves import draw_classifier_curves as draw_classifier_curves
from .reports.figures.comparison import draw_accuracies as draw_accuracies
from .reports.figures.comparison import draw_few_shot as draw_few_shot
from .reports.figures.comparison import draw_paired_differences as draw_paired_differences
from .reports.figures.confusion_matrix import draw_confusion_matrices as draw_confusion_matrices
from .reports.figures.confusion_matrix import draw_confusion_matrix as draw_confusion_matrix
from .reports.figures.curves import draw_curves as draw_curves
from .reports.figures.grids import draw_search_grid as draw_search_grid
from .reports.figures.labels import draw_labels as draw_labels
from .reports.figures.predictions import draw_predictions as draw_predictions
from .reports.figures.ratio_curve import draw_ratio_curve as draw_ratio_curve
from .reports.figures.recalls import draw_recalls as draw_recalls
from .reports.markdown import markdown_table as markdown_table
from .reports.markdown import percent as percent
from .reports.tables import classification_table as classification_table
from .reports.tables import confusions_table as confusions_table
from .reports.tables import per_class_table as per_class_table
from .reports.tables import retrieval_table as retrieval_table
from .reports.zero_shot import calibration_table as calibration_table
from .reports.zero_shot import coverage_table as coverage_table
from .training.benchmark.bench import MultilabelBench as MultilabelBench
from .training.benchmark.head import TrainedHead as TrainedHead
from .training.benchmark.methods import ADAPTERS as ADAPTERS
from .training.benchmark.methods import TRAINED as TRAINED
from .training.common.run import Run as Run

__version__: str
