"""Search among 10,000 to 1,000,000 embeddings: kclip against NumPy and faiss.

pip install "keras-clip[search]"
python benchmarks/search.py

Exact: `kclip.retrieval.exact` on the 16-bit codes of an index and on float32, NumPy's product with
argpartition, faiss' IndexFlatIP. Approximate: `kclip.retrieval.approximate`, opened by memory map,
and faiss' IndexHNSWFlat (M 32), which is built up to `--hnsw-rows` since a million takes it an
hour. All get the same unit vectors of width 256 and take turns; the ten nearest are asked for, of
one query and of 64. benchmarks/large_search.py goes on where memory ends.

The embeddings are drawn (seed 0), not measured. Those of a real CLIP lie in clusters, and random
directions, which have no neighbours to speak of, would suit no index: so 200 topics, 5,000 clusters
around them (cosine 0.7 to their topic), rows around the clusters (0.8) and queries around rows
(0.9). Real data may be harder or easier; recall is against the exact answer.

`ratio` is faiss flat's time over kclip's exact one, one query at the largest size.
"""

import os
import tempfile
import time
from pathlib import Path

import faiss
import numpy as np
from measures import resident_mib, spread
from results_file import parser, write_result

from kclip.retrieval.approximate import ApproximateIndex
from kclip.retrieval.codes import encode
from kclip.retrieval.exact import nearest_rows

DIM, TOP_K, BATCH = 256, 10, 64
SIZES = [10_000, 100_000, 1_000_000]
CALLS = {1: 8, BATCH: 2}  # that count in a turn, by number of queries
CHUNK = 100_000  # rows drawn at a time
PAUSE = 0.1  # seconds; OpenBLAS' threads spin for some 25 ms


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def around(rng, centres, size, cosine):
    """Unit vectors at about this cosine from centres drawn at random."""
    noise = unit(rng.standard_normal((size, DIM), dtype=np.float32))
    drawn = centres[rng.integers(len(centres), size=size)]
    return unit(cosine * drawn + np.sqrt(1 - cosine**2) * noise)


def draw(size, num_queries):
    """Embeddings and queries."""
    rng = np.random.default_rng(0)
    topics = unit(rng.standard_normal((200, DIM)))
    clusters = around(rng, topics, 5000, 0.7)
    rows = np.empty((size, DIM), np.float32)
    for start in range(0, size, CHUNK):
        part = rows[start : start + CHUNK]
        part[:] = around(rng, clusters, len(part), 0.8)
    return rows, around(rng, rows, num_queries, 0.9)


def numpy_search(rows, queries):
    scores = queries @ rows.T
    best = np.argpartition(scores, -TOP_K, axis=1)[:, -TOP_K:]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)


def built(make):
    """What `make` returns, with seconds and MiB that it took."""
    before, started = resident_mib(), time.perf_counter()
    index = make()
    taken = {"build_s": time.perf_counter() - started, "mib": resident_mib() - before}
    return index, {name: round(value, 2) for name, value in taken.items()}


def faiss_index(index, rows):
    index.add(rows)
    return index


def kclip_approximate(codes, folder):
    """Built, saved, and opened by memory map."""
    path = Path(folder) / "lists.faiss"
    index, about = built(lambda: ApproximateIndex.build(codes))
    index.save(path)
    started = time.perf_counter()
    opened = ApproximateIndex.open(path, codes)
    about["open_ms"] = round(1000 * (time.perf_counter() - started), 2)
    about |= {"file_mib": round(path.stat().st_size / 2**20, 1)}
    return opened, about | {"lists": opened.lists.nlist, "lists_read": opened.lists.nprobe}


def mapped(array, path):
    """The same on the disk, memory-mapped as an index is."""
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def methods(rows, folder, hnsw):
    """Name -> function of queries that returns rows, and name -> what building it took."""
    codes = mapped(encode(rows, "int16"), Path(folder) / "codes.npy")
    lists, of_lists = kclip_approximate(codes, folder)
    flat, of_flat = built(lambda: faiss_index(faiss.IndexFlatIP(DIM), rows))
    whole = mapped(rows, Path(folder) / "embeddings.npy")
    searches = {
        "kclip exact": lambda queries: nearest_rows(queries, codes, TOP_K)[0],
        "kclip exact, float32": lambda queries: nearest_rows(queries, whole, TOP_K)[0],
        "faiss flat": lambda queries: flat.search(queries, TOP_K)[1],
        "numpy": lambda queries: numpy_search(rows, queries),
        "kclip approximate": lambda queries: lists.nearest_rows(queries, TOP_K)[0],
    }
    about = {"faiss flat": of_flat, "kclip approximate": of_lists}
    if hnsw:
        make = lambda: faiss_index(faiss.IndexHNSWFlat(DIM, 32, faiss.METRIC_INNER_PRODUCT), rows)  # noqa: E731
        graph, about["faiss HNSW"] = built(make)
        graph.hnsw.efSearch = 64
        searches["faiss HNSW"] = lambda queries: graph.search(queries, TOP_K)[1]
    return searches, about


