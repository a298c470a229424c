"""Search among ten million embeddings in less memory than they take.

pip install "keras-clip[search]"
python benchmarks/large_search.py --size 10000000 --folder /tmp/large

Draws unit vectors as benchmarks/search.py does (width 256, in clusters), keeps them as an index
does (16-bit codes on the disk), builds kclip's lists, and searches in a new process, whose resident
memory is measured after all queries. Recall@10 is against float32, compared while the vectors are
drawn. What is on the disk already is not made again, so a run that was stopped goes on. `--peers`
builds faiss' IVF-PQ (64 bytes a row, as many lists) too, and usearch's graph of int8, where
`pip install usearch` was run; its settings are the defaults.
"""

import json
import multiprocessing
import time
from importlib.util import find_spec
from pathlib import Path

import faiss
import numpy as np
from measures import resident_mib
from results_file import parser, write_result
from search import CHUNK, DIM, TOP_K, around, unit

from kclip.retrieval.approximate import ApproximateIndex
from kclip.retrieval.codes import code_dtype, decode, encode
from kclip.retrieval.exact import nearest_rows

NUM_QUERIES, EXACT_QUERIES = 256, 5
CODES = "int16"


def draw(folder, size):
    """Writes the codes, the queries, and each query's nearest rows among the whole vectors."""
    rng = np.random.default_rng(0)
    clusters = around(rng, unit(rng.standard_normal((200, DIM))), 5000, 0.7)
    queries, best = None, None
    with (folder / "codes.part").open("wb") as file:
        for start in range(0, size, CHUNK):
            rows = around(rng, clusters, min(CHUNK, size - start), 0.8)
            if queries is None:
                queries = around(rng, rows, NUM_QUERIES, 0.9)
            file.write(encode(rows, CODES).tobytes())
            found, scores = nearest_rows(queries, rows, TOP_K)
            both = (found + start, scores)
            if best is not None:
                both = tuple(np.concatenate(pair, axis=1) for pair in zip(best, both, strict=True))
            order = np.argsort(-both[1], axis=1, kind="stable")[:, :TOP_K]
            best = tuple(np.take_along_axis(array, order, axis=1) for array in both)
    np.savez(folder / "queries.npz", queries=queries, nearest=best[0])
    (folder / "codes.part").rename(folder / "codes.bin")


def opened(folder):
    codes = np.memmap(folder / "codes.bin", code_dtype(CODES, DIM), mode="r")
    with np.load(folder / "queries.npz") as saved:
        return codes, saved["queries"], saved["nearest"]


def build_lists(folder, size):
    """Seconds of building, kept beside the lists."""
    started = time.perf_counter()
    ApproximateIndex.build(opened(folder)[0]).save(folder / "lists.faiss")
    (folder / "lists.json").write_text(json.dumps(time.perf_counter() - started))


