"""What the claims of a genuine token say of its bearer."""

from collections.abc import Mapping

from taskmanager.application.access import NotAdmitted, Refusal
from taskmanager.application.principal import Principal, Role
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.values import UserEmail

_SUBJECT_MAX = 200
_VERIFIED = (True, "true")
# By what each includes of the others.
_STRENGTH = (Role.READER, Role.WORKER, Role.WRITER, Role.ADMIN)
# Services that serve all users. A reader or writer without an address would be a person whose address was left out.
_MAY_BE_UNBOUND = frozenset({Role.WORKER, Role.ADMIN})


def principal_of(claims: Mapping[str, object], *, role_claim: str, user_claim: str) -> Principal:
    """The bearer, bound to the address in `user_claim` whatever the role; raises `NotAdmitted`.

    A token without that claim is not bound if its role is worker or admin, and gives no rights otherwise.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_MAX or not subject.isprintable():
        raise NotAdmitted(Refusal.BAD_CLAIMS)
    name = f"jwt:{subject}"
    named = _roles(_claim(claims, role_claim))
    role = next((role for role in reversed(_STRENGTH) if role in named), None)
    if role is None:
        raise NotAdmitted(Refusal.NO_ROLE, name)
    if user_claim not in claims:
        if role not in _MAY_BE_UNBOUND:
            raise NotAdmitted(Refusal.NO_USER, name)
        return Principal(name, role)
    return Principal(name, role, _user(claims, user_claim, name))


def _user(claims: Mapping[str, object], user_claim: str, name: str) -> UserEmail:
    # Whoever could claim an address that is not theirs would see the tasks of its owner.
    if user_claim == "email" and claims.get("email_verified", True) not in _VERIFIED:
        raise NotAdmitted(Refusal.UNVERIFIED_USER, name)
    address = claims[user_claim]
    try:
        if isinstance(address, str):
            return UserEmail(address)
    except InvalidValue:
        pass
    raise NotAdmitted(Refusal.NO_USER, name)


def _claim(claims: Mapping[str, object], path: str) -> object:
    """The claim of this name, or what the path of names leads to: names that are addresses hold dots themselves."""
    if path in claims:
        return claims[path]
    found: object = claims
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def _roles(value: object) -> set[object]:
    """One role, several in a text as scopes are written, or a list of them."""
    if isinstance(value, str):
        return set(value.split())
    if isinstance(value, list):
        return {item for item in value if isinstance(item, str)}
    return set()