def measure_times(searches, queries, size, turns):
    """Seconds of each contender's calls; all take turns.

    Between turns there is a pause, since the threads of the contender before go on spinning for a
    while, and a turn's first call does not count.
    """
    seconds = {name: [] for name in searches}
    for turn in range(turns):
        for name, search in searches.items():
            time.sleep(PAUSE)
            for call in range(1 + CALLS[size]):
                first = (turn * CALLS[size] + call) * size % (len(queries) - size + 1)
                started = time.perf_counter()
                search(queries[first : first + size])
                if call:
                    seconds[name].append(time.perf_counter() - started)
    return seconds


def recalls(searches, queries):
    found = {name: search(queries) for name, search in searches.items()}
    exact = found["faiss flat"]
    pairs = {name: zip(rows, exact, strict=True) for name, rows in found.items()}
    return {
        name: round(float(np.mean([np.isin(best, ours).mean() for ours, best in of])), 4)
        for name, of in pairs.items()
    }


def milliseconds(seconds):
    p50, p99 = np.quantile(seconds, [0.5, 0.99])
    return {"p50_ms": round(1000 * p50, 3), "p99_ms": round(1000 * p99, 3)}


def measure(size, turns, hnsw):
    """All figures of one size, by contender, and the ratios call by call."""
    rows, queries = draw(size, 256)
    with tempfile.TemporaryDirectory() as folder:
        searches, figures = methods(rows, folder, hnsw)
        one = measure_times(searches, queries, 1, turns)
        many = measure_times(searches, queries, BATCH, max(2, turns // 5))
        recall = recalls(searches, queries)
    for name in searches:
        figures.setdefault(name, {})["recall@10"] = recall[name]
        figures[name] |= {"one": milliseconds(one[name]), "64": milliseconds(many[name])}
    ratios = {
        f"{slow} / {fast}": spread(np.divide(one[slow], one[fast]).tolist())
        for slow, fast in [
            ("faiss flat", "kclip exact"),
            ("kclip exact, float32", "kclip exact"),
            ("kclip exact", "kclip approximate"),
        ]
    }
    return figures | {"ratios, one query": ratios}


def main():
    options = parser(__doc__)
    options.add_argument(
        "--sizes", type=int, nargs="+", default=SIZES, help="numbers of embeddings"
    )
    options.add_argument("--turns", type=int, default=25, help="of one query; a fifth of 64")
    options.add_argument("--hnsw-rows", type=int, default=100_000, help="the largest HNSW graph")
    arguments = options.parse_args()
    if arguments.short:
        arguments.turns, arguments.hnsw_rows = 6, SIZES[0]
    sizes = {
        size: measure(size, arguments.turns, size <= arguments.hnsw_rows)
        for size in sorted(arguments.sizes)
    }
    largest = max(sizes)
    figures = sizes[largest]
    exact, flat, near = (
        figures[name] for name in ("kclip exact", "faiss flat", "kclip approximate")
    )
    ratios = figures["ratios, one query"]
    result = {
        "ratio": ratios["faiss flat / kclip exact"]["median"],
        "what": f"exact search of one query among {largest:,} x {DIM} embeddings",
        "kclip": f"{exact['one']['p50_ms']} ms; approximate {near['one']['p50_ms']} ms at recall "
        f"{near['recall@10']}",
        "other": f"faiss flat: {flat['one']['p50_ms']} ms",
        "reach": "exact >= 1.0; approximate at 1,000,000: recall >= 0.98 at <= 1/20 of exact",
        "float32_over_codes": ratios["kclip exact, float32 / kclip exact"]["median"],
        "exact_over_approximate": ratios["kclip exact / kclip approximate"]["median"],
        "sizes": {str(size): of_size for size, of_size in sizes.items()},
        "threads": {"faiss": faiss.omp_get_max_threads(), "kclip": os.cpu_count()},
    }
    write_result("search", **result, versions={"faiss-cpu": faiss.__version__})


if __name__ == "__main__":
    main()
