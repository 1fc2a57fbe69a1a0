"""SHA-256 without loading OpenSSL, which takes a third of what `exec` has for its start."""

from __future__ import annotations

TYPE_CHECKING = False  # the real one would load typing
if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        from _sha2 import sha256
    except ImportError:  # Python 3.11
        try:
            from _sha256 import sha256
        except ImportError:
            from hashlib import sha256

__all__ = ["sha256"]
