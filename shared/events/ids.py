"""How ids follow from the codes that people give: whoever knows a code knows the id, heard of or not."""

from uuid import UUID

from shared.identity import derived_id


def site_id_of(organisation_id: UUID, code: str) -> UUID:
    """The id of a site."""
    return derived_id(organisation_id, "site", code)


def program_id_of(organisation_id: UUID, code: str) -> UUID:
    """The id of a program."""
    return derived_id(organisation_id, "program", code)


def group_id_of(organisation_id: UUID, code: str) -> UUID:
    """The id of a group."""
    return derived_id(organisation_id, "group", code)
