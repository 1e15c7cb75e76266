"""The page of metrics is true, and no alert asks for what nobody tells."""

import re

from deploy.metrics_page import PAGE, numbers, page, rules


def test_the_page_of_metrics_is_current() -> None:
    assert PAGE.read_text() == page(), "run `make events`"


def test_no_rule_asks_for_a_number_that_nobody_tells() -> None:
    told = {one._name for one in numbers()}
    asked = {name.removesuffix("_total") for rule in rules() for name in re.findall(r"kith_\w+", rule["expr"])}
    assert asked
    assert asked <= told
