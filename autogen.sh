#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes configure and Makefile.in from the sources; needs autoconf, automake and pkg-config.
set -eu
cd "$(dirname "$0")"
mkdir -p m4
autoreconf --force --install --warnings=all
