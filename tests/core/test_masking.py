"""No secret is kept: by its look, by the name it stands behind, and by where it was seen."""

from __future__ import annotations

import pytest

from orchestrator.core.masking import MASK, mask, mask_lines, masked_environment, names_a_secret, secrets_of


@pytest.mark.parametrize(
    "name",
    ["POSTGRES_PASSWORD", "DB_PASS", "API_KEY", "apiKey", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SECRET",
     "REDIS_AUTH", "GOOGLE_APPLICATION_CREDENTIALS", "MYSQL_PWD", "PRIVATE_KEY", "SENTRY_DSN", "TOKENS", "SSH_KEYS"],
)  # fmt: skip
def test_a_name_like_this_holds_a_secret(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize("name", ["PATH", "PWD", "HOME", "KEYBOARD", "MONKEY", "COMPASS_URL", "AUTHOR", "PORT"])
def test_a_name_like_this_does_not(name: str) -> None:
    assert not names_a_secret(name)


@pytest.mark.parametrize(
    ("text", "secret", "kept"),
    [
        ("password=hunter2 user=ann", "hunter2", "user=ann"),
        ("connecting with DB_PASSWORD: 'hunter 2'", "hunter 2", "connecting"),
        ('{"api_key": "abc123", "a": 1}', "abc123", '"a": 1'),
        ("postgres://ann:s3cret@db:5432/app", "s3cret", "@db:5432/app"),
        ("amqp://:s3cret@mq", "s3cret", "@mq"),
        ("https://ghtoken@github.com/x", "ghtoken", "@github.com/x"),
        ("Authorization: Bearer abc.def.ghi", "abc.def.ghi", "Authorization"),
        ("sent bearer abcdefghij to it", "abcdefghij", "to it"),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz", "Authorization"),
        ("key AKIAIOSFODNN7EXAMPLE is wrong", "AKIAIOSFODNN7EXAMPLE", "is wrong"),
        ("ghp_abcdefghijklmnopqrstuv", "ghp_abcdefghijklmnopqrstuv", ""),
        ("jwt eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJ end", "SflKxwRJ", "end"),
        ("x -----BEGIN RSA PRIVATE KEY-----MIIE-----END RSA PRIVATE KEY----- y", "MIIE", "y"),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_the_rest_stays(text: str, secret: str, kept: str) -> None:
    masked = mask(text)
    assert secret not in masked
    assert MASK in masked
    assert kept in masked


def test_ordinary_lines_stay_as_they_are() -> None:
    for text in (
        "listening on http://0.0.0.0:8080/health",
        "exited with code 3",
        "mail to ann@example.com",
        "a key was pressed",
    ):
        assert mask(text) == text


def test_what_the_environment_calls_a_secret_is_masked_wherever_it_was_written() -> None:
    environment = {"DB_PASSWORD": "tulip", "DSN_URL": "mysql://ann:lily@db", "COLOUR": "blue", "TOKEN": "ab"}
    secrets = secrets_of(environment)
    assert set(secrets) >= {"tulip", "lily"}
    assert "ab" not in secrets, "too short to be looked for"
    assert mask("tried tulip, then lily, in blue", secrets) == f"tried {MASK}, then {MASK}, in blue"


def test_a_secret_that_begins_with_another_is_masked_whole() -> None:
    secrets = secrets_of({"A_TOKEN": "rose", "B_TOKEN": "rosegarden"})
    assert mask("rosegarden", secrets) == MASK


def test_a_masked_environment_keeps_its_names_and_what_is_harmless() -> None:
    shown = masked_environment({"DB_PASSWORD": "tulip", "URL": "http://tulip/", "COLOUR": "blue", "EMPTY_TOKEN": ""})
    assert shown == {"DB_PASSWORD": MASK, "URL": f"http://{MASK}/", "COLOUR": "blue", "EMPTY_TOKEN": ""}


KEY = ["-----BEGIN OPENSSH PRIVATE KEY-----", "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU", "AAAAB3NzaC1yc2EAAAADAQABAAABAQ==",
       "-----END OPENSSH PRIVATE KEY-----"]  # fmt: skip


def test_a_private_key_over_many_lines_is_masked_line_by_line() -> None:
    assert mask_lines(["before", *KEY, "after"]) == ["before", *[MASK] * 4, "after"]


def test_a_private_key_whose_beginning_was_cut_off_is_masked_too() -> None:
    assert mask_lines(["before it", *KEY[1:], "after"]) == ["before it", *[MASK] * 3, "after"]
    assert mask_lines(KEY[2:]) == [MASK, MASK]


def test_a_key_on_one_line_ends_there() -> None:
    assert mask_lines([KEY[0] + "abc" + KEY[-1], "after"]) == [MASK, "after"]


def test_secrets_of_many_lines_are_looked_for_line_by_line() -> None:
    secrets = secrets_of({"TLS_KEY": "first-line-of-it\nsecond-line-of-it\n"})
    assert mask_lines(["saw second-line-of-it"], secrets) == [f"saw {MASK}"]
