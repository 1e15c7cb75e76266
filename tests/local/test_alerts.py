"""Every alert comes when it has to, and at no other time."""

import subprocess

import yaml

from deploy.metrics_page import RULES, rules


def test_every_alert_comes_when_it_has_to_and_at_no_other_time() -> None:
    tested = RULES.with_name("alerts_test.yml")
    well, wrong = yaml.safe_load(tested.read_text())["tests"]
    names = [rule["alert"] for rule in rules()]
    assert [one["alertname"] for one in well["alert_rule_test"] if "exp_alerts" not in one] == names
    assert [one["alertname"] for one in wrong["alert_rule_test"] if one["exp_alerts"]] == names
    done = subprocess.run(["promtool", "test", "rules", tested], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
