"""Runs shard jobs in worker processes, whose number never changes what they write."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver
from multiprocessing.connection import wait

from kclip.data.images.freed_memory import keep_freed_memory
from kclip.data.records.shards import ShardJob, ShardResult, write_shard
from kclip.errors import KclipError


def prepare_workers() -> None:
    """Starts a process that imports what workers need while this one has other things to do.

    Workers are forked from it, not from this process: a fork of a process that runs TensorFlow's
    threads can hang. It ends with this process.
    """
    forkserver.set_forkserver_preload([write_shard.__module__])
    forkserver.ensure_running()


def write_shards(jobs: Sequence[ShardJob], workers: int) -> Iterator[ShardResult]:
    """Writes shards and yields each result when it is there, in no fixed order.

    Args:
        jobs: the shards to write.
        workers: number of processes; with 1 the work is done in this one.

    Raises:
        KclipError: the disk is full or not writable, or a worker was killed.
    """
    workers = min(workers, len(jobs))
    try:
        yield from _in_processes(jobs, workers) if workers > 1 else _in_this_process(jobs)
    except OSError as error:
        raise KclipError(
            f"writing stopped ({error}); put that right and run the same command again: "
            "finished shards are kept."
        ) from error
    except BrokenProcessPool as error:
        raise KclipError(
            "a worker process was killed, perhaps for lack of memory; run the same command again, "
            "with fewer --workers: finished shards are kept."
        ) from error


def _in_this_process(jobs: Sequence[ShardJob]) -> Iterator[ShardResult]:
    keep_freed_memory()
    return map(write_shard, jobs)


def _in_processes(jobs: Sequence[ShardJob], workers: int) -> Iterator[ShardResult]:
    prepare_workers()
    context = multiprocessing.get_context("forkserver")
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker)
    try:
        futures = [pool.submit(write_shard, job) for job in jobs]
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    keep_freed_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops the pool
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    """Ends the worker when the build is killed: nothing is left running behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
