"""Where PocketBase is, and who we are there: from the environment, or from options that override it."""

import re
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pocketbase_events.errors import WrongUsageError

DEFAULT_URL = "http://127.0.0.1:8090"
DEFAULT_WORKER_EMAIL = "worker@pocketbase-events.local"


class Settings(BaseSettings):
    """The environment variables of the command line. Empty ones count as not given."""

    model_config = SettingsConfigDict(env_ignore_empty=True, populate_by_name=True, extra="ignore", frozen=True)

    url: str = Field(default=DEFAULT_URL, validation_alias="POCKETBASE_URL")
    superuser_email: str | None = Field(default=None, validation_alias="POCKETBASE_SUPERUSER_EMAIL")
    superuser_password: SecretStr | None = Field(default=None, validation_alias="POCKETBASE_SUPERUSER_PASSWORD")
    superuser_token: SecretStr | None = Field(default=None, validation_alias="POCKETBASE_SUPERUSER_TOKEN")
    worker_email: str = Field(default=DEFAULT_WORKER_EMAIL, validation_alias="POCKETBASE_EVENTS_WORKER_EMAIL")
    worker_password: SecretStr | None = Field(default=None, validation_alias="POCKETBASE_EVENTS_WORKER_PASSWORD")

    @property
    def has_superuser(self) -> bool:
        """Whether they tell who the superuser is."""
        return bool(self.superuser_token or (self.superuser_email and self.superuser_password))

    @field_validator("superuser_token")
    @classmethod
    def _is_a_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not re.fullmatch(r"[!-~]+", token.get_secret_value()):
            raise ValueError("POCKETBASE_SUPERUSER_TOKEN must be a token: letters, digits and dots, without spaces")
        return token

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("POCKETBASE_URL must start with http:// or https://")
        try:
            parts = urlsplit(url)
            whole = bool(parts.hostname) and parts.port != 0 and parts.username is None
        except ValueError:
            whole = False
        if not whole or not url.isprintable() or " " in url:
            raise ValueError("POCKETBASE_URL must be an address such as http://127.0.0.1:8090")
        return url.rstrip("/")


class NatsSettings(BaseSettings):
    """What the environment says of NATS: the names are those of NATS' own command line. Empty ones count as not given.

    `creds` and `nkey` are paths: of a credentials file, and of a file with the seed of an NKEY. `ca`, `cert` and `key`
    are paths of certificates for TLS.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True, env_prefix="NATS_")

    user: str | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    creds: str | None = None
    nkey: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None


def read_settings(**given: str | None) -> Settings:
    """The settings of the environment, with what is given instead of it; empty values count as not given.

    Raises:
        WrongUsageError: if one of them is wrong.
    """
    try:
        return Settings.model_validate({name: value for name, value in given.items() if value})
    except ValidationError as error:
        raise WrongUsageError(why=str(error.errors()[0]["msg"]).removeprefix("Value error, ") + ".") from None
