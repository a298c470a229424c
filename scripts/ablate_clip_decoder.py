"""CLIP-Decoder's ablation: word vectors, prompts, and the joint loss, in two settings.

python scripts/ablate_clip_decoder.py --help
python scripts/ablate_clip_decoder.py --data tfrecords/flickr8k --model runs/flickr8k/model \
    --text-model all-MiniLM-L6-v2
"""

from kclip.cli import main

if __name__ == "__main__":
    main("ablate_clip_decoder")
