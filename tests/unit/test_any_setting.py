"""Any setting is what was given or refused, and no password is shown."""

import re

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.strategies import sentence, texts, words

from pocketbase_events.errors import PocketBaseEventsError, WrongUsageError
from pocketbase_events.settings import Settings

hosts = st.sampled_from(["localhost", "127.0.0.1:8090", "[::1]:80", "example.com/sub/", "[", "x:y", ""])
addresses = st.one_of(
    texts,
    st.tuples(st.sampled_from(["http://", "https://", "HTTP://", "ftp://", " http://", ""]), hosts | texts).map(
        "".join
    ),
)


@given(addresses)
def test_an_address_is_one_of_the_web_or_refused(address: str) -> None:
    try:
        url = Settings(url=address).url
    except ValidationError as error:
        sentence(str(error.errors()[0]["msg"]))
        url = None
    assert url in (address.rstrip("/"), None)
    if not address.startswith(("http://", "https://")):
        assert url is None
    if re.fullmatch(r"https?://(localhost|127\.0\.0\.1:8090|\[::1]:80|example\.com/sub/)", address):
        assert url is not None


@given(
    st.dictionaries(
        st.sampled_from(["superuser_email", "superuser_password", "worker_email", "worker_password"]), texts
    )
)
def test_no_password_is_shown_whatever_it_is(given_settings: dict[str, str]) -> None:
    shown = repr(Settings(url="http://x", **given_settings))  # type: ignore[arg-type]
    for name in ("superuser_password", "worker_password"):
        assert f"{name}=SecretStr('')" in shown or f"{name}=SecretStr('**********')" in shown or f"{name}=None" in shown


@given(st.dictionaries(words, texts, max_size=3), st.text("{}!:[]. ab", max_size=10))
def test_an_error_shows_its_facts_as_they_are(facts: dict[str, str], odd: str) -> None:
    assert str(WrongUsageError(**facts, why=odd)) == odd
    assert isinstance(WrongUsageError(why=odd), PocketBaseEventsError)
