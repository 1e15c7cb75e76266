#!/bin/sh
# What only the tests need. As root on Debian it is installed; otherwise this says what to do, and stops.
set -eu
missing=""
command -v chromium >/dev/null || missing="$missing chromium"
command -v kcat >/dev/null || missing="$missing kcat"
{ command -v promtool && command -v prometheus; } >/dev/null || missing="$missing prometheus"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing for the tests:$missing"
    apt-get update -qq
    # A package must not start its server here: the tests start what they need.
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    rm -f /usr/sbin/policy-rc.d
else
    echo "The tests need these programs, please install them:$missing" >&2
    exit 1
fi
