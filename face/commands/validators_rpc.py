"""Asks a node's RPC for validators. What it says is worth nothing before its hash is compared."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from peerage.blocks.validator_set import MAX_VALIDATORS, ValidatorSet
from peerage.commands.exit_status import MistakeError
from peerage.wire.remote_text import shown

__all__ = ["ValidatorsRpc", "ValidatorsRpcError"]

PAGE = 100  # CometBFT's most
TIMEOUT_S = 15.0
MAX_ANSWER_BYTES = 4 * 1024 * 1024


class ValidatorsRpcError(Exception):
    """A node's RPC did not answer, or not with validators."""


class ValidatorsRpc:
    """CometBFT's `/validators` of one node. Args: url, like http://127.0.0.1:26657. Raises: MistakeError."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url.replace("tcp://", "http://", 1))
        if where.scheme not in {"http", "https"} or not where.hostname:
            raise MistakeError(f"--rpc: found {url!r}, expected a URL like http://127.0.0.1:26657")
        self._url = where.geturl().rstrip("/")

    def at(self, height: int) -> ValidatorSet:
        """Those who sign this height, as the node says. Raises: ValidatorsRpcError, ValidatorSetError."""
        listed: list[Any] = []
        page = total = 1
        while len(listed) < total:
            answer = self._get(f"/validators?height={height}&per_page={PAGE}&page={page}")
            try:
                found, total = list(answer["validators"]), int(answer["total"])
            except (KeyError, TypeError, ValueError) as error:
                raise ValidatorsRpcError(f"{self._url} did not answer with validators") from error
            if not found or not 0 < total <= MAX_VALIDATORS:
                raise ValidatorsRpcError(
                    f"{self._url} says {total} validators, and gave {len(listed) + len(found)}"
                )
            listed += found
            page += 1
        return ValidatorSet.of_rpc(listed)

    def _get(self, path: str) -> Any:
        try:
            # Of http and https only: the constructor has looked.
            with urllib.request.urlopen(self._url + path, timeout=TIMEOUT_S) as answer:  # noqa: S310
                text = answer.read(MAX_ANSWER_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read(MAX_ANSWER_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise ValidatorsRpcError(f"{self._url} does not answer: {error}") from error
        try:
            answer = json.loads(text[: MAX_ANSWER_BYTES + 1])
            if error_said := answer.get("error"):
                raise ValidatorsRpcError(f"{self._url} says: {shown(json.dumps(error_said))}")
            return answer["result"]
        except (ValueError, KeyError, AttributeError, RecursionError) as error:
            raise ValidatorsRpcError(f"{self._url} did not answer as CometBFT's RPC does") from error
