"""What the OpenAPI says of the fields that other programs read."""

from typing import Any


async def test_every_field_of_every_answer_is_described(client: Any) -> None:
    shapes = (await client.get("/analytics/api/openapi.json")).json()["components"]["schemas"]
    found = {
        f"{name}.{field}": one.get("description")
        for name, shape in shapes.items()
        if "Validation" not in name
        for field, one in shape.get("properties", {}).items()
    }
    assert [field for field, said in found.items() if not said] == []
    sources = {
        "SiteRow.limit_low_95": "Spiegelhalter 2005",
        "SiteRow.expected": "Ulm 1990",
        "Sites.dispersion": "Spiegelhalter 2005",
        "Sites.between": "DerSimonian and Laird 1986",
        "RateShape.if_missing_not": "Manski 1989",
        "RatesRow.difference": "Austin 2009",
        "SlopeShape.slope": "Feldman 1988",
        "GainedShape.gap_low": "Welch 1947",
    }
    assert [field for field, said in sources.items() if said not in str(found[field])] == []
