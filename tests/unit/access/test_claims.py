"""Whom the claims of a genuine token make of its bearer."""

import pytest

from taskmanager.application.access import NotAdmitted, Refusal
from taskmanager.application.principal import Permission, Role
from taskmanager.application.token_claims import principal_of


def bearer(role_claim: str = "role", user_claim: str = "email", **claims: object):
    return principal_of({"sub": "ann"} | claims, role_claim=role_claim, user_claim=user_claim)


def refusal(**claims: object) -> Refusal:
    with pytest.raises(NotAdmitted) as caught:
        bearer(**claims)
    assert caught.value.claimed == "jwt:ann"
    return caught.value.reason


@pytest.mark.parametrize("role", list(Role))
def test_an_address_binds_whatever_the_role(role: Role) -> None:
    principal = bearer(role=role.value, email="ann@example.com")
    assert (principal.id, principal.role, principal.user_email) == ("jwt:ann", role, "ann@example.com")
    assert not principal.allows(Permission.OPERATE)


@pytest.mark.parametrize("role", [Role.WORKER, Role.ADMIN])
def test_services_need_no_address(role: Role) -> None:
    assert bearer(role=role.value).user_email is None


@pytest.mark.parametrize("role", [Role.READER, Role.WRITER])
def test_people_need_one(role: Role) -> None:
    assert refusal(role=role.value) is Refusal.NO_USER


@pytest.mark.parametrize("address", [None, "", "ann", 7, ["ann@example.com"], "a@b@c.example"])
@pytest.mark.parametrize("role", list(Role))
def test_an_address_that_cannot_be_understood_never_makes_a_token_unbound(role: Role, address: object) -> None:
    assert refusal(role=role.value, email=address) is Refusal.NO_USER


@pytest.mark.parametrize("verified", [False, "false", None, 1.5])
def test_an_address_that_is_not_verified_does_not_bind(verified: object) -> None:
    assert refusal(role="writer", email="ann@example.com", email_verified=verified) is Refusal.UNVERIFIED_USER


@pytest.mark.parametrize("verified", [True, "true"])
def test_an_address_that_is_verified_does(verified: object) -> None:
    assert bearer(role="writer", email="ann@example.com", email_verified=verified).user_email == "ann@example.com"


def test_another_claim_of_the_issuers_own_needs_no_verification() -> None:
    principal = bearer(user_claim="crawl_user", role="writer", crawl_user="ann@example.com", email_verified=False)
    assert principal.user_email == "ann@example.com"


@pytest.mark.parametrize(
    ("value", "role"),
    [
        ("reader", Role.READER),
        ("reader admin", Role.ADMIN),
        (["worker", "reader"], Role.WORKER),
        (["offline_access", "writer", "worker", 7], Role.WRITER),
    ],
)
def test_the_strongest_of_several_roles_counts(value: object, role: Role) -> None:
    assert bearer(role=value, email="ann@example.com").role is role


@pytest.mark.parametrize("value", [None, "", "root", "Admin", [], [["admin"]], {"admin": True}, 1, True])
def test_without_a_role_that_is_known_there_are_no_rights(value: object) -> None:
    assert refusal(role=value, email="ann@example.com") is Refusal.NO_ROLE


def test_a_claim_may_be_named_by_an_address_or_lie_in_another() -> None:
    address = "https://example.com/role"
    assert bearer(address, **{address: "admin"}).role is Role.ADMIN
    assert bearer("realm_access.roles", realm_access={"roles": ["admin"]}).role is Role.ADMIN
    for broken in ({"realm_access": ["roles"]}, {"realm_access": None}, {}):
        with pytest.raises(NotAdmitted, match="no_role"):
            bearer("realm_access.roles", **broken)