def build_pq(folder, size):
    codes = opened(folder)[0]
    lists = ApproximateIndex.open(folder / "lists.faiss", codes).lists
    index = faiss.index_factory(DIM, f"IVF{lists.nlist},PQ64", faiss.METRIC_INNER_PRODUCT)
    index.train(decode(codes[:: max(1, size // 80_000)]))
    for start in range(0, size, CHUNK):
        index.add(decode(codes[start : start + CHUNK]))
    faiss.write_index(index, str(folder / "pq.faiss"))


def timed(search, queries):
    """Rows found for each query, and the seconds that each took by itself."""
    rows, seconds = [], []
    for query in queries:
        started = time.perf_counter()
        rows.append(search(query[None])[0])
        seconds.append(time.perf_counter() - started)
    return np.stack(rows), seconds


def figures(found, nearest, seconds):
    recall = np.mean(
        [np.isin(best, ours).mean() for ours, best in zip(found, nearest, strict=True)]
    )
    p50, p99 = np.quantile(seconds, [0.5, 0.99])
    return {
        "recall@10": round(float(recall), 4),
        "p50_ms": round(1000 * p50, 2),
        "p99_ms": round(1000 * p99, 2),
        "resident_mib": round(resident_mib()),
    }


def search_approximate(folder, size):
    codes, queries, nearest = opened(folder)
    started = time.perf_counter()
    index = ApproximateIndex.open(folder / "lists.faiss", codes)
    opening = time.perf_counter() - started
    found, seconds = timed(lambda query: index.nearest_rows(query, TOP_K)[0], queries)
    lists = {"lists": index.lists.nlist, "lists_read": index.lists.nprobe}
    return figures(found, nearest, seconds) | lists | {"open_ms": round(1000 * opening, 1)}


def search_exact(folder, size):
    codes, queries, nearest = opened(folder)
    search = lambda query: nearest_rows(query, codes, TOP_K)[0]  # noqa: E731
    search(queries[:1])  # reads the file into the system's cache
    found, seconds = timed(search, queries[:EXACT_QUERIES])
    return figures(found, nearest[:EXACT_QUERIES], seconds)


def build_usearch(folder, size):
    from usearch.index import Index

    codes, graph = opened(folder)[0], Index(ndim=DIM, metric="ip", dtype="i8")
    for start in range(0, size, CHUNK):
        rows = decode(codes[start : start + CHUNK])
        graph.add(np.arange(start, start + len(rows)), rows)
    graph.save(str(folder / "graph.usearch"))


def search_usearch(folder, size):
    from usearch.index import Index

    _, queries, nearest = opened(folder)
    graph = Index.restore(str(folder / "graph.usearch"), view=True)
    search = lambda query: graph.search(query[0], TOP_K).keys[None]  # noqa: E731
    found, seconds = timed(search, queries)
    return figures(found, nearest, seconds)


def search_pq(folder, size):
    _, queries, nearest = opened(folder)
    index = faiss.read_index(str(folder / "pq.faiss"))
    index.nprobe = 16
    found, seconds = timed(lambda query: index.search(query, TOP_K)[1], queries)
    return figures(found, nearest, seconds)


def in_a_new_process(function, *arguments):
    """What a function returns in a process that has held nothing before."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def main():
    options = parser(__doc__)
    options.add_argument("--size", type=int, default=200_000, help="embeddings")
    options.add_argument("--folder", type=Path, default=Path("/tmp/large_search"))
    options.add_argument("--peers", action="store_true", help="faiss' IVF-PQ and usearch, too")
    arguments = options.parse_args()
    folder = arguments.folder / str(arguments.size)
    folder.mkdir(parents=True, exist_ok=True)
    steps = {"codes.bin": draw, "lists.faiss": build_lists}
    searches = {"exact": search_exact, "approximate": search_approximate}
    if arguments.peers:
        steps["pq.faiss"], searches["faiss IVF-PQ"] = build_pq, search_pq
    if arguments.peers and find_spec("usearch"):
        steps["graph.usearch"], searches["usearch int8"] = build_usearch, search_usearch
    for name, make in steps.items():
        if not (folder / name).exists():
            in_a_new_process(make, folder, arguments.size)
    found = {name: in_a_new_process(of, folder, arguments.size) for name, of in searches.items()}
    exact, near = found["exact"], found["approximate"]
    write_result(
        "large_search",
        what=f"approximate search of one query among {arguments.size:,} x {DIM} embeddings",
        ratio=exact["p50_ms"] / near["p50_ms"],
        kclip=f"{near['p50_ms']} ms at recall {near['recall@10']}, {near['resident_mib']} MiB",
        other=f"exact: {exact['p50_ms']} ms, {exact['resident_mib']} MiB",
        reach="recall >= 0.98 at <= 1/20 of exact; 10,000,000 in at most 1,536 MiB",
        searches=found,
        build_s=round(json.loads((folder / "lists.json").read_text())),
        disk_mib={path.name: round(path.stat().st_size / 2**20) for path in folder.iterdir()},
        versions={"faiss-cpu": faiss.__version__},
    )


if __name__ == "__main__":
    main()
