"""The words by which engines and programs tell what ails them, and where they were said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from orchestrator.core.evidence import Confidence, Evidence

_NEAR_THE_END: Final = 20
"""Lines of the log's end in which a cause is looked for."""
_AT_THE_END: Final = 5
"""Lines in which it is likely to be the cause."""
_LONGEST_QUOTE: Final = 160

PORT: Final = re.compile(
    r"address (?:is )?already in use|EADDRINUSE|port is already allocated|ports are not available"
    r"|only one usage of each socket",
    re.I,
)
MISSING: Final = re.compile(
    r"executable file[^\n]* not found|exec[^\n]*: no such file or directory|no such file or directory: OCI", re.I
)
NOT_EXECUTABLE: Final = re.compile(r"exec[^\n]*: permission denied|exec format error", re.I)
DISK: Final = re.compile(r"no space left on device|ENOSPC|disk (?:is )?full|disk quota exceeded|EDQUOT", re.I)
GPU: Final = re.compile(
    r"CUDA(?: error:)? out of memory|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|OutOfMemoryError: CUDA"
    r"|HIP out of memory|CUBLAS_STATUS_ALLOC_FAILED|cudaMalloc failed: out of memory|failed to allocate[^\n]*CUDA",
    re.I,
)
DNS: Final = re.compile(
    r"temporary failure in name resolution|name or service not known|could not resolve|cannot resolve|bad address '"
    r"|nodename nor servname|getaddrinfo|EAI_AGAIN|ENOTFOUND|no such host|could not translate host name"
    r"|name does not resolve|unknown host|NXDOMAIN|UnknownHostException",
    re.I,
)
READ_ONLY: Final = re.compile(r"read-only file system|EROFS", re.I)
DENIED: Final = re.compile(r"permission denied|operation not permitted|EACCES|access is denied|PermissionError", re.I)


@dataclass(frozen=True, slots=True)
class Symptom:
    words: str
    """As they were said."""
    confidence: Confidence
    """That they name the cause."""


def found(evidence: Evidence, words: re.Pattern[str]) -> Symptom | None:
    """The engine said so (certain), or it did itself, just before its end (likely) or shortly before."""
    error = in_error(evidence, words)
    if error:
        return Symptom(error, "certain")
    for place, line in enumerate(reversed(evidence.lines[-_NEAR_THE_END:])):
        if words.search(line.text):
            at_its_end = place < _AT_THE_END and evidence.exit_code is not None
            return Symptom(line.text, "likely" if at_its_end else "possible")
    return None


def in_error(evidence: Evidence, words: re.Pattern[str]) -> str:
    """What the engine has on record, where it says that; else nothing."""
    return evidence.error if words.search(evidence.error) else ""


def quoted(line: str) -> str:
    text = line.strip()
    return f': "{text[:_LONGEST_QUOTE]}"' if text else ""
