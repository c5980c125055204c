"""How to reach a running stack."""

from dataclasses import asdict, dataclass
from typing import Literal

from psycopg2.extensions import make_dsn

from taskmanager.devstack.ports import LOOPBACK
from taskmanager.devstack.settings import StackSettings

DATABASE = "taskmanager"
SUPERUSER = "postgres"
OWNER = "taskmanager_owner"
APP = "taskmanager_app"

Role = Literal["superuser", "owner", "app"]


@dataclass(frozen=True)
class StackInfo:
    """Addresses and credentials: `superuser` may do all, `owner` migrates, `app` is what the service logs in as."""

    postgres_host: str
    postgres_port: int
    postgres_db: str
    superuser: str
    superuser_password: str
    owner_user: str
    owner_password: str
    app_user: str
    app_password: str
    kafka_brokers: str

    @classmethod
    def of(cls, settings: StackSettings) -> "StackInfo":
        """The way to the stack that has these settings."""
        return cls(
            postgres_host=LOOPBACK,
            postgres_port=settings.postgres_port,
            postgres_db=DATABASE,
            superuser=SUPERUSER,
            superuser_password=settings.superuser_password,
            owner_user=OWNER,
            owner_password=settings.owner_password,
            app_user=APP,
            app_password=settings.app_password,
            kafka_brokers=f"{LOOPBACK}:{settings.kafka_port}",
        )

    def dsn(self, role: Role = "superuser", database: str | None = None) -> str:
        """A libpq connection string for this role; the database of the service unless another is named."""
        user, password = {
            "superuser": (self.superuser, self.superuser_password),
            "owner": (self.owner_user, self.owner_password),
            "app": (self.app_user, self.app_password),
        }[role]
        return make_dsn(
            host=self.postgres_host,
            port=self.postgres_port,
            dbname=database or self.postgres_db,
            user=user,
            password=password,
        )

    def environment(self) -> dict[str, str]:
        """The environment variables that the service and its commands read."""
        return {
            "POSTGRES_HOST": self.postgres_host,
            "POSTGRES_PORT": str(self.postgres_port),
            "POSTGRES_DB": self.postgres_db,
            "POSTGRES_USER": self.app_user,
            "POSTGRES_PASSWORD": self.app_password,
            "POSTGRES_OWNER_USER": self.owner_user,
            "POSTGRES_OWNER_PASSWORD": self.owner_password,
            "KAFKA_BROKERS": self.kafka_brokers,
        }

    def as_dict(self) -> dict[str, str | int]:
        """All fields, the superuser's too."""
        return asdict(self)
