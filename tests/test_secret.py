"""An installation without a SECRET_KEY makes one, once, for itself alone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lifecycle import secret


def test_it_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret-key"
    key = secret.kept_in(path)
    assert len(key) >= 50
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret.kept_in(path) == key
    assert [file.name for file in path.parent.iterdir()] == ["secret-key"]


def test_two_first_starts_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: secret.kept_in(tmp_path / "secret-key"), range(16)))
    assert len(keys) == 1
