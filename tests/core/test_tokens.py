import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.core import tokens

HASH = "00112233445566778899aabbccddeeff"

ids = st.integers(min_value=0, max_value=2**63 - 1)
hashes = st.binary(min_size=16, max_size=16).map(bytes.hex)


@given(ids, st.integers(min_value=0, max_value=65_535), hashes)
def test_what_is_written_is_read(number, index, address_hash):
    assert tokens.read_click_token(tokens.click_token(number, index)) == tokens.ClickToken(number, index)
    assert tokens.read_open_token(tokens.open_token(number)) == tokens.OpenToken(number)
    assert tokens.read_unsubscribe_token(tokens.unsubscribe_token(number, address_hash)) == tokens.UnsubscribeToken(
        number, address_hash
    )
    assert tokens.read_preferences_token(tokens.preferences_token(number, address_hash)) == tokens.PreferencesToken(
        number, address_hash
    )


@given(ids, ids, ids)
def test_a_download_names_the_file_the_person_and_its_end(magnet_id, lead_id, expires):
    token = tokens.download_token(magnet_id, lead_id, expires)
    assert tokens.read_download_token(token) == tokens.DownloadToken(magnet_id, lead_id, expires)


def test_a_download_does_not_show_whose_it_is():
    """It is handed to whoever sends a form; a low number in it would say that the person was known before."""
    first, second = (base64.urlsafe_b64decode(tokens.download_token(3, lead_id, 1_800_000_000)) for lead_id in (5, 6))
    assert sum(one != other for one, other in zip(first[:24], second[:24], strict=True)) > 12
    assert (5).to_bytes(8) not in first


@given(st.text(max_size=60))
def test_noise_is_none_and_never_an_error(noise):
    for read in (
        tokens.read_click_token,
        tokens.read_open_token,
        tokens.read_unsubscribe_token,
        tokens.read_preferences_token,
        tokens.read_download_token,
    ):
        assert read(noise) is None


@given(st.integers(min_value=0, max_value=27), st.sampled_from("ABCxyz019-_+/= \n"))
def test_a_token_with_one_changed_character_is_forged(position, char):
    token = tokens.click_token(4711, 3)
    changed = token[:position] + char + token[position + 1 :]
    if changed != token:
        assert tokens.read_click_token(changed) is None


def test_a_token_is_short_and_url_safe():
    assert len(tokens.click_token(2**40, 12)) == 28
    assert len(tokens.open_token(2**40)) == 28
    assert len(tokens.unsubscribe_token(2**40, HASH)) == 48
    assert tokens.unsubscribe_token(2**40, HASH).replace("-", "").replace("_", "").isalnum()


def test_one_kind_is_never_taken_for_another():
    """Unsubscribe and preferences tokens have the same layout; only their keys differ."""
    assert tokens.read_preferences_token(tokens.unsubscribe_token(7, HASH)) is None
    assert tokens.read_unsubscribe_token(tokens.preferences_token(7, HASH)) is None
    assert tokens.read_open_token(tokens.click_token(7, 0)) is None


def test_links_in_old_mails_work_after_the_secret_was_rotated(settings):
    settings.SECRET_KEY = "the old one"
    token = tokens.unsubscribe_token(7, HASH)
    settings.SECRET_KEY = "the new one"
    settings.SECRET_KEY_FALLBACKS = []
    assert tokens.read_unsubscribe_token(token) is None
    settings.SECRET_KEY_FALLBACKS = ["the old one"]
    assert tokens.read_unsubscribe_token(token) == tokens.UnsubscribeToken(7, HASH)


@pytest.mark.parametrize("address_hash", ["", "00", HASH + "00", "zz" * 16])
def test_a_hash_that_is_not_one_is_refused_when_writing(address_hash):
    with pytest.raises(ValueError):
        tokens.unsubscribe_token(7, address_hash)
