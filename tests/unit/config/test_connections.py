"""What the drivers are told."""

from taskmanager.config.database import DatabaseConfig
from taskmanager.config.kafka import KafkaConfig


def test_running_programs_connect_with_limits_that_the_server_enforces() -> None:
    environ = {
        "POSTGRES_USER": "app",
        "POSTGRES_PASSWORD": "app-word",
        "POSTGRES_OWNER_USER": "owner",
        "POSTGRES_OWNER_PASSWORD": "owner-word",
        "POSTGRES_QUERY_TIMEOUT": "2.5",
        "POSTGRES_SSL": "true",
    }
    kwargs = DatabaseConfig(environ).dsn_kwargs("consumer-00")
    assert kwargs["options"] == (
        "-c statement_timeout=2500 -c lock_timeout=2500 -c idle_in_transaction_session_timeout=2500"
        " -c client_connection_check_interval=200"
    )
    assert (kwargs["user"], kwargs["password"], kwargs["application_name"]) == ("app", "app-word", "consumer-00")
    assert (kwargs["target_session_attrs"], kwargs["sslmode"], kwargs["connect_timeout"]) == (
        "read-write",
        "require",
        3,
    )
    assert kwargs["keepalives"] == 1
    assert kwargs["tcp_user_timeout"] > 0


def test_locks_are_waited_for_no_longer_than_five_seconds() -> None:
    assert "-c lock_timeout=5000 " in DatabaseConfig({}).dsn_kwargs("x")["options"]


def test_migrations_connect_as_the_owner_without_limits_of_time() -> None:
    environ = {"POSTGRES_OWNER_USER": "owner", "POSTGRES_OWNER_PASSWORD": "owner-word"}
    kwargs = DatabaseConfig(environ).owner_dsn_kwargs("migrate")
    assert (kwargs["user"], kwargs["password"]) == ("owner", "owner-word")
    assert kwargs["options"] == "-c client_connection_check_interval=200"


def test_the_owner_is_the_user_unless_told_otherwise() -> None:
    kwargs = DatabaseConfig({"POSTGRES_USER": "app", "POSTGRES_PASSWORD": "word"}).owner_dsn_kwargs("migrate")
    assert (kwargs["user"], kwargs["password"]) == ("app", "word")


def test_another_owner_does_not_get_the_users_password() -> None:
    environ = {"POSTGRES_USER": "app", "POSTGRES_PASSWORD": "word", "POSTGRES_OWNER_USER": "owner"}
    assert "password" not in DatabaseConfig(environ).owner_dsn_kwargs("migrate")


def test_a_plain_kafka_client_is_told_where_and_who() -> None:
    assert KafkaConfig({"KAFKA_BROKERS": "a:1,b:2"}).client_properties("relay") == {
        "bootstrap.servers": "a:1,b:2",
        "client.id": "task-manager-relay",
        "security.protocol": "PLAINTEXT",
    }


def test_a_secured_kafka_client_is_told_how_to_log_in() -> None:
    environ = {
        "KAFKA_SSL_ENABLED": "true",
        "KAFKA_SSL_CA_FILE": __file__,
        "KAFKA_SASL_ENABLED": "true",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": "me",
        "KAFKA_SASL_PASSWORD": "word",
    }
    properties = KafkaConfig(environ).client_properties()
    assert properties | {"bootstrap.servers": ""} == {
        "bootstrap.servers": "",
        "client.id": "task-manager",
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": __file__,
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "me",
        "sasl.password": "word",
    }


def test_a_login_that_is_switched_off_is_not_sent() -> None:
    environ = {"KAFKA_SASL_USERNAME": "me", "KAFKA_SASL_PASSWORD": "word"}
    assert not any("sasl" in name for name in KafkaConfig(environ).client_properties())


def test_dead_letters_go_to_a_topic_named_after_their_own() -> None:
    assert KafkaConfig({"DLQ_SUFFIX": "-dead"}).dead_letter_topic("task-status") == "task-status-dead"
