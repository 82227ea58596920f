#!/bin/sh
# Make sure that there is a Chromium for the browser tests: Debian's package, or the one that OCTSEG_CHROMIUM names.
set -eu
if [ -n "${OCTSEG_CHROMIUM:-}" ] || command -v chromium >/dev/null 2>&1; then
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "no Chromium here: install it and set OCTSEG_CHROMIUM to its path; the browser tests are skipped" >&2
    exit 0
fi
if [ "$(id -u)" = 0 ]; then as_root=""; else as_root="sudo"; fi
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core
