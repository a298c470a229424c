from pathlib import Path

from kclip.data.records.build_result import BuildResult
from kclip.data.records.shards import ShardResult


def shard(split, num_records):
    return ShardResult("", split, num_records, 3 * 2**19, "", "", ())


def test_the_summary_adds_up_shards():
    shards = [shard("train", 1000), shard("train", 500), shard("dev", 2)]
    text = BuildResult(shards, 2, 123.4).summary(
        Path("out"), 3, "none (copies.csv)", 9.87, "train_it", ("odd", "even")
    )
    assert text.splitlines() == [
        "out",
        "  records   train 1,500, dev 2",
        "  rejected  3 (rejected.csv says what and why)",
        "  copies    none (copies.csv)",
        "  size      4.5 MiB in 3 shards, 1 of them from an earlier run",
        "  time      9.9 s, 123 images/s while writing",
        "  note      odd",
        "  note      even",
        "next: kclip train_it --data out",
    ]
